/* SPDX-License-Identifier: ISC */
/* The end of the image: reason, backtrace, power off. Allocates nothing and never waits. A panic
 * within a panic ends at once. */
#include "kernel/format.h"
#include "kernel/panic.h"
#include "kernel/dev/console.h"
#include "arch/arch.h"

enum { FRAMES = 24 };

static bool panicking;

static void write_reason(const char *text_format, va_list args)
{
	static const char prefix[] = "\npanic: ";
	char line[256];
	size_t len;

	len = format_v(line, sizeof(line), text_format, args);
	console_write(prefix, sizeof(prefix) - 1);
	console_write(line, MIN(len, sizeof(line) - 1));
	console_write("\n", 1);
}

static void write_backtrace(void)
{
	uintptr_t addresses[FRAMES];
	size_t count = arch_backtrace(addresses, FRAMES);
	char word[24];

	console_write("backtrace:", 10);
	for (size_t i = 0; i < count; i++)
		console_write(word, format(word, sizeof(word), " 0x%zx", (size_t)addresses[i]));
	console_write("\n", 1);
}

void panic(const char *text_format, ...)
{
	va_list args;

	if (panicking)
		arch_poweroff(1);
	panicking = true;
	va_start(args, text_format);
	write_reason(text_format, args);
	va_end(args);
	write_backtrace();
	arch_poweroff(1);
}

void assert_failed(const char *file, int line)
{
	panic("assertion failed at %s:%d", file, line);
}

/* libc's <assert.h> calls this; libc's own would bring stdio with it. */
void __assert_fail(const char *expression, const char *file, int line, const char *function);

void __assert_fail(const char *expression, const char *file, int line, const char *function)
{
	(void)expression, (void)function;
	assert_failed(file, line);
}

/* Called by the compiler's checks at a function's end; libc's version prints no reason. LTO sees no
 * call of it, hence used. */
void __stack_chk_fail(void) __attribute__((noreturn, used));

void __stack_chk_fail(void)
{
	panic("stack smashed: a function has written beyond its buffers");
}
