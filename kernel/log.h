/* SPDX-License-Identifier: ISC */
/* The log: one line per event, key=value, to the console. A file that logs defines LOG_TAG before
 * it includes this header. Levels above CONFIG_LOG_CEILING are compiled out, text and all; the
 * start option log=error|warn|info|debug chooses among the rest.
 *
 * Formats: a subset of printf's that the compiler checks: %s %.*s %c %d %u %x %p %%, with l, ll
 * and z, width and zero padding; no floating point. Formatting is ours because musl's printf
 * costs 10 kB (docs/adr). */
#ifndef KERNEL_LOG_H
#define KERNEL_LOG_H

#include <stdarg.h>

#include "kernel/util.h"

enum log_level { LOG_ERROR, LOG_WARN, LOG_INFO, LOG_DEBUG };

extern uint8_t log_level; /* run-time threshold */

void log_write(enum log_level level, const char *tag, const char *format, ...)
	__attribute__((format(printf, 3, 4), cold));

#define LOG_AT(level, ...) \
	do { \
		if ((level) <= CONFIG_LOG_CEILING && (level) <= log_level) \
			log_write(level, LOG_TAG, __VA_ARGS__); \
	} while (0)
#define log_error(...) LOG_AT(LOG_ERROR, __VA_ARGS__)
#define log_warn(...) LOG_AT(LOG_WARN, __VA_ARGS__)
#define log_info(...) LOG_AT(LOG_INFO, __VA_ARGS__)
#define log_debug(...) LOG_AT(LOG_DEBUG, __VA_ARGS__)

/* Formats into to (always terminated when size > 0); gives the length without truncation. */
size_t format(char *to, size_t size, const char *format, ...) __attribute__((format(printf, 3, 4)));
size_t format_v(char *to, size_t size, const char *format, va_list args);

#endif
