/* SPDX-License-Identifier: ISC */
/* join, choose and pick: promises that wait for several others.
 *
 * Sources report through the ready queue, so "first" means first settled, and among sources that
 * had settled before the group was made, first in the array. While the group is pending the error
 * field of its promise holds the first failure (join). */
#include "kernel/kernel_priv.h"

enum kind { JOIN, CHOOSE, PICK };

static void cancel_sources(struct group *g)
{
	for (size_t i = 0; i < g->count; i++)
		promise_cancel(g->sources[i].promise);
}

static void group_cancel(struct promise *p)
{
	cancel_sources(container_of(p, struct group, promise));
}

static void join_source_settled(struct group *g, const struct promise *source)
{
	if (source->state == PROMISE_FAILED && !g->promise.error)
		g->promise.error = source->error;
	if (g->pending)
		return;
	if (g->promise.error)
		promise_fail(&g->promise, g->promise.error);
	else
		promise_fulfil(&g->promise, 0);
}

static void choose_source_settled(struct group *g, const struct promise *source)
{
	for (size_t i = 0; i < g->count; i++)
		promise_unwait(&g->sources[i].waiter);
	promise_settle_as(&g->promise, source);
}

static void source_settled(struct waiter *w)
{
	struct source *s = container_of(w, struct source, waiter);
	struct group *g = s->group;
	bool is_first = g->first == g->count;

	g->pending--;
	if (is_first)
		g->first = (size_t)(s - g->sources);
	switch ((enum kind)g->kind) {
	case JOIN:
		join_source_settled(g, s->promise);
		return;
	case CHOOSE:
		choose_source_settled(g, s->promise);
		return;
	case PICK:
		if (is_first)
			cancel_sources(g);
		if (!g->pending)
			promise_settle_as(&g->promise, g->sources[g->first].promise);
	}
}

static void group_start(struct group *g, struct source *sources, size_t count, enum kind kind)
{
	/* Without sources none would answer a request to cancel, so it fails the promise at once. */
	promise_init(&g->promise, count ? group_cancel : NULL);
	g->sources = sources;
	g->count = g->pending = g->first = count;
	g->kind = (uint8_t)kind;
	for (size_t i = 0; i < count; i++) {
		sources[i].group = g;
		promise_wait(sources[i].promise, &sources[i].waiter, source_settled);
	}
}

void promise_join(struct group *g, struct source *sources, size_t count)
{
	group_start(g, sources, count, JOIN);
	if (!count)
		promise_fulfil(&g->promise, 0);
}

void promise_choose(struct group *g, struct source *sources, size_t count)
{
	group_start(g, sources, count, CHOOSE);
}

void promise_pick(struct group *g, struct source *sources, size_t count)
{
	group_start(g, sources, count, PICK);
}
