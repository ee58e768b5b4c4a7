/* SPDX-License-Identifier: ISC */
/* Random changes, with keys in any mixture of capital and small letters, against a model in memory: each has
 * the result and the effect of the model, and no other; and fsck.fat finds no fault in an unmounted
 * volume. */
#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/fs/fat/world.h"

#define MOST 30000 /* bytes of a value */
#define CHANGES 600

static const char *const keys[] = {
	"a", "a.txt", "long name here.txt", "longna~1.txt", "long name here 2.txt", "x~1", "+plus", "c.d.e",
	"Ã¼nÃ¯", "æ¥æ¬ and so on.txt", "folder/a", "folder/b b", "folder/in/f",
	"folder/in/another name that is long", "a name that takes more slots than most of the others.data",
};
#define KEYS ARRAY_SIZE(keys)

static struct value {
	uint8_t data[MOST];
	intptr_t len; /* -ENOENT: there is none */
} model[KEYS];

static struct world w;
static uint64_t seed;
static uint8_t bytes[MOST];

TestSuite(fat_model, .init = world_begin_counted, .fini = world_end_counted, .timeout = 300);

static uint32_t dice(uint32_t sides)
{
	return (uint32_t)(test_random(&seed) % sides);
}

/* The key as it stands, all in capitals, or mixed. */
static const char *spell(size_t i)
{
	static char spelt[2][100]; /* a renaming has two */
	static unsigned turn;
	char *to = spelt[turn++ % 2];
	uint32_t way = dice(3);

	strcpy(to, keys[i]);
	for (char *c = to; *c; c++)
		if (isascii(*c) && isalpha(*c) && (way == 1 || (way == 2 && dice(2))))
			*c ^= 0x20;
	return to;
}

static void expect(size_t i)
{
	intptr_t len;
	char *data = world_read(w.kv, spell(i), &len);

	cr_assert_eq(len, model[i].len, "%s: %ld, not %ld", keys[i], (long)len, (long)model[i].len);
	if (len >= 0)
		cr_assert(!memcmp(data, model[i].data, (size_t)len), "%s", keys[i]);
	free(data);
}

/* -- the model of changes -- */

/* The value has size bytes now, len at this place are new, and others that there were not are zero. */
static void put(struct value *v, uint32_t at, uint32_t len, uint32_t size)
{
	uint32_t old = (uint32_t)MAX(v->len, 0);

	if (size > old)
		memset(v->data + old, 0, size - old);
	memcpy(v->data + at, bytes, len);
	v->len = size;
}

static void move(struct value *from, struct value *to)
{
	if (from == to)
		return;
	memcpy(to->data, from->data, (size_t)from->len);
	to->len = from->len;
	from->len = -ENOENT;
}

/* A missing name can only be made, not changed. A new name may also clash with another file's 8.3 name, or
 * lack its folder. */
static bool may_be(int error, const struct value *v, bool is_made, const char *new_name)
{
	if (error == -EEXIST)
		return strchr(new_name, '~');
	if (error == -ENOENT)
		return !is_made && (v->len < 0 || strchr(new_name, '/'));
	return !error && (is_made || v->len >= 0);
}

static void change(void)
{
	size_t i = dice(KEYS), j = dice(KEYS);
	uint32_t len = dice(4) ? dice(8000) : 512 * dice(10), at = dice(12000), what = dice(7);
	struct value *v = &model[i];
	const char *key = spell(i), *to = what < 2 ? key : what == 6 ? spell(j) : "";
	int error = 0;

	world_fill(bytes, len, dice(1 << 20));
	switch (what) {
	case 0: case 1: error = world_set(w.kv, key, bytes, len); break;
	case 2: error = world_append(w.kv, key, bytes, len = MIN(len, (uint32_t)(MOST - MAX(v->len, 0)))); break;
	case 3: error = world_write_at(w.kv, key, at, bytes, len); break;
	case 4: error = world_truncate(w.kv, key, at); break;
	case 5: error = world_remove(w.kv, key); break;
	case 6: error = world_rename(w.kv, key, to); break;
	}
	cr_assert(may_be(error, v, what < 2, to), "%u of %s to %s: %d", what, key, to, error);
	if (error)
		return;
	switch (what) {
	case 0: case 1: put(v, 0, len, len); break;
	case 2: put(v, (uint32_t)v->len, len, (uint32_t)v->len + len); break;
	case 3: put(v, at, len, MAX((uint32_t)v->len, at + len)); break;
	case 4: put(v, 0, 0, at); break;
	case 5: v->len = -ENOENT; break;
	case 6: move(v, &model[j]); break;
	}
	expect(i);
	expect(j);
}

/* -- all of it -- */

struct kind {
	char options[40];
	unsigned kib, blocks;
};

ParameterizedTestParameters(fat_model, by_dice)
{
	static struct kind kinds[] = {
		{ "-F 12 -s 1", 1440, 256 }, { "-F 12 -S 1024 -s 1", 2000, 256 }, { "-F 12 -s 4 -f 1", 4000, 8 },
		{ "-F 16 -s 1", 8000, 256 }, { "-F 16 -s 8", 40000, 6 }, { "-F 32 -s 1", 40000, 12 },
	};

	return cr_make_param_array(struct kind, kinds, ARRAY_SIZE(kinds));
}

ParameterizedTest(struct kind *kind, fat_model, by_dice)
{
	const char *said;

	world_shell("truncate -s %uK image; mkfs.fat %s image", kind->kib, kind->options);
	w = (struct world){ .sector_bytes = 512, .cache_config = CACHE_CONFIG_DEFAULTS };
	w.cache_config.blocks = kind->blocks;
	w.cache_config.read_ahead = MIN(kind->blocks, 64u) / 2;
	world_open(&w);
	w.disk.when = DISK_LATER;
	w.disk.seed = kind->kib;
	seed = kind->kib;
	for (size_t i = 0; i < KEYS; i++)
		model[i].len = -ENOENT;
	for (unsigned n = 1; n <= CHANGES; n++) {
		change();
		if (n % 50)
			continue;
		world_unmount(&w);
		said = world_check(&w);
		cr_assert_null(said, "%s", said);
		cr_assert_eq(world_mount(&w), 0);
		for (size_t i = 0; i < KEYS; i++)
			expect(i);
	}
	world_close(&w);
}
