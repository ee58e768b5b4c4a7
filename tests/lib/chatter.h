/* SPDX-License-Identifier: ISC */
/* An application whose behaviour a seed decides: it writes pieces of any size, one after the other or with
 * pauses, and reads in portions of any size, fast or slowly. A polite one writes all its bytes, shuts down,
 * and closes at the end of the peer's stream; a rude one closes or aborts at some moment. It asserts that
 * each byte that comes is the next of the peer's. */
#ifndef TESTS_LIB_CHATTER_H
#define TESTS_LIB_CHATTER_H

#include "kernel/flow.h"
#include "kernel/timer.h"

struct chatter {
	/* the caller fills in these, the rest is zero */
	uint64_t seed;
	uint32_t voice, ear;    /* the bytes that it writes and expects: any two numbers */
	uint32_t len;           /* bytes that it writes */
	bool rude;

	uint32_t sent, got;
	int error;              /* that ended reading or writing early: negative errno */
	bool written, finished; /* all written and shut down; the peer's stream has ended */
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
/* Closes the flow, unless that was done: to be called after a failure. */
void chatter_end(struct chatter *c);

#endif
