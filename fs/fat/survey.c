/* SPDX-License-Identifier: ISC */
/* One scan of a whole folder: is the name there, where is room for it, and which 8.3 name is free? Room is
 * a row of free slots in one sector, which is written whole or not at all; or the folder's end. */
#include <errno.h>

#include "fs/fat/writer.h"

#define ROUNDS 16

struct look {
	struct fat_writer *w;
	struct fat_sought sought;
};

void fat_survey_begin(struct fat_writer *w)
{
	struct fat_survey *s = &w->survey;

	*s = (struct fat_survey){ .round = s->round };
	fat_directory_begin(fat_of_writer(w), &s->at, w->folder.first);
}

static void note_free(struct fat_writer *w, struct fat_survey *s)
{
	uint64_t place = fat_directory_place(fat_of_writer(w), &s->at);

	s->slots = 0;
	if (!s->free_slots || place % w->sector_bytes == 0 || s->at.slot == 0) {
		s->free = s->at;
		s->free_slots = 0;
	}
	if (++s->free_slots == s->needed && !s->has_room) {
		s->has_room = true;
		s->room = s->free;
	}
}

static int look(void *arg, const struct fat_slot *slot)
{
	struct look *l = arg;
	struct fat_writer *w = l->w;
	struct fat_survey *s = &w->survey;
	uint64_t place = fat_directory_place(fat_of_writer(w), &s->at);
	bool has_long, goes = place == w->moved.place;

	if (slot->name[0] == FAT_SLOT_END)
		return -ENODATA;
	if (slot->name[0] == FAT_SLOT_FREE) {
		note_free(w, s);
		fat_sought_is(&l->sought, &s->name, slot);
		return 0;
	}
	s->free_slots = 0;
	if (!s->slots || (fat_slot_is_long(slot) && slot->name[0] & FAT_LONG_LAST)) {
		s->name_start = s->at;
		s->slots = 0;
	}
	s->slots++;
	has_long = fat_long_belongs(&s->name, slot);
	if (fat_sought_is(&l->sought, &s->name, slot) && !goes) {
		s->found = true;
		fat_entry_read(&s->entry, place, slot);
		s->start = has_long ? s->name_start : s->at;
		s->entry_slots = has_long ? s->slots : 1;
		return 1;
	}
	if (!fat_slot_is_long(slot)) {
		s->slots = 0;
		/* A rename that changes only case may keep its own 8.3 name. */
		if (!(slot->attributes & FAT_LABEL) && !(goes && !s->digit_at))
			fat_short_note(s, slot);
	}
	return 0;
}

int fat_survey_run(struct fat_writer *w)
{
	const char *name = w->key + w->key_at;
	size_t len = w->key_len - w->key_at;
	struct fat_survey *s = &w->survey;
	struct look l = { .w = w };
	int result;

	for (;;) {
		result = fat_sought_read(&l.sought, name, len);
		if (result)
			return result;
		if (!s->needed) {
			result = fat_short_make(s, name, len);
			if (result < 0)
				return result;
			s->needed = (uint32_t)result + 1;
		}
		result = fat_directory_scan(&w->lookup.task, &s->at, look, &l);
		if (result == 1)
			return 0;
		if (result != -ENODATA)
			return result;
		if (fat_short_choose(s))
			break;
		s->is_taken = !s->digit_at || ++s->round == ROUNDS;
		if (s->is_taken)
			break;
		fat_survey_begin(w);
	}
	s->room_is_end = !s->has_room;
	if (s->room_is_end)
		s->room = s->at;
	return 0;
}
