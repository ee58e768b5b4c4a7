/* SPDX-License-Identifier: ISC */
/* Pages against a map of every page; pools; instances; and all of them without memory. */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "kernel/buf.h"
#include "kernel/instance.h"
#include "kernel/page.h"
#include "kernel/pool.h"
#include "tests/lib/test.h"

TestSuite(instance, .init = test_begin, .fini = test_end);
TestSuite(page, .init = test_begin, .fini = test_end);
TestSuite(pool, .init = test_begin, .fini = test_end);

/* -- pages -- */

enum { RUNS = 200, LONGEST = 40 };

struct run {
	uint8_t *pages;
	size_t count;
	uint8_t mark;
};

static void fill(struct run *r, uint8_t mark)
{
	r->mark = mark;
	memset(r->pages, mark, r->count * PAGE_BYTES);
}

static void assert_untouched(const struct run *r)
{
	for (size_t i = 0; i < r->count * PAGE_BYTES; i += 61)
		cr_assert_eq(r->pages[i], r->mark);
}

static void assert_zero(const struct run *r)
{
	for (size_t i = 0; i < r->count * PAGE_BYTES; i++)
		cr_assert_eq(r->pages[i], 0);
}

Test(page, random_use_keeps_runs_apart_and_comes_back_whole)
{
	struct run runs[RUNS] = { 0 };
	struct page_stats before, after;
	uint64_t seed = 5;
	size_t used = 0;
	void *all;

	page_stats(&before);
	for (int round = 0; round < 20000; round++) {
		uint64_t r = test_random(&seed);
		struct run *run = &runs[r % RUNS];

		if (run->pages) {
			assert_untouched(run);
			page_free(run->pages, run->count);
			used -= run->count;
			run->pages = NULL;
		} else {
			run->count = 1 + (r >> 32) % LONGEST;
			run->pages = page_alloc(run->count, r >> 63);
			cr_assert_not_null(run->pages);
			cr_assert_eq((uintptr_t)run->pages % PAGE_BYTES, 0);
			if (r >> 63)
				assert_zero(run);
			fill(run, (uint8_t)(r >> 40));
			used += run->count;
		}
		page_stats(&after);
		cr_assert_eq(after.used, before.used + used);
		cr_assert_geq(after.peak, after.used);
	}
	for (int i = 0; i < RUNS; i++)
		if (runs[i].pages)
			page_free(runs[i].pages, runs[i].count);
	/* All runs have been joined again: the longest possible run is free. */
	page_stats(&after);
	cr_assert_eq(after.used, before.used);
	all = page_alloc(after.total - after.used, false);
	cr_assert_not_null(all);
	cr_assert_null(page_alloc(1, false));
	page_stats(&before);
	cr_assert_eq(before.refused, after.refused + 1);
	page_free(all, after.total - after.used);
}

Test(page, what_is_used_lies_together_from_the_beginning)
{
	uint8_t *first = page_alloc(3, false), *second = page_alloc(1, true), *third = page_alloc(2, false);

	cr_assert_eq(second, first + 3 * PAGE_BYTES);
	cr_assert_eq(third, second + PAGE_BYTES);
	page_free(second, 1);
	cr_assert_eq(page_alloc(1, false), second);
	page_free(first, 3);
	page_free(second, 1);
	page_free(third, 2);
}

Test(page, what_cannot_be_is_refused)
{
	cr_assert_null(page_alloc(SIZE_MAX, true));
	cr_assert_null(page_alloc(SIZE_MAX / PAGE_BYTES + 1, true));
}

/* The map of a machine: ragged, empty, adjacent, in any order, and the null page. */
Test(page, regions_of_every_shape)
{
	static uint8_t memory[16 * PAGE_BYTES];
	uintptr_t at = ALIGN_UP((uintptr_t)memory, PAGE_BYTES);
	struct page_stats before, after;
	uint8_t *pages[10];

	page_stats(&before);
	page_add_region(at + 1, at + PAGE_BYTES);                      /* less than a page */
	page_add_region(at + 5 * PAGE_BYTES, at + 5 * PAGE_BYTES);     /* empty */
	page_add_region(at + 7 * PAGE_BYTES, at + 2 * PAGE_BYTES);     /* backwards */
	page_add_region(0, PAGE_BYTES);                                /* null */
	page_stats(&after);
	cr_assert_eq(after.total, before.total);
	page_add_region(at + 8 * PAGE_BYTES - 7, at + 12 * PAGE_BYTES + 9);
	page_add_region(at + PAGE_BYTES, at + 8 * PAGE_BYTES);
	page_stats(&after);
	cr_assert_eq(after.total, before.total + 11);
	/* Both regions touch: together they are one run of eleven. */
	for (int i = 0; i < 10; i++)
		cr_assert_not_null(pages[i] = page_alloc(1, true));
	for (int i = 9; i >= 0; i--)
		page_free(pages[i], 1);
}

Test(page, freeing_twice_is_caught, .signal = SIGABRT)
{
	void *a = page_alloc(1, false), *b = page_alloc(1, false);

	page_free(a, 1);
	page_free(a, 1);
	page_free(b, 1);
}

Test(page, freeing_what_lies_crooked_is_caught, .signal = SIGABRT)
{
	page_free((char *)page_alloc(2, false) + 16, 1);
}

/* -- pools -- */

enum { OBJECTS = 100 };

Test(pool, gives_aligned_objects_of_their_own)
{
	static const size_t aligns[] = { 8, 16, 64, 4096 };
	static const size_t sizes[] = { 1, 8, 24, 100, 2048 };

	for (size_t a = 0; a < ARRAY_SIZE(aligns); a++) {
		for (size_t s = 0; s < ARRAY_SIZE(sizes); s++) {
			uint8_t *objects[OBJECTS];
			struct pool p;

			cr_assert_eq(pool_init(&p, sizes[s], aligns[a], OBJECTS), 0);
			for (int i = 0; i < OBJECTS; i++) {
				objects[i] = pool_alloc(&p);
				cr_assert_not_null(objects[i]);
				cr_assert_eq((uintptr_t)objects[i] % aligns[a], 0);
				memset(objects[i], i, sizes[s]);
			}
			cr_assert_null(pool_alloc(&p));
			cr_assert_eq(p.refused, 1);
			for (int i = 0; i < OBJECTS; i++) {
				for (size_t k = 0; k < sizes[s]; k++)
					cr_assert_eq(objects[i][k], i);
				cr_assert(pool_owns(&p, objects[i]));
				pool_free(&p, objects[i]);
			}
			cr_assert(!pool_owns(&p, objects));
			cr_assert_eq(p.peak, OBJECTS);
			pool_destroy(&p);
		}
	}
}

Test(pool, random_use_is_counted)
{
	void *objects[OBJECTS] = { 0 };
	size_t used = 0, peak = 0;
	uint64_t seed = 11;
	struct pool p;

	cr_assert_eq(pool_init(&p, 40, 8, OBJECTS), 0);
	for (int round = 0; round < 100000; round++) {
		void **o = &objects[test_random(&seed) % OBJECTS];

		if (*o) {
			pool_free(&p, *o);
			*o = NULL;
			used--;
		} else {
			*o = pool_alloc(&p);
			cr_assert_not_null(*o);
			used++;
		}
		peak = MAX(peak, used);
		cr_assert_eq(p.used, used);
		cr_assert_eq(p.peak, peak);
	}
	for (int i = 0; i < OBJECTS; i++)
		if (objects[i])
			pool_free(&p, objects[i]);
	pool_destroy(&p);
}

Test(pool, more_than_there_is_memory_for_is_refused)
{
	struct pool p;

	cr_assert_eq(pool_init(&p, 1 << 20, 8, 1 << 20), -ENOMEM);
	cr_assert_eq(pool_init(&p, SIZE_MAX / 4, 8, 5), -ENOMEM);
	cr_assert_eq(pool_init(&p, 4096, 8, SIZE_MAX / 4096), -ENOMEM);
}

Test(pool, destroying_one_that_is_in_use_is_caught, .signal = SIGABRT)
{
	struct pool p;

	pool_init(&p, 8, 8, 2);
	pool_alloc(&p);
	pool_destroy(&p);
}

Test(pool, freeing_a_stranger_is_caught, .signal = SIGABRT)
{
	struct pool p;
	char stranger[8];

	pool_init(&p, 8, 8, 2);
	pool_alloc(&p);
	pool_free(&p, stranger);
}

Test(pool, freeing_twice_is_caught, .signal = SIGABRT)
{
	struct pool p;
	void *object;

	pool_init(&p, 8, 8, 2);
	object = pool_alloc(&p);
	pool_alloc(&p);
	pool_free(&p, object);
	pool_free(&p, object);
}

Test(pool, using_a_freed_object_is_caught, .signal = SIGABRT)
{
	struct pool p;
	uint64_t *volatile object;

	pool_init(&p, 8, 8, 2);
	object = pool_alloc(&p);
	pool_free(&p, object);
	*object = 1;
}

/* -- instances -- */

/* The function of images; in all other tests tests/lib gives each instance its own block. */
void *__real_instance_alloc(size_t bytes);
void __real_instance_free(void *memory, size_t bytes);

static size_t pages_used(void)
{
	struct page_stats pages;

	page_stats(&pages);
	return pages.used;
}

Test(instance, random_use_keeps_instances_apart_and_comes_back_whole)
{
	struct run live[RUNS] = { 0 };
	size_t before = pages_used();
	uint64_t seed = 7;

	for (int round = 0; round < 20000; round++) {
		uint64_t r = test_random(&seed);
		struct run *run = &live[r % RUNS];

		if (run->pages) {
			for (size_t i = 0; i < run->count; i++)
				cr_assert_eq(run->pages[i], run->mark);
			__real_instance_free(run->pages, run->count);
			run->pages = NULL;
			continue;
		}
		run->count = 1 + (r >> 32) % (r >> 63 ? 3 * PAGE_BYTES : 300);
		run->pages = __real_instance_alloc(run->count);
		cr_assert_eq((uintptr_t)run->pages % 16, 0);
		for (size_t i = 0; i < run->count; i++)
			cr_assert_eq(run->pages[i], 0);
		run->mark = (uint8_t)(r >> 40);
		memset(run->pages, run->mark, run->count);
	}
	for (int i = 0; i < RUNS; i++)
		__real_instance_free(live[i].pages, live[i].count);
	cr_assert_eq(pages_used(), before);
}

Test(instance, small_ones_share_pages)
{
	size_t before = pages_used();
	void *small[40], *large, *last;

	for (int i = 0; i < 40; i++)
		small[i] = __real_instance_alloc(100);
	cr_assert_eq(pages_used(), before + 2);
	large = __real_instance_alloc(4000); /* has its own page, and leaves the room in the second */
	last = __real_instance_alloc(1000);
	cr_assert_eq(pages_used(), before + 3);
	__real_instance_free(large, 4000);
	__real_instance_free(last, 1000);
	for (int i = 0; i < 40; i++)
		__real_instance_free(small[i], 100);
	cr_assert_eq(pages_used(), before);
}

Test(instance, without_memory)
{
	size_t before = pages_used();

	cr_assert_null(__real_instance_alloc(SIZE_MAX / 2));
	test_alloc_fail_at(1);
	cr_assert_null(__real_instance_alloc(10));
	test_alloc_fail_at(0);
	__real_instance_free(__real_instance_alloc(10), 10);
	__real_instance_free(NULL, 10);
	cr_assert_eq(pages_used(), before);
}

/* -- no memory -- */

enum { PIECES = 7 };

/* Takes as many pieces as it can get, and continues without the others. */
static void take_pieces(void *arg)
{
	void *pieces[PIECES];
	unsigned *missing = arg;

	for (int i = 0; i < PIECES; i++) {
		pieces[i] = i % 2 ? malloc(8) : page_alloc(1, false);
		*missing += !pieces[i];
	}
	for (int i = 0; i < PIECES; i++) {
		if (i % 2)
			free(pieces[i]);
		else if (pieces[i])
			page_free(pieces[i], 1);
	}
}

Test(pool, each_allocation_is_made_to_fail_once)
{
	unsigned missing = 0;

	cr_assert_eq(test_alloc_fail_each(take_pieces, &missing), PIECES);
	cr_assert_eq(missing, PIECES);
	cr_assert(!test_alloc_failed());
}

static void try_pool(void *arg)
{
	struct pool p;
	int error = pool_init(&p, 100, 8, 100);

	(void)arg;
	cr_assert_eq(error, test_alloc_failed() ? -ENOMEM : 0);
	if (!error)
		pool_destroy(&p);
}

Test(pool, without_memory)
{
	cr_assert_eq(test_alloc_fail_each(try_pool, NULL), 1);
}

/* buf_init makes two pools: when there is no memory for the second, the first must go back. */
static void try_buf_init(void *arg)
{
	int error = buf_init(1000, 1000);

	cr_assert(test_alloc_failed() ? error == -ENOMEM : error == 0);
	if (!error)
		*(bool *)arg = true;
}

Test(pool, packets_without_memory)
{
	bool made = false;

	for (uint64_t n = 1; !made; n++) {
		int64_t before = test_alloc_live();

		test_alloc_fail_at(n);
		try_buf_init(&made);
		test_alloc_fail_at(0);
		cr_assert_eq(test_alloc_live() - before, made ? 2 : 0);
		cr_assert_leq(n, 3);
	}
	test_begin(); /* those two stay: test_end is not to miss them */
}
