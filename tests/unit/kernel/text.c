/* SPDX-License-Identifier: ISC */
/* Formatting beside the C library's, the log's lines, panics. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define LOG_TAG "text"
#include "kernel/dev/console.h"
#include "kernel/format.h"
#include "kernel/log.h"
#include "kernel/panic.h"
#include "tests/lib/test.h"

TestSuite(format, .init = test_begin, .fini = test_end);
TestSuite(log, .init = test_begin, .fini = test_end);

/* -- format -- */

/* Formats into buffers of every size up to beyond the needed one. */
#define assert_like_c(...) \
	do { \
		char ours[200], theirs[200]; \
		int needed = snprintf(NULL, 0, __VA_ARGS__); \
		for (size_t size = 0; size < (size_t)needed + 3; size++) { \
			memset(ours, 'X', sizeof(ours)); \
			memset(theirs, 'X', sizeof(theirs)); \
			snprintf(theirs, size, __VA_ARGS__); \
			cr_assert_eq(format(ours, size, __VA_ARGS__), (size_t)needed); \
			cr_assert_eq(memcmp(ours, theirs, sizeof(ours)), 0, "\"%.*s\" is not \"%.*s\"", (int)size, \
			             ours, (int)size, theirs); \
		} \
	} while (0)

Test(format, text_and_characters)
{
	assert_like_c("%s", "");
	assert_like_c("a%sb%sc", "one", "two");
	assert_like_c("%10s|%-10s|%2s", "right", "left", "long");
	assert_like_c("%.3s|%.*s|%-6.*s|", "abcdef", 2, "abcdef", 4, "abcdef");
	assert_like_c("%*s", 8, "star");
	assert_like_c("%c%c%3c|%-3c|", 'x', '%', 'y', 'z');
	assert_like_c("100%%");
	/* Not terminated: only the given bytes are read. */
	char *exact = malloc(3);
	memcpy(exact, "abc", 3);
	assert_like_c("%.*s", 3, exact);
	free(exact);
}

Test(format, a_missing_string_and_an_unfinished_conversion_do_no_harm)
{
	static const char *volatile none, *volatile bad = "end %";
	char text[32];

	format(text, sizeof(text), "%s", none);
	cr_assert_str_eq(text, "(null)");
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
#pragma GCC diagnostic ignored "-Wformat-security"
	cr_assert_eq(format(text, sizeof(text), bad), 4);
#pragma GCC diagnostic pop
	cr_assert_str_eq(text, "end ");
}

Test(format, numbers)
{
	static const long long values[] = {
		0, 1, -1, 9, 10, -10, 255, 4096, INT32_MAX, INT32_MIN, UINT32_MAX, INT64_MAX, INT64_MIN,
	};

	for (size_t i = 0; i < ARRAY_SIZE(values); i++) {
		long long v = values[i];

		assert_like_c("%d|%u|%x", (int)v, (unsigned)v, (unsigned)v);
		assert_like_c("%ld|%lu|%lx", (long)v, (unsigned long)v, (unsigned long)v);
		assert_like_c("%lld|%llu|%llx", v, (unsigned long long)v, (unsigned long long)v);
		assert_like_c("%zu|%zx", (size_t)v, (size_t)v);
		assert_like_c("%12d|%-12d|%012d|%3d|%03d", (int)v, (int)v, (int)v, (int)v, (int)v);
		assert_like_c("%08x|%20llx|%-20llx|%020lld", (unsigned)v, (unsigned long long)v,
		              (unsigned long long)v, v);
		assert_like_c("%*d|%0*d", 9, (int)v, 9, (int)v);
	}
	assert_like_c("%hhu|%hx", (uint8_t)200, (uint16_t)60000);
	assert_like_c("%p", (void *)0x1234abcd);
}

Test(format, random_numbers)
{
	uint64_t seed = 9;

	for (int i = 0; i < 3000; i++) {
		uint64_t v = test_random(&seed) >> test_random(&seed) % 64;
		int width = (int)(test_random(&seed) % 30);

		assert_like_c("%*llu|%0*llx", width, (unsigned long long)v, width, (unsigned long long)v);
		assert_like_c("%-*lld|", width, (long long)v);
	}
}

/* -- log -- */

Test(log, a_line_has_time_level_tag_and_text)
{
	clock_set_ns(12 * NS_PER_S + 34567 * NS_PER_US + 890);
	log_info("hello: port=%u name=%s", 80, "x");
	cr_assert_str_eq(test_console_text(), "[   12.034567] info  text: hello: port=80 name=x\n");
}

Test(log, a_terminal_gets_colours)
{
	console_is_terminal = true;
	log_error("bad");
	cr_assert_str_eq(test_console_text(), "[    1.000000] \033[31merror\033[0m text: bad\n");
}

Test(log, the_threshold_holds_levels_back)
{
	static const char *const names[] = { "error", "warn", "info", "debug" };

	for (int level = 0; level < 4; level++) {
		int lines = 0;

		test_console_clear();
		cr_assert_eq(log_option(names[level], &log_level), 0);
		log_error("1");
		log_warn("2");
		log_info("3");
		log_debug("4");
		for (const char *c = test_console_text(); *c; c++)
			lines += *c == '\n';
		cr_assert_eq(lines, level + 1);
	}
	cr_assert_eq(log_option("", &log_level), -EINVAL);
	cr_assert_eq(log_option("infos", &log_level), -EINVAL);
	cr_assert_eq(log_option("INFO", &log_level), -EINVAL);
	cr_assert_eq(log_level, LOG_DEBUG);
}

Test(log, what_is_held_back_is_not_evaluated)
{
	int evaluated = 0;

	log_level = LOG_ERROR;
	log_info("%d", ++evaluated);
	cr_assert_eq(evaluated, 0);
}

Test(log, a_long_line_is_cut_and_shows_it)
{
	char text[1000];

	for (size_t len = LOG_LINE_BYTES - 60; len < LOG_LINE_BYTES + 100; len++) {
		size_t written;

		memset(text, 'a', len);
		text[len] = '\0';
		test_console_clear();
		log_info("%s", text);
		written = strlen(test_console_text());
		cr_assert_leq(written, LOG_LINE_BYTES);
		cr_assert_eq(test_console_text()[written - 1], '\n');
		cr_assert_eq(strstr(test_console_text(), "...\n") != NULL, written < len + 28);
	}
}

#define TEN "tttttttttt"
#define HUNDRED TEN TEN TEN TEN TEN TEN TEN TEN TEN TEN

Test(log, no_tag_is_too_long)
{
	console_is_terminal = true;
	log_write("2" HUNDRED HUNDRED HUNDRED ": all");
	cr_assert(strstr(test_console_text(), "ttt...\n"));
	cr_assert_leq(strlen(test_console_text()), LOG_LINE_BYTES);
	test_console_clear();
	log_write("2" HUNDRED ": all");
	cr_assert(strstr(test_console_text(), "ttt: all\n"));
}

Test(log, what_comes_from_the_wire_cannot_drive_the_terminal)
{
	log_warn("path=%s", "/\033[2J\r\nFAKE\177\t\001");
	cr_assert_str_eq(test_console_text(), "[    1.000000] warn  text: path=/?[2J??FAKE???\n");
}

/* -- panic -- */

/* Asserts the output of a panicking child on standard error. */
static void assert_dies_saying(void (*run)(void), const char *expected)
{
	char text[4096] = "";
	size_t len = 0;
	ssize_t n;
	int ends[2], status;
	pid_t child;

	cr_assert_eq(pipe(ends), 0);
	child = fork();
	if (child == 0) {
		dup2(ends[1], STDERR_FILENO);
		run();
		_exit(0);
	}
	close(ends[1]);
	while ((n = read(ends[0], text + len, sizeof(text) - 1 - len)) > 0)
		len += (size_t)n;
	close(ends[0]);
	cr_assert_eq(waitpid(child, &status, 0), child);
	cr_assert(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
	cr_assert_not_null(strstr(text, expected), "no \"%s\" in \"%s\"", expected, text);
}

static void panic_once(void)
{
	panic("no entropy: add -device %s", "virtio-rng");
}

static void panic_long(void)
{
	char text[1000];

	memset(text, 'a', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	panic("%s", text);
}

static void fail_assertion(void)
{
	volatile int one = 1;

	assert(one == 2);
}

Test(panic, says_why_and_where_and_ends_with_an_error)
{
	assert_dies_saying(panic_once, "\npanic: no entropy: add -device virtio-rng\nbacktrace: 0x");
	assert_dies_saying(panic_once, "power off with status 1");
	assert_dies_saying(panic_long, "aaaa\nbacktrace: 0x");
	assert_dies_saying(fail_assertion, "panic: assertion failed at tests/unit/kernel/text.c:");
}
