/* SPDX-License-Identifier: ISC */
/* A folder that scripts/crunch made part of the image: a struct kv over constant memory. Every get settles
 * before it returns, every value has data, etag and ready header lines, its media type among them. Lookup is
 * one hash over the key and one comparison: the build has searched for a perfect hash.
 *
 * The data is one block without pointers, so it needs no relocation and is the same for every CPU (little
 * endian). Offsets count from its start:
 *
 *   struct crunch_data │ entries, by slot │ variants │ displacements │ strings │ header body header
 * … */
#ifndef FS_CRUNCH_H
#define FS_CRUNCH_H

#include "fs/kv.h"

struct crunch_data {
	uint32_t count;         /* entries */
	uint32_t buckets;       /* displacements */
	uint32_t seed;
	uint32_t displacements; /* offset of uint32_t[buckets] */
};
static_assert(sizeof(struct crunch_data) == 16, "as scripts/crunch writes it");

struct crunch_entry {
	uint32_t key, body, size, header, etag; /* offsets, but for size */
	uint32_t gzip;                          /* offset of another, the same value compressed; or 0 */
	uint16_t key_len, header_len, validators;
	uint8_t is_folder, coding;              /* coding: of enum kv_codings */
};
static_assert(sizeof(struct crunch_entry) == 32, "as scripts/crunch writes it");

/* The folder that the build has crunched: WWW_DIR. */
extern const struct crunch_data crunch_content;

/* 0, or -ENOMEM. Borrows data for ever. Getting a folder fails with -EISDIR. */
int crunch_create(struct kv **out, const struct crunch_data *data);
/* For tests; an image keeps its store. */
void crunch_destroy(struct kv *kv);

#endif
