/* SPDX-License-Identifier: ISC */
/* A flow whose other end is the test: it feeds what is to be read, and decides how much of what is
 * written is accepted and when it is acknowledged. Needs buf_init to have been called. */
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
	size_t writes, slices;     /* in all: flow_write calls, and what they were made of */
	int error;                 /* what reads and writes fail with; 0 */
	bool ended;                /* the peer has sent all */
	bool shut_down, closed, aborted; /* what the user did */
};

void fake_flow_init(struct fake_flow *f);
/* Everything must be acknowledged or the flow closed. */
void fake_flow_destroy(struct fake_flow *f);

/* Each call arrives as one slice: copied to memory of exactly its size, so that the address
 * sanitizer sees what is read beyond it. */
void fake_flow_feed(struct fake_flow *f, const void *data, size_t len);
void fake_flow_feed_text(struct fake_flow *f, const char *text);
void fake_flow_end(struct fake_flow *f);
/* The connection breaks: pending and later operations fail with error. */
void fake_flow_break(struct fake_flow *f, int error);
/* Accepts n bytes more. */
void fake_flow_accept(struct fake_flow *f, size_t n);
/* Gives back the storage of everything accepted. */
void fake_flow_acknowledge(struct fake_flow *f);
/* Forgets the output so far. */
void fake_flow_clear(struct fake_flow *f);

#endif
