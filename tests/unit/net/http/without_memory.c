/* SPDX-License-Identifier: ISC */
/* A visit to the server over two whole stacks, in which each allocation fails in turn: of memory, of
 * packets, of connections, of the server's own records. The visitor gets the whole answer or an error,
 * nothing is left behind, and the next visit goes as if nothing had been. */
#include "tests/lib/test.h"

#include <errno.h>
#include <string.h>

#include "fs/kv.h"
#include "kernel/loop.h"
#include "net/direct.h"
#include "net/http/server.h"
#include "net/tcp/tcp_priv.h"
#include "tests/lib/cable.h"
#include "tests/lib/lan.h"

enum { BODY_BYTES = 20000 };

static char body[BODY_BYTES];
static struct direct *stacks[2];

static void store_get(struct kv *kv, struct kv_get *op, const char *key, size_t key_len)
{
	static const struct kv_entry entry = {
		.size = BODY_BYTES, .header = "Content-Length: 20000\r\n\r\n", .header_len = 23, .data = body,
	};

	(void)kv, (void)key, (void)key_len;
	op->entry = entry;
	promise_return(&op->promise, 0);
}

/* -- creating -- */

static void create_server(void *arg)
{
	struct http_server *server;
	int error = http_server_create(&server, arg);

	cr_assert_eq(error, test_alloc_failed() ? -ENOMEM : 0);
	if (!error)
		http_server_destroy(server);
}

static const struct kv_ops store_ops = { .get = store_get };
static struct kv store = { &store_ops };
static struct http_config config = HTTP_CONFIG_DEFAULTS;

Test(without_memory, there_is_no_server)
{
	config.kv = &store;
	cr_assert_eq(test_alloc_fail_each(create_server, &config), 5);
}

/* -- visiting -- */

static unsigned answered, refused;

/* Gives how many bytes came, or an error. */
static intptr_t read_all(struct flow *flow)
{
	struct flow_read read;
	intptr_t n, total = 0;

	for (;; total += n) {
		flow_read(flow, &read, 65536);
		n = loop_run(&read.promise);
		if (n <= 0)
			return n < 0 ? n : total;
		buf_free(read.bufs);
	}
}

static void visit(void *arg)
{
	static const char request[] = "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
	struct slice slice = { request, sizeof(request) - 1, NULL };
	struct endpoint to = { ip_v4(10, 0, 0, 1), 80 };
	struct stack_connect connect;
	struct flow_write write;
	intptr_t got;

	(void)arg;
	direct_tcp_connect(stacks[1], &connect, &to);
	got = loop_run(&connect.promise);
	if (got == 0) {
		flow_write(connect.flow, &write, &slice, 1);
		got = read_all(connect.flow);
		flow_close(connect.flow);
		loop_run(&write.promise);
	}
	answered += got > BODY_BYTES;
	refused += got < BODY_BYTES;
	/* The server closes silent connections, and TIME-WAIT ends. */
	test_run_for_ns(600 * NS_PER_S);
}

Test(without_memory, a_visitor_gets_all_or_an_error, .timeout = 120)
{
	struct cable_config good = { .seed = 1 };
	struct http_server *server;
	struct cable *cable;
	uint64_t failures;

	lan_prepare();
	config.kv = &store;
	cr_assert_eq(cable_create(&cable, &good), 0);
	for (int i = 0; i < 2; i++) {
		struct stack_config stack = { .ip = { ip_v4(10, 0, 0, (uint8_t)(1 + i)), 24 } };

		cr_assert_eq(direct_create(&stacks[i], cable_end(cable, i), &stack), 0);
		test_alloc_spare(&direct_tcp(stacks[i])->slices);
		test_alloc_spare(&direct_tcp(stacks[i])->wait_table.pool);
	}
	cr_assert_eq(http_server_create(&server, &config), 0);
	cr_assert_eq(direct_tcp_listen(stacks[0], 80, http_server_accept, server), 0);
	visit(NULL); /* the stacks get to know each other */
	answered = 0;
	failures = test_alloc_fail_each(visit, NULL);
	cr_expect(failures > 50 && answered + refused == failures + 1 && answered > refused,
	          "%u failures, %u answered, %u refused", (unsigned)failures, answered, refused);
	direct_tcp_unlisten(stacks[0], 80);
	http_server_destroy(server);
	direct_destroy(stacks[0]);
	direct_destroy(stacks[1]);
	cable_destroy(cable);
}
