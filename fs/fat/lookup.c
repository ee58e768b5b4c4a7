/* SPDX-License-Identifier: ISC */
/* From a key to what it names: one name of the path after the other,
 *
 *   SCAN its folder for the name ─▶ a folder: ENTER it ─▶ SCAN for the next name …
 *                                └▶ a file: MEASURE its chain
 *
 * A name is compared slot by slot, so that nothing of it has to be kept while a block is waited for. */
#include <errno.h>
#include <string.h>

#include "fs/fat/fat_priv.h"

enum phase { SCAN, ENTER, MEASURE, DONE };

/* The name that is looked for now. */
struct sought {
	struct fat_lookup *lookup;
	unsigned count;
	uint16_t units[FAT_NAME_UNITS]; /* folded */
};

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

/* Looks on from this folder for the name at key + at. */
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

	l->freed = fat->freed;
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

static void look_at_long(struct fat_lookup *l, const struct sought *s, const struct fat_slot *slot)
{
	uint16_t units[FAT_LONG_UNITS];
	bool is_last = slot->name[0] & FAT_LONG_LAST;
	unsigned count = fat_long_add(&l->name, (const struct fat_long_slot *)slot, units);

	if (count && is_last)
		l->name.matches = l->name.units == s->count;
	if (count && l->name.matches)
		l->name.matches = equals(units, s->units + l->name.next * FAT_LONG_UNITS, count);
}

static int look(void *arg, const struct fat_slot *slot)
{
	struct sought *s = arg;
	struct fat_lookup *l = s->lookup;
	uint16_t units[12];
	bool matches;

	if (slot->name[0] == FAT_SLOT_END)
		return -ENODATA;
	if (slot->name[0] != FAT_SLOT_FREE && fat_slot_is_long(slot)) {
		look_at_long(l, s, slot);
		return 0;
	}
	if (slot->name[0] == FAT_SLOT_FREE || slot->attributes & FAT_LABEL)
		matches = false;
	else if (fat_long_belongs(&l->name, slot))
		matches = l->name.matches;
	else
		matches = s->count <= 12 && fat_short_read(units, slot) == s->count &&
			equals(units, s->units, s->count);
	l->name.units = 0;
	if (matches)
		fat_entry_read(&l->found, fat_directory_place(l->task.fat, &l->in), slot);
	return matches;
}

static int scan(struct fat_lookup *l)
{
	struct sought s = { .lookup = l };
	uint32_t end = name_end(l);
	int count = fat_name_read(s.units, l->key + l->at, end - l->at), result;

	if (count < 0)
		return -ENOENT;
	s.count = (unsigned)count;
	for (int i = 0; i < count; i++)
		s.units[i] = fat_fold(s.units[i]);
	result = fat_directory_scan(&l->task, &l->in, look, &s);
	if (result != 1)
		return result == -ENODATA ? -ENOENT : result;
	if (!(l->found.attributes & FAT_FOLDER) && end < l->key_len)
		return -ENOTDIR;
	l->at = end;
	l->phase = l->found.attributes & FAT_FOLDER ? ENTER : MEASURE;
	if (l->phase == MEASURE)
		fat_chain_begin(&l->in.chain, l->found.first);
	return 0;
}

/* -- ENTER -- */

static bool is_dot_slot(const struct fat_slot *s, const char *name, uint32_t cluster)
{
	return !memcmp(s->name, name, sizeof(s->name)) && s->attributes & FAT_FOLDER &&
		fat_slot_first(s) == cluster;
}

/* What follows "." and ".." may be trusted to be a folder, and this one. */
static int enter_found(struct fat_lookup *l)
{
	struct fat *fat = l->task.fat;
	uint32_t parent = l->in.chain.first, first = l->found.first, root = fat->geometry.root_cluster;
	struct fat_slot dots[2];
	int error;

	if (!fat_is_cluster(&fat->geometry, first))
		return fat_damaged(fat, "a folder lies outside the volume", first);
	error = fat_copy_out(&l->task, fat_cluster_place(&fat->geometry, first), dots, sizeof(dots));
	if (error)
		return error;
	if (!is_dot_slot(&dots[0], ".          ", first) ||
	    !(is_dot_slot(&dots[1], "..         ", parent) ||
	      (parent == root && is_dot_slot(&dots[1], "..         ", 0))))
		return fat_damaged(fat, "what should be a folder says nothing or something else of itself", first);
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
		error = fat_chain_walk(&l->task, &l->in.chain, count);
		if (!error)
			return fat_damaged(fat, "a file's chain is longer than the file", l->found.first);
		if (error != -ENODATA)
			return error;
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

	/* What was found may have become free while a block was waited for. */
	if (l->freed != l->task.fat->freed)
		fat_lookup_again(l, l->task.fat);
	while (!error && l->phase != DONE)
		error = phases[l->phase](l);
	return error;
}
