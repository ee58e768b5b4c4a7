/* SPDX-License-Identifier: ISC */
/* Conditional requests (RFC 9110 §13). */
#ifndef NET_HTTP_CONDITIONAL_H
#define NET_HTTP_CONDITIONAL_H

#include "net/http/parse.h"

/* What the If-… fields of a GET or HEAD say about a value with this strong entity tag (NULL: none)
 * and modification time (0: not known): 200 to go on, 304 or 412. */
uint16_t http_check_conditions(const struct http_request *request, const char *etag, uint64_t modified_ns);

/* Whether the Range field of a GET counts for such a value: there is no If-Range, or it names the value as it
 * is now (§13.1.5). modified_ns: 0 also when it may have been modified twice within its second (§8.8.2.2). */
bool http_range_applies(const struct http_request *request, const char *etag, uint64_t modified_ns);

#endif
