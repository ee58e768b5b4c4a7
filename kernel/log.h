/* SPDX-License-Identifier: ISC */
/* The log: one line per event, key=value, to the console. A file that logs defines LOG_TAG before
 * it includes this header. Levels above CONFIG_LOG_CEILING are compiled out, text and all; the
 * start option log=error|warn|info|debug chooses among the rest. A line is cut at LOG_LINE_BYTES,
 * and control characters, which may come from the wire, are written as "?". Formats are those of
 * kernel/format.h. */
#ifndef KERNEL_LOG_H
#define KERNEL_LOG_H

#include "kernel/format.h"

#define LOG_LINE_BYTES 256

enum log_level { LOG_ERROR, LOG_WARN, LOG_INFO, LOG_DEBUG };

extern uint8_t log_level; /* run-time threshold */

/* format: the level's digit, then the line's format: one argument, so that a call takes fewer bytes. */
void log_write(const char *format, ...) __attribute__((format(printf, 1, 2), cold));

#define LOG_AT(level, digit, ...) \
	do { \
		if ((level) <= CONFIG_LOG_CEILING && (level) <= log_level) \
			log_write(digit LOG_TAG ": " __VA_ARGS__); \
	} while (0)
#define log_error(...) LOG_AT(LOG_ERROR, "0", __VA_ARGS__)
#define log_warn(...) LOG_AT(LOG_WARN, "1", __VA_ARGS__)
#define log_info(...) LOG_AT(LOG_INFO, "2", __VA_ARGS__)
#define log_debug(...) LOG_AT(LOG_DEBUG, "3", __VA_ARGS__)

/* For the table of start options: error, warn, info or debug into a log_level (uint8_t). */
int log_option(const char *value, void *target);

#endif
