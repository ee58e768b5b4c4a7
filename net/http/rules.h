/* SPDX-License-Identifier: ISC */
/* Header lines by pattern: the lines that a site's file _headers gives its other files. scripts/headers.py
 * reads it by the same rules for a site that is crunched:
 *
 *     # a comment
 *     /docs*                                   for files in docs, or with a name that begins so,
 *       Cache-Control: max-age=86400           indented
 *
 * A star matches anything. Case does not matter, as on FAT. A folder's index is also matched by the path of
 * the folder. If several patterns match, a later line replaces an earlier one of the same name. */
#ifndef NET_HTTP_RULES_H
#define NET_HTTP_RULES_H

#include "net/http/parse.h"

/* The number of the first wrong line, from 1: neither a path, nor, below a path, a header line that is not
 * reserved for the server; 0: there is none. */
unsigned http_rules_check(struct http_text file);

/* A place in a file that has been checked. */
struct http_rules_at {
	struct http_text rest; /* the whole file at first */
	bool fits;             /* the last pattern passed matches; false at first */
};

/* The next header line, without its end, of the value that key names. false: there are no more. */
bool http_rules_next(struct http_rules_at *at, struct http_text key, struct http_text *line);

/* Does text match pattern, in which a star matches anything? */
bool http_rules_fit(struct http_text pattern, struct http_text text);

#endif
