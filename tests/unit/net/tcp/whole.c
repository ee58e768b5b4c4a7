/* SPDX-License-Identifier: ISC */
/* Two whole stacks on one bad wire: in spite of loss, duplication, reordering and damage each byte
 * arrives, once, in order, and nothing is left behind. */
#include <criterion/criterion.h>
#include <errno.h>

#include "kernel/loop.h"
#include "net/direct.h"
#include "net/tcp/tcp.h"
#include "tests/lib/cable.h"
#include "tests/lib/clock.h"
#include "tests/lib/talker.h"

#define BYTES (2u << 20)

static uint8_t data[2][BYTES];

static struct direct *stacks[2];
static struct talker talkers[2];

static int on_accept(void *arg, struct flow *flow, const struct endpoint *peer)
{
	(void)peer;
	talker_start(arg, flow);
	return 0;
}

static void run_ms(uint32_t ms)
{
	for (;;) {
		while (loop_turn())
			;
		if (ms-- == 0)
			return;
		clock_advance_ns(NS_PER_MS);
	}
}

/* -- header bufs taken away, if starving, every other tenth of a second -- */

static bool starving;
static struct buf *hoard;

static void starve(uint32_t now_ms)
{
	struct buf *b;

	if (starving && now_ms / 100 % 2) {
		for (; (b = buf_alloc_header()); hoard = b)
			b->queue = hoard;
	} else {
		for (; (b = hoard); buf_free(b))
			hoard = b->queue;
	}
}

/* Gives the virtual milliseconds that it took. */
static uint32_t exchange(const struct cable_config *config)
{
	struct stack_config configs[2] = {
		{ .ip = { ip_v4(10, 0, 0, 1), 24 } }, { .ip = { ip_v4(10, 0, 0, 2), 24 } },
	};
	struct endpoint to = { ip_v4(10, 0, 0, 2), 80 };
	struct stack_connect op;
	struct cable *cable;
	struct buf_stats stats;
	uint32_t took_ms = 0;

	cr_assert_eq(cable_create(&cable, config), 0);
	for (int i = 0; i < 2; i++) {
		for (uint32_t at = 0; at < BYTES; at++)
			data[i][at] = (uint8_t)(at * 31 + at / 257 + (uint32_t)i);
		talkers[i] = (struct talker){ .mine = data[i], .theirs = data[!i], .len = BYTES };
		talkers[i].read_bytes = 100000;
		cr_assert_eq(direct_create(&stacks[i], cable_end(cable, i), &configs[i]), 0);
	}
	cr_assert_eq(direct_tcp_listen(stacks[1], 80, on_accept, &talkers[1]), 0);
	direct_tcp_connect(stacks[0], &op, &to);
	for (; !promise_is_settled(&op.promise); took_ms++)
		run_ms(1);
	cr_assert_eq(promise_result(&op.promise), 0);
	talker_start(&talkers[0], op.flow);
	for (; !talkers[0].finished || !talkers[1].finished; took_ms++) {
		cr_assert_lt(took_ms, 600000, "got %u and %u", talkers[0].got, talkers[1].got);
		starve(took_ms);
		run_ms(1);
	}
	starve(0);
	for (int i = 0; i < 2; i++) {
		const struct tcp_stats *s = tcp_stats(direct_tcp(stacks[i]));

		cr_assert_eq(talkers[i].got, BYTES);
		cr_assert(!starving || s->timeouts == 0, "no memory is no loss");
		flow_close(talkers[i].flow);
		cr_log_info("end %d: %lu segments, %lu again, %lu timeouts, %lu fast", i, (unsigned long)s->out_segs,
		            (unsigned long)s->retrans_segs, (unsigned long)s->timeouts,
		            (unsigned long)s->fast_retransmits);
	}
	run_ms(300000);
	for (int i = 0; i < 2; i++) {
		const struct tcp_stats *s = tcp_stats(direct_tcp(stacks[i]));

		cr_assert_eq(s->connections + s->half_open + s->time_wait + s->receive_bufs + s->send_slices, 0);
		direct_destroy(stacks[i]);
	}
	cable_destroy(cable);
	buf_stats(&stats);
	cr_assert_eq(stats.headers_used + stats.slices_used, 0);
	cr_log_info("%u ms", took_ms);
	return took_ms;
}

#define OFFLOADS (NETDEV_TX_CSUM | NETDEV_TSO4 | NETDEV_RX_CSUM)

Test(tcp_whole, clean)
{
	exchange(&(struct cable_config){ .seed = 1 });
}

Test(tcp_whole, clean_with_offloads)
{
	exchange(&(struct cable_config){ .seed = 1, .features = OFFLOADS, .large_receive = true });
}

Test(tcp_whole, split)
{
	exchange(&(struct cable_config){ .seed = 2, .features = OFFLOADS, .split_receive = true });
}

Test(tcp_whole, loss)
{
	for (uint64_t seed = 1; seed <= 3; seed++)
		exchange(&(struct cable_config){ .seed = seed, .faults = { .lose = 30, .delay_ns = NS_PER_MS } });
}

Test(tcp_whole, everything_at_once)
{
	for (uint64_t seed = 1; seed <= 3; seed++)
		exchange(&(struct cable_config){ .seed = seed, .split_receive = seed == 3, .faults = {
			.lose = 50, .duplicate = 50, .reorder = 50, .corrupt = 50,
			.delay_ns = 5 * NS_PER_MS, .jitter_ns = 20 * NS_PER_MS } });
}

Test(tcp_whole, everything_at_once_with_offloads)
{
	for (uint64_t seed = 1; seed <= 3; seed++)
		exchange(&(struct cable_config){ .seed = seed, .features = OFFLOADS, .large_receive = seed == 3,
			.faults = { .lose = 50, .duplicate = 50, .reorder = 50, .corrupt = 50,
			            .delay_ns = 5 * NS_PER_MS, .jitter_ns = 20 * NS_PER_MS } });
}

Test(tcp_whole, slow_wire_with_a_short_queue)
{
	exchange(&(struct cable_config){ .seed = 4, .faults = {
		.bits_per_second = 10000000, .queue_frames = 20, .delay_ns = 10 * NS_PER_MS } });
}

Test(tcp_whole, no_memory_every_other_moment)
{
	starving = true;
	exchange(&(struct cable_config){ .seed = 5, .faults = { .delay_ns = 10 * NS_PER_MS } });
	exchange(&(struct cable_config){
		.seed = 6, .features = OFFLOADS, .faults = { .delay_ns = 10 * NS_PER_MS } });
}
