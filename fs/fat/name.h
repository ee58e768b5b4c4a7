/* SPDX-License-Identifier: ISC */
/* Names: of keys, UTF-8; on the disk 8.3 and UTF-16. Whether two are the same does not depend on case. */
#ifndef FS_FAT_NAME_H
#define FS_FAT_NAME_H

#include "fs/fat/layout.h"

/* A letter's one form, of its two cases. */
uint16_t fat_fold(uint16_t unit);

/* Whether a name may have this unit at all: neither control characters nor what separates or matches. */
bool fat_unit_is_allowed(uint16_t unit);

/* A name of a key as units. Gives how many, 1 to FAT_NAME_UNITS; -EINVAL: no UTF-8, or not allowed,
 * -ENAMETOOLONG. */
int fat_name_read(uint16_t units[FAT_NAME_UNITS], const char *name, size_t len);
/* The other way round: gives the bytes, three for each unit at most. Units are well formed UTF-16; they may
 * lie in the same memory behind the bytes, at least so far that nothing is overtaken. */
size_t fat_name_write(char *to, const uint16_t *units, size_t count);

uint8_t fat_short_checksum(const uint8_t name[11]);
/* An 8.3 name as it is shown, code page 850. Gives the units, 0 when it is none that can be shown. */
unsigned fat_short_read(uint16_t units[12], const struct fat_slot *s);

/* The slots of one name, as they come by. */
struct fat_long {
	uint8_t next;    /* the ordinal before this one is expected; 0: all are there */
	uint8_t checksum;
	uint16_t units;  /* of the whole name; 0: there is none, or it is broken */
	bool wants_high; /* the unit before must be a high surrogate */
	bool matches;    /* the user's */
};

/* Takes the next slot. Gives how many units of it belong to the name, the first of which is the name's unit
 * l->next * FAT_LONG_UNITS; 0: what has come is no name. */
unsigned fat_long_add(struct fat_long *l, const struct fat_long_slot *s, uint16_t units[FAT_LONG_UNITS]);
/* Whether it is the name of this slot, which comes now. */
bool fat_long_belongs(const struct fat_long *l, const struct fat_slot *s);

#endif
