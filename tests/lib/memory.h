/* SPDX-License-Identifier: ISC */
/* Memory under the control of a test: malloc and its kin, page_alloc, pool_alloc and instance_alloc are
 * counted and can be made to fail. Does not need Criterion: fuzz targets and wires use it too. */
#ifndef TESTS_LIB_MEMORY_H
#define TESTS_LIB_MEMORY_H

#include <stddef.h>
#include <stdint.h>
#include <stdbool.h>

/* The nth allocation from now fails (1: the next), once. 0: none does. */
void test_alloc_fail_at(uint64_t n);
/* Spares allocations from this struct pool (at most 4 such), whose user relies on its not being empty. */
void test_alloc_spare(const void *pool);
/* Has an allocation been made to fail? */
bool test_alloc_failed(void);
/* Allocations since the start, and blocks allocated now. */
uint64_t test_alloc_count(void);
int64_t test_alloc_live(void);
/* Calls run(arg) with its first allocation failing, then with its second, and so on until none failed.
 * Asserts that run leaves no memory allocated. Gives the number of failures. */
uint64_t test_alloc_fail_each(void (*run)(void *arg), void *arg);

/* For a test's environment, such as a wire or a peer: as calloc and realloc, but never made to fail. */
void *test_alloc(size_t n);
void *test_realloc(void *old, size_t n);

#endif
