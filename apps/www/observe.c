/* SPDX-License-Identifier: ISC */
/* The server's own pages: made when they are asked for, in memory that is let go once they are sent. A client
 * that does not read holds that memory, so there is one copy of each page at a time. */
#include "apps/www/observe.h"

#include <errno.h>

#include "net/capture.h"
#include "net/metrics.h"

/* A page on its way: passes on to the copy's storage that the last byte has been acknowledged. */
struct page {
	struct storage storage;
	struct storage *copy; /* NULL: nobody has one */
};

static struct page metrics, capture;

static void page_free(struct storage *storage)
{
	struct page *page = container_of(storage, struct page, storage);

	storage_put(page->copy);
	page->copy = NULL;
}

/* Takes the one copy that there may be, which reply's body is. */
static void hold(struct page *page, struct http_reply *reply)
{
	page->storage = (struct storage){ .refs = 1, .free = page_free };
	page->copy = reply->body.storage;
	reply->body.storage = &page->storage;
}

static int refuse(struct http_reply *reply)
{
	reply->status = 503;
	reply->header = "Retry-After: 1\r\n";
	return 0;
}

static bool is(struct http_text key, const char *name)
{
	return key.len == strlen(name) && !memcmp(key.at, name, key.len);
}

int observe_answer(void *stack, const struct http_request *request, struct http_reply *reply)
{
	bool is_metrics = is(request->key, "metrics");
	struct page *page = is_metrics ? &metrics : &capture;
	int result;

	if (!is_metrics && !is(request->key, "capture.pcapng"))
		return -ENOENT;
	if (page->copy)
		return refuse(reply);
	reply->header = "Cache-Control: no-store\r\n";
	reply->type = is_metrics ? METRICS_TYPE : "application/x-pcapng";
	result = is_metrics ? metrics_snapshot(stack, &reply->body) :
		capture_snapshot(direct_capture(stack), &reply->body);
	if (result == 0)
		hold(page, reply);
	return result;
}
