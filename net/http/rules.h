/* SPDX-License-Identifier: ISC */
/* Header lines by pattern: what a site's file _headers says of its other files. scripts/headers.py reads it
 * by the same rules for a site that is crunched:
 *
 *     # a comment
 *     /docs*                                   of what lies in docs, or has a name that begins so,
 *       Cache-Control: max-age=86400           indented
 *
 * A star stands for anything. Case does not matter, as it does not to FAT. A folder's index goes by the path
 * of the folder, too. Where several patterns fit, a later line goes before an earlier one of its name. */
#ifndef NET_HTTP_RULES_H
#define NET_HTTP_RULES_H

#include "net/http/parse.h"

/* The number of the first line, from 1, that is neither a path nor, below one, a header line which is not the
 * server's own to say; 0: there is none. */
unsigned http_rules_check(struct http_text file);

/* A place in a file that has been checked. */
struct http_rules_at {
	struct http_text rest; /* the whole file at first */
	bool fits;             /* the pattern that was passed last; false at first */
};

/* The next header line, without its end, of the value that key names. false: there are no more. */
bool http_rules_next(struct http_rules_at *at, struct http_text key, struct http_text *line);

/* Is text of this pattern, in which a star stands for anything? */
bool http_rules_fit(struct http_text pattern, struct http_text text);

#endif
