/* SPDX-License-Identifier: ISC */
/* The changes of files since the volume was mounted: the number of each file's last change, by the place of
 * its slot, for recently changed files. A file that is not listed counts as changed by the last change that
 * was forgotten, unless its time is before that of the first change. */
#include "fs/fat/writer.h"
#include "kernel/dev/clock.h"

static uint32_t row_of(uint64_t place)
{
	return (uint32_t)(place / sizeof(struct fat_slot)) % FAT_CHANGES;
}

uint32_t fat_changes(const struct fat *fat)
{
	return fat->writer ? fat->writer->changes : 0;
}

uint32_t fat_changed(const struct fat *fat, const struct fat_entry *e)
{
	const struct fat_writer *w = fat->writer;
	bool is_older;

	if (!w || !w->changes)
		return 0;
	if (w->changed[row_of(e->place)].place == e->place)
		return w->changed[row_of(e->place)].number;
	is_older = e->date && (e->date < w->first_date || (e->date == w->first_date && e->time < w->first_time));
	return is_older ? 0 : w->forgotten;
}

void fat_note_change(struct fat_writer *w, uint64_t place)
{
	uint32_t row = row_of(place);

	if (!w->changes)
		fat_time_write(clock_wall_ns(), &w->first_date, &w->first_time);
	if (w->changed[row].number && w->changed[row].place != place)
		w->forgotten = MAX(w->forgotten, w->changed[row].number);
	w->changed[row].place = place;
	w->changed[row].number = ++w->changes;
	fat_of_writer(w)->version++;
	fat_keys_forget(fat_of_writer(w), place);
}
