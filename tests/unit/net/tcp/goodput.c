/* SPDX-License-Identifier: ISC */
/* The speed of data through a bad wire: megabytes in one direction, in the time of the fake clock, over
 * several seeds. The required rate is a good third below the measured one, and far above that of a stack that
 * waits for its timeouts. */
#include <criterion/criterion.h>

#include "kernel/timer.h"
#include "tests/lib/clock.h"
#include "tests/lib/pair.h"
#include "tests/lib/test.h"

#define BYTES (4u << 20)
#define SEEDS 5

static uint8_t data[BYTES];

static struct flow_read reading;
static struct waiter reader;
static struct flow *source, *sink;
static uint32_t got;
static uint64_t last_ns, longest_ns; /* without anything new */
static bool over;

static void read_on(void);

static void have_read(struct waiter *w)
{
	uint64_t now_ns = clock_now_ns();
	intptr_t n = promise_result(&reading.promise);

	(void)w;
	cr_assert_geq(n, 0);
	longest_ns = MAX(longest_ns, now_ns - last_ns);
	last_ns = now_ns;
	if (n == 0) {
		over = true;
		return;
	}
	got += (uint32_t)n;
	buf_free(reading.bufs);
	read_on();
}

static void read_on(void)
{
	flow_read(sink, &reading, BYTES);
	promise_wait(&reading.promise, &reader, have_read);
}

/* Milliseconds for bytes from the client to the server, or back. */
static double transfer(struct cable_config config, uint32_t bytes, bool back)
{
	struct pair pair;
	struct flow_write writing;
	struct slice slice = { data, bytes, NULL };
	uint64_t begun_ns;
	const struct tcp_stats *s;
	int error;

	pair_create(&pair, &config);
	source = pair_connect(&pair, &error);
	cr_assert_not_null(source);
	sink = pair.accepted;
	if (back) {
		sink = source;
		source = pair.accepted;
	}
	begun_ns = last_ns = clock_now_ns();
	got = 0;
	over = false;
	flow_write(source, &writing, &slice, 1);
	flow_shutdown(source);
	read_on();
	while (!over) {
		test_run_for_ns(NS_PER_MS);
		cr_assert_lt(clock_now_ns() - begun_ns, 2000 * NS_PER_S, "%u got", got);
	}
	cr_assert_eq(got, bytes);
	s = pair_stats(&pair, back);
	cr_log_info("seed %lu: %.0f ms, %lu segments, %lu again, %lu timeouts, %lu recoveries, %lu undone, "
	            "longest wait %lu ms", (unsigned long)config.seed, (double)(last_ns - begun_ns) / 1e6,
	            (unsigned long)s->out_segs, (unsigned long)s->retrans_segs, (unsigned long)s->timeouts,
	            (unsigned long)s->fast_retransmits, (unsigned long)s->spurious_recoveries,
	            (unsigned long)(longest_ns / NS_PER_MS));
	flow_close(source);
	flow_close(sink);
	pair_destroy(&pair);
	return (double)(last_ns - begun_ns) / 1e6;
}

/* Bytes a millisecond, on average over the seeds. */
static double goodput(uint32_t bytes, const struct cable_config *config)
{
	struct cable_config seeded = *config;
	double sum_ms = 0;

	longest_ns = 0;
	for (seeded.seed = 1; seeded.seed <= SEEDS; seeded.seed++)
		sum_ms += transfer(seeded, bytes, seeded.seed % 2);
	cr_log_info("%.0f bytes/ms", SEEDS * (double)bytes / sum_ms);
	return SEEDS * (double)bytes / sum_ms;
}

#define OFFLOADS (NETDEV_TX_CSUM | NETDEV_TSO4 | NETDEV_RX_CSUM)
#define DELAY (10 * NS_PER_MS)

static double with_loss(uint32_t per_mille, uint32_t features)
{
	return goodput(BYTES, &(struct cable_config){
		.features = features, .faults = { .lose = per_mille, .delay_ns = DELAY } });
}

/* A window of 32 KiB a round trip of 20 ms would be 1640. */
Test(tcp_goodput, no_loss)
{
	cr_assert_gt(with_loss(0, 0), 2500);
}

Test(tcp_goodput, loss_of_1_percent)
{
	cr_assert_gt(with_loss(10, 0), 700);
	cr_assert_gt(with_loss(10, OFFLOADS), 700);
	cr_assert_lt(longest_ns, 200 * NS_PER_MS);
}

Test(tcp_goodput, loss_of_5_percent)
{
	cr_assert_gt(with_loss(50, 0), 270);
	cr_assert_gt(with_loss(50, OFFLOADS), 270);
}

Test(tcp_goodput, loss_of_20_percent_gets_through)
{
	/* hardly by recovery: where so few are in flight, most losses need timeouts */
	cr_assert_gt(goodput(BYTES / 16, &(struct cable_config){
		.faults = { .lose = 200, .delay_ns = DELAY } }), 26);
}

Test(tcp_goodput, reordering_is_no_loss)
{
	cr_assert_gt(goodput(BYTES, &(struct cable_config){ .faults = {
		.reorder = 100, .jitter_ns = 5 * NS_PER_MS, .delay_ns = DELAY } }), 1200);
}

/* 10 Mbit/s are 1250 bytes a millisecond. */
Test(tcp_goodput, bottleneck_is_filled)
{
	cr_assert_gt(goodput(BYTES, &(struct cable_config){ .faults = {
		.bits_per_second = 10000000, .queue_frames = 15, .delay_ns = DELAY } }), 1100);
}
