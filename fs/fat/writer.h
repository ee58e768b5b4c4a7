/* SPDX-License-Identifier: ISC */
/* The writer, which makes one change of a volume after the other (writer.c), and its parts. Each part is a
 * step: 0 when it is done, -EAGAIN when it waits for a block and is to be called again, or an error. It keeps
 * its state in the writer; repeating the part of a step before the wait does no harm.
 *
 * The order in which sectors reach the medium is kept by barriers (fs/cache.h):
 *
 *   content and its chain ─barrier─▶ one sector of a folder: the change ─barrier─▶ the old chain is free
 *
 * so that after a power cut the change has been made or has not, and the only loss is clusters. */
#ifndef FS_FAT_WRITER_H
#define FS_FAT_WRITER_H

#include "fs/fat/fat_priv.h"
#include "kernel/timer.h"

/* The result of one scan of the whole folder that a change is made in. */
struct fat_survey {
	struct fat_directory at;         /* the next slot to look at */
	struct fat_long name;
	struct fat_directory name_start; /* the first slot of the name that is being scanned */
	uint32_t slots;                  /* of that name, so far */
	bool found;                      /* the name exists already: */
	struct fat_entry entry;          /* its entry, */
	struct fat_directory start;      /* and where its slots begin */
	uint32_t entry_slots;
	bool has_room;                   /* for the slots needed, */
	struct fat_directory room;       /* from here on, */
	bool room_is_end;                /* which is the folder's end: all that follow are free */
	struct fat_directory free;       /* a row of free slots, */
	uint32_t free_slots;             /* so many so far */
	uint32_t needed;
	uint8_t short_name[11];          /* as it will be, up to its number */
	uint8_t digit_at;                /* where that stands, 0: it has none */
	uint8_t round;                   /* how often all nine digits were taken */
	uint16_t taken;                  /* a bit for each digit in use */
	bool is_taken;                   /* no digit is left, or the name needs none and is in use */
};

/* A chain that is being freed. */
struct fat_release {
	uint32_t cluster, next;
	bool has_next; /* next is known, and cluster's entry may be gone */
};

/* Files whose last change is known, 16 bytes each: more than readers have open. */
#define FAT_CHANGES 64

struct fat_writer {
	struct fat_lookup lookup; /* first: its task is the writer's */
	struct list queue;        /* of struct kv_change, but for the one at work */
	struct kv_change *op;     /* at work, NULL: none */
	int (*const *steps)(struct fat_writer *w); /* at the one to be called; NULL is behind the last */
	uint32_t sector_bytes;    /* the unit that the device writes whole; at most a cluster */

	/* The volume. */
	uint32_t hint;            /* where a free cluster may be */
	uint32_t free_clusters;   /* UINT32_MAX: not known */
	bool dirty, was_dirty;    /* is marked as mounted; was so before the mount */
	int broken;               /* writing has failed: nothing is written any more, with this error */

	/* versions.c */
	uint32_t changes, forgotten;
	uint16_t first_date, first_time;
	struct {
		uint64_t place;
		uint32_t number;
	} changed[FAT_CHANGES];

	/* The change at work. */
	int error;                /* the reason why it fails */
	bool undoing;
	uint32_t key_at;          /* where the name to be looked for begins in the key */
	const char *key;
	uint32_t key_len;
	struct fat_entry folder;  /* the name's */
	struct fat_survey survey;
	struct fat_slot slot;     /* the name's new slot */
	uint64_t size;            /* bytes of the new content, */
	uint64_t at, len;         /* of which these come from the op */
	uint64_t done;            /* bytes of it that are written */
	uint32_t first, last;     /* its chain; 0: none */
	uint64_t room;            /* and the bytes that fit */
	uint32_t searched;        /* clusters looked at for a free one */
	uint32_t fresh, grown;    /* cluster being taken; taken, and being appended; 0: none */
	uint64_t cleared;         /* of a new cluster: up to this place on the device */
	uint32_t extended;        /* a folder's last cluster, being extended; 0: none */
	uint32_t extension;       /* by this one, not yet linked in all copies of the table; 0: none */
	bool extension_is_clear;
	bool in_place;            /* the new content is the old one, with a longer or a shorter end */
	bool looking;             /* a lookup, survey … has begun */
	bool erased;
	uint64_t place;           /* of the name's slot */
	int (*const *resume)(struct fat_writer *w); /* to continue at when a folder of the path has been made */
	struct fat_entry old;     /* the name's old entry; first 0: none */
	struct fat_chain from;    /* a place in the old content */
	struct cache_block *source; /* and the block that it is in, NULL: none */
	uint64_t source_number;
	uint32_t piece;           /* slices of the op that are written, */
	size_t piece_at;          /* and bytes of the next */
	struct fat_release release;
	bool folder_is_clear;     /* the new folder's cluster, w->first */
	struct fat_entry from_folder; /* the renamed entry's */
	uint32_t climbed;
	struct fat_entry moved;   /* the renamed or removed entry, and its slots */
	struct fat_directory moved_start;
	uint32_t moved_slots;
	bool leaving;             /* the folder is empty, and is being freed; its parent: */
	uint32_t parent;
	uint32_t top;             /* the removed folder, whose content is being freed */
	struct fat_directory tree;
	struct fat_entry leaf;
	bool has_leaf;
	bool committed;
	struct cache_sync sync;
	bool syncing;
	struct sleep pause;
};

static inline struct fat *fat_of_writer(const struct fat_writer *w)
{
	return w->lookup.task.fat;
}

/* -- blocks.c -- */

/* Gets a block to change or to fill (enum cache_mode); as fat_block. */
int fat_block_change(struct fat_writer *w, uint64_t number, enum cache_mode mode, struct cache_block **out);
/* Copies bytes to the device, of two neighbouring blocks at most. */
int fat_copy_in(struct fat_writer *w, uint64_t place, const void *from, uint32_t len);

/* -- allocate.c -- */

int fat_table_read(struct fat_writer *w, uint32_t cluster, uint32_t *value);
/* Writes all copies of the table. */
int fat_table_write(struct fat_writer *w, uint32_t cluster, uint32_t value);
/* Makes a free cluster a chain of its own. -ENOSPC. */
int fat_cluster_take(struct fat_writer *w, uint32_t *cluster);
int fat_cluster_clear(struct fat_writer *w, uint32_t cluster);
/* Appends a cluster to the chain of w->first and w->last, or begins one. -ENOSPC. */
int fat_chain_grow(struct fat_writer *w);
/* Frees a chain; a damaged one as far as it can be followed. */
void fat_release_begin(struct fat_writer *w, uint32_t first);
int fat_release_run(struct fat_writer *w);
#define FAT_CHAIN_END 0x0fffffff

/* -- content.c -- */

/* Writes the new content from w->done to w->size: into a chain of its own, or, in_place, into the last
 * cluster of the old one. Then, or to give up, fat_content_end. */
int fat_content_write(struct fat_writer *w);
void fat_content_end(struct fat_writer *w);

/* -- short.c -- */

/* The 8.3 name for a name. Gives the long slots needed before it, or an error. */
int fat_short_make(struct fat_survey *s, const char *name, size_t len);
/* Takes note of an existing one. */
void fat_short_note(struct fat_survey *s, const struct fat_slot *slot);
/* Chooses a free digit; false: there is none, and another scan of the folder is needed. */
bool fat_short_choose(struct fat_survey *s);

/* -- survey.c -- */

void fat_survey_begin(struct fat_writer *w);
int fat_survey_run(struct fat_writer *w);

/* -- slots.c -- */

/* May the surveyed name be added, if it does not exist? -EEXIST: its 8.3 name is in use; -EOPNOTSUPP: it
 * needs more slots than a sector has. */
int fat_slots_check(const struct fat_writer *w);
/* Put w->slot under that name: into its existing slot, or into new ones. */
int fat_slots_prepare(struct fat_writer *w);
int fat_slots_commit(struct fat_writer *w);
/* Frees count slots from start on, the last of which is e's. */
int fat_slots_erase(struct fat_writer *w, const struct fat_directory *start, uint32_t count,
                    const struct fat_entry *e);

/* -- tree.c -- */

/* Frees a removed folder with its content. */
void fat_tree_begin(struct fat_writer *w, uint32_t first);
int fat_tree_run(struct fat_writer *w);

/* -- versions.c -- */

/* Notes that the entry of this slot has changed. */
void fat_note_change(struct fat_writer *w, uint64_t place);

/* -- state.c -- */

/* Mark the volume: mounted; unmounted; the count of free clusters. */
int fat_state_dirty(struct fat_writer *w);
int fat_state_clean(struct fat_writer *w);
int fat_state_info(struct fat_writer *w);

#endif
