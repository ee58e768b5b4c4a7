/* SPDX-License-Identifier: ISC */
/* The media type of what has a name, by its suffix. */
#include <string.h>

#include "net/http/server_priv.h"

/* Suffix and type in turns, each with its NUL; an empty one ends it. */
static const char types[] =
#define MEDIA_TYPE(suffix, type) suffix "\0" type "\0"
#include "net/http/media_types.h"
#undef MEDIA_TYPE
;

#define MEDIA_TYPE(suffix, type) static_assert(sizeof("application/" type) <= HTTP_TYPE_BYTES, type);
#include "net/http/media_types.h"

static const char *behind(const char *text)
{
	return text + strlen(text) + 1;
}

const char *http_media_type(struct http_text key)
{
	struct http_text suffix = { key.at + key.len, 0 };
	const char *pair = types;

	while (suffix.at > key.at && suffix.at[-1] != '.' && suffix.at[-1] != '/')
		suffix = (struct http_text){ suffix.at - 1, suffix.len + 1 };
	if (suffix.at > key.at && suffix.at[-1] == '.')
		for (; *pair; pair = behind(behind(pair)))
			if (http_text_is(suffix, pair))
				return behind(pair);
	return "octet-stream";
}
