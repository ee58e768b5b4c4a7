/* SPDX-License-Identifier: ISC */
/* The media type of what has a name, by its suffix. */
#include <string.h>

#include "net/http/server_priv.h"

/* Suffix and type in turns, each with its NUL. */
static const char types[] =
#define MEDIA_TYPE(suffix, type) suffix "\0" type "\0"
#include "net/http/media_types.h"
;

const char *http_media_type(struct http_text key)
{
	struct http_text suffix = { key.at + key.len, 0 };

	while (suffix.at > key.at && suffix.at[-1] != '.' && suffix.at[-1] != '/')
		suffix = (struct http_text){ suffix.at - 1, suffix.len + 1 };
	if (suffix.at > key.at && suffix.at[-1] == '.') {
		for (const char *at = types; *at; at += strlen(at) + 1) {
			const char *type = at + strlen(at) + 1;

			if (http_text_is(suffix, at))
				return type;
			at = type;
		}
	}
	return "application/octet-stream";
}
