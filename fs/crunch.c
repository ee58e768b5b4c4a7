/* SPDX-License-Identifier: ISC */
/* The store that scripts/crunch makes of a folder. The key's hash chooses a bucket, the bucket's
 * displacement sends the hash to a slot that no other key of the store has ("hash, displace, and
 * compress", Belazzougui, Botelho, Dietzfelbinger 2009); comparing the key there tells a hit from
 * a miss. The functions hash and mix must agree with key_hash and mix of the script. */
#include <errno.h>
#include <string.h>

#include "fs/crunch.h"
#include "kernel/fnv.h"
#include "kernel/instance.h"

struct crunch {
	struct kv kv;
	const struct crunch_data *data;
};

static const void *at(const struct crunch_data *data, uint32_t offset)
{
	return (const char *)data + offset;
}

static uint32_t mix(uint32_t x)
{
	x ^= x >> 16;
	x *= 0x7feb352d;
	x ^= x >> 15;
	x *= 0x846ca68b;
	return x ^ x >> 16;
}

/* Spreads h evenly over [0, range) without a division. */
static uint32_t scale(uint32_t h, uint32_t range)
{
	return (uint32_t)((uint64_t)h * range >> 32);
}

static uint32_t hash(uint32_t seed, const char *key, size_t len)
{
	for (size_t i = 0; i < len; i++)
		seed = fnv_add(seed, (uint8_t)key[i]);
	return mix(seed);
}

static const struct crunch_entry *lookup(const struct crunch_data *data, const char *key, size_t key_len)
{
	const struct crunch_entry *entries = at(data, sizeof(*data));
	const uint32_t *displacements = at(data, data->displacements);
	uint32_t h = hash(data->seed, key, key_len);
	const struct crunch_entry *e =
		&entries[scale(mix(h ^ displacements[scale(h, data->buckets)]), data->count)];

	if (e->key_len != key_len || memcmp(at(data, e->key), key, key_len))
		return NULL;
	return e;
}

static void crunch_get(struct kv *kv, struct kv_get *op, const char *key, size_t key_len)
{
	const struct crunch_data *data = container_of(kv, struct crunch, kv)->data;
	const struct crunch_entry *e = lookup(data, key, key_len);

	if (!e || e->is_folder) {
		promise_throw(&op->promise, e ? -EISDIR : -ENOENT);
		return;
	}
	if (IS_ENABLED(CONFIG_WWW_GZIP) && op->codings & KV_GZIP && e->gzip)
		e = at(data, e->gzip);
	op->entry.size = e->size;
	op->entry.modified_ns = 0;
	op->entry.etag = at(data, e->etag);
	op->entry.header = at(data, e->header);
	op->entry.header_len = e->header_len;
	op->entry.validators = e->validators;
	op->entry.coding = e->coding;
	op->entry.data = at(data, e->body);
	promise_return(&op->promise, 0);
}

/* -- listing: walks all keys for those that are the folder's key and one name behind it -- */

enum cursor { FOLDER, NEXT }; /* entries, by their numbers */

static void crunch_list(struct kv *kv, struct kv_list *op, const char *key, size_t key_len)
{
	const struct crunch_data *data = container_of(kv, struct crunch, kv)->data;
	const struct crunch_entry *e = lookup(data, key, key_len), *entries = at(data, sizeof(*data));

	if (!e || !e->is_folder) {
		promise_throw(&op->promise, e ? -ENOTDIR : -ENOENT);
		return;
	}
	op->cursor[FOLDER] = (uint64_t)(e - entries);
	op->cursor[NEXT] = 0;
	promise_return(&op->promise, 0);
}

/* The name of e in folder; NULL: it lies elsewhere. */
static const char *name_in(const struct crunch_data *data, const struct crunch_entry *folder,
                           const struct crunch_entry *e)
{
	const char *key = at(data, e->key), *name = key + folder->key_len + (folder->key_len > 0);
	const char *end = key + e->key_len;

	if (name >= end || memcmp(key, at(data, folder->key), folder->key_len) ||
	    (name > key && name[-1] != '/') || memchr(name, '/', (size_t)(end - name)))
		return NULL;
	return name;
}

static void crunch_list_next(struct kv *kv, struct kv_list *op)
{
	const struct crunch_data *data = container_of(kv, struct crunch, kv)->data;
	const struct crunch_entry *entries = at(data, sizeof(*data)), *folder = &entries[op->cursor[FOLDER]];

	while (op->cursor[NEXT] < data->count) {
		const struct crunch_entry *e = &entries[op->cursor[NEXT]++];
		const char *name = name_in(data, folder, e);

		if (!name)
			continue;
		op->name_len = (uint16_t)((const char *)at(data, e->key) + e->key_len - name);
		memcpy(op->name, name, op->name_len + 1u);
		op->size = e->size;
		op->modified_ns = 0;
		op->is_folder = e->is_folder;
		promise_return(&op->promise, 1);
		return;
	}
	promise_return(&op->promise, 0);
}

int crunch_create(struct kv **out, const struct crunch_data *data)
{
	static const struct kv_ops ops = {
		.get = crunch_get, .list = IS_ENABLED(CONFIG_FS_LIST) ? crunch_list : NULL,
		.list_next = IS_ENABLED(CONFIG_FS_LIST) ? crunch_list_next : NULL,
	};
	struct crunch *c = instance_alloc(sizeof(*c));

	if (!c)
		return -ENOMEM;
	c->kv.ops = &ops;
	c->data = data;
	*out = &c->kv;
	return 0;
}

void crunch_destroy(struct kv *kv)
{
	instance_free(container_of(kv, struct crunch, kv), sizeof(struct crunch));
}
