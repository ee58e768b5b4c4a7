/* SPDX-License-Identifier: ISC */
/* Range requests (RFC 9110 §14). */
#ifndef NET_HTTP_RANGE_H
#define NET_HTTP_RANGE_H

#include "net/http/parse.h"

struct http_range {
	uint64_t start, len; /* bytes */
};

/* The parts of a value of size bytes that the Range field of a GET asks for, in the order in which it names
 * them, but that those which touch are joined. Gives how many; 0: the whole value, since there is no such
 * field, or it is to be ignored: another unit, not well-formed, more than CONFIG_HTTP_RANGES (§14.2).
 * -ERANGE: none of them is in the value. */
int http_ranges(const struct http_request *request, uint64_t size,
                struct http_range ranges[CONFIG_HTTP_RANGES]);

#endif
