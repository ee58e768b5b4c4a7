/* SPDX-License-Identifier: ISC */
/* A read-only store of values by key (Mirage's KV_RO): crunch, FAT, … Keys are paths without a
 * leading slash: "img/logo.svg". */
#ifndef FS_KV_H
#define FS_KV_H

#include "kernel/flow.h"
#include "kernel/promise.h"

struct kv;

/* What a store knows of a value. What it does not know is NULL or 0. */
struct kv_entry {
	uint64_t size;
	uint64_t modified_ns;    /* wall clock */
	const char *type;        /* media type, as "text/html; charset=utf-8" */
	const char *etag;        /* strong entity tag with its quotes */
	const char *header;      /* ready HTTP header lines for this value: Content-Type, Content-Length,
	                            ETag, each ended by CRLF; header_len does not count the empty
	                            line (CRLF) that follows them in memory */
	uint16_t header_len;
	uint16_t validators;     /* offset in header of the lines that a 304 answer repeats (RFC 9110
	                            §15.4.5): ETag, Cache-Control, to the end */
	const void *data;        /* the whole value where it is constant memory, else NULL: use kv_read;
	                            may follow the header's empty line directly */
	const void *handle;      /* the store's own */
};

/* Fulfilled with 0 and entry filled in; fails with -ENOENT, -EIO, -EISDIR. Borrows key until it
 * settles. Stores in memory settle before the call returns. */
struct kv_get {
	struct promise promise;
	struct kv_entry entry;
};

/* Fulfilled with the bytes in slice (> 0), 0 past the end. slice.storage is given to the caller. */
struct kv_read {
	struct promise promise;
	struct slice slice;
};

struct kv_ops {
	void (*get)(struct kv *kv, struct kv_get *op, const char *key, size_t key_len);
	void (*read)(struct kv *kv, struct kv_read *op, const struct kv_entry *entry, uint64_t offset,
	             size_t max);
	/* Calls each(arg, key, len) for every key, in order, until it gives other than 0; gives that. */
	int (*list)(struct kv *kv, int (*each)(void *arg, const char *key, size_t key_len), void *arg);
};

struct kv {
	const struct kv_ops *ops;
};

static inline void kv_get(struct kv *kv, struct kv_get *op, const char *key, size_t key_len)
{
	kv->ops->get(kv, op, key, key_len);
}

static inline void kv_read(struct kv *kv, struct kv_read *op, const struct kv_entry *entry, uint64_t offset,
                           size_t max)
{
	kv->ops->read(kv, op, entry, offset, max);
}

static inline int kv_list(struct kv *kv, int (*each)(void *arg, const char *key, size_t key_len), void *arg)
{
	return kv->ops->list(kv, each, arg);
}

#endif
