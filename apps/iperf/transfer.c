/* SPDX-License-Identifier: ISC */
/* One stream. A sender writes 32 kB at a time of the same constant memory: the stack holds as many pieces as
 * it has slices for, so the queue is never empty, and at the end of the test it holds little. */
#include "apps/iperf/transfer.h"

enum { PIECE_BYTES = 32768, READ_BYTES = 1 << 20 };

static uint8_t piece[PIECE_BYTES]; /* never written; not const, so that it is in .bss and not in the image */

static void go_on(struct transfer *t);

static void have_done(struct waiter *w)
{
	struct transfer *t = container_of(w, struct transfer, waiter);
	intptr_t n = promise_result(t->sends ? &t->write.promise : &t->read.promise);

	t->is_running = false;
	if (n > 0 && t->is_counted)
		t->bytes += (uint64_t)n;
	if (n > 0 && !t->sends)
		buf_free(t->read.bufs);
	if (n > 0 && (t->is_counted || !t->sends))
		go_on(t);
}

static void go_on(struct transfer *t)
{
	t->is_running = true;
	if (t->sends) {
		t->slice = (struct slice){ piece, sizeof(piece), NULL };
		flow_write(t->flow, &t->write, &t->slice, 1);
		promise_wait(&t->write.promise, &t->waiter, have_done);
	} else {
		flow_read(t->flow, &t->read, READ_BYTES);
		promise_wait(&t->read.promise, &t->waiter, have_done);
	}
}

void transfer_start(struct transfer *t, struct flow *flow, bool sends)
{
	*t = (struct transfer){ .flow = flow, .sends = sends, .is_counted = true };
	go_on(t);
}

void transfer_stop(struct transfer *t, bool shut_down)
{
	t->is_counted = false;
	if (t->sends && t->is_running) {
		t->bytes += t->write.total; /* the part of the piece that the stack has accepted */
		promise_cancel(&t->write.promise);
	}
	if (t->sends && shut_down)
		flow_shutdown(t->flow);
}

void transfer_end(struct transfer *t)
{
	flow_abort(t->flow);
	promise_unwait(&t->waiter);
	if (t->is_running && !t->sends && promise_result(&t->read.promise) > 0)
		buf_free(t->read.bufs);
	t->is_running = false;
}
