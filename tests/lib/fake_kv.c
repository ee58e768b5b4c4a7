/* SPDX-License-Identifier: ISC */
/* Each slice lies in memory of exactly its size, so that the address sanitizer sees a use after its release,
 * and is counted until it has come back. */
#include "tests/lib/fake_kv.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct fake_op {
	struct list link;
	struct kv_get *get; /* or */
	struct kv_read *read;
	const char *key;
	size_t key_len;
};

struct fake_slice {
	struct storage storage;
	struct fake_kv *store;
	char *bytes;
};

char fake_kv_byte(uint64_t offset)
{
	return (char)('a' + (offset ^ offset >> 8 ^ offset >> 16) % 23);
}

static const struct fake_value *find(const struct fake_kv *f, const char *key, size_t key_len)
{
	for (const struct fake_value *v = f->values; v->key; v++)
		if (strlen(v->key) == key_len && !memcmp(v->key, key, key_len))
			return v;
	return NULL;
}

/* Is key the folder of another key? */
static bool is_folder(const struct fake_kv *f, const char *key, size_t key_len)
{
	for (const struct fake_value *v = f->values; v->key; v++)
		if (!strncmp(v->key, key, key_len) && v->key[key_len] == '/')
			return true;
	return false;
}

static int take_error(int *error)
{
	int taken = *error;

	*error = 0;
	return taken;
}

static int do_get(struct fake_kv *f, struct kv_get *op, const char *key, size_t key_len)
{
	static const char lines[] = "Content-Type: x/y\r\nContent-Length: 5\r\nETag: \"d\"\r\n\r\nhello";
	const struct fake_value *v = find(f, key, key_len);
	int error = take_error(&f->get_error);

	if (error || !v)
		return error ? error : is_folder(f, key, key_len) ? -EISDIR : -ENOENT;
	op->entry =
		(struct kv_entry){ .size = v->size, .modified_ns = v->modified_ns, .place = { 0, (uintptr_t)v } };
	if (v->etag) {
		strcpy(op->etag, v->etag);
		op->entry.etag = op->etag;
	}
	if (f->gives_data) {
		op->entry.size = 5;
		op->entry.header = lines;
		op->entry.header_len = sizeof(lines) - 1 - 7;
		op->entry.validators = (uint16_t)(strstr(lines, "ETag") - lines);
		op->entry.data = lines + sizeof(lines) - 1 - 5;
	}
	return 0;
}

static void slice_free(struct storage *storage)
{
	struct fake_slice *s = container_of(storage, struct fake_slice, storage);

	s->store->slices_out--;
	free(s->bytes);
	free(s);
}

static void add_slice(struct fake_kv *f, struct kv_read *op, uint64_t offset, uint32_t len)
{
	const struct fake_value *v = (const struct fake_value *)(uintptr_t)op->entry->place[1];
	struct fake_slice *s = malloc(sizeof(*s));

	*s = (struct fake_slice){ { .refs = 1, .free = slice_free }, f, malloc(len) };
	for (uint32_t i = 0; i < len; i++)
		s->bytes[i] = f->text && v == f->values ? f->text[offset + i] : fake_kv_byte(offset + i);
	op->slices[op->count++] = (struct slice){ s->bytes, len, &s->storage };
	f->slices_out++;
	f->slices_peak = MAX(f->slices_peak, f->slices_out);
}

static intptr_t do_read(struct fake_kv *f, struct kv_read *op)
{
	const struct fake_value *v = (const struct fake_value *)(uintptr_t)op->entry->place[1];
	uint32_t n = op->max, done = 0;

	f->reads++;
	if (f->read_error && op->offset >= f->read_error_at)
		return take_error(&f->read_error);
	if (f->pieces_max && f->slices_out >= f->pieces_max)
		return -ENOBUFS;
	if (f->piece_bytes)
		n = MIN(n, f->piece_bytes);
	n = (uint32_t)MIN((uint64_t)n, v->size > op->offset ? v->size - op->offset : 0);
	while (done < n && op->count < KV_READ_SLICES) {
		uint32_t len = f->slice_bytes ? MIN(n - done, f->slice_bytes) : n;

		add_slice(f, op, op->offset + done, len);
		done += len;
	}
	return done;
}

static void settle(struct promise *p, intptr_t result)
{
	if (result < 0)
		promise_fail(p, (int)result);
	else
		promise_fulfil(p, result);
}

static void wait_for_test(struct fake_kv *f, struct fake_op op)
{
	struct fake_op *kept = malloc(sizeof(*kept));

	*kept = op;
	list_push_back(&f->pending, &kept->link);
}

static void fake_get(struct kv *kv, struct kv_get *op, const char *key, size_t key_len)
{
	struct fake_kv *f = container_of(kv, struct fake_kv, kv);

	f->gets++;
	promise_init(&op->promise, NULL);
	if (f->waits)
		wait_for_test(f, (struct fake_op){ .get = op, .key = key, .key_len = key_len });
	else
		settle(&op->promise, do_get(f, op, key, key_len));
}

static void cancel_read(struct promise *p)
{
	struct kv_read *op = container_of(p, struct kv_read, promise);
	struct fake_kv *f = container_of(op->kv, struct fake_kv, kv);

	list_for_each_safe(link, &f->pending) {
		struct fake_op *pending = list_entry(link, struct fake_op, link);

		if (pending->read != op)
			continue;
		list_remove(&pending->link);
		free(pending);
	}
	f->cancelled++;
	promise_fail(p, -ECANCELED);
}

static void fake_read(struct kv *kv, struct kv_read *op)
{
	struct fake_kv *f = container_of(kv, struct fake_kv, kv);

	promise_init(&op->promise, cancel_read);
	if (f->waits)
		wait_for_test(f, (struct fake_op){ .read = op });
	else
		settle(&op->promise, do_read(f, op));
}

void fake_kv_init(struct fake_kv *f, const struct fake_value *values)
{
	static const struct kv_ops ops = { .get = fake_get, .read = fake_read };

	*f = (struct fake_kv){ .kv.ops = &ops, .values = values };
	list_init(&f->pending);
}

size_t fake_kv_settle(struct fake_kv *f)
{
	size_t count = 0;
	struct list *link;

	while ((link = list_pop_front(&f->pending))) {
		struct fake_op op = *list_entry(link, struct fake_op, link);

		free(list_entry(link, struct fake_op, link));
		if (op.get)
			settle(&op.get->promise, do_get(f, op.get, op.key, op.key_len));
		else
			settle(&op.read->promise, do_read(f, op.read));
		count++;
	}
	return count;
}
