/* SPDX-License-Identifier: ISC */
/* Declarations shared by the parts of the FAT file system. */
#ifndef FS_FAT_FAT_PRIV_H
#define FS_FAT_FAT_PRIV_H

#include "fs/cache.h"
#include "fs/fat/fat.h"
#include "fs/fat/geometry.h"
#include "fs/fat/name.h"

#define FAT_BLOCK_BYTES CONFIG_FS_CACHE_BLOCK_BYTES
static_assert((FAT_BLOCK_BYTES & (FAT_BLOCK_BYTES - 1)) == 0 && FAT_BLOCK_BYTES >= 512,
              "sectors and slots do not straddle blocks");

struct fat {
	struct kv kv; /* first */
	struct cache *cache;
	struct fat_geometry geometry;
	struct fat_key *keys;   /* keys.c */
	uint32_t key_tick;
	uint32_t complaints;    /* of damage */
	uint32_t version;       /* grows with every change: a lookup begun before may be outdated */
	struct fat_writer *writer; /* NULL: read-only */
	struct fat_owners *owners; /* owners.c; NULL: no cluster is known to be shared */
};

/* Logs the damage, for the first few times, and gives -EUCLEAN. */
int fat_damaged(struct fat *fat, const char *what, uint32_t cluster);

/* -- task.c -- */

/* An operation that waits for blocks. Its step goes as far as cached blocks allow, and keeps its progress in
 * the operation's storage. For an absent block it starts a get and gives -EAGAIN up the stack; it is called
 * again when the block has come. So code reads as if it could block, and the only callback is the step. */
struct fat_task {
	struct cache_get get; /* block: one that has come and is not yet taken */
	int error;            /* or the error of getting it */
	uint32_t served;      /* blocks that were there */
	struct waiter waiter;
	struct fat *fat;
	struct promise *promise; /* the operation's */
	intptr_t (*step)(struct fat_task *t);
};

/* Runs step; p settles with its result, before this returns if no block is absent. */
void fat_task_start(struct fat_task *t, struct fat *fat, struct promise *p, void (*cancel)(struct promise *p),
                    intptr_t (*step)(struct fat_task *t));
/* The cancel function of operations that cannot be cancelled. */
void fat_go_on(struct promise *p);
/* Makes the operation end with -ECANCELED when the block that it waits for has come. */
void fat_task_cancel(struct fat_task *t);

/* Arranges for the step to be called again when p has settled. */
void fat_task_wait(struct fat_task *t, struct promise *p);
/* Takes the block that the task has waited for, if it is number in mode, else NULL. 0, or the error of
 * getting it. */
int fat_task_take(struct fat_task *t, uint64_t number, enum cache_mode mode, struct cache_block **out);
/* Gets a block to read, with a count for the caller. If it is absent, up to ahead blocks behind it are read
 * too. 0; -EAGAIN: later; the device's error. */
int fat_block(struct fat_task *t, uint64_t number, uint32_t ahead, struct cache_block **out);
/* Copies bytes from the device, out of two neighbouring blocks at most. */
int fat_copy_out(struct fat_task *t, uint64_t place, void *to, uint32_t len);

#define FAT_AHEAD 8 /* blocks of tables and folders */

/* -- table.c -- */

/* A place in a chain of clusters. */
struct fat_chain {
	uint32_t first;
	uint32_t cluster; /* number index of the chain, from 0 */
	uint32_t index;
	uint32_t mark;    /* Brent's algorithm: coming here again means a loop */
};

static inline void fat_chain_begin(struct fat_chain *c, uint32_t first)
{
	*c = (struct fat_chain){ .first = first, .cluster = first, .mark = first };
}

/* Advances to cluster number index, at most. 0; -ENODATA: the chain ends before; -EAGAIN, -EUCLEAN, and the
 * device's errors. */
int fat_chain_walk(struct fat_task *t, struct fat_chain *c, uint32_t index);
/* The same as long as clusters are contiguous: -ENODATA also if the next one lies elsewhere. */
int fat_chain_run(struct fat_task *t, struct fat_chain *c, uint32_t index);

static inline uint32_t fat_clusters_of(const struct fat *fat, uint64_t bytes)
{
	uint32_t shift = fat->geometry.cluster_shift;

	return (uint32_t)((bytes + (1u << shift) - 1) >> shift);
}

/* -- owners.c -- */

/* Finds clusters with several owners: part of a step. 0; 1: there are some, or two names of one file or
 * folder, and nothing may be written; -ENOMEM, the device's errors. */
int fat_owners_find(struct fat_task *t);
void fat_owners_destroy(struct fat *fat);
/* -EUCLEAN: cluster has several owners. 0 for a number that is no cluster's. */
int fat_owners_check(struct fat *fat, uint32_t cluster);

/* To be called before a cluster is used: 0, or -EUCLEAN if several files claim it. */
static inline int fat_check_owner(struct fat *fat, uint32_t cluster)
{
	return CONFIG_FAT_OWNERS_CLUSTERS > 0 ? fat_owners_check(fat, cluster) : 0;
}

/* -- directory.c -- */

/* A place in a folder. */
struct fat_directory {
	struct fat_chain chain; /* first 0: the fixed root */
	uint32_t slot;          /* in the cluster, or in the fixed root */
};

void fat_directory_begin(struct fat *fat, struct fat_directory *d, uint32_t first);
/* The slot's place on the device, which identifies it. */
uint64_t fat_directory_place(const struct fat *fat, const struct fat_directory *d);
/* Advances by count slots; 0 only normalises d, which may be behind a cluster's last slot. On failure d is
 * unchanged. -ENODATA: there are not as many. */
int fat_directory_next(struct fat_task *t, struct fat_directory *d, uint32_t count);
/* Calls look for one slot after the other, with d at it, until look gives something else than 0, and gives
 * that. -ENODATA: there are no more. */
int fat_directory_scan(struct fat_task *t, struct fat_directory *d,
                       int (*look)(void *arg, const struct fat_slot *s), void *arg);

/* -- lookup.c -- */

/* The directory's entry of a file or folder. */
struct fat_entry {
	uint64_t place;      /* of its slot; 0: the root folder */
	uint32_t first;      /* cluster; 0: none, or the fixed root */
	uint32_t size;       /* bytes; 0 of a folder */
	uint16_t time, date; /* of the last modification */
	uint8_t attributes;
};

struct fat_lookup {
	struct fat_task task; /* first; the user's to start */
	const char *key;
	uint32_t key_len, at; /* at: where the name looked for now begins in the key */
	uint32_t version;
	struct fat_directory in;
	struct fat_entry found;
	struct fat_long name;
	uint8_t phase;
};

/* Prepares to find key, and borrows it. true: it was known, and found is set. */
bool fat_lookup_begin(struct fat_lookup *l, struct fat *fat, const char *key, size_t key_len);
/* Starts over, without the keys found before. */
void fat_lookup_again(struct fat_lookup *l, struct fat *fat);
/* Part of a step. 0: found; -ENOENT, -ENOTDIR, and the errors of blocks and chains. A file's chain has then
 * been followed to its end and matches the file's size, so it is no loop; a folder's own entries agree with
 * its parent's. */
int fat_lookup_run(struct fat_lookup *l);
void fat_entry_read(struct fat_entry *e, uint64_t place, const struct fat_slot *s);
/* Checks that a folder begins at cluster first, and that its "." and ".." name first and parent (0 or the
 * root's cluster: the root): 0, -EUCLEAN. */
int fat_folder_check(struct fat_task *t, uint32_t first, uint32_t parent);

/* A name that is looked for. */
struct fat_sought {
	unsigned count;
	uint16_t units[FAT_NAME_UNITS]; /* folded */
};

/* 0; -EINVAL, -ENAMETOOLONG, as of fat_name_read. */
int fat_sought_read(struct fat_sought *s, const char *name, size_t len);
/* Takes a folder's next slot; l: the slots before, its units 0 at first. Is slot that of the name? */
bool fat_sought_is(const struct fat_sought *s, struct fat_long *l, const struct fat_slot *slot);

/* -- keys.c -- */

/* Keys found recently. */
int fat_keys_create(struct fat *fat);
void fat_keys_destroy(struct fat *fat);
const struct fat_entry *fat_keys_find(struct fat *fat, const char *key, size_t key_len);
void fat_keys_add(struct fat *fat, const char *key, size_t key_len, const struct fat_entry *e);
/* Forgets the key of this slot; UINT64_MAX: all keys. */
void fat_keys_forget(struct fat *fat, uint64_t place);

/* -- time.c -- */

/* Nanoseconds since 1970; 0: no time at all. FAT's times are local, and taken as UTC. */
uint64_t fat_time_read(uint16_t date, uint16_t time);
/* Both 0 for times outside 1980 to 2107. */
void fat_time_write(uint64_t wall_ns, uint16_t *date, uint16_t *time);

/* -- get.c, read.c, list.c -- */

void fat_get(struct kv *kv, struct kv_get *op, const char *key, size_t key_len);
void fat_read(struct kv *kv, struct kv_read *op);
void fat_list(struct kv *kv, struct kv_list *op, const char *key, size_t key_len);
void fat_list_next(struct kv *kv, struct kv_list *op);

/* -- set.c -- */

void fat_set(struct kv *kv, struct kv_change *op);
void fat_remove(struct kv *kv, struct kv_change *op);
void fat_rename(struct kv *kv, struct kv_change *op);

/* -- state.c, writer.c -- */

/* Make the volume writable: create before the volume is read, load after. 0, -ENOMEM, the device's errors. */
int fat_state_create(struct fat *fat, const struct blkdev *dev);
int fat_state_load(struct fat_task *t);
void fat_state_destroy(struct fat *fat);

enum fat_change_kind {
	FAT_SET, FAT_WRITE_AT, FAT_APPEND, FAT_TRUNCATE, FAT_MAKE_FOLDER, FAT_REMOVE, FAT_RENAME, FAT_SYNC,
	FAT_LET_GO,
};

/* Queues op behind the changes submitted before. */
void fat_writer_submit(struct fat *fat, struct kv_change *op, enum fat_change_kind kind);

/* -- versions.c: changes since the volume was mounted -- */

/* The number of changes so far; the number of the last change to e, 0: none. */
uint32_t fat_changes(const struct fat *fat);
uint32_t fat_changed(const struct fat *fat, const struct fat_entry *e);

static inline uint32_t fat_changes_now(const struct fat *fat)
{
	if (IS_ENABLED(CONFIG_FAT_WRITE))
		return fat_changes(fat);
	return 0;
}

/* May the slot at place have changed since the count of changes was changes? */
static inline bool fat_is_stale(const struct fat *fat, uint64_t place, uint32_t changes)
{
	struct fat_entry e = { .place = place };

	/* The root folder is never stale. */
	if (IS_ENABLED(CONFIG_FAT_WRITE) && place)
		return fat_changes(fat) != changes && fat_changed(fat, &e) > changes;
	return false;
}

static inline struct fat *fat_of(struct kv *kv)
{
	return container_of(kv, struct fat, kv);
}

#endif
