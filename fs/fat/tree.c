/* SPDX-License-Identifier: ISC */
/* Frees a removed folder with its content: no lookup finds it any more, so the order in which its clusters
 * become free does not matter. There is no recursion: slots are erased as they are visited, so that after a
 * return from a subfolder by its ".." the scan finds what is left. */
#include <errno.h>

#include "fs/fat/writer.h"

void fat_tree_begin(struct fat_writer *w, uint32_t first)
{
	w->top = first;
	w->has_leaf = w->leaving = w->erased = false;
	fat_directory_begin(fat_of_writer(w), &w->tree, first);
}

/* Finds the next file or folder in the present folder. */
static int look(void *arg, const struct fat_slot *slot)
{
	struct fat_writer *w = arg;

	if (slot->name[0] == FAT_SLOT_END)
		return -ENODATA;
	if (slot->name[0] == FAT_SLOT_FREE || slot->name[0] == '.' || slot->attributes & FAT_LABEL)
		return 0;
	fat_entry_read(&w->leaf, fat_directory_place(fat_of_writer(w), &w->tree), slot);
	return 1;
}

/* The folder is empty: frees it, and goes on with its parent. */
static int leave(struct fat_writer *w)
{
	struct fat *fat = fat_of_writer(w);
	struct fat_slot dots[2];
	int error;

	if (!w->leaving) {
		error = fat_copy_out(&w->lookup.task, fat_cluster_place(&fat->geometry, w->tree.chain.first), dots,
		                     sizeof(dots));
		if (error)
			return error;
		w->parent = fat_slot_first(&dots[1]);
		fat_release_begin(w, w->tree.chain.first);
		w->leaving = true;
	}
	error = fat_release_run(w);
	if (error)
		return error;
	w->leaving = false;
	if (w->tree.chain.first == w->top)
		return 1;
	fat_directory_begin(fat, &w->tree, w->parent);
	return 0;
}

/* The leaf is a file, which is freed, or a folder, which is entered if it is not damaged. */
static int take_leaf(struct fat_writer *w)
{
	struct fat *fat = fat_of_writer(w);
	static const uint8_t free = FAT_SLOT_FREE;
	int error;

	if (!w->erased) {
		error = fat_copy_in(w, w->leaf.place, &free, 1);
		if (error)
			return error;
		fat_note_change(w, w->leaf.place);
		fat_release_begin(w, w->leaf.first);
		w->erased = true;
	}
	if (w->leaf.attributes & FAT_FOLDER) {
		error = fat_folder_check(&w->lookup.task, w->leaf.first, w->tree.chain.first);
		if (!error)
			fat_directory_begin(fat, &w->tree, w->leaf.first);
	} else {
		error = fat_release_run(w);
	}
	if (error && error != -EUCLEAN)
		return error;
	w->erased = w->has_leaf = false;
	return 0;
}

int fat_tree_run(struct fat_writer *w)
{
	int result = 0;

	while (result == 0) {
		if (w->has_leaf) {
			result = take_leaf(w);
		} else if (w->leaving) {
			result = leave(w);
		} else {
			result = fat_directory_scan(&w->lookup.task, &w->tree, look, w);
			w->has_leaf = result == 1;
			if (result == -ENODATA || result == -EUCLEAN)
				result = leave(w);
			else if (result == 1)
				result = 0;
		}
	}
	return result == 1 ? 0 : result;
}
