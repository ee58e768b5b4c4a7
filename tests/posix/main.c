/* SPDX-License-Identifier: ISC */
/* An application that tries what musl needs of the machine below: memory, output, time, chance and
 * errors. Each check is one line; the verdict is the last. tests/system/test_posix.py boots it. */
#include <errno.h>
#include <fcntl.h>
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

#include "kernel/app.h"
#include "kernel/dev/clock.h"
#include "kernel/page.h"
#include "kernel/random.h"

const struct option app_options[] = { { 0 } };

static unsigned int passed, failed;

static void check(bool good, const char *what)
{
	printf("%s %s\n", good ? "ok" : "FAILED", what);
	*(good ? &passed : &failed) += 1;
}

static size_t pages_used(void)
{
	struct page_stats stats;

	page_stats(&stats);
	return stats.used;
}

/* Blocks of many sizes keep their contents, and their pages come back. */
static void check_malloc(void)
{
	enum { BLOCKS = 200 };
	static unsigned char *blocks[BLOCKS];
	size_t before = 0;
	bool kept = true;

	for (int round = 0; round < 4; round++) {
		for (int i = 0; i < BLOCKS; i++) {
			blocks[i] = malloc((size_t)i * 17 + 1);
			kept = kept && blocks[i];
			if (blocks[i])
				memset(blocks[i], i, (size_t)i * 17 + 1);
		}
		for (int i = 0; i < BLOCKS; i++) {
			kept = kept && blocks[i] && blocks[i][0] == i && blocks[i][i * 17] == i;
			free(blocks[i]);
		}
		if (round == 0)
			before = pages_used();
	}
	check(kept, "malloc keeps contents");
	check(pages_used() <= before + 8, "free gives back");

	char *grown = strcpy(malloc(8), "growing");
	for (size_t n = 16; n <= 256 * 1024 && grown; n *= 2)
		grown = realloc(grown, n);
	check(grown && !strcmp(grown, "growing"), "realloc moves");
	free(grown);

	unsigned char *zeroed = calloc(300, 1000);
	bool zero = zeroed != NULL;
	for (size_t i = 0; zero && i < 300 * 1000; i++)
		zero = zeroed[i] == 0;
	check(zero, "calloc zeroes");
	free(zeroed);
	errno = 0;
	check(!malloc(SIZE_MAX / 4) && errno == ENOMEM, "too much memory is ENOMEM");
}

/* All memory there is, in blocks of a size; gives how many bytes it was. Each block holds the next. */
static size_t take_all_and_give_back(size_t block_bytes)
{
	void **taken = NULL, **block;
	size_t bytes = 0;

	for (errno = 0; (block = malloc(block_bytes)); taken = block) {
		*block = taken;
		bytes += block_bytes;
	}
	check(errno == ENOMEM, "the end of memory is ENOMEM");
	while ((block = taken)) {
		taken = *block;
		free(block);
	}
	return bytes;
}

/* Memory that was taken to the last page can be taken again, whole. */
static void check_exhaustion(void)
{
	size_t before = pages_used(), others = before - page_malloc.used, large = take_all_and_give_back(200000);

	check(large > 0, "there is memory");
	check(take_all_and_give_back(3000) > large / 2, "small blocks get most of it");
	check(take_all_and_give_back(200000) >= large - large / 8, "large ones find it again");
	check(pages_used() <= before + before / 2 + 64, "and give it back");
	if (IS_ENABLED(CONFIG_POSIX))
		check(pages_used() - page_malloc.used == others && page_malloc.peak >= large / PAGE_BYTES,
		      "malloc's pages are counted");
}

static void check_mappings(void)
{
	void *pages = mmap(NULL, 3 * PAGE_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	check(pages != MAP_FAILED && (uintptr_t)pages % PAGE_BYTES == 0, "mmap gives pages");
	check(munmap(pages, SIZE_MAX) == -1 && errno == EINVAL, "munmap refuses more bytes than there are");
	check(munmap(pages, 3 * PAGE_BYTES) == 0, "munmap takes them");
	if (IS_ENABLED(CONFIG_POSIX)) {
		pages = mmap(NULL, PAGE_BYTES, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		check(pages == MAP_FAILED, "no page becomes executable");
		for (int twice = 0; twice < 2; twice++)
			check(open("/etc/passwd", O_RDONLY) == -1 && errno == ENOSYS, "a missing call is ENOSYS");
	}
}

static int compare(const void *a, const void *b)
{
	return *(const int *)a - *(const int *)b;
}

static void check_library(void)
{
	int numbers[] = { 3, 1, 2 };
	char text[64];
	struct timespec before, after;
	time_t moment = 86400;
	uint64_t chance[2] = { 0, 0 };

	qsort(numbers, 3, sizeof(numbers[0]), compare);
	check(numbers[0] == 1 && numbers[2] == 3, "qsort");
	snprintf(text, sizeof(text), "%5.2f|%-4s|%#x", 3.14159, "ab", 255);
	check(!strcmp(text, " 3.14|ab  |0xff"), "snprintf, floating point too");
	check(!strcmp(strerror(EINVAL), "Invalid argument"), "strerror");
	check(strtod("2.5e3", NULL) == 2500.0, "strtod");
	strftime(text, sizeof(text), "%F", gmtime(&moment));
	check(!strcmp(text, "1970-01-02"), "strftime");
	check(setlocale(LC_ALL, "C") != NULL, "setlocale");
	clock_gettime(CLOCK_MONOTONIC, &before);
	clock_gettime(CLOCK_MONOTONIC, &after);
	check(after.tv_sec * 1000000000 + after.tv_nsec >= before.tv_sec * 1000000000 + before.tv_nsec,
	      "time does not go back");
	check(clock_gettime(12345, &after) == -1 && errno == EINVAL, "a clock that is none is EINVAL");
	if (random_is_ready())
		check(getrandom(chance, sizeof(chance), 0) == sizeof(chance) && chance[0] != chance[1], "getrandom");
	check(write(7, "x", 1) == -1 && errno == EBADF, "write to no file is EBADF");
}

int app_start(const struct app *app, struct promise *done)
{
	(void)app;
	check_malloc();
	if (IS_ENABLED(CONFIG_POSIX)) /* elsewhere it is the host's */
		check_exhaustion();
	check_mappings();
	check_library();
	printf("posix: %u passed, %u failed\n", passed, failed);
	fflush(stdout);
	promise_fulfil(done, failed != 0);
	return 0;
}
