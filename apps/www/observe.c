/* SPDX-License-Identifier: ISC */
/* The server's own pages: made when they are asked for, in memory that is let go once they are sent. */
#include "apps/www/observe.h"

#include <errno.h>

#include "net/capture.h"
#include "net/metrics.h"

static bool is(const char *key, size_t key_len, const char *name)
{
	return key_len == strlen(name) && !memcmp(key, name, key_len);
}

int observe_answer(void *stack, const struct http_request *request, const char *key, size_t key_len,
                   struct http_reply *reply)
{
	(void)request;
	reply->header = "Cache-Control: no-store\r\n";
	if (is(key, key_len, "metrics")) {
		reply->type = METRICS_TYPE;
		return metrics_snapshot(stack, &reply->body);
	}
	if (is(key, key_len, "capture.pcapng")) {
		reply->type = "application/x-pcapng";
		return capture_snapshot(direct_capture(stack), &reply->body);
	}
	return -ENOENT;
}
