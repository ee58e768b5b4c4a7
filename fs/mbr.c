/* SPDX-License-Identifier: ISC */
/* Partition tables are read with suspicion: a sector without the signature, with undefined flags, or with
 * partitions that are empty, overlap or lie outside the disk is no table but other data in that place. */
#include <errno.h>

#include "fs/mbr.h"

#define ENTRIES 4

struct entry {
	uint8_t status, first_chs[3];
	uint8_t type, last_chs[3];
	uint8_t first[4], count[4];
};
static_assert(sizeof(struct entry) == 16, "as it is on the disk");

struct table {
	uint8_t code[446];
	struct entry entries[ENTRIES];
	uint8_t signature[2];
};
static_assert(sizeof(struct table) == MBR_BYTES, "as it is on the disk");

#define TYPE_PROTECTIVE 0xee

static uint32_t read_32(const uint8_t at[4])
{
	return at[0] | (uint32_t)at[1] << 8 | (uint32_t)at[2] << 16 | (uint32_t)at[3] << 24;
}

/* Gives a text on what is wrong with p, which comes after before in the table; NULL: nothing. */
static const char *check(const struct mbr_partition *p, const struct mbr_partition *before, int count,
                         uint64_t sectors)
{
	if (!p->first || !p->count)
		return "a partition is empty, or lies on the table";
	if (p->first + p->count > sectors)
		return "a partition ends behind the disk, or the disk was cut off";
	for (int i = 0; i < count; i++)
		if (p->first < before[i].first + before[i].count && before[i].first < p->first + p->count)
			return "partitions lie on one another";
	return NULL;
}

/* Gives the number of partitions, -EUCLEAN, -ENOENT. */
static int read_all(struct mbr_partition found[ENTRIES], const struct table *table, uint64_t sectors,
                    const char **problem)
{
	int count = 0;

	*problem = "its signature is missing";
	if (table->signature[0] != 0x55 || table->signature[1] != 0xaa)
		return -EUCLEAN;
	for (int i = 0; i < ENTRIES; i++) {
		const struct entry *e = &table->entries[i];

		*problem = "there is no such status";
		if (e->status & 0x7f)
			return -EUCLEAN;
		*problem = "its partitions are in a GPT, which is not read";
		if (e->type == TYPE_PROTECTIVE)
			return -ENOENT;
		if (!e->type)
			continue;
		found[count] = (struct mbr_partition){ read_32(e->first), read_32(e->count), e->type };
		*problem = check(&found[count], found, count, sectors);
		if (*problem)
			return -EUCLEAN;
		count++;
	}
	return count;
}

int mbr_find(struct mbr_partition *out, const void *sector, uint64_t sectors, bool (*is_wanted)(uint8_t type),
             const char **problem)
{
	struct mbr_partition found[ENTRIES];
	int count = read_all(found, sector, sectors, problem);

	if (count < 0)
		return count;
	for (int i = 0; i < count; i++)
		if (is_wanted(found[i].type)) {
			*out = found[i];
			return 0;
		}
	*problem = count ? "its partition table has no such partition" : "it is empty";
	return count ? -ENOENT : -EUCLEAN;
}
