/* SPDX-License-Identifier: ISC */
/* The media type of what has a name, by its suffix. */
#include "net/http/server_priv.h"

/* Suffix and type in turns, each with its NUL; and how many bytes each pair takes. */
static const char types[] =
#define MEDIA_TYPE(suffix, type) suffix "\0" type "\0"
#include "net/http/media_types.h"
#undef MEDIA_TYPE
;
static const uint8_t steps[] = {
#define MEDIA_TYPE(suffix, type) sizeof(suffix) + sizeof(type),
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
		for (size_t i = 0; i < ARRAY_SIZE(steps); pair += steps[i++])
			if (http_text_is(suffix, pair))
				return pair + suffix.len + 1;
	return "octet-stream";
}
