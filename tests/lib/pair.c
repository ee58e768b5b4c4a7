/* SPDX-License-Identifier: ISC */
/* Two stacks and their cable, made and taken apart. */
#include "tests/lib/pair.h"

#include <errno.h>

#include "kernel/loop.h"
#include "tests/lib/check.h"
#include "tests/lib/test.h"

static int on_accept(void *arg, struct flow *flow, const struct endpoint *peer)
{
	struct pair *p = arg;

	(void)peer;
	p->accepted = flow;
	return 0;
}

void pair_create(struct pair *p, const struct cable_config *config)
{
	p->accepted = NULL;
	CHECK(cable_create(&p->cable, config) == 0);
	for (int i = 0; i < 2; i++) {
		struct stack_config own = { .ip = { ip_v4(10, 0, 0, (uint8_t)(i + 1)), 24 } };

		CHECK(direct_create(&p->stacks[i], cable_end(p->cable, i), &own) == 0);
	}
	CHECK(direct_tcp_listen(p->stacks[1], 80, on_accept, p) == 0);
}

struct flow *pair_connect(struct pair *p, int *error)
{
	struct endpoint to = { ip_v4(10, 0, 0, 2), 80 };
	struct stack_connect op;

	p->accepted = NULL;
	direct_tcp_connect(p->stacks[0], &op, &to);
	*error = (int)loop_run(&op.promise);
	if (*error < 0)
		return NULL;
	/* if our acknowledgement is lost, the listener may give up, which we do not notice: hence the limit */
	for (int tenths = 0; !p->accepted && tenths < 1000; tenths++)
		test_run_for_ns(100 * NS_PER_MS);
	if (p->accepted)
		return op.flow;
	flow_abort(op.flow);
	*error = -ETIMEDOUT;
	return NULL;
}

const struct tcp_stats *pair_stats(struct pair *p, int end)
{
	return tcp_stats(direct_tcp(p->stacks[end]));
}

void pair_destroy(struct pair *p)
{
	struct buf_stats stats;

	test_run_for_ns(300 * NS_PER_S);
	for (int i = 0; i < 2; i++) {
		const struct tcp_stats *s = pair_stats(p, i);

		CHECK(s->connections + s->half_open + s->time_wait == 0);
		CHECK(s->receive_bufs + s->send_slices + s->recoveries == 0);
		direct_destroy(p->stacks[i]);
	}
	cable_destroy(p->cable);
	buf_stats(&stats);
	CHECK(stats.headers_used + stats.slices_used == 0);
}
