/* SPDX-License-Identifier: ISC */
/* Media types by the suffix of a name. */
#include <criterion/criterion.h>
#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "net/http/server_priv.h"

static const char *type_of(const char *key)
{
	return http_media_type((struct http_text){ key, strlen(key) });
}

Test(http_media, knows_every_suffix_of_the_table)
{
	static const struct {
		const char *suffix, *type;
	} table[] = {
#define MEDIA_TYPE(suffix, type) { suffix, type },
#include "net/http/media_types.h"
#undef MEDIA_TYPE
	};
	char key[64], *at;

	for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
		snprintf(key, sizeof(key), "folder.d/a.b.%s", table[i].suffix);
		cr_expect_str_eq(type_of(key), table[i].type, "%s", key);
		for (at = strrchr(key, '.'); *at; at++)
			*at = (char)toupper(*at);
		cr_expect_str_eq(type_of(key), table[i].type, "%s", key);
		strcat(key, "x");
		cr_expect_str_eq(type_of(key), "octet-stream", "%s", key);
	}
}

Test(http_media, of_what_has_none)
{
	static const char *const keys[] = { "", "html", "a.html/b", "a.", "a.htmlx", "a.ht", ".", "a.html.",
	                                    "a.h tml" };

	for (size_t i = 0; i < ARRAY_SIZE(keys); i++)
		cr_expect_str_eq(type_of(keys[i]), "octet-stream", "%s", keys[i]);
	cr_expect_str_eq(type_of(".html"), "text/html");
}
