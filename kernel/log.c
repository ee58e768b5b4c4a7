/* SPDX-License-Identifier: ISC */
/* The log. A line is made whole in a buffer on the stack and written in one call, so that lines
 * never mix, and so that it works before memory does and after it is gone. */
#include <errno.h>
#include <string.h>

#include "kernel/log.h"
#include "kernel/dev/clock.h"
#include "kernel/dev/console.h"

uint8_t log_level = CONFIG_LOG_CEILING < LOG_INFO ? CONFIG_LOG_CEILING : LOG_INFO;
bool console_is_terminal;

static const char names[4][6] = { "error", "warn", "info", "debug" };
static const char colours[4][3] = { "31", "33", "32", "36" };

void log_write(const char *text_format, ...)
{
	unsigned level = (unsigned)(*text_format++ - '0');
	char line[LOG_LINE_BYTES];
	uint64_t now_us = clock_now_ns() / NS_PER_US;
	size_t start, at;
	va_list args;

	/* Without colours "%.0s" consumes the colour's argument and prints nothing. */
	at = format(line, sizeof(line), "[%5u.%06u] ", (unsigned)(now_us / 1000000),
	            (unsigned)(now_us % 1000000));
	at += format(line + at, sizeof(line) - at,
	             console_is_terminal ? "\033[%sm%-5s\033[0m " : "%.0s%-5s ", colours[level], names[level]);
	start = at;
	va_start(args, text_format);
	at += format_v(line + at, LOG_LINE_BYTES - at, text_format, args);
	va_end(args);
	if (at >= LOG_LINE_BYTES) {
		at = LOG_LINE_BYTES - 1;
		memcpy(line + at - 3, "...", 3);
	}
	for (size_t i = start; i < at; i++)
		if ((uint8_t)line[i] < ' ' || line[i] == 0x7f)
			line[i] = '?';
	line[at++] = '\n';
	console_write(line, at);
}

int log_option(const char *value, void *target)
{
	for (uint8_t level = 0; level < ARRAY_SIZE(names); level++) {
		if (strcmp(value, names[level]) == 0) {
			*(uint8_t *)target = level;
			return 0;
		}
	}
	return -EINVAL;
}
