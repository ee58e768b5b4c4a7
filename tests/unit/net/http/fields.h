/* SPDX-License-Identifier: ISC */
/* A request of which only the header lines matter. */
#ifndef TESTS_UNIT_NET_HTTP_FIELDS_H
#define TESTS_UNIT_NET_HTTP_FIELDS_H

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "net/http/parse.h"

/* fields: lines with their CRLF. Gives the memory that r lies in, of exactly its size, for free. */
static inline char *fields_parse(struct http_request *r, const char *fields)
{
	struct http_limits limits = { .head_bytes = 4096, .target_bytes = 100, .fields = 20 };
	char text[1024], *exact;
	size_t len = (size_t)snprintf(text, sizeof(text), "GET / HTTP/1.0\r\n%s\r\n", fields);

	cr_assert(len < sizeof(text));
	exact = malloc(len);
	memcpy(exact, text, len);
	cr_assert(http_parse_request(exact, len, &limits, r) > 0, "%s", fields);
	return exact;
}

#endif
