/* SPDX-License-Identifier: ISC */
/* A scan of the whole volume at mount: which clusters belong to two chains, or to one twice? Their content is
 * right for one of the owners at most, so every later access to them is refused. Two names of one chain are
 * not refused: a power cut leaves a half-done rename so. But a change under one name would free the clusters
 * of the other, so nothing is written then either.
 *
 * A cluster is followed once, however many chains claim it, and a folder waits for its turn as a bit. So
 * there is no recursion and no queue, and the time is bounded, whatever is on the disk. */
#include <errno.h>
#include <string.h>

#include "fs/fat/fat_priv.h"
#include "kernel/page.h"

enum owner_map {
	TAKEN,   /* a chain has it */
	FIRST,   /* a chain begins there */
	FOLDER,  /* a folder's chain begins there */
	WAITING, /* that folder has not been scanned */
	SHARED,  /* several chains have it */
	MAPS,
};

struct fat_owners {
	size_t pages;
	uint32_t words;          /* of a map */
	uint32_t word;           /* of WAITING: those before it are 0 */
	struct fat_directory at; /* in the folder that is being scanned */
	struct fat_chain chain;  /* of the file or folder found in it */
	bool is_following;
	bool has_shared, has_twins; /* twins: two names of one chain */
	uint32_t maps[];
};

static uint32_t *word_of(struct fat_owners *o, enum owner_map map, uint32_t cluster)
{
	return &o->maps[(size_t)map * o->words + cluster / 32];
}

static bool has(struct fat_owners *o, enum owner_map map, uint32_t cluster)
{
	return *word_of(o, map, cluster) >> cluster % 32 & 1;
}

static void put(struct fat_owners *o, enum owner_map map, uint32_t cluster)
{
	*word_of(o, map, cluster) |= UINT32_C(1) << cluster % 32;
}

int fat_owners_check(struct fat *fat, uint32_t cluster)
{
	if (!fat->owners || !fat_is_cluster(&fat->geometry, cluster) || !has(fat->owners, SHARED, cluster))
		return 0;
	return fat_damaged(fat, "two have a cluster in common, or a chain is a loop", cluster);
}

/* Claims cluster for a chain. false: another one has it. */
static bool take(struct fat *fat, uint32_t cluster)
{
	struct fat_owners *o = fat->owners;

	if (has(o, TAKEN, cluster)) {
		put(o, SHARED, cluster);
		o->has_shared = true;
	}
	put(o, TAKEN, cluster);
	return !fat_owners_check(fat, cluster);
}

/* A first cluster outside the volume is passed over: opening that file fails. */
static void begin_chain(struct fat *fat, uint32_t first, bool is_folder)
{
	struct fat_owners *o = fat->owners;

	if (!fat_is_cluster(&fat->geometry, first))
		return;
	if (has(o, FIRST, first) && has(o, FOLDER, first) == is_folder) {
		o->has_twins |= IS_ENABLED(CONFIG_FAT_WRITE);
		return;
	}
	if (!take(fat, first))
		return;
	put(o, FIRST, first);
	if (is_folder) {
		put(o, FOLDER, first);
		put(o, WAITING, first);
		o->word = MIN(o->word, first / 32);
	}
	fat_chain_begin(&o->chain, first);
	o->is_following = true;
}

/* Parts that cannot be read or followed have been logged, or will fail for those who open them. */
static bool can_be_left_out(int error)
{
	return error == -ENODATA || error == -EUCLEAN || error == -EIO;
}

static int follow_chain(struct fat_task *t)
{
	struct fat_owners *o = t->fat->owners;
	int error;

	do
		error = fat_chain_walk(t, &o->chain, o->chain.index + 1);
	while (!error && take(t->fat, o->chain.cluster));
	if (error && !can_be_left_out(error))
		return error;
	o->is_following = false;
	return 0;
}

/* The first slot of every folder but the root is "."; without it this is no folder. */
static bool begins_none(const struct fat *fat, const struct fat_slot *s)
{
	const struct fat_directory *d = &fat->owners->at;

	return !d->slot && d->chain.cluster == d->chain.first &&
		d->chain.first != fat->geometry.root_cluster && memcmp(s->name, ".          ", sizeof(s->name));
}

static int look(void *arg, const struct fat_slot *s)
{
	struct fat *fat = arg;

	if (s->name[0] == FAT_SLOT_END || begins_none(fat, s))
		return -ENODATA;
	if (s->name[0] != FAT_SLOT_FREE && s->name[0] != '.' && !(s->attributes & FAT_LABEL))
		begin_chain(fat, fat_slot_first(s), s->attributes & FAT_FOLDER);
	return fat->owners->is_following;
}

/* Goes on with a folder that has not been scanned. false: there is none. */
static bool next_folder(struct fat *fat)
{
	struct fat_owners *o = fat->owners;

	for (; o->word < o->words; o->word++) {
		uint32_t first = o->word * 32, *word = word_of(o, WAITING, first);

		if (!*word)
			continue;
		fat_directory_begin(fat, &o->at, first + (uint32_t)__builtin_ctz(*word));
		*word &= *word - 1;
		return true;
	}
	return false;
}

static int create(struct fat *fat)
{
	uint32_t words = (fat->geometry.clusters + 2) / 32 + 1;
	size_t bytes = sizeof(struct fat_owners) + (size_t)words * sizeof(uint32_t) * MAPS;
	size_t pages = (bytes + PAGE_BYTES - 1) / PAGE_BYTES;

	fat->owners = page_alloc(pages, true);
	if (!fat->owners)
		return -ENOMEM;
	fat->owners->pages = pages;
	fat->owners->words = words;
	fat_directory_begin(fat, &fat->owners->at, 0);
	begin_chain(fat, fat->geometry.root_cluster, true);
	*word_of(fat->owners, WAITING, fat->geometry.root_cluster) = 0;
	return 0;
}

void fat_owners_destroy(struct fat *fat)
{
	if (fat->owners)
		page_free(fat->owners, fat->owners->pages);
	fat->owners = NULL;
}

int fat_owners_find(struct fat_task *t)
{
	struct fat *fat = t->fat;
	struct fat_owners *o;
	int result = fat->owners ? 0 : create(fat);
	bool has_twins;

	while (!result) {
		o = fat->owners;
		if (o->is_following) {
			result = follow_chain(t);
			continue;
		}
		result = fat_directory_scan(t, &o->at, look, fat);
		o->at.slot += result == 1;
		if (result == 1 || (can_be_left_out(result) && next_folder(fat)))
			result = 0;
	}
	if (!can_be_left_out(result))
		return result;
	has_twins = fat->owners->has_twins;
	if (!fat->owners->has_shared)
		fat_owners_destroy(fat);
	return has_twins || fat->owners;
}
