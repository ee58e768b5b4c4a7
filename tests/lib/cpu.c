/* SPDX-License-Identifier: ISC */
/* The CPU of unit tests: fibers on mapped stacks with a guard page, told to the address sanitizer,
 * and an end that shows the console. Contexts are the C library's: slow, and right on any host. */
#define _GNU_SOURCE /* pthread_getattr_np */
#include "tests/lib/test.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <ucontext.h>

#include "arch/arch.h"
#include "kernel/page.h"
#include "kernel/poison.h"

void __sanitizer_start_switch_fiber(void **fake_stack, const void *bottom, size_t size);
void __sanitizer_finish_switch_fiber(void *fake_stack, const void **bottom, size_t *size);

struct stack {
	struct stack *next;
	char *low;
	size_t bytes;
};

/* Start data at the top of a new stack. */
struct start {
	ucontext_t context;
	void (*entry)(void *arg);
	void *arg;
};

static struct stack *stacks;
static const void *main_low;
static size_t main_bytes;

void *arch_stack_alloc(size_t bytes)
{
	struct stack *s = malloc(sizeof(*s));
	char *guard;

	if (!s)
		return NULL;
	guard = mmap(NULL, PAGE_BYTES + bytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (guard == MAP_FAILED || mprotect(guard + PAGE_BYTES, bytes, PROT_READ | PROT_WRITE)) {
		free(s);
		return NULL;
	}
	*s = (struct stack){ .next = stacks, .low = guard + PAGE_BYTES, .bytes = bytes };
	stacks = s;
	return s->low;
}

uint64_t arch_device_address(const void *p)
{
	return (uintptr_t)p;
}

/* NULL: the process's own. */
static struct stack *stack_of(const void *at)
{
	struct stack *s = stacks;

	while (s && (uintptr_t)at - (uintptr_t)s->low >= s->bytes)
		s = s->next;
	return s;
}

/* Reads a pointer that was split in two, because makecontext passes ints. */
static void first(unsigned high, unsigned low)
{
	struct start *s = (struct start *)(uintptr_t)((uint64_t)high << 32 | low);

	__sanitizer_finish_switch_fiber(NULL, NULL, NULL);
	s->entry(s->arg);
	abort();
}

void *arch_switch_prepare(void *top, void (*entry)(void *arg), void *arg)
{
	struct start *start = (struct start *)ALIGN_DOWN((uintptr_t)top - sizeof(*start), 64);
	struct stack *s = stack_of(start);

	/* The frames of the stack's previous fiber never returned. */
	unpoison(s->low, s->bytes);
	start->entry = entry;
	start->arg = arg;
	getcontext(&start->context);
	start->context.uc_stack.ss_sp = stack_of(start)->low;
	start->context.uc_stack.ss_size = (uintptr_t)start - (uintptr_t)stack_of(start)->low;
	makecontext(&start->context, (void (*)(void))first, 2, (unsigned)((uint64_t)(uintptr_t)start >> 32),
	            (unsigned)(uintptr_t)start);
	return start;
}

void arch_switch(void **save, void *to)
{
	ucontext_t here;
	void *fake_stack;
	struct stack *next;

	if (!main_low) {
		pthread_attr_t attributes;
		void *low;

		pthread_getattr_np(pthread_self(), &attributes);
		pthread_attr_getstack(&attributes, &low, &main_bytes);
		pthread_attr_destroy(&attributes);
		main_low = low;
	}
	*save = &here;
	next = stack_of(to);
	__sanitizer_start_switch_fiber(&fake_stack, next ? next->low : main_low, next ? next->bytes : main_bytes);
	swapcontext(&here, to);
	__sanitizer_finish_switch_fiber(fake_stack, NULL, NULL);
}

void arch_poweroff(int status)
{
	fflush(NULL);
	fprintf(stderr, "power off with status %d; console:\n%s\n", status, test_console_text());
	abort();
}

size_t arch_backtrace(uintptr_t *addresses, size_t max)
{
	if (!max)
		return 0;
	addresses[0] = (uintptr_t)__builtin_return_address(0);
	return 1;
}
