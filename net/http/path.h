/* SPDX-License-Identifier: ISC */
/* The paths of requests (RFC 3986) and the keys of a store (fs/kv.h). */
#ifndef NET_HTTP_PATH_H
#define NET_HTTP_PATH_H

#include "net/http/parse.h"

/* Decodes path into key, which has room for path.len bytes, and resolves "." and ".." segments
 * afterwards, so that no spelling of ".." gets out of the root; empty segments vanish. Gives the
 * key's length: no leading slash, and a trailing one, or nothing at all, for a folder. -EBADMSG: bad
 * escape, control character, or a ".." that would leave the root. */
int http_path_to_key(struct http_text path, char *key);

/* Writes "/", the key percent-encoded, and "/" to to: where the folder key is found. Gives the
 * length, or -E2BIG when it may not fit in max, which is at least 4. It cannot be read as another
 * host's address, for a key has no leading slash. */
int http_path_to_folder(const char *key, size_t key_len, char *to, size_t max);

#endif
