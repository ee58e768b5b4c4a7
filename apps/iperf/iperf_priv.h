/* SPDX-License-Identifier: ISC */
/* Declarations shared by server and client: a test, and the protocol of its control connection. Calls that
 * wait are for fibers. */
#ifndef APPS_IPERF_IPERF_PRIV_H
#define APPS_IPERF_IPERF_PRIV_H

#include "apps/iperf/protocol.h"
#include "apps/iperf/transfer.h"
#include "net/stack.h"

enum { PATIENCE_SECONDS = 30 }; /* for an answer, or for the end of a test after its time */

struct measurement {
	struct flow *control;
	char cookie[COOKIE_BYTES];
	struct iperf_parameters parameters;
	struct flow *flows[CONFIG_IPERF_STREAMS];
	struct transfer transfers[CONFIG_IPERF_STREAMS];
	uint32_t flow_count, transfer_count; /* connected; started */
	uint64_t start_ns, end_ns;
	char message[MESSAGE_BYTES];
};

struct client_config {
	struct endpoint server;
	struct iperf_parameters parameters;
};

/* -- control.c: 0 or more, or a negative errno; -ECONNRESET: the peer has ended the connection -- */

int control_write(struct flow *flow, const void *data, size_t len);
int control_read(struct flow *flow, void *to, size_t len, uint64_t deadline_ns);
int control_send_state(struct measurement *m, enum iperf_state state);
/* *state: an enum iperf_state, which may be negative. */
int control_read_state(struct measurement *m, int *state, uint64_t deadline_ns);
/* Sends the first len bytes of m->message. */
int control_send_message(struct measurement *m, size_t len);
/* Reads into m->message; gives the length. -EMSGSIZE. */
int control_read_message(struct measurement *m);
uint64_t control_deadline(uint32_t seconds); /* from now, plus PATIENCE_SECONDS */

/* -- measurement.c: the part common to both sides -- */

/* The number of streams in both directions. 0, -E2BIG. */
int measurement_stream_count(const struct iperf_parameters *p, uint32_t *count);
/* is_server: this side is the server, which tells which streams send. */
void measurement_start(struct measurement *m, bool is_server);
/* Leaves the bytes and time until now out of the count. */
void measurement_omit(struct measurement *m);
void measurement_stop(struct measurement *m, bool is_server);
int measurement_send_results(struct measurement *m);
/* *bytes: the peer's count. */
int measurement_read_results(struct measurement *m, uint64_t *bytes);
/* Closes all connections, and logs the result. */
void measurement_end(struct measurement *m, const char *who, int result, uint64_t their_bytes);

/* -- server.c, client.c -- */

int server_start(struct stack *stack, uint16_t port);
/* *done settles when the test is over. */
int client_start(struct stack *stack, const struct client_config *config, struct promise *done);

#endif
