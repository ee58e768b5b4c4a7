/* SPDX-License-Identifier: ISC */
/* A store of values by key (Mirage's KV_RO and KV_RW): crunch, FAT, … Keys are paths without a leading
 * slash, UTF-8: "img/logo.svg"; the empty key is the root folder. Every operation is a promise in the
 * caller's storage and borrows its arguments until it has settled; stores in memory settle before the call
 * returns. Failures besides those named below:
 *
 *   any        -EOPNOTSUPP (this store cannot do it), -EIO, -ENOMEM, -ENXIO (the device is gone),
 *              -EUCLEAN (the store is damaged)
 *   reading    -ENOBUFS (all memory for blocks is held by readers)
 *   changing   -EROFS (the store is read-only), -ENAMETOOLONG and -EINVAL (no key) */
#ifndef FS_KV_H
#define FS_KV_H

#include <errno.h>

#include "kernel/flow.h"
#include "kernel/promise.h"

struct kv;

#define KV_ETAG_BYTES 40 /* with quotes and NUL */
#define KV_NAME_BYTES 768 /* one name of a path: 255 characters in UTF-8, and NUL */

/* Content codings (RFC 9110 §8.4.1) in which a store may have a value ready, bits. */
enum kv_codings {
	KV_GZIP = 1 << 0,
};

/* A value's properties. Those that a store does not know are NULL or 0. */
struct kv_entry {
	uint64_t size;
	uint64_t modified_ns;    /* wall clock */
	const char *etag;        /* strong entity tag with its quotes: different contents have different tags
	                            (Mirage's digest). Lives as long as the operation that gave it */
	const char *header;      /* ready HTTP header lines for this value: Content-Type, Content-Length,
	                            ETag, each ended by CRLF; header_len does not count the empty
	                            line (CRLF) that follows them in memory */
	uint16_t header_len;
	uint16_t validators;     /* offset in header of the lines that a 304 answer repeats (RFC 9110
	                            §15.4.5): ETag, Cache-Control, Vary, to the end. Before it stand
	                            at least Content-Type, the first line, and Content-Length, the
	                            last one */
	uint8_t coding;          /* content coding of all of this, a bit of enum kv_codings; 0: none */
	const void *data;        /* the whole value, constant memory; may follow the header's empty line
	                            directly. NULL: kv_read gives it in pieces */
	uint64_t place[2];       /* the store's own: where the value lies, for kv_read */
};

/* Fulfilled with 0 and entry filled in; fails with -ENOENT, -EISDIR. A malformed key gives
 * -ENOENT. A pending get may be cancelled, as may all operations that only read. */
struct kv_get {
	struct promise promise;
	struct kv *kv;
	uint8_t codings;          /* enum kv_codings accepted: the store gives the value in one if it has it */
	struct kv_entry entry;
	char etag[KV_ETAG_BYTES]; /* for stores whose tags are not constant memory */
	uint64_t own[28];         /* the store's, while it is pending */
};

/* A piece of a value that kv_get found. Fulfilled with the bytes in slices, 1 to max; with 0 at its end
 * and beyond. slices hold counts (storage), which the caller puts; the bytes they point at do not change.
 * Fails with -ESTALE: the value has been changed or removed since. A pending read may be cancelled. */
#define KV_READ_SLICES 8
struct kv_read {
	struct promise promise;
	struct kv *kv;
	const struct kv_entry *entry; /* borrowed */
	uint64_t offset;
	uint32_t max;
	uint32_t count; /* slices */
	struct slice slices[KV_READ_SLICES];
	uint64_t cursor[3]; /* the store's own, 0 at first: makes reading on cheap */
	uint64_t own[17];   /* the store's, while it is pending */
};

/* One entry of a folder after the other, in the store's order. Fulfilled with 1 and an entry, or with 0
 * when there are no more. Fails with -ENOENT, -ENOTDIR, -ESTALE. Entries added or removed meanwhile may
 * be seen or not. */
struct kv_list {
	struct promise promise;
	struct kv *kv;
	uint64_t size;
	uint64_t modified_ns;
	bool is_folder;
	uint16_t name_len;
	char name[KV_NAME_BYTES];
	uint64_t cursor[4]; /* the store's own */
	uint64_t own[28];
};

/* A change. Fulfilled with 0 once it is on the medium; when the power fails before, the store has the
 * old value or the new one, whole. Fails with -ENOENT, -EISDIR, -ENOTDIR, -EEXIST, -ENOTEMPTY, -ENOSPC,
 * -EFBIG, -EOPNOTSUPP (a key that the store cannot make so). */
struct kv_change {
	struct promise promise;
	struct list link; /* changes are made one after the other, in the order of the calls */
	struct kv *kv;
	const char *key, *to; /* to: the new key of a rename */
	size_t key_len, to_len;
	const struct slice *slices; /* the new value; their storage stays the caller's */
	uint32_t count;
	uint8_t kind; /* the store's own */
	uint64_t own[16];
};

/* Fails with -EOPNOTSUPP where the store cannot make it atomic. */
struct kv_batch {
	struct promise promise;
	struct kv *kv;
	const struct kv_change *changes;
	uint32_t count;
};

/* NULL: the store cannot do it. */
struct kv_ops {
	void (*get)(struct kv *kv, struct kv_get *op, const char *key, size_t key_len);
	void (*read)(struct kv *kv, struct kv_read *op);
	void (*list)(struct kv *kv, struct kv_list *op, const char *key, size_t key_len);
	void (*list_next)(struct kv *kv, struct kv_list *op);
	void (*set)(struct kv *kv, struct kv_change *op);
	void (*remove)(struct kv *kv, struct kv_change *op);
	void (*rename)(struct kv *kv, struct kv_change *op);
	void (*batch)(struct kv *kv, struct kv_batch *op);
};

struct kv {
	const struct kv_ops *ops;
};

static inline void kv_get_coded(struct kv *kv, struct kv_get *op, const char *key, size_t key_len,
                                uint8_t codings)
{
	op->kv = kv;
	op->codings = codings;
	kv->ops->get(kv, op, key, key_len);
}

static inline void kv_get(struct kv *kv, struct kv_get *op, const char *key, size_t key_len)
{
	kv_get_coded(kv, op, key, key_len, 0);
}

/* The caller zeroes op->cursor before the first call, and keeps it for later ones. */
static inline void kv_read(struct kv *kv, struct kv_read *op, const struct kv_entry *entry, uint64_t offset,
                           uint32_t max)
{
	op->kv = kv;
	op->entry = entry;
	op->offset = offset;
	op->max = max;
	op->count = 0;
	if (entry->data && max && offset < entry->size) {
		op->count = 1;
		op->slices[0].data = (const char *)entry->data + offset;
		op->slices[0].len = entry->size - offset < max ? (size_t)(entry->size - offset) : max;
		op->slices[0].storage = NULL;
		promise_return(&op->promise, (intptr_t)op->slices[0].len);
	} else if (entry->data || !entry->size) {
		promise_return(&op->promise, 0);
	} else {
		kv->ops->read(kv, op);
	}
}

/* Begins at the first entry of folder key. Fulfilled with 0; then kv_list_next may be called. */
static inline void kv_list(struct kv *kv, struct kv_list *op, const char *key, size_t key_len)
{
	op->kv = kv;
	if (kv->ops->list)
		kv->ops->list(kv, op, key, key_len);
	else
		promise_throw(&op->promise, -EOPNOTSUPP);
}

static inline void kv_list_next(struct kv *kv, struct kv_list *op)
{
	kv->ops->list_next(kv, op);
}

/* Sets the value of key, new or in place of an old one. Missing folders of its path are made. */
static inline void kv_set(struct kv *kv, struct kv_change *op, const char *key, size_t key_len,
                          const struct slice *slices, uint32_t count)
{
	op->kv = kv;
	op->key = key;
	op->key_len = key_len;
	op->slices = slices;
	op->count = count;
	if (kv->ops->set)
		kv->ops->set(kv, op);
	else
		promise_throw(&op->promise, -EROFS);
}

/* Removes a value, or a folder with all its content. */
static inline void kv_remove(struct kv *kv, struct kv_change *op, const char *key, size_t key_len)
{
	op->kv = kv;
	op->key = key;
	op->key_len = key_len;
	if (kv->ops->remove)
		kv->ops->remove(kv, op);
	else
		promise_throw(&op->promise, -EROFS);
}

/* Renames the value or folder of key to key to. An existing value of to is replaced; a folder is not. */
static inline void kv_rename(struct kv *kv, struct kv_change *op, const char *key, size_t key_len,
                             const char *to, size_t to_len)
{
	op->kv = kv;
	op->key = key;
	op->key_len = key_len;
	op->to = to;
	op->to_len = to_len;
	if (kv->ops->rename)
		kv->ops->rename(kv, op);
	else
		promise_throw(&op->promise, -EROFS);
}

/* An atomic batch: all changes are made, or the store is as it was. */
static inline void kv_batch(struct kv *kv, struct kv_batch *op, const struct kv_change *changes,
                            uint32_t count)
{
	op->kv = kv;
	op->changes = changes;
	op->count = count;
	if (kv->ops->batch)
		kv->ops->batch(kv, op);
	else
		promise_throw(&op->promise, kv->ops->set ? -EOPNOTSUPP : -EROFS);
}

#endif
