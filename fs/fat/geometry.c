/* SPDX-License-Identifier: ISC */
/* Parses and checks the boot sector ("Boot Sector and BPB", "FAT Type Determination"). The number of clusters
 * alone tells FAT12 from FAT16; but a boot sector in the form of FAT32, which is not valid for those two, is
 * FAT32 however few clusters there are, as mkfs.fat makes them. The result is consistent: every part lies in
 * the volume, and the table has an entry for each cluster. */
#include <string.h>

#include "fs/fat/geometry.h"

enum {
	FAT12_BELOW = 4085, FAT16_BELOW = 65525, /* clusters */
	FAT32_MOST = 0x0ffffff5,
	COPIES_MOST = 4,
	MIRRORS_NOT = 0x80,
};

static uint32_t read_16(const uint8_t at[2])
{
	return at[0] | (uint32_t)at[1] << 8;
}

static bool is_power_of_2(uint32_t n)
{
	return n && !(n & (n - 1));
}

static const char *check_form(const struct fat_boot *b)
{
	uint32_t sector_bytes = read_16(b->sector_bytes);

	if (b->signature[0] != 0x55 || b->signature[1] != 0xaa)
		return "no boot sector: its signature is missing";
	if (!is_power_of_2(sector_bytes) || sector_bytes < 512 || sector_bytes > 4096)
		return "no FAT: sectors are not of 512 to 4096 bytes";
	if (!is_power_of_2(b->cluster_sectors))
		return "no FAT: a cluster's sectors are no power of two";
	if (b->media != 0xf0 && b->media < 0xf8)
		return "no FAT: there is no such medium";
	if (!b->reserved_sectors)
		return "no room for the boot sector";
	if (!b->tables || b->tables > COPIES_MOST)
		return "there is no table, or more than four";
	return NULL;
}

/* The fields that only FAT32 has. */
static const char *parse_32(struct fat_geometry *g, const struct fat_boot *b, uint32_t sector_bytes)
{
	uint32_t active = b->of_32.flags & 15;

	g->root_cluster = b->of_32.root_cluster;
	g->dirty = b->of_32.state & FAT_STATE_DIRTY;
	memcpy(&g->serial, b->of_32.serial, sizeof(g->serial));
	if (b->of_32.version)
		return "a version of FAT32 that is not known";
	if (!fat_is_cluster(g, g->root_cluster))
		return "the root folder lies outside the volume";
	if (b->of_32.info_sector && b->of_32.info_sector < b->reserved_sectors)
		g->info = g->boot + (uint64_t)b->of_32.info_sector * sector_bytes;
	if (b->of_32.flags & MIRRORS_NOT) {
		if (active >= b->tables)
			return "the table in use is one that there is not";
		g->table += active * g->table_stride;
		g->copies = 1;
	}
	return NULL;
}

static const char *parse_clusters(struct fat_geometry *g, const struct fat_boot *b, uint64_t sectors)
{
	uint32_t sector_bytes = read_16(b->sector_bytes);
	uint64_t before = (g->data - g->boot) / sector_bytes, entries;

	if (before >= sectors || (sectors - before) / b->cluster_sectors == 0)
		return "its tables leave no room for a cluster";
	if ((sectors - before) / b->cluster_sectors > FAT32_MOST)
		return "more clusters than FAT32 can have";
	g->clusters = (uint32_t)((sectors - before) / b->cluster_sectors);
	if (!b->table_sectors_16)
		g->bits = 32;
	else
		g->bits = g->clusters < FAT12_BELOW ? 12 : 16;
	if (g->bits == 16 && g->clusters >= FAT16_BELOW)
		return "more clusters than FAT16 can have";
	if (g->bits == 32 ? g->root_slots != 0 : g->root_slots == 0)
		return "the root folder is not that of this kind of FAT";
	entries = g->table_stride * 8 / g->bits;
	if (entries < (uint64_t)g->clusters + 2)
		return "the table is too short for the clusters";
	return NULL;
}

const char *fat_geometry_parse(struct fat_geometry *g, const void *sector, uint64_t start, uint64_t bytes)
{
	const struct fat_boot *b = sector;
	const char *problem = check_form(b);
	uint32_t sector_bytes = read_16(b->sector_bytes);
	uint64_t sectors, root_bytes;

	if (problem)
		return problem;
	memset(g, 0, sizeof(*g));
	sectors = read_16(b->sectors_16) ?: b->sectors_32;
	if (sectors * sector_bytes > bytes)
		return "the volume is longer than what it lies on: it was cut off";
	g->boot = start;
	g->sector_bytes = sector_bytes;
	g->copies = b->tables;
	g->table = start + (uint64_t)b->reserved_sectors * sector_bytes;
	g->table_stride = (uint64_t)(b->table_sectors_16 ?: b->of_32.table_sectors) * sector_bytes;
	g->root_slots = read_16(b->root_slots);
	root_bytes = ALIGN_UP((uint64_t)g->root_slots * sizeof(struct fat_slot), (uint64_t)sector_bytes);
	g->root = g->table + g->copies * g->table_stride;
	g->data = g->root + root_bytes;
	g->cluster_shift = (uint8_t)__builtin_ctz(sector_bytes * b->cluster_sectors);
	problem = parse_clusters(g, b, sectors);
	if (problem)
		return problem;
	if (g->bits == 32)
		return parse_32(g, b, sector_bytes);
	g->dirty = b->of_16.state & FAT_STATE_DIRTY;
	memcpy(&g->serial, b->of_16.serial, sizeof(g->serial));
	return NULL;
}
