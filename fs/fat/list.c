/* SPDX-License-Identifier: ISC */
/* kv_list: the names of a folder in the order of its slots. A long name comes end first, in pieces: they are
 * gathered as units behind the room where they then become UTF-8. */
#include <errno.h>
#include <string.h>

#include "fs/fat/fat_priv.h"

struct cursor {
	uint64_t folder; /* the folder's slot */
	uint32_t changes;
	struct fat_directory at;
};
static_assert(sizeof(struct cursor) <= sizeof(((struct kv_list *)0)->cursor), "room in the operation");

/* UTF-8 of up to three bytes a unit does not overwrite units not yet read: 3 i <= UNITS_AT + 2 i. */
#define UNITS_AT (KV_NAME_BYTES - (FAT_NAME_UNITS + 1) * sizeof(uint16_t))
static_assert(UNITS_AT >= FAT_NAME_UNITS, "so far");
static_assert(offsetof(struct kv_list, name) % sizeof(uint16_t) == 0 && UNITS_AT % sizeof(uint16_t) == 0,
              "units are aligned");

static void cancel(struct promise *p)
{
	fat_task_cancel((struct fat_task *)container_of(p, struct kv_list, promise)->own);
}

/* -- the folder -- */

static void begin(struct kv_list *op, struct fat *fat, const struct fat_entry *folder)
{
	struct cursor *c = (struct cursor *)op->cursor;

	c->folder = folder->place;
	c->changes = fat_changes_now(fat);
	fat_directory_begin(fat, &c->at, folder->first);
}

static intptr_t find_step(struct fat_task *t)
{
	struct kv_list *op = container_of(t, struct kv_list, own);
	struct fat_lookup *l = (struct fat_lookup *)t;
	int error = fat_lookup_run(l);

	if (error)
		return error;
	if (!(l->found.attributes & FAT_FOLDER))
		return -ENOTDIR;
	begin(op, t->fat, &l->found);
	return 0;
}

void fat_list(struct kv *kv, struct kv_list *op, const char *key, size_t key_len)
{
	struct fat_lookup *l = (struct fat_lookup *)op->own;
	struct fat *fat = fat_of(kv);

	static_assert(sizeof(*l) <= sizeof(op->own), "room in the operation");
	fat_lookup_begin(l, fat, key, key_len);
	fat_task_start(&l->task, fat, &op->promise, cancel, find_step);
}

/* -- its entries -- */

/* Gives 1 when slot s is an entry with a name. */
static int take(struct kv_list *op, const struct fat_slot *s)
{
	struct fat_lookup *l = (struct fat_lookup *)op->own;
	uint16_t *units = (uint16_t *)(void *)(op->name + UNITS_AT);
	unsigned count = 0;
	struct fat_entry e;

	if (s->name[0] != FAT_SLOT_FREE && !(s->attributes & FAT_LABEL))
		count = fat_long_belongs(&l->name, s) ? l->name.units : fat_short_read(units, s);
	l->name.units = 0;
	if (!count)
		return 0;
	op->name_len = (uint16_t)fat_name_write(op->name, units, count);
	op->name[op->name_len] = '\0';
	fat_entry_read(&e, 0, s);
	op->size = e.size;
	op->modified_ns = fat_time_read(e.date, e.time);
	op->is_folder = e.attributes & FAT_FOLDER;
	return 1;
}

static int look(void *arg, const struct fat_slot *s)
{
	struct kv_list *op = arg;
	struct fat_lookup *l = (struct fat_lookup *)op->own;
	uint16_t units[FAT_LONG_UNITS];
	unsigned count;

	if (s->name[0] == FAT_SLOT_END)
		return -ENODATA;
	if (s->name[0] == FAT_SLOT_FREE || !fat_slot_is_long(s))
		return take(op, s);
	count = fat_long_add(&l->name, (const struct fat_long_slot *)s, units);
	if (count)
		memcpy(op->name + UNITS_AT + l->name.next * sizeof(units), units, count * sizeof(*units));
	return 0;
}

static intptr_t next_step(struct fat_task *t)
{
	struct kv_list *op = container_of(t, struct kv_list, own);
	struct cursor *c = (struct cursor *)op->cursor;
	int result;

	if (fat_is_stale(t->fat, c->folder, c->changes))
		return -ESTALE;
	result = fat_directory_scan(t, &c->at, look, op);
	if (result == 1)
		c->at.slot++;
	return result == -ENODATA ? 0 : result;
}

void fat_list_next(struct kv *kv, struct kv_list *op)
{
	struct fat_lookup *l = (struct fat_lookup *)op->own;

	l->name.units = 0;
	fat_task_start(&l->task, fat_of(kv), &op->promise, cancel, next_step);
}
