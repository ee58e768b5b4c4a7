/* SPDX-License-Identifier: ISC */
/* The loop over the host's events: when it has nothing to do it waits for them a millisecond at a
 * time, and the fake clock moves on by as much. */
#include "tests/unit/unix/world.h"

#include "arch/unix/host.h"
#include "kernel/buf.h"
#include "kernel/loop.h"
#include "tests/lib/test.h"

#define GIVE_UP_NS (10 * NS_PER_S)

static int64_t live;

void world_begin(void)
{
	cr_assert_eq(buf_init(64, 4096), 0);
	live = test_alloc_live();
}

void world_end(void)
{
	struct buf_stats bufs;

	buf_stats(&bufs);
	cr_assert_eq(bufs.headers_used, 0);
	cr_assert_eq(bufs.slices_used, 0);
	cr_assert_eq(test_alloc_live(), live);
}

static void turn(void)
{
	uint64_t before = host_monotonic_ns();
	bool worked = loop_turn();

	host_wait(worked ? 0 : NS_PER_MS);
	clock_advance_ns(host_monotonic_ns() - before);
}

intptr_t world_run(struct promise *p)
{
	uint64_t end = host_monotonic_ns() + GIVE_UP_NS;

	while (!promise_is_settled(p)) {
		turn();
		cr_assert(host_monotonic_ns() < end, "does not settle");
	}
	return promise_result(p);
}

void world_run_for_ms(unsigned ms)
{
	uint64_t end = host_monotonic_ns() + ms * NS_PER_MS;

	while (host_monotonic_ns() < end)
		turn();
}
