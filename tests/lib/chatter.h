/* SPDX-License-Identifier: ISC */
/* An application whose behaviour a seed decides: it writes pieces of any size, one after the other or with
 * pauses, reads in portions of any size, fast or slowly, and ends politely: what it writes in full, its end
 * of the stream then, and the flow when the other end's has come. Or rudely: at some moment it closes or
 * aborts. It asserts that each byte that comes is the next one of what the other end writes. */
#ifndef TESTS_LIB_CHATTER_H
#define TESTS_LIB_CHATTER_H

#include "kernel/flow.h"
#include "kernel/timer.h"

struct chatter {
	/* the caller fills in these, the rest is zero */
	uint64_t seed;
	uint32_t voice, ear;    /* what it writes and what it expects: any two numbers */
	uint32_t len;           /* bytes that it writes */
	bool rude;

	uint32_t sent, got;
	int error;              /* why reading or writing ended early: negative errno */
	bool written, finished; /* all written and shut down; the other end's end has come */
	bool closed;
	struct flow *flow;
	uint32_t write_max, read_max, write_pause_ms, read_pause_ms;
	struct flow_read read;
	struct flow_write write;
	struct waiter reader, writer;
	struct timer write_timer, read_timer, end_timer;
	struct slice slices[3];
};

/* Begins. The flow is the chatter's to close. */
void chatter_start(struct chatter *c, struct flow *flow);
/* Closes the flow, if it has not yet: to be called when something has failed. */
void chatter_end(struct chatter *c);

#endif
