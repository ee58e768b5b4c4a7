/* SPDX-License-Identifier: ISC */
/* A read-only store of values by key (Mirage's KV_RO): crunch, FAT, … Keys are paths without a
 * leading slash: "img/logo.svg". */
#ifndef FS_KV_H
#define FS_KV_H

#include "kernel/promise.h"

struct kv;

/* What a store knows of a value. What it does not know is NULL or 0. */
struct kv_entry {
	uint64_t size;
	uint64_t modified_ns;    /* wall clock */
	const char *etag;        /* strong entity tag with its quotes */
	const char *header;      /* ready HTTP header lines for this value: Content-Type, Content-Length,
	                            ETag, each ended by CRLF; header_len does not count the empty
	                            line (CRLF) that follows them in memory */
	uint16_t header_len;
	uint16_t validators;     /* offset in header of the lines that a 304 answer repeats (RFC 9110
	                            §15.4.5): ETag, Cache-Control, to the end */
	const void *data;        /* the whole value, constant memory; may follow the header's empty line
	                            directly */
};

/* Fulfilled with 0 and entry filled in; fails with -ENOENT, -EIO, -EISDIR. Borrows key until it
 * settles. Stores in memory settle before the call returns. */
struct kv_get {
	struct promise promise;
	struct kv_entry entry;
};

struct kv_ops {
	void (*get)(struct kv *kv, struct kv_get *op, const char *key, size_t key_len);
};

struct kv {
	const struct kv_ops *ops;
};

static inline void kv_get(struct kv *kv, struct kv_get *op, const char *key, size_t key_len)
{
	kv->ops->get(kv, op, key, key_len);
}

#endif
