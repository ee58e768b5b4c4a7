/* SPDX-License-Identifier: ISC */
/* The layout of a volume, from its boot sector, checked. */
#ifndef FS_FAT_GEOMETRY_H
#define FS_FAT_GEOMETRY_H

#include "fs/fat/layout.h"

/* Places are bytes from the device's start. */
struct fat_geometry {
	uint64_t boot;         /* the boot sector */
	uint64_t info;         /* FSInfo; 0: there is none */
	uint64_t table;        /* the table that is read */
	uint64_t table_stride; /* from one copy to the next */
	uint64_t root;         /* the fixed root folder of FAT12 and FAT16 */
	uint64_t data;         /* cluster 2 */
	uint32_t root_slots;   /* 0: the root is a chain like other folders */
	uint32_t root_cluster;
	uint32_t serial;       /* the volume's number, chosen when it was made */
	uint32_t clusters;     /* numbered 2 to clusters + 1 */
	uint32_t sector_bytes;
	uint8_t bits;          /* of a table's entry: 12, 16, 32 */
	uint8_t copies;        /* of the table, kept in step, beginning with the one that is read */
	uint8_t cluster_shift; /* bytes of a cluster, 9 to 19 */
	bool dirty;            /* the boot sector says that it was not unmounted */
};

/* Parses sector, the first FAT_BOOT_BYTES of a volume that begins at byte start of its device and has room
 * for bytes. Gives NULL, or a text that says what is wrong. */
const char *fat_geometry_parse(struct fat_geometry *g, const void *sector, uint64_t start, uint64_t bytes);

static inline bool fat_is_cluster(const struct fat_geometry *g, uint32_t cluster)
{
	return cluster - 2 < g->clusters;
}

static inline uint64_t fat_cluster_place(const struct fat_geometry *g, uint32_t cluster)
{
	return g->data + ((uint64_t)(cluster - 2) << g->cluster_shift);
}

#endif
