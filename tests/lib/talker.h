/* SPDX-License-Identifier: ISC */
/* One end of a connection that is used in both directions at once: writes its bytes and shuts down, reads
 * to the end, and asserts that the peer's bytes arrive, each of them once and in order. */
#ifndef TESTS_LIB_TALKER_H
#define TESTS_LIB_TALKER_H

#include "kernel/flow.h"

struct talker {
	/* the caller fills in these, the rest is zero */
	const uint8_t *mine, *theirs; /* len bytes each */
	uint32_t len;
	uint32_t read_bytes;          /* of one read at most */

	uint32_t got;                 /* bytes of theirs that have come */
	bool finished;                /* the peer's stream has ended */
	struct flow *flow;
	struct flow_read read;
	struct flow_write write;
	struct waiter reader, writer;
	struct slice slice;
};

/* Begins. The flow stays the caller's to close. */
void talker_start(struct talker *t, struct flow *flow);

#endif
