/* SPDX-License-Identifier: ISC */
/* The measurements of tests/bench/threads.c in libuv: a sleeping thread is a uv_timer_t, a wake is an
 * idle handle's callback in the loop, or a uv_async_t's, which goes through the host's kernel. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>
#include <uv.h>

enum { BATCH = 1000, ROUNDS = 5000, ASYNC_ROUNDS = 200000 };

static uint64_t cpu_now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
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

static uint64_t random_ms(void)
{
	static uint64_t state = 88172645463325252;

	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return 500 + state % 1000;
}

static size_t woken;

static void timer_over(uv_timer_t *timer)
{
	(void)timer;
	woken++;
}

static void bench_sleep(uv_loop_t *loop, size_t count)
{
	long before = resident_bytes(), resident;
	uv_timer_t *threads = mmap(NULL, count * sizeof(*threads), PROT_READ | PROT_WRITE,
	                           MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	uint64_t cpu_ns = cpu_now_ns(), start_ns = uv_hrtime(), made_ns;

	if (threads == MAP_FAILED)
		exit(1);
	for (size_t i = 0; i < count; i++) {
		if (i % BATCH == 0)
			uv_update_time(loop);
		uv_timer_init(loop, &threads[i]);
		uv_timer_start(&threads[i], timer_over, random_ms(), 0);
	}
	made_ns = cpu_now_ns();
	resident = resident_bytes() - before;
	uv_run(loop, UV_RUN_DEFAULT);
	printf("sleep_seconds %.4f\n", (double)(uv_hrtime() - start_ns) / 1e9);
	printf("sleep_make_seconds %.4f\n", (double)(made_ns - cpu_ns) / 1e9);
	printf("sleep_wake_seconds %.4f\n", (double)(cpu_now_ns() - made_ns) / 1e9);
	printf("sleep_bytes %.2f\n", (double)resident / (double)count);
	if (woken != count)
		exit(1);
	/* Its handles are in the loop's lists; this loop is never used again. */
}

static void idle_wake(uv_idle_t *idle)
{
	(void)idle;
	woken++;
}

/* Each turn of the loop calls BATCH idle handles. */
static void bench_idle(uv_loop_t *loop)
{
	static uv_idle_t idles[BATCH];
	uint64_t start_ns;

	for (int i = 0; i < BATCH; i++) {
		uv_idle_init(loop, &idles[i]);
		uv_idle_start(&idles[i], idle_wake);
	}
	start_ns = cpu_now_ns();
	for (int round = 0; round < ROUNDS; round++)
		uv_run(loop, UV_RUN_NOWAIT);
	printf("wake_ns %.2f\n", (double)(cpu_now_ns() - start_ns) / BATCH / ROUNDS);
	for (int i = 0; i < BATCH; i++)
		uv_idle_stop(&idles[i]);
}

static void async_wake(uv_async_t *async)
{
	(void)async;
	woken++;
}

static void bench_async(uv_loop_t *loop)
{
	static uv_async_t async;
	uint64_t start_ns;

	uv_async_init(loop, &async, async_wake);
	woken = 0;
	start_ns = cpu_now_ns();
	for (size_t i = 0; i < ASYNC_ROUNDS; i++) {
		uv_async_send(&async);
		while (woken == i)
			uv_run(loop, UV_RUN_NOWAIT);
	}
	printf("async_ns %.2f\n", (double)(cpu_now_ns() - start_ns) / ASYNC_ROUNDS);
}

int main(int argc, char **argv)
{
	static uv_loop_t sleeping, waking;

	uv_loop_init(&sleeping);
	uv_loop_init(&waking);
	printf("about libuv %s\n", uv_version_string());
	printf("thread_bytes %zu\n", sizeof(uv_timer_t));
	bench_sleep(&sleeping, argc > 1 ? strtoul(argv[1], NULL, 10) : 1000000);
	bench_idle(&waking);
	bench_async(&waking);
	return 0;
}
