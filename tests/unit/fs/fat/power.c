/* SPDX-License-Identifier: ISC */
/* The power fails at every moment of a workload, with all, none or some of the unflushed writes on the
 * medium, and with the last write torn. fsck.fat may find only what a cut is allowed to leave; and in the
 * mounted image completed changes are there, the pending change is there whole or not at all, and all else is
 * unchanged. */
#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <errno.h>
#include <regex.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/fs/fat/world.h"

#define LONG "A name of more than one hundred characters, so that its slots fill most of a sector of " \
	"512 bytes, and begin where there is room for all of them.text"
/* The longest name that fits into one sector: 15 slots of 13 characters, and the last one. */
#define LONGER LONG " It goes on, and takes up 512 bytes, slots all!"
static_assert(sizeof(LONGER) - 1 == 195, "as long as that");
/* Seven slots each. mcopy lays them one behind the other, so that C or E, or both, reach from one sector into
 * the next. */
#define OTHERS(letter) "A name of some length, that was laid by others as close as they could, " #letter

enum what { SET, REMOVE, RENAME, APPEND, WRITE_AT, TRUNCATE, MAKE_FOLDER };

struct op {
	enum what what;
	const char *key, *to;
	uint32_t len, offset;
};

static const struct op workload[] = {
	{ SET, "first.txt", NULL, 700, 0 },
	{ SET, LONG, NULL, 5000, 0 },
	{ SET, "first.txt", NULL, 9000, 0 },
	{ MAKE_FOLDER, "folder", NULL, 0, 0 },
	{ SET, "folder/a", NULL, 100, 0 },
	{ SET, "folder/" LONGER, NULL, 300, 0 },
	{ APPEND, "folder/a", NULL, 50, 0 },
	{ APPEND, "folder/a", NULL, 6000, 0 },
	{ WRITE_AT, "folder/a", NULL, 1000, 3000 },
	{ TRUNCATE, "folder/a", NULL, 2000, 0 },
	{ TRUNCATE, "folder/a", NULL, 2040, 0 },
	{ RENAME, "first.txt", "folder/Second.txt", 0, 0 },
	{ RENAME, "folder/a", "folder/Second.txt", 0, 0 },
	{ RENAME, "folder/" LONGER, LONGER, 0, 0 },
	{ SET, "folder/in/deep", NULL, 4096, 0 },
	{ REMOVE, LONG, NULL, 0, 0 },
	{ REMOVE, OTHERS(C), NULL, 0, 0 },
	{ RENAME, OTHERS(E), "folder/moved", 0, 0 },
	{ SET, OTHERS(D), NULL, 40, 0 },
	{ RENAME, "folder/in", "out", 0, 0 },
	{ SET, "out/b", NULL, 0, 0 },
	{ REMOVE, LONGER, NULL, 0, 0 },
	{ REMOVE, "out", NULL, 0, 0 },
	{ REMOVE, "folder", NULL, 0, 0 },
};

#define OPS ARRAY_SIZE(workload)

static const char *const keys[] = {
	"first.txt", LONG, "folder/a", "folder/" LONGER, "folder/Second.txt", LONGER, "folder/in/deep",
	"out/deep",
	"out/b", "whole.txt", OTHERS(A), OTHERS(B), OTHERS(C), OTHERS(D), OTHERS(E), "folder/moved",
};

#define KEYS ARRAY_SIZE(keys)

struct value {
	uint8_t *data; /* NULL: absent */
	size_t len;
};

static struct value states[OPS + 1][KEYS];
static uint64_t begun[OPS], done[OPS];

static void begin(void)
{
	world_begin();
	clock_set_wall_ns(UINT64_C(1700000000) * NS_PER_S);
}

TestSuite(fat_power, .init = begin, .fini = world_end, .timeout = 1200);

/* -- the expected content -- */

static struct value *value_of(struct value *state, const char *key)
{
	for (size_t i = 0; i < KEYS; i++)
		if (!strcmp(keys[i], key))
			return &state[i];
	return NULL;
}

static struct value copy_of(const void *data, size_t len, size_t room)
{
	struct value v = { test_alloc(room + 1), room };

	memcpy(v.data, data, MIN(len, room));
	return v;
}

/* Removes or renames all keys below key. */
static void move_below(struct value *state, const char *key, const char *to)
{
	for (size_t i = 0; i < KEYS; i++) {
		size_t len = strlen(key);
		char name[2000];

		if (strncmp(keys[i], key, len) || (keys[i][len] && keys[i][len] != '/') || !state[i].data)
			continue;
		snprintf(name, sizeof(name), "%s%s", to ?: "", keys[i] + len);
		if (to)
			*value_of(state, name) = state[i];
		state[i].data = NULL;
	}
}

static void predict(struct value *state, const struct op *op, const uint8_t *bytes)
{
	struct value *v = value_of(state, op->key);

	switch (op->what) {
	case SET:
		*v = copy_of(bytes, op->len, op->len);
		break;
	case APPEND:
		*v = copy_of(v->data, v->len, v->len + op->len);
		memcpy(v->data + v->len - op->len, bytes, op->len);
		break;
	case WRITE_AT:
		*v = copy_of(v->data, v->len, MAX(v->len, (size_t)op->offset + op->len));
		memcpy(v->data + op->offset, bytes, op->len);
		break;
	case TRUNCATE:
		*v = copy_of(v->data, v->len, op->len);
		break;
	case REMOVE: case RENAME:
		move_below(state, op->key, op->to);
		break;
	default:
		break;
	}
}

static int perform(struct kv *kv, const struct op *op, const uint8_t *bytes)
{
	switch (op->what) {
	case SET: return world_set(kv, op->key, bytes, op->len);
	case REMOVE: return world_remove(kv, op->key);
	case RENAME: return world_rename(kv, op->key, op->to);
	case APPEND: return world_append(kv, op->key, bytes, op->len);
	case WRITE_AT: return world_write_at(kv, op->key, op->offset, bytes, op->len);
	case TRUNCATE: return world_truncate(kv, op->key, op->len);
	default: return world_make_folder(kv, op->key);
	}
}

/* -- the actual content -- */

/* fsck.fat's lines that a cut may cause: always; during a rename; and, if only some sectors of a write are
 * left, for a name that others have laid across two sectors. */
#define ALWAYS "^ *(fsck\\.fat|Warning: Filesystem is FAT32|but has only|This may lead to problems|" \
	"There are differences between boot sector and its backup|This is mostly harmless|(37|65):01/00|" \
	"Not automatically fixing|Dirty bit is set|Automatically removing dirty bit|" \
	"FATs differ but appear to be intact|Using first FAT|Reclaimed [0-9]+ unused cluster|" \
	"Free cluster summary|Auto-correcting|Leaving filesystem unchanged|checked: |$"
#define RENAMING "|share clusters|Truncating|File size is|/|Invalid '\\.\\.' entry"
#define LONG_NAME "|Long filename fragment|Orphaned long file|\\(Maybe the start bit|Not auto-correcting|" \
	"Auto-deleting|Wrong checksum|Unfinished long file|.*has a bad long file"

static void expect_allowed(const char *said, const struct op *op, enum disk_left left, const char *when)
{
	char pattern[2000], *text = strdup(said), *line, *rest = text;
	bool is_torn = op && strstr(op->key, OTHERS()) && (left == DISK_LEFT_TORN || left == DISK_LEFT_SOME);
	regex_t allowed;

	snprintf(pattern, sizeof(pattern), "%s%s%s)", ALWAYS, op && op->what == RENAME ? RENAMING : "",
	         is_torn ? LONG_NAME : "");
	cr_assert(regcomp(&allowed, pattern, REG_EXTENDED | REG_NOSUB) == 0);
	while ((line = strsep(&rest, "\n")))
		cr_assert(!regexec(&allowed, line, 0, NULL, 0), "%s: fsck.fat says \"%s\" in:\n%s", when, line, said);
	regfree(&allowed);
}

/* A folder with two names for a moment has only one parent in its "..": under the other name it counts as
 * damaged. */
static bool has(struct kv *kv, const char *key, const struct value *v, bool is_renaming)
{
	intptr_t size;
	char *data = world_read(kv, key, &size);
	bool same;

	if (!v->data)
		return size == -ENOENT || (is_renaming && size == -EUCLEAN);
	same = size == (intptr_t)v->len && data && !memcmp(data, v->data, v->len);
	free(data);
	return same;
}

static bool is_there(struct kv *kv, const char *key)
{
	struct kv_get get;
	int error = world_get(kv, &get, key);

	return error == 0 || error == -EISDIR;
}

static void expect_contents(struct world *cut, size_t sure, bool maybe, const char *when)
{
	const struct op *op = &workload[sure];
	bool is_renaming = maybe && op->what == RENAME;

	cr_assert_eq(world_mount(cut), 0, "%s: %s", when, cut->problem ?: "");
	for (size_t i = 0; i < KEYS; i++)
		cr_assert(has(cut->kv, keys[i], &states[sure][i], is_renaming) ||
		          (maybe && has(cut->kv, keys[i], &states[sure + 1][i], is_renaming)),
		          "%s: %.20s", when, keys[i]);
	if (is_renaming)
		cr_assert(is_there(cut->kv, op->key) || is_there(cut->kv, op->to), "%s: neither of the names", when);
	world_unmount(cut);
}

static void look_at(const struct world *w, uint64_t time, enum disk_left left)
{
	static const char *const names[] = { "all", "none", "some", "torn" };
	struct world cut = { .sector_bytes = w->sector_bytes, .read_only = true };
	size_t sure = 0;
	bool maybe;
	const char *said;
	char when[200];

	while (sure < OPS && done[sure] <= time)
		sure++;
	maybe = sure < OPS && begun[sure] <= time;
	snprintf(when, sizeof(when), "cut at %llu, %s left, op %zu%s", (unsigned long long)time, names[left],
	         sure, maybe ? " being done" : "");
	disk_init(&cut.disk, w->disk.dev.sectors, w->sector_bytes, 0);
	disk_after_cut(&w->disk, time, left, time * 4 + left, cut.disk.image);
	disk_forget(&cut.disk);
	said = world_check(&cut);
	if (said)
		expect_allowed(said, maybe ? &workload[sure] : NULL, left, when);
	expect_contents(&cut, sure, maybe, when);
	disk_destroy(&cut.disk);
}

/* -- the sweep -- */

struct kind {
	char options[40];
	unsigned kib;
	uint32_t sector_bytes, features, clusters_filled;
};

ParameterizedTestParameters(fat_power, at_every_write)
{
	static struct kind list[] = {
		{ "-F 12 -s 1", 200, 512, BLKDEV_CACHES, 0 }, { "-F 12 -s 8 -f 1", 1000, 512, 0, 0 },
		{ "-F 16 -s 1 -R 4", 2400, 512, BLKDEV_CACHES, 0 }, { "-F 32 -s 1", 300, 512, BLKDEV_CACHES, 0 },
		{ "-F 12 -S 4096 -s 1", 2000, 4096, BLKDEV_CACHES, 0 },
	};

	return cr_make_param_array(struct kind, list, ARRAY_SIZE(list));
}

/* The initial files: from other tools, except for FAT32, which they do not make so small. */
static void begin_with_files(struct world *w, const struct kind *kind)
{
	static const char *const names[] = {
		"whole.txt", OTHERS(A), OTHERS(B), OTHERS(C), OTHERS(D), OTHERS(E),
	};
	bool is_32 = strstr(kind->options, "32");

	world_shell("truncate -s %uK image; mkfs.fat %s image; printf whole >w", kind->kib, kind->options);
	for (size_t i = 0; i < ARRAY_SIZE(names) && !is_32; i++)
		world_shell("mcopy w 'a:/%s'", names[i]);
	world_open(w);
	w->disk.when = DISK_LATER;
	w->disk.seed = 7;
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		if (is_32)
			cr_assert_eq(world_set(w->kv, names[i], "whole", 5), 0);
		*value_of(states[0], names[i]) = (struct value){ (uint8_t *)strdup("whole"), 5 };
	}
	test_settle();
	disk_forget(&w->disk);
}

static void work(struct world *w)
{
	uint8_t bytes[10000];
	int error;

	for (size_t i = 0; i < OPS; i++) {
		world_fill(bytes, sizeof(bytes), (uint32_t)i);
		memcpy(states[i + 1], states[i], sizeof(states[i]));
		predict(states[i + 1], &workload[i], bytes);
		begun[i] = w->disk.time;
		error = perform(w->kv, &workload[i], bytes);
		cr_assert_eq(error, 0, "op %zu: %d", i, error);
		done[i] = w->disk.time;
	}
}

ParameterizedTest(struct kind *kind, fat_power, at_every_write)
{
	struct world w = { .sector_bytes = kind->sector_bytes, .features = kind->features };
	uint64_t time;

	begin_with_files(&w, kind);
	work(&w);
	for (size_t n = 0; (time = disk_write_time(&w.disk, n)) != UINT64_MAX; n++) {
		look_at(&w, time, DISK_LEFT_TORN);
		look_at(&w, time + 1, n % 2 ? DISK_LEFT_SOME : DISK_LEFT_NONE);
		look_at(&w, time + 1, DISK_LEFT_ALL);
	}
	look_at(&w, w.disk.time, DISK_LEFT_NONE);
	world_close(&w);
}

/* -- entries of FAT12 that lie in two sectors of the table -- */

/* Dice decide which of the sectors being written are on the medium. */
static void look_at_folder(const struct world *w, uint64_t time, uint64_t seed)
{
	struct world cut = { .sector_bytes = 512, .read_only = true };
	struct kv_get get;
	const char *said;
	char when[100];

	snprintf(when, sizeof(when), "cut at %u, seed %u", (unsigned)time, (unsigned)seed);
	disk_init(&cut.disk, w->disk.dev.sectors, 512, 0);
	disk_after_cut(&w->disk, time, DISK_LEFT_SOME, seed, cut.disk.image);
	disk_forget(&cut.disk);
	said = world_check(&cut);
	if (said)
		expect_allowed(said, NULL, DISK_LEFT_SOME, when);
	cr_assert_eq(world_mount(&cut), 0, "%s: %s", when, cut.problem ?: "");
	cr_assert_str_eq(world_list(cut.kv, "folder"),
	                 world_get(cut.kv, &get, "folder/" LONGER) ? "" : LONGER, "%s", when);
	world_unmount(&cut);
	disk_destroy(&cut.disk);
}

Test(fat_power, a_folder_grows_behind_an_entry_in_two_sectors)
{
	static const uint32_t folders[] = { 341, 682 }; /* clusters: an entry is 1.5 bytes, a sector 512 */
	static uint8_t before[682 * 512];

	for (size_t i = 0; i < ARRAY_SIZE(folders); i++) {
		struct world w = { .sector_bytes = 512, .features = BLKDEV_CACHES };
		uint64_t time;

		world_shell("truncate -s 400K image; mkfs.fat -F 12 -s 1 -f 1 -r 16 image");
		world_open(&w);
		w.disk.when = DISK_LATER;
		cr_assert_eq(world_set(w.kv, "before", before, (folders[i] - 2) * 512), 0);
		cr_assert_eq(world_make_folder(w.kv, "folder"), 0);
		test_settle();
		disk_forget(&w.disk);
		cr_assert_eq(world_set(w.kv, "folder/" LONGER, "x", 1), 0);
		for (size_t n = 0; (time = disk_write_time(&w.disk, n)) != UINT64_MAX; n++)
			for (uint64_t seed = 0; seed < 16; seed++)
				look_at_folder(&w, time + 1, seed);
		world_close(&w);
	}
}
