/* SPDX-License-Identifier: ISC */
/* A connection, and bytes each of which tells its place in the stream, for tests of their delivery. */
#ifndef TESTS_UNIT_NET_TCP_STREAM_H
#define TESTS_UNIT_NET_TCP_STREAM_H

#include "tests/lib/segment.h"

#define MSS 1460

extern struct peer peer;
extern struct flow *flow; /* for the test to open */
extern uint8_t data[200000];
extern struct flow_write write_op;

/* For a suite: before and after each of its tests. */
void stream_create(void);
void stream_destroy(void);

/* Writes data[offset, offset + len) to flow, with write_op. */
void write_bytes(size_t offset, size_t len);
/* The next segment sent has len bytes of data from seq on, and this acknowledgement; or 1. */
void expect_data_with_ack(uint32_t seq, uint32_t ack, uint32_t len);
void expect_data(uint32_t seq, uint32_t len);

#endif
