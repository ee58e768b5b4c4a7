/* SPDX-License-Identifier: ISC */
/* fetch: gets a page from an HTTP server in another domain, over a vchan, and prints the answer with its
 * head. It waits until there is a server. Plain sequential C in a fiber, without a network. */
#include <errno.h>
#include <string.h>

#include "kernel/app.h"
#include "kernel/dev/clock.h"
#include "kernel/dev/console.h"
#include "kernel/dev/vchan.h"
#include "kernel/fiber.h"

#define LOG_TAG "fetch"
#include "kernel/log.h"

#define READ_BYTES 4096

static const char *page = "/", *path = "data/vchan";
static uint16_t server, times = 1;

const struct option app_options[] = {
	{ "page", "a path, as /index.html", option_string, &page },
	{ "server", "the number of the server's domain, 0 to 65535", option_u16, &server },
	{ "times", "how often, 0 to 65535", option_u16, &times },
	{ "vchan", "a path in xenstore, below the server's domain or from a slash on", option_string, &path },
	{ 0 },
};

static intptr_t ask(struct flow *flow)
{
	static const char verb[] = "GET ", rest[] = " HTTP/1.1\r\nHost: vchan\r\nConnection: close\r\n\r\n";
	const struct slice request[] = {
		{ verb, sizeof(verb) - 1, NULL }, { page, strlen(page), NULL }, { rest, sizeof(rest) - 1, NULL },
	};
	struct flow_write op;

	flow_write(flow, &op, request, ARRAY_SIZE(request));
	return fiber_await(&op.promise, DEADLINE_NEVER);
}

/* 0 at the end of the stream. */
static intptr_t print(struct flow *flow)
{
	struct flow_read op;
	intptr_t n;

	do {
		flow_read(flow, &op, READ_BYTES);
		n = fiber_await(&op.promise, DEADLINE_NEVER);
		for (const struct buf *b = n > 0 ? op.bufs : NULL; b; b = b->next)
			console_write((const char *)b->data, b->len);
		if (n > 0)
			buf_free(op.bufs);
	} while (n > 0);
	return n;
}

static intptr_t fetch_once(void)
{
	struct vchan_connect op;
	intptr_t result;

	for (;;) {
		vchan_connect(&op, server, path);
		result = fiber_await(&op.promise, DEADLINE_NEVER);
		if (result != -ENOENT && result != -EBUSY)
			break;
		fiber_sleep_until(clock_now_ns() + NS_PER_S);
	}
	if (result < 0)
		return result;
	result = ask(op.flow);
	if (result >= 0)
		result = print(op.flow);
	flow_close(op.flow);
	return result;
}

static intptr_t fetch(void *done)
{
	intptr_t result = 0;

	for (; times && result == 0; times--)
		result = fetch_once();
	if (result < 0) {
		log_error("page=%s error=%d", page, (int)-result);
		promise_fail(done, (int)result);
	} else {
		promise_fulfil(done, 0);
	}
	return 0;
}

int app_start(const struct app *app, struct promise *done)
{
	(void)app;
	return fiber_start(fetch, done, NULL);
}
