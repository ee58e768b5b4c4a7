/* SPDX-License-Identifier: ISC */
/* A flow whose other end is the test, which feeds input, and decides how much output is accepted and when
 * it is acknowledged. Needs buf_init to have been called. */
#ifndef TESTS_LIB_FAKE_FLOW_H
#define TESTS_LIB_FAKE_FLOW_H

#include "kernel/flow.h"

struct fake_flow {
	struct flow flow;
	struct flow_read *reading; /* pending */
	struct buf *fed;           /* not yet read */
	struct list writing;       /* pending struct flow_write, by link */
	size_t window;             /* bytes that will still be accepted; SIZE_MAX at first */
	char *output;              /* all that was accepted, with a terminator */
	size_t output_len;
	struct storage *unacknowledged[256]; /* counted here until fake_flow_acknowledge */
	size_t unacknowledged_count;
	size_t writes, slices;     /* in all: flow_write calls, and their slices */
	int error;                 /* of reads and writes; 0: none */
	bool ended;                /* the test has ended the input */
	bool shut_down, closed, aborted; /* the user's calls */
};

void fake_flow_init(struct fake_flow *f);
/* Everything must be acknowledged or the flow closed. */
void fake_flow_destroy(struct fake_flow *f);

/* Each call's bytes arrive as one slice: copied to memory of exactly that size, so that the address
 * sanitizer sees reads beyond it. */
void fake_flow_feed(struct fake_flow *f, const void *data, size_t len);
void fake_flow_feed_text(struct fake_flow *f, const char *text);
void fake_flow_end(struct fake_flow *f);
/* Breaks the connection: pending and later operations fail with error. */
void fake_flow_break(struct fake_flow *f, int error);
/* Accepts n bytes more. */
void fake_flow_accept(struct fake_flow *f, size_t n);
/* Puts the storage of all accepted slices. */
void fake_flow_acknowledge(struct fake_flow *f);
/* Forgets the output so far. */
void fake_flow_clear(struct fake_flow *f);

#endif
