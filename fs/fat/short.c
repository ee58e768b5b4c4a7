/* SPDX-License-Identifier: ISC */
/* 8.3 names for long ones ("Generating 8.3 names from long names"): the first letters, "~" and a digit that
 * is free in the folder. When all nine are taken, the first two letters and a hash, as Windows does, so that
 * a thousand similar names do not take a thousand scans of the folder. */
#include <errno.h>
#include <string.h>

#include "fs/fat/writer.h"
#include "kernel/fnv.h"

/* The unit as a letter of an 8.3 name; 0: none. */
static uint8_t shorten(uint16_t unit)
{
	if (unit - 'a' < 26 && unit >= 'a')
		return (uint8_t)(unit - 32);
	if (unit == ' ' || unit == '.')
		return 0;
	return unit < 0x80 && !strchr("+,;=[]", unit) ? (uint8_t)unit : '_';
}

/* Shortens units [from, to) into at most room letters; gives how many. */
static unsigned put(uint8_t *at, unsigned room, const uint16_t *units, int from, int to)
{
	unsigned count = 0;

	for (int i = from; i < to && count < room; i++) {
		uint8_t c = shorten(units[i]);

		if (c)
			at[count++] = c;
	}
	return count;
}

/* Is the name a valid 8.3 name? Then s->short_name is set to it. */
static bool is_short(struct fat_survey *s, const uint16_t *units, int count, int dot)
{
	unsigned base = put(s->short_name, 8, units, 0, dot);
	unsigned extension = dot < count ? put(s->short_name + 8, 3, units, dot + 1, count) : 0;

	if (!base || (int)base != dot || (dot < count && (!extension || (int)extension != count - dot - 1)))
		return false;
	for (int i = 0; i < count; i++)
		if (i != dot && units[i] != s->short_name[i < dot ? i : 8 + i - dot - 1])
			return false;
	return true;
}

static uint16_t hash_of(const uint16_t *units, int count, uint8_t round)
{
	uint32_t h = round;

	for (int i = 0; i < count; i++)
		h = fnv_add(h, fat_fold(units[i]));
	return (uint16_t)(h ^ h >> 16);
}

int fat_short_make(struct fat_survey *s, const char *name, size_t len)
{
	uint16_t units[FAT_NAME_UNITS];
	int count = fat_name_read(units, name, len), dot;
	unsigned base;

	if (count < 0)
		return count;
	for (dot = count - 1; dot > 0 && units[dot] != '.'; )
		dot--;
	if (dot == 0)
		dot = count;
	memset(s->short_name, ' ', sizeof(s->short_name));
	s->taken = 0;
	s->digit_at = 0;
	if (is_short(s, units, count, dot))
		return 0;
	memset(s->short_name, ' ', sizeof(s->short_name));
	put(s->short_name + 8, 3, units, dot + 1, count);
	base = put(s->short_name, s->round ? 2 : 6, units, 0, dot);
	if (s->round) {
		uint16_t h = hash_of(units, count, s->round);

		for (int shift = 12; shift >= 0; shift -= 4)
			s->short_name[base++] = (uint8_t)"0123456789ABCDEF"[h >> shift & 15];
	}
	if (!base)
		s->short_name[base++] = '_';
	s->short_name[base] = '~';
	s->digit_at = (uint8_t)(base + 1);
	return (count + FAT_LONG_UNITS - 1) / FAT_LONG_UNITS;
}

void fat_short_note(struct fat_survey *s, const struct fat_slot *slot)
{
	uint8_t name[11];
	unsigned digit = 0;

	memcpy(name, slot->name, sizeof(name));
	if (s->digit_at) {
		digit = name[s->digit_at] - '0';
		name[s->digit_at] = ' ';
	}
	if (digit <= 9 && !memcmp(name, s->short_name, sizeof(name)))
		s->taken |= (uint16_t)(1u << digit);
}

bool fat_short_choose(struct fat_survey *s)
{
	unsigned digit = 1;

	if (!s->digit_at)
		return !s->taken;
	while (digit <= 9 && s->taken >> digit & 1)
		digit++;
	if (digit > 9)
		return false;
	s->short_name[s->digit_at] = (uint8_t)('0' + digit);
	return true;
}
