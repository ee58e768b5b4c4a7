/* SPDX-License-Identifier: ISC */
/* Counts allocations and lets a chosen one fail. The linker's --wrap redirects every call of the tested
 * code and of the tests here; the C library's own calls are not redirected, so wrapped code must not free
 * memory that it allocates (strdup). Also provides the memory of the page allocator and of instances. */
#include "tests/lib/memory.h"

#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "kernel/page.h"
#include "kernel/pool.h"

enum { ARENA_BYTES = 256 << 20 };

void *__real_malloc(size_t n);
void *__real_calloc(size_t count, size_t n);
void *__real_realloc(void *old, size_t n);
void *__real_aligned_alloc(size_t align, size_t n);
void __real_free(void *old);
void *__real_page_alloc(size_t count, bool zero);
void __real_page_free(void *pages, size_t count);
void *__real_pool_alloc(struct pool *p);
void __real_pool_free(struct pool *p, void *object);
void *__wrap_malloc(size_t n);
void *__wrap_calloc(size_t count, size_t n);
void *__wrap_realloc(void *old, size_t n);
void *__wrap_aligned_alloc(size_t align, size_t n);
void __wrap_free(void *old);
void *__wrap_page_alloc(size_t count, bool zero);
void __wrap_page_free(void *pages, size_t count);
void *__wrap_pool_alloc(struct pool *p);
void __wrap_pool_free(struct pool *p, void *object);
void *__wrap_instance_alloc(size_t n);
void __wrap_instance_free(void *memory, size_t n);

static uint64_t calls, fail_at;
static int64_t live;
static bool failed;
static const void *spared[4];
static size_t spared_count;

/* Runs before other constructors, which may allocate. */
__attribute__((constructor(101))) static void give_memory(void)
{
	char *arena = mmap(NULL, ARENA_BYTES, PROT_READ | PROT_WRITE,
	                   MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (arena == MAP_FAILED)
		abort();
	page_add_region((uintptr_t)arena, (uintptr_t)arena + ARENA_BYTES);
}

static bool refuse(void)
{
	if (++calls != fail_at)
		return false;
	failed = true;
	return true;
}

static void *count(void *block)
{
	live += block != NULL;
	return block;
}

void *__wrap_malloc(size_t n)
{
	return refuse() ? NULL : count(__real_malloc(n));
}

void *__wrap_calloc(size_t n, size_t size)
{
	return refuse() ? NULL : count(__real_calloc(n, size));
}

void *__wrap_aligned_alloc(size_t align, size_t n)
{
	return refuse() ? NULL : count(__real_aligned_alloc(align, n));
}

void *__wrap_realloc(void *old, size_t n)
{
	void *block = refuse() ? NULL : __real_realloc(old, n);

	live += block && !old;
	return block;
}

void __wrap_free(void *old)
{
	live -= old != NULL;
	__real_free(old);
}

void *__wrap_page_alloc(size_t n, bool zero)
{
	return refuse() ? NULL : count(__real_page_alloc(n, zero));
}

void __wrap_page_free(void *pages, size_t n)
{
	live--;
	__real_page_free(pages, n);
}

void *__wrap_pool_alloc(struct pool *p)
{
	for (size_t i = 0; i < spared_count; i++)
		if (spared[i] == p)
			return count(__real_pool_alloc(p));
	return refuse() ? NULL : count(__real_pool_alloc(p));
}

void __wrap_pool_free(struct pool *p, void *object)
{
	live--;
	__real_pool_free(p, object);
}

/* Gives each instance its own block, so that the sanitizer sees where it ends. */
void *__wrap_instance_alloc(size_t n)
{
	return __wrap_calloc(1, n);
}

void __wrap_instance_free(void *memory, size_t n)
{
	assert(!memory || malloc_usable_size(memory) == n);
	__wrap_free(memory);
}

void test_alloc_spare(const void *pool)
{
	assert(spared_count < ARRAY_SIZE(spared));
	spared[spared_count++] = pool;
}

void test_alloc_fail_at(uint64_t n)
{
	fail_at = n ? calls + n : 0;
	failed = false;
}

bool test_alloc_failed(void)
{
	return failed;
}

uint64_t test_alloc_count(void)
{
	return calls;
}

int64_t test_alloc_live(void)
{
	return live;
}

uint64_t test_alloc_fail_each(void (*run)(void *arg), void *arg)
{
	for (uint64_t n = 1;; n++) {
		int64_t before = live;
		bool came_to_it;

		test_alloc_fail_at(n);
		run(arg);
		came_to_it = failed;
		test_alloc_fail_at(0);
		if (live != before) {
			fprintf(stderr, "allocation %llu failed and %lld blocks were left\n", (unsigned long long)n,
			        (long long)(live - before));
			abort();
		}
		if (!came_to_it)
			return n - 1;
	}
}

static void *world(void *block)
{
	if (!block)
		abort();
	return block;
}

void *test_alloc(size_t n)
{
	return count(world(__real_calloc(1, n ? n : 1)));
}

void *test_realloc(void *old, size_t n)
{
	live += !old;
	return world(__real_realloc(old, n));
}
