/* SPDX-License-Identifier: ISC */
/* The server's own pages: made on request, in memory that is freed once they are sent. A client that does not
 * read holds that memory, so there is one copy of each page at a time. */
#include "apps/www/observe.h"

#include "net/capture.h"
#include "net/metrics.h"

/* A page being sent: frees the copy's storage when the last byte has been acknowledged. */
struct page {
	struct storage storage;
	struct storage *copy; /* NULL: none is being sent */
};

static void page_free(struct storage *storage)
{
	struct page *page = container_of(storage, struct page, storage);

	storage_put(page->copy);
	page->copy = NULL;
}

/* While a client still holds the copy, other clients get a 503. */
static bool is_held(const struct page *page, struct http_reply *reply)
{
	if (!page->copy)
		return false;
	reply->status = 503;
	reply->header = "Retry-After: 1\r\n";
	return true;
}

/* Makes reply's body the page's one copy, unless making it failed with result. */
static int hold(struct page *page, struct http_reply *reply, int result)
{
	reply->header = "Cache-Control: no-store\r\n";
	if (result)
		return result;
	page->storage = (struct storage){ .refs = 1, .free = page_free };
	page->copy = reply->body.storage;
	reply->body.storage = &page->storage;
	return 0;
}

static int answer_metrics(void *stack, const struct http_request *request, struct http_reply *reply)
{
	static struct page page;

	(void)request;
	if (is_held(&page, reply))
		return 0;
	reply->type = METRICS_TYPE;
	return hold(&page, reply, metrics_snapshot(stack, &reply->body));
}

static int answer_capture(void *stack, const struct http_request *request, struct http_reply *reply)
{
	static struct page page;

	(void)request;
	if (is_held(&page, reply))
		return 0;
	reply->type = "application/x-pcapng";
	return hold(&page, reply, capture_snapshot(direct_capture(stack), &reply->body));
}

struct http_routes *observe_routes(struct stack *stack)
{
	static const struct http_route routes[] = {
		{ "metrics", HTTP_METHOD(GET), answer_metrics },
		{ "capture.pcapng", HTTP_METHOD(GET), answer_capture },
		{ 0 },
	};
	static struct http_routes table = { .routes = routes };

	table.arg = stack;
	return &table;
}
