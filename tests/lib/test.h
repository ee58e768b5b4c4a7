/* SPDX-License-Identifier: ISC */
/* The common part of unit tests: Criterion, and an environment under the test's control. The binary is
 * linked against this library's clock, console, entropy, CPU and memory instead of a machine's. Each
 * Criterion test runs in its own process, and so starts afresh: the clock at one second, the console
 * empty, no options set.
 *
 *     TestSuite(promise, .init = test_begin, .fini = test_end);
 *
 * makes test_end assert that everything allocated since test_begin has been freed. */
#ifndef TESTS_LIB_TEST_H
#define TESTS_LIB_TEST_H

#include <criterion/criterion.h>

#include "kernel/promise.h"
#include "kernel/util.h"
#include "tests/lib/clock.h"
#include "tests/lib/dice.h"
#include "tests/lib/memory.h"

/* -- a test's frame -- */

void test_begin(void);
void test_end(void);

/* -- loop -- */

/* Runs the loop until nothing is ready, due or pending; the clock stands still. */
void test_settle(void);
/* Runs the loop until the clock has moved by this much. */
void test_run_for_ns(uint64_t ns);

/* -- console: keeps its output -- */

const char *test_console_text(void); /* everything since the start or the last clear */
void test_console_clear(void);
void test_console_type(const char *text); /* input for console_read; NULL: end of input */

/* -- entropy: from a seed -- */

extern uint64_t test_entropy_seed;
extern bool test_entropy_missing;

/* -- promises: common assertions -- */

#define test_assert_pending(p) \
	cr_assert(!promise_is_settled(p), "is not pending: result %ld", (long)promise_result(p))
#define test_assert_value(p, v) \
	cr_assert((p)->state == PROMISE_FULFILLED && (p)->value == (intptr_t)(v), \
	          "state %d, result %ld, expected the value %ld", (p)->state, (long)promise_result(p), (long)(v))
#define test_assert_error(p, e) \
	cr_assert((p)->state == PROMISE_FAILED && (p)->error == (e) && promise_result(p) == (e), \
	          "state %d, result %ld, expected the error %d", (p)->state, (long)promise_result(p), (e))

#endif
