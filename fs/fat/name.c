/* SPDX-License-Identifier: ISC */
/* Names: UTF-8, UTF-16 with surrogates, 8.3. A name on the disk is shown only if it is valid in a key: a long
 * name that is not well formed does not count, and its file goes by its 8.3 name. */
#include <errno.h>
#include <string.h>

#include "fs/fat/name.h"

/* -- case -- */

/* Capital letters first to last, and the distance to the small ones; or pairs, capital and small in turn. */
struct fold {
	uint16_t first, last;
	uint8_t distance;
	bool pairs;
};

uint16_t fat_fold(uint16_t unit)
{
	static const struct fold folds[] = {
		{ 0x0041, 0x005a, 32, false }, { 0x00c0, 0x00d6, 32, false }, { 0x00d8, 0x00de, 32, false },
		{ 0x0100, 0x012f, 1, true }, { 0x0132, 0x0137, 1, true }, { 0x0139, 0x0148, 1, true },
		{ 0x014a, 0x0177, 1, true }, { 0x0179, 0x017e, 1, true }, { 0x01cd, 0x01dc, 1, true },
		{ 0x01de, 0x01ef, 1, true }, { 0x01f8, 0x021f, 1, true }, { 0x0222, 0x0233, 1, true },
		{ 0x0386, 0x0386, 38, false }, { 0x0388, 0x038a, 37, false }, { 0x038c, 0x038c, 64, false },
		{ 0x038e, 0x038f, 63, false }, { 0x0391, 0x03a1, 32, false }, { 0x03a3, 0x03ab, 32, false },
		{ 0x03d8, 0x03ef, 1, true }, { 0x0400, 0x040f, 80, false }, { 0x0410, 0x042f, 32, false },
		{ 0x0460, 0x0481, 1, true }, { 0x048a, 0x04bf, 1, true }, { 0x04c1, 0x04ce, 1, true },
		{ 0x04d0, 0x052f, 1, true }, { 0x0531, 0x0556, 48, false }, { 0x1e00, 0x1e95, 1, true },
		{ 0x1ea0, 0x1eff, 1, true }, { 0x2160, 0x216f, 16, false }, { 0x24b6, 0x24cf, 26, false },
		{ 0xff21, 0xff3a, 32, false },
	};

	if (unit < 0x80)
		return (unsigned)unit - 'A' < 26u ? unit + 32 : unit;
	if (unit == 0x178)
		return 0xff;
	for (size_t i = 0; i < ARRAY_SIZE(folds) && unit >= folds[i].first; i++)
		if (unit <= folds[i].last)
			return folds[i].pairs && (unit - folds[i].first) & 1 ? unit : unit + folds[i].distance;
	return unit;
}

#define BIT(c) (UINT32_C(1) << ((c) & 31))

/* Fast, because a scan of a folder calls it for every character of every name. */
bool fat_unit_is_allowed(uint16_t unit)
{
	static const uint32_t forbidden[] = {
		UINT32_MAX,
		BIT('"') | BIT('*') | BIT('/') | BIT(':') | BIT('<') | BIT('>') | BIT('?'),
		BIT('\\'),
		BIT('|') | BIT(0x7f),
	};

	return unit >= 0x80 || !(forbidden[unit >> 5] >> (unit & 31) & 1);
}

/* "." and "..", which name no file. */
static bool is_dots(const uint16_t *units, unsigned count)
{
	return count <= 2 && units[0] == '.' && units[count - 1] == '.';
}

/* -- UTF -- */

static bool is_high(uint16_t unit)
{
	return unit >> 10 == 0xd800 >> 10;
}

static bool is_low(uint16_t unit)
{
	return unit >> 10 == 0xdc00 >> 10;
}

/* One character (RFC 3629 §4): gives its bytes, 0 when it is none. */
static size_t read_utf8(const uint8_t *at, size_t len, uint32_t *c)
{
	static const uint32_t least[] = { 0, 0x80, 0x800, 0x10000 };
	size_t more = *at < 0x80 ? 0 : *at < 0xc0 ? 4 : *at < 0xe0 ? 1 : *at < 0xf0 ? 2 : *at < 0xf8 ? 3 : 4;

	if (more >= len || more == 4)
		return 0;
	*c = more ? *at & (0x3fu >> more) : *at;
	for (size_t i = 1; i <= more; i++) {
		if (at[i] >> 6 != 2)
			return 0;
		*c = *c << 6 | (at[i] & 0x3f);
	}
	if (*c < least[more] || *c > 0x10ffff || *c >> 11 == 0xd800 >> 11)
		return 0;
	return more + 1;
}

int fat_name_read(uint16_t units[FAT_NAME_UNITS], const char *name, size_t len)
{
	const uint8_t *at = (const uint8_t *)name, *end = at + len;
	unsigned count = 0;
	uint32_t c;

	while (at < end) {
		size_t n = read_utf8(at, (size_t)(end - at), &c);

		if (!n || (c < 0x80 && !fat_unit_is_allowed((uint16_t)c)))
			return -EINVAL;
		if (count + (c > 0xffff) >= FAT_NAME_UNITS)
			return -ENAMETOOLONG;
		if (c > 0xffff) {
			units[count++] = (uint16_t)(0xd7c0 + (c >> 10));
			c = 0xdc00 | (c & 0x3ff);
		}
		units[count++] = (uint16_t)c;
		at += n;
	}
	return count && !is_dots(units, count) ? (int)count : -EINVAL;
}

size_t fat_name_write(char *to, const uint16_t *units, size_t count)
{
	char *start = to;

	for (size_t i = 0; i < count; i++) {
		uint32_t c = units[i];

		if (is_high((uint16_t)c) && i + 1 < count)
			c = 0x10000 + ((c & 0x3ff) << 10) + (units[++i] & 0x3ff);
		if (c < 0x80) {
			*to++ = (char)c;
			continue;
		}
		if (c < 0x800) {
			*to++ = (char)(0xc0 | c >> 6);
		} else if (c < 0x10000) {
			*to++ = (char)(0xe0 | c >> 12);
			*to++ = (char)(0x80 | (c >> 6 & 0x3f));
		} else {
			*to++ = (char)(0xf0 | c >> 18);
			*to++ = (char)(0x80 | (c >> 12 & 0x3f));
			*to++ = (char)(0x80 | (c >> 6 & 0x3f));
		}
		*to++ = (char)(0x80 | (c & 0x3f));
	}
	return (size_t)(to - start);
}

/* -- 8.3 -- */

uint8_t fat_short_checksum(const uint8_t name[11])
{
	uint8_t sum = 0;

	for (int i = 0; i < 11; i++)
		sum = (uint8_t)((sum << 7 | sum >> 1) + name[i]);
	return sum;
}

static uint16_t show(uint8_t c, bool lower)
{
	/* The upper half of code page 850, which mkfs.fat, mtools and Windows in Western Europe use. */
	static const uint16_t upper_half[128] = {
		0xc7, 0xfc, 0xe9, 0xe2, 0xe4, 0xe0, 0xe5, 0xe7, 0xea, 0xeb, 0xe8, 0xef, 0xee, 0xec, 0xc4, 0xc5,
		0xc9, 0xe6, 0xc6, 0xf4, 0xf6, 0xf2, 0xfb, 0xf9, 0xff, 0xd6, 0xdc, 0xf8, 0xa3, 0xd8, 0xd7, 0x192,
		0xe1, 0xed, 0xf3, 0xfa, 0xf1, 0xd1, 0xaa, 0xba, 0xbf, 0xae, 0xac, 0xbd, 0xbc, 0xa1, 0xab, 0xbb,
		0x2591, 0x2592, 0x2593, 0x2502, 0x2524, 0xc1, 0xc2, 0xc0, 0xa9, 0x2563, 0x2551, 0x2557, 0x255d,
		0xa2, 0xa5, 0x2510, 0x2514, 0x2534, 0x252c, 0x251c, 0x2500, 0x253c, 0xe3, 0xc3, 0x255a, 0x2554,
		0x2569, 0x2566, 0x2560, 0x2550, 0x256c, 0xa4, 0xf0, 0xd0, 0xca, 0xcb, 0xc8, 0x131, 0xcd, 0xce,
		0xcf, 0x2518, 0x250c, 0x2588, 0x2584, 0xa6, 0xcc, 0x2580, 0xd3, 0xdf, 0xd4, 0xd2, 0xf5, 0xd5,
		0xb5, 0xfe, 0xde, 0xda, 0xdb, 0xd9, 0xfd, 0xdd, 0xaf, 0xb4, 0xad, 0xb1, 0x2017, 0xbe, 0xb6, 0xa7,
		0xf7, 0xb8, 0xb0, 0xa8, 0xb7, 0xb9, 0xb3, 0xb2, 0x25a0, 0xa0,
	};
	uint16_t unit = c >= 0x80 ? upper_half[c - 0x80] : c;

	return lower ? fat_fold(unit) : unit;
}

unsigned fat_short_read(uint16_t units[12], const struct fat_slot *s)
{
	unsigned base = 8, extension = 3, count = 0;

	while (base > 0 && s->name[base - 1] == ' ')
		base--;
	while (extension > 0 && s->name[7 + extension] == ' ')
		extension--;
	if (memchr(s->name, '.', sizeof(s->name)))
		return 0;
	for (unsigned i = 0; i < base; i++)
		units[count++] = show(i == 0 && s->name[0] == FAT_SLOT_E5 ? 0xe5 : s->name[i],
		                      s->lower_case & FAT_LOWER_BASE);
	if (extension)
		units[count++] = '.';
	for (unsigned i = 0; i < extension; i++)
		units[count++] = show(s->name[8 + i], s->lower_case & FAT_LOWER_EXTENSION);
	for (unsigned i = 0; i < count; i++)
		if (!fat_unit_is_allowed(units[i]))
			return 0;
	return base ? count : 0;
}

/* -- long names -- */

static void copy_units(uint16_t units[FAT_LONG_UNITS], const struct fat_long_slot *s)
{
	memcpy(units, s->units_1, sizeof(s->units_1));
	memcpy(units + 5, s->units_2, sizeof(s->units_2));
	memcpy(units + 11, s->units_3, sizeof(s->units_3));
}

/* Checks from the end to the start, as the slots come, that a low surrogate follows each high one, and no
 * other unit. */
static bool are_well_formed(struct fat_long *l, const uint16_t *units, unsigned count)
{
	while (count-- > 0) {
		if (is_high(units[count]) != l->wants_high || !fat_unit_is_allowed(units[count]))
			return false;
		l->wants_high = is_low(units[count]);
	}
	return true;
}

unsigned fat_long_add(struct fat_long *l, const struct fat_long_slot *s, uint16_t units[FAT_LONG_UNITS])
{
	unsigned ordinal = s->ordinal & ~FAT_LONG_LAST, count = FAT_LONG_UNITS;
	bool is_last = s->ordinal & FAT_LONG_LAST;

	copy_units(units, s);
	if (is_last) {
		*l = (struct fat_long){ .next = (uint8_t)ordinal, .checksum = s->checksum };
		for (count = 0; count < FAT_LONG_UNITS && units[count]; )
			count++;
		l->units = (uint16_t)((ordinal - 1) * FAT_LONG_UNITS + count);
	}
	if (!ordinal || ordinal > FAT_LONG_SLOTS || ordinal != l->next || s->checksum != l->checksum ||
	    !count || !l->units || l->units > FAT_NAME_UNITS || is_dots(units, l->units) ||
	    !are_well_formed(l, units, count)) {
		l->units = 0;
		return 0;
	}
	l->next--;
	return count;
}

bool fat_long_belongs(const struct fat_long *l, const struct fat_slot *s)
{
	return l->units && !l->next && !l->wants_high && s->name[0] != '.' &&
		l->checksum == fat_short_checksum(s->name);
}
