/* SPDX-License-Identifier: ISC */
/* Lines from a stream of characters, bounded: a longer line is skipped to its end, and reported as too
 * long. A line ends with a line feed, a carriage return, or both. */
#ifndef APPS_AGENT_LINE_H
#define APPS_AGENT_LINE_H

#include "kernel/util.h"

struct line {
	char *text; /* the caller's, size bytes; no terminator */
	size_t size, len;
	bool is_too_long; /* text has its first size characters */
};

/* Takes characters from *at (there are *left; both move on) up to the end of a line. true: the line is
 * whole, or too long; call line_clear before the next. false: all were taken, and the line goes on. */
bool line_feed(struct line *line, const char **at, size_t *left);
void line_clear(struct line *line);

#endif
