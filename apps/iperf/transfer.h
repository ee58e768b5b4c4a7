/* SPDX-License-Identifier: ISC */
/* What one stream of a test does: sends constant memory, or receives and counts, as fast as it goes. */
#ifndef APPS_IPERF_TRANSFER_H
#define APPS_IPERF_TRANSFER_H

#include "kernel/flow.h"

struct transfer {
	struct flow *flow;
	bool sends;
	bool is_counted; /* until transfer_stop */
	bool is_running;
	uint64_t bytes;
	struct flow_read read;
	struct flow_write write;
	struct slice slice;
	struct waiter waiter;
};

/* Takes flow, until transfer_end. */
void transfer_start(struct transfer *t, struct flow *flow, bool sends);
/* The test's time is over: sends no more, and says so to the other side if shut_down; receives on, so that
 * nobody waits, but counts no more. */
void transfer_stop(struct transfer *t, bool shut_down);
/* What is still on its way is lost. */
void transfer_end(struct transfer *t);

#endif
