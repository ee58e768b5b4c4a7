/* SPDX-License-Identifier: ISC */
/* The chunked transfer coding of a request's body (RFC 9112 §7.1): the framing is eaten, the payload left in
 * place. Chunk extensions and trailers are dropped. */
#ifndef NET_HTTP_CHUNK_H
#define NET_HTTP_CHUNK_H

#include "kernel/util.h"

struct http_chunks {
	uint64_t left;  /* bytes of payload that come next; the caller subtracts those that it has taken */
	uint64_t size;  /* of the chunk whose line is being eaten */
	uint32_t spare; /* bytes that extensions and trailers may still have */
	uint8_t state;
};

/* spare: bytes that all extensions and trailers of a body may have together. */
void http_chunks_init(struct http_chunks *c, uint32_t spare);
/* Eats framing from the start of data. Gives the bytes eaten: fewer than len when payload follows (left > 0)
 * or the body is over. -EBADMSG: the framing is malformed, or exceeds spare. left must be 0. */
int http_chunks_eat(struct http_chunks *c, const char *data, size_t len);
bool http_chunks_are_over(const struct http_chunks *c);

#endif
