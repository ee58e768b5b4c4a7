/* SPDX-License-Identifier: ISC */
/* The cost of promises and fibers: a process of the kernel's own sources on the host's clock. Prints
 * "name value" lines for tests/bench/threads; threads_lwt.ml and threads_uv.c do the same. All but
 * sleep_seconds is processor time, which other processes disturb less. A sleeping thread sleeps for
 * 0.5 to 1.5 s from its creation; the clock is read once per BATCH of them, as an event loop reads it
 * once per turn. */
#define _GNU_SOURCE
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "arch/arch.h"
#include "kernel/dev/clock.h"
#include "kernel/fiber.h"
#include "kernel/loop.h"
#include "kernel/timer.h"

enum { BATCH = 1000, ROUNDS = 5000 };

/* -- the machine -- */

void assert_failed(const char *file, int line)
{
	fprintf(stderr, "%s:%d: assertion failed\n", file, line);
	abort();
}

static uint64_t read_clock_ns(clockid_t clock)
{
	struct timespec t;

	clock_gettime(clock, &t);
	return (uint64_t)t.tv_sec * NS_PER_S + (uint64_t)t.tv_nsec;
}

uint64_t clock_now_ns(void)
{
	return read_clock_ns(CLOCK_MONOTONIC);
}

static uint64_t cpu_now_ns(void)
{
	return read_clock_ns(CLOCK_PROCESS_CPUTIME_ID);
}

static void say_per_step(const char *name, uint64_t cpu_ns)
{
	printf("%s %.2f\n", name, (double)cpu_ns / BATCH / ROUNDS);
}

void arch_block(uint64_t deadline_ns)
{
	struct timespec t = { (time_t)(deadline_ns / NS_PER_S), (long)(deadline_ns % NS_PER_S) };

	assert(deadline_ns != DEADLINE_NEVER);
	if (deadline_ns > clock_now_ns())
		clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, NULL);
}

static void *map(size_t bytes)
{
	void *at = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (at == MAP_FAILED) {
		perror("mmap");
		exit(1);
	}
	return at;
}

void *arch_stack_alloc(size_t bytes)
{
	char *guard = map(bytes + 4096);

	mprotect(guard, 4096, PROT_NONE);
	return guard + 4096;
}

static long resident_bytes(void)
{
	long all, resident = 0;
	FILE *file = fopen("/proc/self/statm", "r");

	if (!file || fscanf(file, "%ld %ld", &all, &resident) != 2)
		exit(1);
	fclose(file);
	return resident * sysconf(_SC_PAGESIZE);
}

/* -- sleeping -- */

static uint64_t random_ns(uint64_t below_ns)
{
	static uint64_t state = 88172645463325252;

	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return state % below_ns;
}

/* Waits for one more sleeper, due after all others; then checks each. */
static void bench_sleep(size_t count)
{
	long before = resident_bytes();
	struct sleep *threads = map(count * sizeof(*threads)), last;
	uint64_t cpu_ns = cpu_now_ns(), start_ns = clock_now_ns(), now_ns = start_ns, latest_ns = 0, made_ns;
	long resident;

	for (size_t i = 0; i < count; i++) {
		uint64_t deadline_ns;

		if (i % BATCH == 0)
			now_ns = clock_now_ns();
		deadline_ns = now_ns + NS_PER_S / 2 + random_ns(NS_PER_S);
		latest_ns = MAX(latest_ns, deadline_ns);
		sleep_until(&threads[i], deadline_ns);
	}
	made_ns = cpu_now_ns();
	resident = resident_bytes() - before;
	sleep_until(&last, latest_ns + 1);
	loop_run(&last.promise);
	printf("sleep_seconds %.4f\n", (double)(clock_now_ns() - start_ns) / 1e9);
	printf("sleep_make_seconds %.4f\n", (double)(made_ns - cpu_ns) / 1e9);
	printf("sleep_wake_seconds %.4f\n", (double)(cpu_now_ns() - made_ns) / 1e9);
	printf("sleep_bytes %.2f\n", (double)resident / (double)count);
	for (size_t i = 0; i < count; i++)
		assert(promise_is_settled(&threads[i].promise));
	munmap(threads, count * sizeof(*threads));
}

/* -- binding and waking -- */

static struct promise *bind_next(void *arg, intptr_t value)
{
	struct promise *p = arg;

	promise_return(p, value + 1);
	return p;
}

/* Makes chains of binds on a pending promise, wakes them and runs them to the end. */
static void bench_bind(void)
{
	static struct bind binds[BATCH];
	static struct promise source, given[BATCH];
	uint64_t start_ns = cpu_now_ns();

	for (int round = 0; round < ROUNDS; round++) {
		promise_init(&source, NULL);
		for (int i = 0; i < BATCH; i++)
			promise_bind(&binds[i], i ? &binds[i - 1].promise : &source, bind_next, &given[i]);
		promise_fulfil(&source, 0);
		assert(loop_run(&binds[BATCH - 1].promise) == BATCH);
	}
	say_per_step("bind_ns", cpu_now_ns() - start_ns);
}

static unsigned woken;

static void wake(struct waiter *w)
{
	(void)w;
	woken++;
}

/* Measures from settling to the waiter's function, without the making of promise and waiter. */
static void bench_wake(void)
{
	static struct promise promises[BATCH];
	static struct waiter waiters[BATCH];
	uint64_t total_ns = 0;

	for (int round = 0; round < ROUNDS; round++) {
		uint64_t start_ns;

		for (int i = 0; i < BATCH; i++) {
			promise_init(&promises[i], NULL);
			promise_wait(&promises[i], &waiters[i], wake);
		}
		woken = 0;
		start_ns = cpu_now_ns();
		for (int i = 0; i < BATCH; i++)
			promise_fulfil(&promises[i], i);
		while (woken < BATCH)
			loop_turn();
		total_ns += cpu_now_ns() - start_ns;
	}
	say_per_step("wake_ns", total_ns);
}

/* -- fibers -- */

static void *bench_sp, *other_sp;

static void other_entry(void *arg)
{
	(void)arg;
	for (;;)
		arch_switch(&other_sp, bench_sp);
}

static void bench_switch(void)
{
	char *low = arch_stack_alloc(16384);
	uint64_t start_ns = cpu_now_ns();

	other_sp = arch_switch_prepare(low + 16384, other_entry, NULL);
	for (int i = 0; i < BATCH * ROUNDS; i++)
		arch_switch(&bench_sp, other_sp);
	say_per_step("switch_ns", (cpu_now_ns() - start_ns) / 2);
}

static struct promise awaited;

static intptr_t await_always(void *arg)
{
	int left = BATCH * ROUNDS;

	(void)arg;
	while (left--) {
		promise_init(&awaited, NULL);
		fiber_await(&awaited, DEADLINE_NEVER);
	}
	return 0;
}

/* A fiber that awaits, is woken, runs on and awaits again: two switches and a wake. */
static void bench_await(void)
{
	struct promise done;
	uint64_t start_ns = cpu_now_ns();

	assert(fiber_start(await_always, NULL, &done) == 0);
	loop_turn();
	while (!promise_is_settled(&done)) {
		promise_fulfil(&awaited, 0);
		loop_turn();
	}
	say_per_step("await_ns", cpu_now_ns() - start_ns);
}

int main(int argc, char **argv)
{
	printf("thread_bytes %zu\n", sizeof(struct sleep));
	bench_sleep(argc > 1 ? strtoul(argv[1], NULL, 10) : 1000000);
	bench_bind();
	bench_wake();
	bench_switch();
	bench_await();
	return 0;
}
