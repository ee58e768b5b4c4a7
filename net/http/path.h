/* SPDX-License-Identifier: ISC */
/* The paths of requests (RFC 3986) and the keys of a store (fs/kv.h). */
#ifndef NET_HTTP_PATH_H
#define NET_HTTP_PATH_H

#include "net/http/parse.h"

/* Decodes path into key, which has room for path.len bytes, and resolves "." and ".." segments
 * afterwards, so that no spelling of ".." leaves the root; empty segments are dropped. Gives the key's
 * length: the key has no leading slash, and a folder's ends with a slash, or is empty. -EBADMSG: bad
 * escape, control character, or a ".." that would leave the root. */
int http_path_to_key(struct http_text path, char *key);

/* Writes "/", the key percent-encoded, and "/" at `to`: the path of the folder key. Gives the length,
 * or -E2BIG: it may not fit in max, which is at least 4. It cannot be read as another host's address,
 * as a key has no leading slash. */
int http_path_to_folder(const char *key, size_t key_len, char *to, size_t max);

#endif
