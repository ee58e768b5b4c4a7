/* SPDX-License-Identifier: ISC */
/* Chunked bodies: valid ones, cut anywhere, and invalid ones. */
#include <criterion/criterion.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "kernel/util.h"
#include "net/http/chunk.h"

#define SPARE 20

/* Decodes text, which comes in pieces of piece bytes. Gives the payload, with "…" behind it if the body is
 * incomplete; NULL: no chunked body. Sets *used to the number of the body's bytes. */
static const char *decode(const char *text, size_t piece, size_t *used)
{
	static char payload[256];
	size_t len = 0, size = strlen(text), at = 0;
	struct http_chunks c;

	http_chunks_init(&c, SPARE);
	while (at < size && !http_chunks_are_over(&c)) {
		size_t n = MIN(piece, size - at), taken;
		char *exact = malloc(n);
		int eaten;

		memcpy(exact, text + at, n);
		eaten = http_chunks_eat(&c, exact, n);
		if (eaten < 0) {
			cr_expect_eq(eaten, -EBADMSG);
			free(exact);
			return NULL;
		}
		cr_assert((size_t)eaten <= n);
		taken = (size_t)MIN((uint64_t)(n - (size_t)eaten), c.left);
		memcpy(payload + len, exact + eaten, taken);
		free(exact);
		len += taken;
		c.left -= taken;
		cr_assert((size_t)eaten + taken > 0);
		at += (size_t)eaten + taken;
	}
	*used = at;
	strcpy(payload + len, http_chunks_are_over(&c) ? "" : "...");
	return payload;
}

Test(http_chunk, finds_the_payload_cut_anywhere)
{
	static const struct {
		const char *text, *payload;
		size_t rest; /* bytes that follow the body */
	} cases[] = {
		{ "0\r\n\r\n", "", 0 },
		{ "0\r\n\r\nGET /", "", 5 },
		{ "5\r\nhello\r\n0\r\n\r\n", "hello", 0 },
		{ "2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\nx", "hello", 1 },
		{ "0005\r\nhello\r\n000\r\n\r\n", "hello", 0 },
		{ "A\r\n0123456789\r\n0\r\n\r\n", "0123456789", 0 },
		{ "a;x\r\n\r\n\r\n\r\n\r\n\r\n\r\n0;y=\"z\"\r\n\r\n", "\r\n\r\n\r\n\r\n\r\n", 0 },
		{ "1 ;x\r\na\r\n1\t;\r\nb\r\n0\r\n\r\n", "ab", 0 },
		{ "1\r\na\r\n0\r\nX: y\r\n\r\n", "a", 0 },
		{ "1\r\na\r\n0\r\nX: y\r\nZ:\r\n\r\nA", "a", 1 },
		{ "1\r\na\r\n0\r\n\r\n\r\n", "a", 2 },
		{ "5\r\nhel", "hel...", 0 },
		{ "5\r\nhello\r\n0\r\n", "hello...", 0 },
		{ "1;0123456789012345678\r\na\r\n0\r\n\r\n", "a", 0 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		for (size_t piece = 1; piece <= strlen(cases[i].text); piece++) {
			size_t used;
			const char *payload = decode(cases[i].text, piece, &used);

			cr_assert(payload, "%zu: %s", i, cases[i].text);
			cr_expect_str_eq(payload, cases[i].payload, "%zu", i);
			cr_expect(piece > 1 || used == strlen(cases[i].text) - cases[i].rest, "%zu: %zu", i, used);
		}
	}
}

Test(http_chunk, refuses_what_could_be_read_otherwise)
{
	static const char *const cases[] = {
		"\r\n", "x\r\n", "-1\r\n", "+1\r\n", " 1\r\n", "0x1\r\n", "1 \r\n", "1 x\r\n", "\n",
		"1\na\n0\n\n", "1\r\na\n0\r\n\r\n", "1\r\nab\r\n", "1\r\na0\r\n\r\n", "1\ra\r\n", "1\r\na\rx",
		"1\r\na\r\n\r\n0\r\n\r\n", "0\r\nX\n\r\n", "0\r\nX: \001\r\n", "0\r\n X: folded\r\n\r\n", "0\r\n\rx",
		"0\r\nX: y\r\n z\r\n\r\n",
		"1;\n", "1;x\001\r\n", "1;x\rX",
		"10000000000000000\r\n", "fffffffffffffffff\r\n", "000000000000000000000000000000001\r\n",
		"1;012345678901234567890\r\n", "0\r\nX: 012345678901234567890\r\n",
		"1;0123456789\r\na\r\n1;0123456789\r\na\r\n0\r\nX", /* all of them together */
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		size_t used;

		for (size_t piece = 1; piece <= strlen(cases[i]); piece++)
			cr_expect_null(decode(cases[i], piece, &used), "%zu by %zu: %s", i, piece, cases[i]);
	}
}

Test(http_chunk, takes_any_size)
{
	struct http_chunks c;

	http_chunks_init(&c, SPARE);
	cr_expect_eq(http_chunks_eat(&c, "FFFFFFFFffffffff\r\nab", 20), 18);
	cr_expect_eq(c.left, UINT64_MAX);
}
