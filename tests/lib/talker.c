/* SPDX-License-Identifier: ISC */
/* A talker: the waiters of its read and its write each start the next one, or end. */
#include "tests/lib/talker.h"

#include <criterion/criterion.h>

static void have_read(struct waiter *w)
{
	struct talker *t = container_of(w, struct talker, reader);
	intptr_t n = promise_result(&t->read.promise);

	cr_assert_geq(n, 0, "%ld after %u bytes", (long)n, t->got);
	if (n == 0) {
		t->finished = true;
		return;
	}
	cr_assert_leq((uint32_t)n, t->len - t->got, "more than was sent");
	for (const struct buf *b = t->read.bufs; b; b = b->next) {
		cr_assert_eq(memcmp(b->data, t->theirs + t->got, b->len), 0, "wrong after %u bytes", t->got);
		t->got += b->len;
	}
	buf_free(t->read.bufs);
	flow_read(t->flow, &t->read, t->read_bytes);
	promise_wait(&t->read.promise, w, have_read);
}

static void have_written(struct waiter *w)
{
	struct talker *t = container_of(w, struct talker, writer);

	cr_assert_eq(promise_result(&t->write.promise), t->len);
	cr_assert_eq(flow_shutdown(t->flow), 0);
}

void talker_start(struct talker *t, struct flow *flow)
{
	t->flow = flow;
	t->slice = (struct slice){ t->mine, t->len, NULL };
	flow_write(flow, &t->write, &t->slice, 1);
	promise_wait(&t->write.promise, &t->writer, have_written);
	flow_read(flow, &t->read, t->read_bytes);
	promise_wait(&t->read.promise, &t->reader, have_read);
}
