/* SPDX-License-Identifier: ISC */
/* Two whole stacks in one process: pings, datagrams and connections over a wire that loses, reorders,
 * doubles and damages, with offloads and without; and one stack that talks to itself. */
#include <criterion/criterion.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "kernel/loop.h"
#include "net/bytes.h"
#include "net/checksum.h"
#include "net/direct.h"
#include "net/ipv4/ipv4.h"
#include "net/tcp/tcp.h"
#include "net/udp.h"
#include "tests/lib/cable.h"
#include "tests/lib/clock.h"
#include "tests/lib/lan.h"
#include "tests/lib/talker.h"
#include "tests/lib/test.h"

#define MIB (1u << 20)
#define OFFLOADS (NETDEV_TX_CSUM | NETDEV_TSO4 | NETDEV_RX_CSUM)

static const struct cable_faults bad_wire = {
	.lose = 50, .duplicate = 50, .reorder = 50, .corrupt = 50,
	.delay_ns = 2 * NS_PER_MS, .jitter_ns = 10 * NS_PER_MS,
};

static uint8_t data[2][MIB];
static struct cable *cable;
static struct direct *stacks[2];
static int64_t live; /* allocations when there was neither */

static void set_up(const struct cable_config *config)
{
	lan_prepare();
	live = test_alloc_live();
	for (int i = 0; i < 2; i++)
		for (uint32_t at = 0; at < MIB; at++)
			data[i][at] = (uint8_t)((at * 2654435761u + (uint32_t)i) >> 24);
	cr_assert_eq(cable_create(&cable, config), 0);
	for (int i = 0; i < 2; i++) {
		struct stack_config stack = { .ip = { ip_v4(10, 0, 0, (uint8_t)(i + 1)), 24 } };

		cr_assert_eq(direct_create(&stacks[i], cable_end(cable, i), &stack), 0);
	}
}

static void tear_down(void)
{
	struct buf_stats stats;

	direct_destroy(stacks[0]);
	direct_destroy(stacks[1]);
	cable_destroy(cable);
	buf_stats(&stats);
	cr_assert(stats.headers_used == 0 && stats.slices_used == 0, "%zu headers, %zu slices leak",
	          stats.headers_used, stats.slices_used);
	cr_assert_eq(test_alloc_live(), live, "allocations leak");
}

/* -- ping -- */

static struct {
	unsigned answers;
	bool seen[1000];
} ping;

/* Wire level: an echo reply to stack 0 that is intact. */
static void see_echo(void *arg, int from_end, const uint8_t *frame, size_t len)
{
	(void)arg;
	if (from_end != 1 || get_be16(frame + 12) != ETHERTYPE_IPV4 || frame[23] != IP_ICMP || frame[34] != 0)
		return;
	cr_assert_eq(len, 14u + 20 + 8 + 1000);
	cr_assert_eq(checksum_finish(checksum_add(0, frame + 34, len - 34)), 0);
	for (size_t i = 42; i < len; i++)
		cr_assert_eq(frame[i], (uint8_t)i);
	ping.answers++;
	ping.seen[get_be16(frame + 40)] = true;
}

static void send_ping(uint16_t number)
{
	struct ip_addr to = ip_v4(10, 0, 0, 2);
	static uint8_t payload[1000];
	struct buf *b = buf_alloc_header();
	uint8_t *icmp = buf_push(b, 8);

	for (size_t i = 0; i < sizeof(payload); i++)
		payload[i] = (uint8_t)(i + 42);
	memset(icmp, 0, 8);
	icmp[0] = 8;
	put_be16(icmp + 6, number);
	buf_append(b, buf_alloc_slice(NULL, payload, sizeof(payload)));
	put_be16(icmp + 2, be16(checksum_finish(checksum_add_buf(0, b))));
	cr_assert_eq(ipv4_send(direct_ipv4(stacks[0]), IP_ICMP, NULL, &to, b, 0), 0);
}

static void ping_over(const struct cable_config *config, unsigned at_least, unsigned at_most)
{
	unsigned different = 0;

	memset(&ping, 0, sizeof(ping));
	set_up(config);
	cable_watch(cable, see_echo, NULL);
	for (uint16_t i = 0; i < 1000; i++) {
		send_ping(i);
		lan_wait_ms(1);
	}
	lan_wait_ms(1000);
	for (int i = 0; i < 1000; i++)
		different += ping.seen[i];
	cr_expect(different >= at_least && different <= 1000 && ping.answers <= at_most, "%u of %u", different,
	          ping.answers);
	tear_down();
}

Test(whole_stack, ping)
{
	ping_over(&(struct cable_config){ .seed = 1 }, 1000, 1000);
	ping_over(&(struct cable_config){ .seed = 1, .split_receive = true, .features = OFFLOADS }, 1000, 1000);
	ping_over(&(struct cable_config){ .seed = 2, .faults = bad_wire }, 850, 1050);
}

/* -- UDP: an echo, which comes back right or not at all -- */

static struct {
	unsigned answers, there, wrong;
} datagrams;

static void echo(void *arg, struct buf *b, const struct endpoint *from, const struct endpoint *to)
{
	datagrams.there++;
	cr_assert_eq(direct_udp_send(arg, to->port, from, b), 0);
}

static void check_echo(void *arg, struct buf *b, const struct endpoint *from, const struct endpoint *to)
{
	uint8_t bytes[1472];
	uint32_t len = buf_length(b);
	struct ip_addr peer = ip_v4(10, 0, 0, 2);

	(void)arg;
	cr_assert(from->port == 7 && to->port == 4000 && ip_equal(&from->addr, &peer));
	cr_assert_leq(len, sizeof(bytes));
	buf_copy_out(b, 0, bytes, len);
	for (uint32_t i = 0; i < len; i++)
		datagrams.wrong += bytes[i] != (uint8_t)(len + i);
	datagrams.answers++;
	buf_free(b);
}

static void echo_over(const struct cable_config *config, unsigned at_least, unsigned at_most)
{
	struct endpoint to = { ip_v4(10, 0, 0, 2), 7 };
	static uint8_t bytes[1473][1473];

	memset(&datagrams, 0, sizeof(datagrams));
	set_up(config);
	cr_assert_eq(direct_udp_listen(stacks[1], 7, echo, stacks[1]), 0);
	cr_assert_eq(direct_udp_listen(stacks[0], 4000, check_echo, NULL), 0);
	for (uint32_t len = 0; len <= 1472; len++) {
		for (uint32_t i = 0; i < len; i++)
			bytes[len][i] = (uint8_t)(len + i);
		cr_assert_eq(direct_udp_send(stacks[0], 4000, &to, buf_alloc_slice(NULL, bytes[len], len)), 0);
		lan_wait_ms(1);
	}
	lan_wait_ms(1000);
	cr_expect_eq(datagrams.wrong, 0);
	cr_expect(datagrams.answers >= at_least && datagrams.answers <= at_most, "%u", datagrams.answers);
	direct_udp_unlisten(stacks[1], 7);
	tear_down();
}

Test(whole_stack, datagrams)
{
	echo_over(&(struct cable_config){ .seed = 1 }, 1473, 1473);
	echo_over(&(struct cable_config){ .seed = 2, .features = OFFLOADS, .split_receive = true }, 1473, 1473);
	echo_over(&(struct cable_config){ .seed = 3, .features = OFFLOADS, .large_receive = true }, 1473, 1473);
	echo_over(&(struct cable_config){ .seed = 4, .faults = bad_wire }, 1150, 1550);
	echo_over(&(struct cable_config){ .seed = 5, .faults = bad_wire, .features = OFFLOADS }, 1150, 1550);
}

/* -- TCP: a mebibyte each way -- */

static struct talker talkers[2];

static void prepare_talkers(void)
{
	for (int i = 0; i < 2; i++)
		talkers[i] = (struct talker){ .mine = data[i], .theirs = data[!i], .len = MIB, .read_bytes = 4096 };
}

static int accept_talker(void *arg, struct flow *flow, const struct endpoint *peer)
{
	struct ip_addr expected = ip_v4(10, 0, 0, 1);

	cr_assert(ip_equal(&peer->addr, &expected));
	talker_start(arg, flow);
	return 0;
}

static intptr_t await(struct promise *p)
{
	for (int ms = 0; ms < 200000 && !promise_is_settled(p); ms++)
		lan_wait_ms(1);
	return promise_result(p);
}

static void exchange_over(const struct cable_config *config)
{
	struct endpoint to = { ip_v4(10, 0, 0, 2), 80 };
	struct stack_connect op;

	set_up(config);
	prepare_talkers();
	cr_assert_eq(direct_tcp_listen(stacks[1], 80, accept_talker, &talkers[1]), 0);
	direct_tcp_connect(stacks[0], &op, &to);
	cr_assert_eq(await(&op.promise), 0);
	talker_start(&talkers[0], op.flow);
	for (int ms = 0; !talkers[0].finished || !talkers[1].finished; ms++) {
		cr_assert_lt(ms, 600000, "got %u and %u", talkers[0].got, talkers[1].got);
		lan_wait_ms(1);
	}
	cr_expect(talkers[0].got == MIB && talkers[1].got == MIB);
	flow_close(talkers[0].flow);
	flow_close(talkers[1].flow);
	direct_tcp_unlisten(stacks[1], 80);
	lan_wait_ms(300000);
	for (int i = 0; i < 2; i++) {
		const struct tcp_stats *s = tcp_stats(direct_tcp(stacks[i]));

		cr_expect_eq(s->connections + s->half_open + s->time_wait, 0);
	}
	tear_down();
}

Test(whole_stack, connections_over_a_good_wire)
{
	exchange_over(&(struct cable_config){ .seed = 1 });
	exchange_over(&(struct cable_config){ .seed = 2, .features = OFFLOADS });
}

Test(whole_stack, connections_over_a_bad_wire)
{
	for (uint64_t seed = 1; seed <= 4; seed++)
		exchange_over(&(struct cable_config){
			.seed = seed, .faults = bad_wire, .features = seed % 2 ? OFFLOADS : 0,
			.split_receive = seed > 2, .mtu = seed == 4 ? 576 : 0 });
}

Test(whole_stack, a_wire_that_is_the_same_twice)
{
	struct cable_stats first, second;

	for (int i = 0; i < 2; i++) {
		memset(&ping, 0, sizeof(ping));
		set_up(&(struct cable_config){ .seed = 9, .faults = bad_wire });
		for (uint16_t n = 0; n < 300; n++) {
			send_ping(n);
			lan_wait_ms(1);
		}
		lan_wait_ms(50);
		cable_stats(cable, i ? &second : &first);
		tear_down();
	}
	cr_expect_eq(memcmp(&first, &second, sizeof(first)), 0);
	cr_expect(first.lost && first.duplicated && first.reordered && first.corrupted);
}

/* -- bad news -- */

Test(whole_stack, nobody_listens)
{
	struct endpoint to = { ip_v4(10, 0, 0, 2), 81 };
	struct stack_connect op;

	set_up(&(struct cable_config){ .seed = 1 });
	direct_tcp_connect(stacks[0], &op, &to);
	cr_expect_eq(await(&op.promise), -ECONNREFUSED);
	tear_down();
}

Test(whole_stack, nobody_there)
{
	struct endpoint to = { ip_v4(10, 0, 0, 3), 80 };
	struct stack_connect op;

	set_up(&(struct cable_config){ .seed = 1 });
	direct_tcp_connect(stacks[0], &op, &to);
	cr_expect_eq(await(&op.promise), -EHOSTUNREACH);
	to.addr = ip_v4(192, 168, 0, 1);
	direct_tcp_connect(stacks[0], &op, &to);
	cr_expect(await(&op.promise) == -EHOSTUNREACH || promise_result(&op.promise) == -ENETUNREACH);
	tear_down();
}

Test(whole_stack, wrong_configurations)
{
	struct stack_config bad = { .ip = { ip_v4(10, 0, 0, 0), 24 } };
	struct direct *d;

	lan_prepare();
	cr_assert_eq(cable_create(&cable, &(struct cable_config){ .seed = 1 }), 0);
	cr_expect_eq(direct_create(&d, cable_end(cable, 0), &bad), -EINVAL);
	bad.ip.addr = ip_v4(10, 0, 0, 1);
	bad.gateway = ip_v4(10, 0, 1, 1);
	cr_expect_eq(direct_create(&d, cable_end(cable, 0), &bad), -ENETUNREACH);
	cable_destroy(cable);
}

/* -- with itself -- */

static int accept_itself(void *arg, struct flow *flow, const struct endpoint *peer)
{
	(void)peer;
	talker_start(arg, flow);
	return 0;
}

Test(whole_stack, talks_to_itself)
{
	static const struct ip_addr selves[] = {
		{ IP_V4, { 10, 0, 0, 1 } }, { IP_V4, { 127, 0, 0, 1 } },
	};
	struct stack_connect op;
	struct cable_stats stats;

	for (size_t i = 0; i < ARRAY_SIZE(selves); i++) {
		struct endpoint to = { selves[i], 80 };

		set_up(&(struct cable_config){ .seed = 1, .features = i ? OFFLOADS : 0 });
		prepare_talkers();
		cr_assert_eq(direct_tcp_listen(stacks[0], 80, accept_itself, &talkers[1]), 0);
		direct_tcp_connect(stacks[0], &op, &to);
		cr_assert_eq(await(&op.promise), 0);
		talker_start(&talkers[0], op.flow);
		for (int ms = 0; !talkers[0].finished || !talkers[1].finished; ms++) {
			cr_assert_lt(ms, 100000, "got %u and %u", talkers[0].got, talkers[1].got);
			lan_wait_ms(1);
		}
		flow_close(talkers[0].flow);
		flow_close(talkers[1].flow);
		lan_wait_ms(300000);
		cable_stats(cable, &stats);
		cr_expect_leq(stats.sent, 4, "only announcements go over the wire");
		tear_down();
	}
}
