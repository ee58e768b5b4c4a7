/* SPDX-License-Identifier: ISC */
/* The volume's own state: that it is mounted (in the boot sector and in the table's second entry), and how
 * many clusters are free (FSInfo): a hint only, so it is written at sync and unmount. */
#include <errno.h>

#include "fs/fat/writer.h"
#include "kernel/instance.h"

int fat_state_create(struct fat *fat, const struct blkdev *dev)
{
	struct fat_writer *w = instance_alloc(sizeof(*w));

	if (!w)
		return -ENOMEM;
	list_init(&w->queue);
	w->lookup.task.fat = fat;
	w->sector_bytes = dev->sector_bytes;
	w->free_clusters = UINT32_MAX;
	fat->writer = w;
	return 0;
}

void fat_state_destroy(struct fat *fat)
{
	instance_free(fat->writer, sizeof(*fat->writer));
	fat->writer = NULL;
}

int fat_state_load(struct fat_task *t)
{
	struct fat *fat = t->fat;
	struct fat_geometry *g = &fat->geometry;
	struct fat_writer *w = fat->writer;
	struct fat_info info;
	int error;

	w->sector_bytes = MIN(w->sector_bytes, g->sector_bytes);
	w->was_dirty = g->dirty;
	if (!g->info)
		return 0;
	error = fat_copy_out(t, g->info, &info, sizeof(info));
	if (error)
		return error;
	if (info.lead != FAT_INFO_LEAD || info.structure != FAT_INFO_STRUCTURE || info.trail != FAT_INFO_TRAIL)
		g->info = 0;
	if (g->info && !g->dirty && info.free_clusters <= g->clusters)
		w->free_clusters = info.free_clusters;
	if (fat_is_cluster(g, info.next_free))
		w->hint = info.next_free;
	return 0;
}

int fat_state_info(struct fat_writer *w)
{
	const struct fat_geometry *g = &fat_of_writer(w)->geometry;
	uint32_t values[2] = { w->free_clusters, w->hint };

	if (!g->info || !w->dirty || w->broken)
		return 0;
	return fat_copy_in(w, g->info + offsetof(struct fat_info, free_clusters), values, sizeof(values));
}

/* The table's second entry: a bit is set while the volume is not mounted. */
static int mark_table(struct fat_writer *w, bool dirty)
{
	const struct fat_geometry *g = &fat_of_writer(w)->geometry;
	uint32_t bit = g->bits == 32 ? 0x08000000 : 0x8000, value;
	int error;

	if (g->bits == 12)
		return 0;
	error = fat_table_read(w, 1, &value);
	return error ? error : fat_table_write(w, 1, dirty ? value & ~bit : value | bit);
}

static int mark(struct fat_writer *w, bool dirty)
{
	const struct fat_geometry *g = &fat_of_writer(w)->geometry;
	uint64_t place = g->boot + (g->bits == 32 ? offsetof(struct fat_boot, of_32.state) :
	                            offsetof(struct fat_boot, of_16.state));
	uint8_t state;
	int error = mark_table(w, dirty);

	if (!error)
		error = fat_copy_out(&w->lookup.task, place, &state, 1);
	if (error)
		return error;
	state = dirty ? state | FAT_STATE_DIRTY : state & (uint8_t)~FAT_STATE_DIRTY;
	return fat_copy_in(w, place, &state, 1);
}

int fat_state_dirty(struct fat_writer *w)
{
	int error = w->dirty ? 0 : mark(w, true);

	if (!error && !w->dirty)
		cache_barrier(fat_of_writer(w)->cache);
	w->dirty |= !error;
	return error;
}

int fat_state_clean(struct fat_writer *w)
{
	return w->dirty && !w->was_dirty && !w->broken ? mark(w, false) : 0;
}
