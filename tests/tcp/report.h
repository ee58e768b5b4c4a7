/* SPDX-License-Identifier: ISC */
/* The events of a script so far, and the end of a script whose expectation fails. */
#ifndef TESTS_TCP_REPORT_H
#define TESTS_TCP_REPORT_H

#include "kernel/util.h"

struct line;

/* Begins the report of the script at path. */
void report_begin(const char *path, uint64_t now_ns);
/* One thing that happened at that time. */
void report_add(uint64_t now_ns, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* An expectation was held; how many were. */
void report_held(void);
unsigned report_count_held(void);
/* Says what is wrong at l (NULL: with the file as a whole), shows the conversation, ends the process. */
_Noreturn void fail(const struct line *l, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
