/* SPDX-License-Identifier: ISC */
/* The server over our own TCP/IP: two whole stacks in one process and a seeded wire between them that
 * loses, reorders, duplicates and corrupts. A pipeline of requests goes one way, a large value and
 * small ones come back; nothing may be missing or different, and all packets come home. */
#include <criterion/criterion.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "fs/kv.h"
#include "kernel/loop.h"
#include "kernel/page.h"
#include "kernel/random.h"
#include "net/direct.h"
#include "net/http/server.h"
#include "tests/lib/cable.h"
#include "tests/lib/clock.h"

#define BIG_BYTES (1 << 20)
#define BIG_HEAD "HTTP/1.1 200 OK\r\nContent-Length: 1048576\r\n\r\n"
#define SMALL "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nsmall"
#define LAST "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: close\r\n\r\nsmall"
#define SMALLS 20

static char big[BIG_BYTES];

static void store_get(struct kv *kv, struct kv_get *op, const char *key, size_t key_len)
{
	static const struct kv_entry big_entry = {
		.size = BIG_BYTES, .header = "Content-Length: 1048576\r\n\r\n", .header_len = 25, .data = big,
	};
	static const struct kv_entry small_entry = {
		.size = 5, .header = "Content-Length: 5\r\n\r\n", .header_len = 19, .data = "small",
	};

	(void)kv;
	(void)key;
	op->entry = key_len == 3 ? big_entry : small_entry;
	promise_return(&op->promise, 0);
}

static struct {
	struct cable *cable;
	struct direct *stacks[2];
	struct http_server *server;
	struct stack_connect connect;
	struct flow_write write;
	struct flow_read read;
	char *got;
	size_t len;
} rig;

static void set_up(void)
{
	static char memory[64 << 20] __attribute__((aligned(PAGE_BYTES)));

	page_add_region((uintptr_t)memory, (uintptr_t)memory + sizeof(memory));
	cr_assert(buf_init(2048, 4096) == 0);
	cr_assert(random_init() == 0);
	for (size_t i = 0; i < BIG_BYTES; i++)
		big[i] = (char)(i * 2654435761u >> 24);
}

/* Lets a millisecond pass at a time until p has settled. */
static intptr_t await(struct promise *p)
{
	for (int ms = 0; ms < 600000 && !promise_is_settled(p); ms++) {
		while (loop_turn())
			;
		if (!promise_is_settled(p))
			clock_advance_ns(NS_PER_MS);
	}
	return promise_result(p);
}

static void make(const struct cable_config *cable_config)
{
	static const struct kv_ops ops = { .get = store_get };
	static struct kv store = { &ops };
	struct http_config config = HTTP_CONFIG_DEFAULTS;

	config.kv = &store;
	cr_assert(cable_create(&rig.cable, cable_config) == 0);
	for (int i = 0; i < 2; i++) {
		struct stack_config stack = { .ip = { ip_v4(10, 0, 0, (uint8_t)(1 + i)), 24 } };

		cr_assert(direct_create(&rig.stacks[i], cable_end(rig.cable, i), &stack) == 0);
	}
	cr_assert(http_server_create(&rig.server, &config) == 0);
	cr_assert(direct_tcp_listen(rig.stacks[0], 80, http_server_accept, rig.server) == 0);
}

/* All that the server sends until it closes. */
static void read_all(void)
{
	intptr_t n;

	rig.got = malloc(2 * BIG_BYTES);
	for (rig.len = 0;; rig.len += (size_t)n) {
		flow_read(rig.connect.flow, &rig.read, 65536);
		n = await(&rig.read.promise);
		cr_assert(n >= 0 && rig.len + (size_t)n < 2 * BIG_BYTES, "%zd after %zu bytes", n, rig.len);
		if (n == 0)
			return;
		buf_copy_out(rig.read.bufs, 0, rig.got + rig.len, (uint32_t)n);
		buf_free(rig.read.bufs);
	}
}

static void expect_next(size_t *at, const char *what, size_t len)
{
	cr_assert(*at + len <= rig.len && !memcmp(rig.got + *at, what, len), "wrong after %zu bytes", *at);
	*at += len;
}

static void serve_over(const struct cable_config *cable_config)
{
	static const char get_big[] = "GET /big HTTP/1.1\r\nHost: a\r\n\r\n";
	static const char get_small[] = "GET /small HTTP/1.1\r\nHost: a\r\n\r\n";
	static const char get_last[] = "GET /none HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
	struct endpoint to = { ip_v4(10, 0, 0, 1), 80 };
	struct slice slices[SMALLS + 2];
	struct http_stats stats;
	size_t at = 0;

	make(cable_config);
	direct_tcp_connect(rig.stacks[1], &rig.connect, &to);
	cr_assert_eq(await(&rig.connect.promise), 0);
	for (int i = 0; i < SMALLS + 2; i++)
		slices[i] = (struct slice){ get_small, sizeof(get_small) - 1, NULL };
	slices[SMALLS / 2] = (struct slice){ get_big, sizeof(get_big) - 1, NULL };
	slices[SMALLS + 1] = (struct slice){ get_last, sizeof(get_last) - 1, NULL };
	flow_write(rig.connect.flow, &rig.write, slices, SMALLS + 2);
	cr_assert(await(&rig.write.promise) > 0);
	read_all();
	for (int i = 0; i < SMALLS + 1; i++) {
		if (i == SMALLS / 2) {
			expect_next(&at, BIG_HEAD, sizeof(BIG_HEAD) - 1);
			expect_next(&at, big, BIG_BYTES);
		} else {
			expect_next(&at, SMALL, sizeof(SMALL) - 1);
		}
	}
	expect_next(&at, LAST, sizeof(LAST) - 1);
	cr_expect_eq(at, rig.len);
	free(rig.got);
	flow_close(rig.connect.flow);
	for (int i = 0; i < 200000; i++) { /* until TIME-WAIT has passed */
		while (loop_turn())
			;
		clock_advance_ns(NS_PER_MS);
	}
	http_server_stats(rig.server, &stats);
	cr_expect_eq(stats.connections, 0);
	cr_expect_eq(stats.requests, SMALLS + 2);
	direct_destroy(rig.stacks[0]);
	direct_destroy(rig.stacks[1]);
	cable_destroy(rig.cable);
	http_server_destroy(rig.server);
	struct buf_stats bufs;

	buf_stats(&bufs);
	cr_expect(bufs.headers_used == 0 && bufs.slices_used == 0, "packets leak: %zu, %zu", bufs.headers_used,
	          bufs.slices_used);
}

TestSuite(http_stack, .init = set_up);

Test(http_stack, serves_over_a_good_wire)
{
	serve_over(&(struct cable_config){ .seed = 1, .faults = { .delay_ns = NS_PER_MS } });
}

Test(http_stack, serves_with_offloads)
{
	serve_over(&(struct cable_config){
		.seed = 2, .features = NETDEV_TX_CSUM | NETDEV_TSO4 | NETDEV_RX_CSUM, .large_receive = true,
		.faults = { .delay_ns = NS_PER_MS } });
}

Test(http_stack, serves_over_a_bad_wire)
{
	for (uint64_t seed = 3; seed < 6; seed++) {
		serve_over(&(struct cable_config){
			.seed = seed, .split_receive = true,
			.faults = { .lose = 50, .duplicate = 20, .reorder = 50, .corrupt = 10, .delay_ns = NS_PER_MS,
			            .jitter_ns = 5 * NS_PER_MS } });
	}
}
