/* SPDX-License-Identifier: ISC */
/* Accept-Encoding. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fs/kv.h"
#include "net/http/negotiate.h"
#include "tests/unit/net/http/fields.h"

enum { PLAIN, GZIP, GZIP_ONLY, NEITHER };

static int choice_of(const char *fields)
{
	struct http_request r;
	char *memory = fields_parse(&r, fields);
	bool identity;
	uint8_t codings = http_negotiate(&r, &identity);

	free(memory);
	return codings == KV_GZIP ? identity ? GZIP : GZIP_ONLY : identity ? PLAIN : NEITHER;
}

Test(http_negotiate, weighs_codings)
{
	static const struct {
		const char *value;
		int expected;
	} cases[] = {
		{ "gzip", GZIP },
		{ "gzip, deflate, br, zstd", GZIP },
		{ "x-gzip", GZIP },
		{ "GZIP", GZIP },
		{ "br;q=1.0, gzip;q=0.8, *;q=0.1", GZIP },
		{ "gzip;q=1", GZIP },
		{ "gzip;q=1.", GZIP },
		{ "gzip;q=1.000", GZIP },
		{ "gzip;q=0.001", GZIP },
		{ "gzip ; q=0.5", GZIP },
		{ "gzip;\tQ=0.5", GZIP },
		{ "*", GZIP },
		{ "*;q=0.5", GZIP },
		{ "gzip;q=0.5, identity;q=0.5", GZIP },
		{ "gzip;q=0.5, identity;q=0.4", GZIP },
		{ "gzip;q=0.4, identity;q=0.5", PLAIN },
		{ "gzip;q=0.4, *;q=0.5", PLAIN },
		{ "identity", PLAIN },
		{ "", PLAIN },
		{ "br", PLAIN },
		{ "gzip;q=0", PLAIN },
		{ "gzip;q=0.000", PLAIN },
		{ "gzip;q=0, *", PLAIN },
		{ "*, gzip;q=0", PLAIN },
		{ "gzip, identity;q=0", GZIP_ONLY },
		{ "gzip, *;q=0", GZIP_ONLY },
		{ "gzip;q=0.001, *;q=0", GZIP_ONLY },
		{ "identity;q=0", NEITHER },
		{ "*;q=0", NEITHER },
		{ "br, identity;q=0", NEITHER },
		{ "gzip;q=0, identity;q=0", NEITHER },
		{ "*;q=0, identity;q=0.1", PLAIN },
		/* malformed elements are ignored */
		{ "gzip;q=2", PLAIN },
		{ "gzip;q=1.001", PLAIN },
		{ "gzip;q=0.1234", PLAIN },
		{ "gzip;q=-1", PLAIN },
		{ "gzip;q=", PLAIN },
		{ "gzip;q", PLAIN },
		{ "gzip;", PLAIN },
		{ "gzip;level=9", PLAIN },
		{ "gzip q=1", PLAIN },
		{ "gzipped", PLAIN },
		{ "gzi", PLAIN },
		{ "identity;q=zero", PLAIN },
		{ "**", PLAIN },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		char field[200];

		snprintf(field, sizeof(field), "Accept-Encoding: %s\r\n", cases[i].value);
		cr_expect_eq(choice_of(field), cases[i].expected, "%s: %d", cases[i].value, choice_of(field));
	}
}

Test(http_negotiate, knows_the_field)
{
	cr_expect_eq(choice_of(""), PLAIN);
	cr_expect_eq(choice_of("Accept-Encodin: gzip\r\nAccept-Encodingx: gzip\r\nAccept-Charset:gzip\r\n"),
	             PLAIN);
	cr_expect_eq(
		choice_of("accept-encoding:br\r\nAccept-Encoding: identity;q=0\r\nACCEPT-ENCODING: gzip\r\n"),
		GZIP_ONLY);
}
