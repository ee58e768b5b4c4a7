/* SPDX-License-Identifier: ISC */
/* The protocol of iperf3's control connection. There is no specification but the program (version 3,
 * https://software.es.net/iperf): a cookie of 37 bytes opens every connection of a test; then single bytes
 * give the state of the test; parameters and results are JSON, each behind its length in four bytes. */
#ifndef APPS_IPERF_PROTOCOL_H
#define APPS_IPERF_PROTOCOL_H

#include "kernel/util.h"

#define COOKIE_BYTES 37  /* the last is zero */
#define MESSAGE_BYTES 16384 /* of JSON, at most */
#define RESULTS_BYTES(streams) (128 + 192 * (streams)) /* the most that iperf_write_results needs */

enum iperf_state {
	TEST_START = 1, TEST_RUNNING = 2, TEST_END = 4, PARAM_EXCHANGE = 9, CREATE_STREAMS = 10,
	EXCHANGE_RESULTS = 13, DISPLAY_RESULTS = 14, IPERF_DONE = 16,
	ACCESS_DENIED = -1, SERVER_ERROR = -2,
};

enum { SERVER_ERROR_UNIMPLEMENTED = 13 }; /* iperf3's IEUNIMP */

struct iperf_parameters {
	bool is_udp, is_sctp;
	bool reverse;         /* the server sends */
	bool bidirectional;   /* both sides send, on the same number of connections each */
	uint32_t streams;     /* per direction */
	uint32_t seconds;     /* 0: no time limit */
	uint32_t omit_seconds; /* at the start, not counted */
};

struct iperf_stream_result {
	uint64_t bytes, elapsed_ns;
	int64_t retransmits; /* segments; -1: we were the receiver */
};

/* The number after the next "key": at or after *at, at whatever depth; true counts as 1, false as 0, a
 * fraction is cut off. *at moves behind it. 0, or -ENOENT: there is none. Borrows text. */
int json_next_number(const char *text, size_t len, const char *key, size_t *at, int64_t *out);

/* 0; -EBADMSG: a number out of range. Missing parameters get iperf3's defaults. */
int iperf_parse_parameters(const char *text, size_t len, struct iperf_parameters *out);
/* Gives the bytes of all streams together. */
uint64_t iperf_parse_results(const char *text, size_t len);
/* Each gives its length. size: RESULTS_BYTES for results, 256 is enough for parameters. */
size_t iperf_write_parameters(char *to, size_t size, const struct iperf_parameters *p);
size_t iperf_write_results(char *to, size_t size, const struct iperf_stream_result *results, size_t count);

#endif
