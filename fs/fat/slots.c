/* SPDX-License-Identifier: ISC */
/* Adding names to a folder, and removing them. Each is committed by the write of one sector:
 *
 *  - new slots lie in one sector; at a folder's end the rest of a sector that is too small is passed over,
 *    and a name that does not fit into a whole one is refused (fat_slots_check);
 *  - slots that other systems have laid across sectors are removed by one write of a block or, if they lie in
 *    several blocks, first those in the block of the last slot, which is the one that counts. */
#include <errno.h>
#include <string.h>

#include "fs/fat/writer.h"

#define SLOTS_MOST 65536 /* of a folder: the limit of other systems */

int fat_slots_check(const struct fat_writer *w)
{
	const struct fat_survey *s = &w->survey;

	if (s->found)
		return 0;
	if (s->is_taken)
		return -EEXIST;
	return s->needed * sizeof(struct fat_slot) > w->sector_bytes ? -EOPNOTSUPP : 0;
}

/* -- making room -- */

/* Links one more cluster of free slots behind w->extended, the folder's last. Once the first copy of the
 * table is written the folder looks longer already, so a step that is called again resumes here. */
static int extend(struct fat_writer *w)
{
	struct fat *fat = fat_of_writer(w);
	int error = 0;

	if (!w->extension)
		error = fat_cluster_take(w, &w->extension);
	if (!error && !w->extension_is_clear) {
		error = fat_cluster_clear(w, w->extension);
		if (error)
			return error;
		cache_barrier(fat->cache);
		w->extension_is_clear = true;
	}
	if (!error)
		error = fat_table_write(w, w->extended, w->extension);
	if (error)
		return error;
	cache_barrier(fat->cache);
	w->extension = w->extended = 0;
	w->extension_is_clear = false;
	return 0;
}

/* Extends the folder, whose last slot is the one before slot n of the room. */
static int extend_behind(struct fat_writer *w, uint32_t n)
{
	uint32_t cluster_slots = (1u << fat_of_writer(w)->geometry.cluster_shift) / sizeof(struct fat_slot);
	struct fat_directory last = w->survey.room;
	int error = n ? fat_directory_next(&w->lookup.task, &last, n - 1) : 0;

	if (error)
		return error;
	if (!last.chain.first || (last.chain.index + 1) * cluster_slots >= SLOTS_MOST)
		return -ENOSPC;
	w->extended = last.chain.cluster;
	return extend(w);
}

/* At the folder's end: makes sure that there are count slots from the room on. */
static int make_slots(struct fat_writer *w, uint32_t count)
{
	struct fat_directory d;
	int error = w->extended ? extend(w) : 0;

	for (uint32_t n = 0; n < count && !error; n += !error) {
		d = w->survey.room;
		error = fat_directory_next(&w->lookup.task, &d, n);
		while (error == -ENODATA) {
			error = extend_behind(w, n);
			if (!error)
				error = fat_directory_next(&w->lookup.task, &d, n);
		}
	}
	return error;
}

/* Sets the first byte of d's slot. */
static int put_first(struct fat_writer *w, const struct fat_directory *d, uint8_t first)
{
	return fat_copy_in(w, fat_directory_place(fat_of_writer(w), d), &first, 1);
}

/* Passes over the rest of a sector, if the name does not fit there. */
static int pass_over(struct fat_writer *w)
{
	struct fat_survey *s = &w->survey;
	uint64_t place = fat_directory_place(fat_of_writer(w), &s->room);
	uint32_t left = (uint32_t)((w->sector_bytes - place % w->sector_bytes) / sizeof(struct fat_slot));
	int error = 0;

	if (left >= s->needed)
		return 0;
	error = make_slots(w, left + s->needed);
	for (uint32_t n = 0; n < left && !error; n++) {
		struct fat_directory d = s->room;

		d.slot += n;
		error = put_first(w, &d, FAT_SLOT_FREE);
	}
	return error ? error : fat_directory_next(&w->lookup.task, &s->room, left);
}

/* At the folder's end: makes sure of enough slots, and of an end mark in the one behind them. */
static int make_room(struct fat_writer *w)
{
	struct fat_task *t = &w->lookup.task;
	struct fat_survey *s = &w->survey;
	struct fat_directory d;
	uint8_t first;
	int error = make_slots(w, 1);

	if (!error)
		error = fat_directory_next(t, &s->room, 0);
	if (!error)
		error = pass_over(w);
	if (!error)
		error = make_slots(w, s->needed);
	if (error)
		return error;
	d = s->room;
	error = fat_directory_next(t, &d, s->needed);
	if (error)
		return error == -ENODATA ? 0 : error;
	error = fat_copy_out(t, fat_directory_place(t->fat, &d), &first, 1);
	return error || first == FAT_SLOT_END ? error : put_first(w, &d, FAT_SLOT_END);
}

/* -- the slots -- */

static void set_units(struct fat_long_slot *l, const uint16_t units[FAT_LONG_UNITS])
{
	memcpy(l->units_1, units, sizeof(l->units_1));
	memcpy(l->units_2, units + 5, sizeof(l->units_2));
	memcpy(l->units_3, units + 11, sizeof(l->units_3));
}

/* Fills in the name's slot n: the long name's, then the 8.3 name's. */
static void make_slot(const struct fat_writer *w, uint32_t n, struct fat_slot *slot)
{
	const struct fat_survey *s = &w->survey;
	struct fat_long_slot *l = (struct fat_long_slot *)slot;
	uint16_t units[FAT_NAME_UNITS + FAT_LONG_UNITS];
	uint32_t ordinal = s->needed - 1 - n, at = (ordinal - 1) * FAT_LONG_UNITS;
	int count;

	*slot = w->slot;
	memcpy(slot->name, s->short_name, sizeof(slot->name));
	if (!ordinal)
		return;
	count = fat_name_read(units, w->key + w->key_at, w->key_len - w->key_at);
	memset(units + count, 0xff, sizeof(units) - (size_t)count * sizeof(*units));
	units[count] = 0;
	*l = (struct fat_long_slot){
		.ordinal = (uint8_t)(ordinal | (n ? 0 : FAT_LONG_LAST)),
		.attributes = FAT_LONG_NAME,
		.checksum = fat_short_checksum(slot->name),
	};
	set_units(l, units + at);
}

int fat_slots_prepare(struct fat_writer *w)
{
	struct fat_survey *s = &w->survey;
	struct fat_directory last;
	int error = 0;

	w->place = s->entry.place;
	if (s->found)
		return 0;
	if (s->room_is_end)
		error = make_room(w);
	last = s->room;
	if (!error)
		error = fat_directory_next(&w->lookup.task, &last, s->needed - 1);
	w->place = fat_directory_place(fat_of_writer(w), &last);
	return error;
}

/* Gives an existing slot its new content, and keeps its name and creation time. */
static void update(struct fat_slot *slot, const struct fat_slot *by)
{
	slot->attributes = (slot->attributes & (FAT_READ_ONLY | FAT_HIDDEN | FAT_SYSTEM)) | by->attributes;
	slot->first_low = by->first_low;
	slot->first_high = by->first_high;
	slot->size = by->size;
	slot->modified_time = by->modified_time;
	slot->modified_date = slot->accessed_date = by->modified_date;
}

int fat_slots_commit(struct fat_writer *w)
{
	struct fat_survey *s = &w->survey;
	struct cache_block *b;
	struct fat_slot *slot;
	int error = fat_block_change(w, w->place / FAT_BLOCK_BYTES, CACHE_CHANGE, &b);

	if (error)
		return error;
	slot = (struct fat_slot *)(b->data + w->place % FAT_BLOCK_BYTES);
	if (s->found)
		update(slot, &w->slot);
	for (uint32_t n = s->found ? 0 : s->needed; n > 0; n--)
		make_slot(w, n - 1, slot - (s->needed - n));
	cache_put(b);
	w->committed = true;
	fat_note_change(w, w->place);
	return 0;
}

/* The number of contiguous slots in one block, up to and including that at place. */
static uint32_t slots_together(const struct fat_writer *w, uint64_t place)
{
	const struct fat_geometry *g = &fat_of_writer(w)->geometry;
	uint64_t in_row = place >= g->data ? (place - g->data) & ((1u << g->cluster_shift) - 1) : place - g->root;

	return (uint32_t)(MIN(in_row, place % FAT_BLOCK_BYTES) / sizeof(struct fat_slot)) + 1;
}

/* Frees the slots in the block of the last one. */
static int erase_last(struct fat_writer *w, uint32_t count, const struct fat_entry *e)
{
	struct cache_block *b;
	struct fat_slot *slot;
	int error = fat_block_change(w, e->place / FAT_BLOCK_BYTES, CACHE_CHANGE, &b);

	if (error)
		return error;
	slot = (struct fat_slot *)(b->data + e->place % FAT_BLOCK_BYTES);
	for (uint32_t i = 0; i < count; i++)
		(slot - i)->name[0] = FAT_SLOT_FREE;
	cache_put(b);
	w->committed = w->erased = true;
	fat_note_change(w, e->place);
	if (e->attributes & FAT_FOLDER)
		fat_keys_forget(fat_of_writer(w), UINT64_MAX);
	cache_barrier(fat_of_writer(w)->cache);
	return 0;
}

int fat_slots_erase(struct fat_writer *w, const struct fat_directory *start, uint32_t count,
                    const struct fat_entry *e)
{
	static const uint8_t free = FAT_SLOT_FREE;
	uint32_t last = MIN(count, slots_together(w, e->place));
	int error = w->erased ? 0 : erase_last(w, last, e);

	for (uint32_t n = 0; n < count - last && !error; n++) {
		struct fat_directory d = *start;

		error = fat_directory_next(&w->lookup.task, &d, n);
		if (!error)
			error = fat_copy_in(w, fat_directory_place(fat_of_writer(w), &d), &free, 1);
	}
	return error;
}
