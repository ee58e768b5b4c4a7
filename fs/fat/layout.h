/* SPDX-License-Identifier: ISC */
/* FAT on a disk (Microsoft's FAT specification 1.03, 2000), all of it little-endian:
 *
 *   boot sector │ FSInfo … │ table │ copy of it │ root folder (12, 16) │ cluster 2 │ cluster 3 │ …
 *
 * A file is a directory slot with its first cluster and size; the table names each cluster's successor. A
 * name that is no 8.3 name stands in slots before it, 13 UTF-16 units each, its end first. */
#ifndef FS_FAT_LAYOUT_H
#define FS_FAT_LAYOUT_H

#include "kernel/util.h"

#define FAT_BOOT_BYTES 512 /* in use, however long the sector */

/* "Boot Sector and BPB". Fields that are not aligned are arrays of bytes. */
struct fat_boot {
	uint8_t jump[3], oem[8];
	uint8_t sector_bytes[2];
	uint8_t cluster_sectors;
	uint16_t reserved_sectors;
	uint8_t tables;
	uint8_t root_slots[2];
	uint8_t sectors_16[2];
	uint8_t media;
	uint16_t table_sectors_16;
	uint16_t track_sectors, heads;
	uint32_t hidden_sectors;
	uint32_t sectors_32;
	union {
		struct {
			uint8_t drive;
			uint8_t state; /* bit 0: mounted, and not unmounted; FAT12 has no other mark */
			uint8_t extended, serial[4];
			uint8_t rest[21];
		} of_16;
		struct {
			uint32_t table_sectors;
			uint16_t flags; /* bit 7: only one table is in use, whose number is bits 0 to 3 */
			uint16_t version;
			uint32_t root_cluster;
			uint16_t info_sector, backup_sector;
			uint8_t reserved[12];
			uint8_t drive;
			uint8_t state;
			uint8_t extended, serial[4];
			uint8_t rest[21];
		} of_32;
	};
	uint8_t code[418];
	uint8_t signature[2];
};
static_assert(sizeof(struct fat_boot) == FAT_BOOT_BYTES, "as it is on the disk");

#define FAT_STATE_DIRTY 1

/* "FAT32 FSInfo Sector Structure": hints, not to be relied on. */
struct fat_info {
	uint32_t lead;
	uint8_t reserved[480];
	uint32_t structure;
	uint32_t free_clusters, next_free; /* UINT32_MAX: not known */
	uint8_t reserved_2[12];
	uint32_t trail;
};
static_assert(sizeof(struct fat_info) == 512, "as it is on the disk");

#define FAT_INFO_LEAD 0x41615252u
#define FAT_INFO_STRUCTURE 0x61417272u
#define FAT_INFO_TRAIL 0xaa550000u

/* "FAT Directory Structure". */
struct fat_slot {
	uint8_t name[11];
	uint8_t attributes; /* enum fat_attributes */
	uint8_t lower_case; /* FAT_LOWER_BASE, FAT_LOWER_EXTENSION, as Windows NT writes them */
	uint8_t created_10ms;
	uint16_t created_time, created_date, accessed_date;
	uint16_t first_high;
	uint16_t modified_time, modified_date;
	uint16_t first_low;
	uint32_t size;
};
static_assert(sizeof(struct fat_slot) == 32, "as it is on the disk");

enum fat_attributes {
	FAT_READ_ONLY = 1, FAT_HIDDEN = 2, FAT_SYSTEM = 4, FAT_LABEL = 8, FAT_FOLDER = 16, FAT_ARCHIVE = 32,
	FAT_LONG_NAME = 15, /* all of these and no other: a struct fat_long_slot */
	FAT_ATTRIBUTES = 63,
};

#define FAT_SLOT_END 0x00    /* as name[0]: this slot is free, and all that follow */
#define FAT_SLOT_FREE 0xe5
#define FAT_SLOT_E5 0x05     /* stands for a name that begins with 0xe5 */
#define FAT_LOWER_BASE 0x08
#define FAT_LOWER_EXTENSION 0x10

#define FAT_LONG_UNITS 13  /* of a slot */
#define FAT_LONG_SLOTS 20  /* of a name */
#define FAT_LONG_LAST 0x40 /* in the ordinal of a name's end, which comes first */
#define FAT_NAME_UNITS 255 /* of a name */

struct fat_long_slot {
	uint8_t ordinal; /* from 1 */
	uint8_t units_1[10];
	uint8_t attributes, type;
	uint8_t checksum; /* of the 8.3 name that it belongs to */
	uint8_t units_2[12];
	uint16_t zero;
	uint8_t units_3[4];
};
static_assert(sizeof(struct fat_long_slot) == sizeof(struct fat_slot), "in the place of one");

static inline bool fat_slot_is_long(const struct fat_slot *s)
{
	return (s->attributes & FAT_ATTRIBUTES) == FAT_LONG_NAME;
}

static inline uint32_t fat_slot_first(const struct fat_slot *s)
{
	return (uint32_t)s->first_high << 16 | s->first_low;
}

#endif
