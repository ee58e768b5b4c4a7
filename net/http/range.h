/* SPDX-License-Identifier: ISC */
/* Range requests (RFC 9110 §14). */
#ifndef NET_HTTP_RANGE_H
#define NET_HTTP_RANGE_H

#include "net/http/parse.h"

struct http_range {
	uint64_t start, len; /* bytes */
};

/* The parts of a value of size bytes that the Range field of a GET asks for, in its order, with those that
 * touch joined. Gives how many; 0: the whole value, as there is no such field, or it is ignored: another
 * unit, malformed, more than CONFIG_HTTP_RANGES (§14.2). -ERANGE: no part is in the value. */
int http_ranges(const struct http_request *request, uint64_t size,
                struct http_range ranges[CONFIG_HTTP_RANGES]);

#endif
