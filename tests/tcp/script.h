/* SPDX-License-Identifier: ISC */
/* A script: words on lines. What they mean is the business of run.c (calls) and wire.c (segments). */
#ifndef TESTS_TCP_SCRIPT_H
#define TESTS_TCP_SCRIPT_H

#include "tests/tcp/report.h"

#define LINE_WORDS 40
#define SCRIPT_REFUSED "# refused: " /* how a script begins that is wrong, and must be found so */

/* A line that says something. */
struct line {
	unsigned number, count;
	const char *words[LINE_WORDS];
	const char *text; /* as it was written */
};

struct script {
	const char *path;
	struct line *lines;
	unsigned count;
};

/* A number with its least and its greatest: "7", "7..9", "7.." and, for times in milliseconds, "2s". */
struct range {
	uint32_t least, most;
};

/* Reads all of it. The first line must name the RFC section that the script proves. Ends the process
 * through fail where the file is not a script. */
void script_read(struct script *s, const char *path);

/* The word at *at, or a failure that says what should have been there; moves on. */
const char *line_take(const struct line *l, unsigned *at, const char *what);
/* Moves on when the next word is this one. */
bool line_takes(const struct line *l, unsigned *at, const char *word);
/* Fails when there are more words. */
void line_ends(const struct line *l, unsigned at);
/* Numbers go round at 2^32, so that -1 is one. A time must have a unit: ms, s, min, h. */
uint32_t line_number(const struct line *l, const char *word);
struct range line_range(const struct line *l, const char *word, bool is_time);

#endif
