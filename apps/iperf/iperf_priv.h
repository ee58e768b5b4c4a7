/* SPDX-License-Identifier: ISC */
/* What server and client share: a test, and how its control connection is spoken. Everything that waits is
 * for fibers. */
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

/* -- control.c: 0 or more, or a negative errno; -ECONNRESET: the other side has ended it -- */

int control_write(struct flow *flow, const void *data, size_t len);
int control_read(struct flow *flow, void *to, size_t len, uint64_t deadline_ns);
int control_send_state(struct measurement *m, enum iperf_state state);
/* enum iperf_state, as a number that may be negative, goes to *state. */
int control_read_state(struct measurement *m, int *state, uint64_t deadline_ns);
/* The first len bytes of m->message. */
int control_send_message(struct measurement *m, size_t len);
/* Into m->message; gives its length. -EMSGSIZE. */
int control_read_message(struct measurement *m);
uint64_t control_deadline(uint32_t seconds); /* so many, and some patience, from now */

/* -- measurement.c: what both sides do -- */

/* Streams of both directions. 0, -E2BIG. */
int measurement_stream_count(const struct iperf_parameters *p, uint32_t *count);
/* is_server: whose direction it is. */
void measurement_start(struct measurement *m, bool is_server);
/* What there was until now is not counted. */
void measurement_omit(struct measurement *m);
void measurement_stop(struct measurement *m, bool is_server);
int measurement_send_results(struct measurement *m);
/* Gives the other side's bytes. */
int measurement_read_results(struct measurement *m, uint64_t *bytes);
/* Lets all connections go, and logs what there was. */
void measurement_end(struct measurement *m, const char *who, int result, uint64_t their_bytes);

/* -- server.c, client.c -- */

int server_start(struct stack *stack, uint16_t port);
/* *done settles when the test is over. */
int client_start(struct stack *stack, const struct client_config *config, struct promise *done);

#endif
