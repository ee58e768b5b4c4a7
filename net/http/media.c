/* SPDX-License-Identifier: ISC */
/* The media type of a file's name, by its suffix. */
#include <string.h>

#include "net/http/server_priv.h"

/* Suffix and type in turns, each with its NUL. */
static const char types[] =
#define MEDIA_TYPE(suffix, type) suffix "\0" type "\0"
#include "net/http/media_types.h"
#undef MEDIA_TYPE
;

/* Their lengths, so that a search compares only suffixes of the right length. */
static const struct {
	uint8_t suffix, both; /* without its NUL; with both of theirs */
} lengths[] = {
#define MEDIA_TYPE(suffix, type) { sizeof(suffix) - 1, sizeof(suffix "\0" type) },
#include "net/http/media_types.h"
#undef MEDIA_TYPE
};

#define MEDIA_TYPE(suffix, type) static_assert(sizeof("application/" type) <= HTTP_TYPE_BYTES, type);
#include "net/http/media_types.h"

const char *http_media_type(struct http_text key)
{
	struct http_text suffix = { key.at + key.len, 0 };
	const char *pair = types;

	while (suffix.at > key.at && suffix.at[-1] != '.' && suffix.at[-1] != '/')
		suffix = (struct http_text){ suffix.at - 1, suffix.len + 1 };
	if (suffix.at > key.at && suffix.at[-1] == '.')
		for (size_t i = 0; i < ARRAY_SIZE(lengths); pair += lengths[i++].both)
			if (suffix.len == lengths[i].suffix && http_text_is(suffix, pair))
				return pair + suffix.len + 1;
	return "octet-stream";
}
