/* SPDX-License-Identifier: ISC */
/* The conversation so far, kept to be shown when a script fails, and only then. */
#include "tests/tcp/report.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "tests/tcp/script.h"

static const char *path;
static uint64_t begun_ns;
static char *text;
static size_t len;
static FILE *conversation;
static unsigned held;

void report_begin(const char *of, uint64_t now_ns)
{
	path = of;
	begun_ns = now_ns;
	conversation = open_memstream(&text, &len);
	if (!conversation)
		abort();
}

void report_add(uint64_t now_ns, const char *format, ...)
{
	va_list args;

	fprintf(conversation, "%12.3f s  ", (double)(now_ns - begun_ns) / 1e9);
	va_start(args, format);
	vfprintf(conversation, format, args);
	va_end(args);
	fputc('\n', conversation);
}

void report_held(void)
{
	held++;
}

unsigned report_count_held(void)
{
	return held;
}

void fail(const struct line *l, const char *format, ...)
{
	va_list args;

	if (l)
		printf("%s:%u: %s\n    ", path, l->number, l->text);
	else
		printf("%s: ", path);
	va_start(args, format);
	vprintf(format, args);
	va_end(args);
	fflush(conversation);
	if (len)
		printf("\n  so far:\n%s", text);
	printf("\n");
	fflush(stdout);
	_Exit(1);
}
