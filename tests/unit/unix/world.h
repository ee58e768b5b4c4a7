/* SPDX-License-Identifier: ISC */
/* The world of tests that touch the host: its events wake the loop, the fake clock follows. */
#ifndef TESTS_UNIT_UNIX_WORLD_H
#define TESTS_UNIT_UNIX_WORLD_H

#include "kernel/promise.h"

/* Memory for packets; from now on the loop waits for the host when it blocks. */
void world_begin(void);
/* Asserts that every packet came back. */
void world_end(void);
/* Runs the loop until p has settled, or asserts after ten seconds. Gives promise_result(p). */
intptr_t world_run(struct promise *p);
/* Runs the loop for this long, whatever happens. */
void world_run_for_ms(unsigned ms);

#endif
