/* SPDX-License-Identifier: ISC */
/* One stream of a test: sends constant memory, or receives and counts, as fast as possible. */
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
/* Ends sending at the end of the test, and the stream's direction too if shut_down. A receiver goes on, so
 * that the peer does not wait, but no longer counts. */
void transfer_stop(struct transfer *t, bool shut_down);
/* Resets the connection: data on its way is lost. */
void transfer_end(struct transfer *t);

#endif
