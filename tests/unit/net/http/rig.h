/* SPDX-License-Identifier: ISC */
/* One server over fake flows, for the tests of this folder. */
#ifndef TESTS_UNIT_NET_HTTP_RIG_H
#define TESTS_UNIT_NET_HTTP_RIG_H

#include <criterion/criterion.h>

#include "net/http/server.h"
#include "tests/lib/fake_flow.h"
#include "tests/lib/fake_kv.h"

#define GET(path) "GET " path " HTTP/1.1\r\nHost: a\r\n\r\n"
#define GET_WITH(path, fields) "GET " path " HTTP/1.1\r\nHost: a\r\n" fields "\r\n"

extern struct http_config rig_config; /* for the server, which is made with the first client */
extern struct http_server *rig_server;
extern struct fake_kv rig_store;      /* its kv, unless the test says otherwise */

/* A test suite's set-up and tear-down; the latter checks that all memory has been freed. */
void rig_set_up(void);
void rig_tear_down(void);

struct fake_flow *rig_connect(void);
void rig_run(void); /* until nothing is left to do */
void rig_say(struct fake_flow *f, const char *text);
void rig_advance(uint64_t ns);
/* Acknowledges output until no more comes. */
void rig_acknowledge(struct fake_flow *f);
/* The same, and forgets the output. */
void rig_forget(struct fake_flow *f);
struct http_stats rig_stats(void);

/* Asserts that this is the output, and clears it. */
void rig_expect(struct fake_flow *f, const char *expected);
/* The output begins with this status and has these lines, each with its CRLF; the last one is NULL. Gives
 * where the body begins, in the output, which is not forgotten. */
const char *rig_expect_head(struct fake_flow *f, unsigned status, ...);
/* The statuses of all answers, "200 404 "; and forgets the output. */
void rig_expect_statuses(struct fake_flow *f, const char *expected);
/* Asserts that bytes [start, start + len) of a value of the store are at body, and end the output if
 * is_all. */
void rig_expect_bytes(struct fake_flow *f, const char *body, uint64_t start, size_t len, bool is_all);

#endif
