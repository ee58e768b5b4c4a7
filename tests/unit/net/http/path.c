/* SPDX-License-Identifier: ISC */
/* Paths: every spelling of "..", escapes, and the way back to a URL. */
#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "net/http/path.h"

/* The key of path in memory of exactly the promised size; NULL when it is refused. */
static char *key_of(const char *path)
{
	size_t len = strlen(path);
	char *key = malloc(len), *text = malloc(len);
	int result;

	memcpy(text, path, len);
	result = http_path_to_key((struct http_text){ text, len }, key);
	free(text);
	cr_expect(result == -EBADMSG || (result >= 0 && (size_t)result < len), "%s: %d", path, result);
	if (result < 0) {
		free(key);
		return NULL;
	}
	key = realloc(key, len + 1);
	key[result] = '\0';
	return key;
}

Test(http_path, becomes_a_key)
{
	static const char *const pairs[][2] = {
		{ "/", "" }, { "/a", "a" }, { "/a/", "a/" }, { "/a/b.c", "a/b.c" }, { "//a///b", "a/b" },
		{ "/./a/./b/.", "a/b/" }, { "/a/../b", "b" }, { "/a/b/..", "a/" }, { "/a/b/../", "a/" },
		{ "/a/..", "" }, { "/a/b/../../c", "c" }, { "/.", "" }, { "/...", "..." }, { "/..a", "..a" },
		{ "/a..", "a.." }, { "/.a", ".a" }, { "/%61%2f%62", "a/b" }, { "/%2E/a", "a" },
		{ "/a%2f..%2fb", "b" }, { "/a%2F%2e%2E", "" }, { "/%25", "%" }, { "/%252e%252e", "%2e%2e" },
		{ "/caf%C3%A9", "caf\xc3\xa9" }, { "/a+b", "a+b" }, { "/a%20b", "a b" }, { "/\\..\\x", "\\..\\x" },
		{ "/a;x=1", "a;x=1" }, { "/%3f", "?" }, { "/a/./", "a/" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(pairs); i++) {
		char *key = key_of(pairs[i][0]);

		cr_assert_not_null(key, "%s", pairs[i][0]);
		cr_expect_str_eq(key, pairs[i][1], "%s gives %s", pairs[i][0], key);
		free(key);
	}
}

Test(http_path, cannot_leave_the_root)
{
	static const char *const attacks[] = {
		"/..", "/../", "/../etc/passwd", "/./../a", "/a/../..", "/a/../../b", "/%2e%2e", "/%2e%2e/a",
		"/.%2e/a", "/%2E./a", "/..%2fa", "/%2e%2e%2fa", "/a/%2e%2e/%2e%2e/b", "//..//a", "/a//../../b",
	};

	for (size_t i = 0; i < ARRAY_SIZE(attacks); i++)
		cr_expect_null(key_of(attacks[i]), "%s", attacks[i]);
}

Test(http_path, refuses_bad_escapes_and_controls)
{
	static const char *const bad[] = {
		"/%", "/%4", "/%zz", "/%4g", "/%g4", "/a%", "/a%a", "/%00", "/a%00.html", "/%0a", "/%0d%0a", "/%1f",
		"/%7f", "/% 41", "/%+4",
	};

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		cr_expect_null(key_of(bad[i]), "%s", bad[i]);
}

/* Each short path over a nasty alphabet: its key never climbs, and as a path gives the same key. */
Test(http_path, holds_for_all_short_paths)
{
	static const char *const pieces[] = { "/", ".", "..", "%2e", "%2f", "a", "%" };
	size_t total = 7 * 7 * 7 * 7 * 7;

	for (size_t n = 0; n < total; n++) {
		char path[32] = "/", *key, *again, slashed[34];
		size_t rest = n;

		for (int i = 0; i < 5; i++, rest /= 7)
			strcat(path, pieces[rest % 7]);
		key = key_of(path);
		if (!key)
			continue;
		snprintf(slashed, sizeof(slashed), "/%s", key);
		cr_expect(key[0] != '/' && !strstr(slashed, "/../") && !strstr(slashed, "//") &&
		          !strstr(slashed, "/./"), "%s gives %s", path, key);
		again = key_of(slashed);
		cr_expect(again && !strcmp(again, key), "%s gives %s", path, key);
		free(again);
		free(key);
	}
}

Test(http_path, goes_back_to_a_url)
{
	char to[64];
	int len = http_path_to_folder("a b/\xc3\xa9~_-.Z9%", 13, to, sizeof(to));

	cr_assert(len > 0);
	cr_expect_eq((int)strlen("/a%20b/%C3%A9~_-.Z9%25/"), len);
	cr_expect(!memcmp(to, "/a%20b/%C3%A9~_-.Z9%25/", (size_t)len), "%.*s", len, to);
	for (size_t max = 4; max < (size_t)len; max++)
		cr_expect_eq(http_path_to_folder("a b/\xc3\xa9~_-.Z9%", 13, to, max), -E2BIG);
}
