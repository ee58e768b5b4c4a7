/* SPDX-License-Identifier: ISC */
/* Lines from a stream of characters. Empty lines do not count, so "\r\n" ends one line, not two. */
#include "apps/agent/line.h"

bool line_feed(struct line *line, const char **at, size_t *left)
{
	while (*left > 0) {
		char c = *(*at)++;

		--*left;
		if (c == '\n' || c == '\r') {
			if (line->len > 0)
				return true;
		} else if (line->len < line->size) {
			line->text[line->len++] = c;
		} else {
			line->is_too_long = true;
		}
	}
	return false;
}

void line_clear(struct line *line)
{
	line->len = 0;
	line->is_too_long = false;
}
