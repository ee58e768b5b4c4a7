/* SPDX-License-Identifier: ISC */
/* From a key to its entry: one name of the path after the other,
 *
 *   SCAN its folder for the name ─▶ a folder: ENTER it ─▶ SCAN for the next name …
 *                                └▶ a file: MEASURE its chain
 *
 * A name is compared slot by slot, so that none of it has to be kept while the lookup waits for a block. */
#include <errno.h>
#include <string.h>

#include "fs/fat/fat_priv.h"

enum phase { SCAN, ENTER, MEASURE, DONE };

void fat_entry_read(struct fat_entry *e, uint64_t place, const struct fat_slot *s)
{
	e->place = place;
	e->attributes = s->attributes;
	e->first = fat_slot_first(s);
	e->size = s->attributes & FAT_FOLDER ? 0 : s->size;
	e->time = s->modified_time;
	e->date = s->modified_date;
}

/* -- beginning -- */

/* Continues in folder, looking for the name at key + at. */
static void enter(struct fat_lookup *l, struct fat *fat, uint32_t at, const struct fat_entry *folder)
{
	l->at = at;
	l->found = *folder;
	l->name.units = 0;
	l->phase = SCAN;
	fat_directory_begin(fat, &l->in, folder->first);
}

void fat_lookup_again(struct fat_lookup *l, struct fat *fat)
{
	struct fat_entry root = { .first = fat->geometry.root_cluster, .attributes = FAT_FOLDER };

	l->version = fat->version;
	enter(l, fat, 0, &root);
	if (!l->key_len)
		l->phase = DONE;
}

bool fat_lookup_begin(struct fat_lookup *l, struct fat *fat, const char *key, size_t key_len)
{
	const struct fat_entry *known;

	l->key = key;
	l->key_len = (uint32_t)key_len;
	fat_lookup_again(l, fat);
	for (size_t n = key_len; n > 0; n--) {
		if (n < key_len && key[n] != '/')
			continue;
		known = fat_keys_find(fat, key, n);
		if (!known)
			continue;
		if (n < key_len && !(known->attributes & FAT_FOLDER))
			break;
		enter(l, fat, (uint32_t)n + 1, known);
		if (n == key_len)
			l->phase = DONE;
		break;
	}
	return l->phase == DONE;
}

/* -- SCAN -- */

static uint32_t name_end(const struct fat_lookup *l)
{
	const char *slash = memchr(l->key + l->at, '/', l->key_len - l->at);

	return slash ? (uint32_t)(slash - l->key) : l->key_len;
}

static bool equals(const uint16_t *units, const uint16_t *folded, unsigned count)
{
	while (count > 0 && fat_fold(units[count - 1]) == folded[count - 1])
		count--;
	return !count;
}

int fat_sought_read(struct fat_sought *s, const char *name, size_t len)
{
	int count = fat_name_read(s->units, name, len);

	if (count < 0)
		return count;
	s->count = (unsigned)count;
	for (int i = 0; i < count; i++)
		s->units[i] = fat_fold(s->units[i]);
	return 0;
}

static void look_at_long(const struct fat_sought *s, struct fat_long *l, const struct fat_slot *slot)
{
	uint16_t units[FAT_LONG_UNITS];
	bool is_last = slot->name[0] & FAT_LONG_LAST;
	unsigned count = fat_long_add(l, (const struct fat_long_slot *)slot, units);

	if (count && is_last)
		l->matches = l->units == s->count;
	if (count && l->matches)
		l->matches = equals(units, s->units + l->next * FAT_LONG_UNITS, count);
}

bool fat_sought_is(const struct fat_sought *s, struct fat_long *l, const struct fat_slot *slot)
{
	uint16_t units[12];
	bool is_it = false;

	if (slot->name[0] != FAT_SLOT_FREE && fat_slot_is_long(slot)) {
		look_at_long(s, l, slot);
		return false;
	}
	if (slot->name[0] != FAT_SLOT_FREE && !(slot->attributes & FAT_LABEL)) {
		if (fat_long_belongs(l, slot))
			is_it = l->matches;
		else
			is_it = s->count <= 12 && fat_short_read(units, slot) == s->count &&
				equals(units, s->units, s->count);
	}
	l->units = 0;
	return is_it;
}

struct scan {
	struct fat_lookup *lookup;
	struct fat_sought sought;
};

static int look(void *arg, const struct fat_slot *slot)
{
	struct scan *s = arg;
	struct fat_lookup *l = s->lookup;

	if (slot->name[0] == FAT_SLOT_END)
		return -ENODATA;
	if (!fat_sought_is(&s->sought, &l->name, slot))
		return 0;
	fat_entry_read(&l->found, fat_directory_place(l->task.fat, &l->in), slot);
	return 1;
}

static int scan(struct fat_lookup *l)
{
	struct scan s = { .lookup = l };
	uint32_t end = name_end(l);
	int result;

	if (fat_sought_read(&s.sought, l->key + l->at, end - l->at))
		return -ENOENT;
	result = fat_directory_scan(&l->task, &l->in, look, &s);
	if (result != 1)
		return result == -ENODATA ? -ENOENT : result;
	if (!(l->found.attributes & FAT_FOLDER) && end < l->key_len)
		return -ENOTDIR;
	l->at = end;
	l->phase = l->found.attributes & FAT_FOLDER ? ENTER : MEASURE;
	if (l->phase == MEASURE)
		fat_chain_begin(&l->in.chain, l->found.first);
	return fat_check_owner(l->task.fat, l->found.first);
}

/* -- ENTER -- */

static bool is_dot_slot(const struct fat_slot *s, const char *name, uint32_t cluster)
{
	return !memcmp(s->name, name, sizeof(s->name)) && s->attributes & FAT_FOLDER &&
		fat_slot_first(s) == cluster;
}

int fat_folder_check(struct fat_task *t, uint32_t first, uint32_t parent)
{
	struct fat *fat = t->fat;
	struct fat_slot dots[2];
	int error;

	if (!fat_is_cluster(&fat->geometry, first))
		return fat_damaged(fat, "a folder lies outside the volume", first);
	error = fat_copy_out(t, fat_cluster_place(&fat->geometry, first), dots, sizeof(dots));
	if (error)
		return error;
	if (!is_dot_slot(&dots[0], ".          ", first) ||
	    !(is_dot_slot(&dots[1], "..         ", parent) ||
	      (parent == fat->geometry.root_cluster && is_dot_slot(&dots[1], "..         ", 0))))
		return fat_damaged(fat, "a folder says nothing or something else of itself", first);
	return 0;
}

static int enter_found(struct fat_lookup *l)
{
	struct fat *fat = l->task.fat;
	int error = fat_folder_check(&l->task, l->found.first, l->in.chain.first);

	if (error)
		return error;
	fat_keys_add(fat, l->key, l->at, &l->found);
	if (l->at == l->key_len)
		l->phase = DONE;
	else
		enter(l, fat, l->at + 1, &l->found);
	return 0;
}

/* -- MEASURE -- */

static int measure(struct fat_lookup *l)
{
	struct fat *fat = l->task.fat;
	uint32_t count = fat_clusters_of(fat, l->found.size);
	int error;

	if (count > fat->geometry.clusters)
		return fat_damaged(fat, "a file is longer than the volume", l->found.first);
	if (count) {
		if (!fat_is_cluster(&fat->geometry, l->found.first))
			return fat_damaged(fat, "a file lies outside the volume", l->found.first);
		error = fat_chain_walk(&l->task, &l->in.chain, UINT32_MAX);
		if (error != -ENODATA)
			return error;
		if (l->in.chain.index + 1 > count)
			return fat_damaged(fat, "a file's chain is longer than the file", l->found.first);
		if (l->in.chain.index + 1 < count)
			return fat_damaged(fat, "a file's chain is shorter than the file", l->found.first);
	}
	fat_keys_add(fat, l->key, l->key_len, &l->found);
	l->phase = DONE;
	return 0;
}

int fat_lookup_run(struct fat_lookup *l)
{
	static int (*const phases[])(struct fat_lookup *) = {
		[SCAN] = scan, [ENTER] = enter_found, [MEASURE] = measure,
	};
	int error = 0;

	/* Slots that were read before waiting for a block may have changed. */
	if (l->version != l->task.fat->version)
		fat_lookup_again(l, l->task.fat);
	while (!error && l->phase != DONE)
		error = phases[l->phase](l);
	return error;
}
