/* SPDX-License-Identifier: ISC */
/* Names: UTF-8 in keys, 8.3 and UTF-16 on the disk. Comparing them ignores case. */
#ifndef FS_FAT_NAME_H
#define FS_FAT_NAME_H

#include "fs/fat/layout.h"

/* Folds the two cases of a letter into one. */
uint16_t fat_fold(uint16_t unit);

/* May a name have this unit? Control characters, separators and wildcards are not allowed. */
bool fat_unit_is_allowed(uint16_t unit);

/* Turns a name of a key into units. Gives their number, 1 to FAT_NAME_UNITS; -EINVAL: no UTF-8, or a unit
 * that is not allowed; -ENAMETOOLONG. */
int fat_name_read(uint16_t units[FAT_NAME_UNITS], const char *name, size_t len);
/* The reverse: gives the number of bytes, three for each unit at most. Units are well formed UTF-16; they may
 * lie in the same memory behind the bytes, far enough not to be overwritten before they are read. */
size_t fat_name_write(char *to, const uint16_t *units, size_t count);

uint8_t fat_short_checksum(const uint8_t name[11]);
/* An 8.3 name as it is shown, from code page 850. Gives the number of units, 0 for a name that cannot be
 * shown. */
unsigned fat_short_read(uint16_t units[12], const struct fat_slot *s);

/* Assembles the slots of one long name, as they come. */
struct fat_long {
	uint8_t next;    /* the ordinal before this one is expected; 0: all have come */
	uint8_t checksum;
	uint16_t units;  /* of the whole name; 0: there is none, or it is broken */
	bool wants_high; /* the unit before must be a high surrogate */
	bool matches;    /* the user's */
};

/* Takes the next slot. Gives how many of its units belong to the name, the first of which is the name's unit
 * l->next * FAT_LONG_UNITS; 0: the slots so far are no name. */
unsigned fat_long_add(struct fat_long *l, const struct fat_long_slot *s, uint16_t units[FAT_LONG_UNITS]);
/* Is it the name of s, the slot that follows? */
bool fat_long_belongs(const struct fat_long *l, const struct fat_slot *s);

#endif
