/* SPDX-License-Identifier: ISC */
/* A chatter: a reading half and a writing half, each driven by its waiter and its timer. */
#include "tests/lib/chatter.h"

#include <string.h>

#include "tests/lib/check.h"
#include "tests/lib/test.h"

#define PERIOD 4099 /* prime, so that no segment or window is a multiple of it */
#define PIECE_MAX 200000u
#define VOICES 2

/* Byte i of a voice is voices[voice][i % PERIOD]; the array is longer, so that a piece need not wrap. */
static uint8_t voices[VOICES][PIECE_MAX + 2 * PERIOD];

static void prepare(void)
{
	uint64_t random = 1;

	if (voices[0][0])
		return;
	for (uint32_t v = 0; v < VOICES; v++)
		for (uint32_t i = 0; i < sizeof(voices[v]); i++)
			voices[v][i] = i < PERIOD ? (uint8_t)(test_random(&random) | 1) : voices[v][i - PERIOD];
}

static uint32_t choose(struct chatter *c, uint32_t below)
{
	return (uint32_t)(test_random(&c->seed) % below);
}

void chatter_end(struct chatter *c)
{
	if (c->closed)
		return;
	c->closed = true;
	timer_stop(&c->write_timer);
	timer_stop(&c->read_timer);
	timer_stop(&c->end_timer);
	flow_close(c->flow);
}

static void end_when_over(struct chatter *c)
{
	if (c->written && c->finished)
		chatter_end(c);
}

/* Starts t at a random time from now, distinct from other timers' deadlines, whose order would follow from
 * addresses. */
static void start(struct chatter *c, struct timer *t, uint32_t within_ms)
{
	static uint32_t started;

	timer_start(t, clock_now_ns() + choose(c, within_ms + 1) * NS_PER_MS + ++started % 1000);
}

/* -- reading -- */

static void have_read(struct waiter *w)
{
	struct chatter *c = container_of(w, struct chatter, reader);
	intptr_t n = promise_result(&c->read.promise);

	if (n < 0) {
		if (!c->closed)
			c->error = (int)n;
		return;
	}
	if (n == 0) {
		c->finished = true;
		end_when_over(c);
		return;
	}
	for (const struct buf *b = c->read.bufs; b; b = b->next) {
		CHECK(memcmp(b->data, voices[c->ear] + c->got % PERIOD, b->len) == 0);
		c->got += b->len;
	}
	buf_free(c->read.bufs);
	if (!c->closed)
		start(c, &c->read_timer, c->read_pause_ms);
}

static void read_on(struct timer *t)
{
	struct chatter *c = container_of(t, struct chatter, read_timer);

	flow_read(c->flow, &c->read, 1 + choose(c, c->read_max));
	promise_wait(&c->read.promise, &c->reader, have_read);
}

/* -- writing -- */

static void have_written(struct waiter *w)
{
	struct chatter *c = container_of(w, struct chatter, writer);
	intptr_t n = promise_result(&c->write.promise);

	if (n < 0) {
		if (!c->closed)
			c->error = (int)n;
		return;
	}
	c->sent += (uint32_t)n;
	if (!c->closed)
		start(c, &c->write_timer, c->write_pause_ms);
}

static void write_on(struct timer *t)
{
	struct chatter *c = container_of(t, struct chatter, write_timer);
	uint32_t at = c->sent, count = 0;

	if (c->sent == c->len) {
		flow_shutdown(c->flow); /* c->flow may have failed already */
		c->written = true;
		end_when_over(c);
		return;
	}
	do {
		uint32_t n = 1 + choose(c, MIN(c->write_max, c->len - at)), from = at % PERIOD;

		from += PERIOD * choose(c, 2);
		c->slices[count++] = (struct slice){ voices[c->voice] + from, n, NULL };
		at += n;
	} while (count < ARRAY_SIZE(c->slices) && at < c->len && choose(c, 3) == 0);
	flow_write(c->flow, &c->write, c->slices, count);
	promise_wait(&c->write.promise, &c->writer, have_written);
}

/* -- rude ends -- */

static void end_rudely(struct timer *t)
{
	struct chatter *c = container_of(t, struct chatter, end_timer);

	if (choose(c, 2)) {
		chatter_end(c);
		return;
	}
	c->closed = true;
	timer_stop(&c->write_timer);
	timer_stop(&c->read_timer);
	flow_abort(c->flow);
}

void chatter_start(struct chatter *c, struct flow *flow)
{
	static const uint32_t sizes[] = { 10, 1500, 20000, PIECE_MAX - PERIOD };

	prepare();
	c->flow = flow;
	c->write_max = sizes[choose(c, ARRAY_SIZE(sizes))];
	c->read_max = sizes[choose(c, ARRAY_SIZE(sizes))];
	c->write_pause_ms = choose(c, 3) ? 0 : choose(c, 100);
	c->read_pause_ms = choose(c, 3) ? 0 : choose(c, 100);
	if (c->write_max == sizes[0])
		c->len %= 3000; /* more would take long */
	if (c->read_max == sizes[0])
		c->read_pause_ms = 0;
	timer_init(&c->write_timer, write_on);
	timer_init(&c->read_timer, read_on);
	timer_init(&c->end_timer, end_rudely);
	if (c->rude)
		start(c, &c->end_timer, 1000);
	write_on(&c->write_timer);
	read_on(&c->read_timer);
}
