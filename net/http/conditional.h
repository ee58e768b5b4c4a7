/* SPDX-License-Identifier: ISC */
/* Conditional requests (RFC 9110 §13). */
#ifndef NET_HTTP_CONDITIONAL_H
#define NET_HTTP_CONDITIONAL_H

#include "net/http/parse.h"

/* The result of the If-… fields of a GET or HEAD for a value with this strong entity tag (NULL: none)
 * and modification time (0: not known): 200 to go on, 304 or 412. */
uint16_t http_check_conditions(const struct http_request *request, const char *etag, uint64_t modified_ns);

/* Does the Range field of a GET apply to such a value: is there no If-Range, or one that names the present
 * value (§13.1.5)? modified_ns: 0 also if it may have been modified twice within its second (§8.8.2.2). */
bool http_range_applies(const struct http_request *request, const char *etag, uint64_t modified_ns);

#endif
