/* SPDX-License-Identifier: ISC */
/* An application that does with the files of a FAT volume what it is told to, line by line on the console,
 * and says what came of it: tests/system/test_fat_elsewhere.py compares that with what others find.
 *
 *   list FOLDER                 "entry SIZE SECONDS NAME" for each, a "/" behind a folder's name
 *   sum KEY                     "crc" and the CRC-32 of its value, as zlib has it
 *   set KEY SIZE SEED           and so on: what fs/kv.h and fs/fat/fat.h have
 *   append KEY SIZE SEED
 *   write KEY SIZE SEED OFFSET
 *   truncate KEY SIZE
 *   folder KEY, remove KEY, rename KEY TO
 *   quit
 *
 * Words are parted by bars, which FAT's names cannot have: "set|a name.txt|100|7". Byte i of what is written
 * is i * 7 + (i >> 8) + seed. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fs/fat/fat.h"
#include "kernel/app.h"
#include "kernel/dev/console.h"
#include "kernel/fiber.h"

#define LINE_BYTES 4096
#define VALUE_BYTES (1u << 20)
#define PIECE_BYTES 65536
#define WORDS 5

const struct option app_options[] = { { 0 } };

static struct kv *files;

/* The words of a line: what to do, a key, and numbers or another key. */
struct line {
	const char *words[WORDS];
};

static uint64_t number(const struct line *l, unsigned i)
{
	return strtoull(l->words[i], NULL, 10);
}

/* -- looking -- */

static intptr_t list(const struct line *l)
{
	static struct kv_list op;
	intptr_t result;

	kv_list(files, &op, l->words[1], strlen(l->words[1]));
	result = fiber_await(&op.promise, DEADLINE_NEVER);
	while (result >= 0) {
		kv_list_next(files, &op);
		result = fiber_await(&op.promise, DEADLINE_NEVER);
		if (result <= 0)
			break;
		printf("entry %llu %llu %s%s\n", (unsigned long long)op.size,
		       (unsigned long long)(op.modified_ns / NS_PER_S), op.name, op.is_folder ? "/" : "");
	}
	return result;
}

static uint32_t crc_32(uint32_t crc, const uint8_t *data, size_t len)
{
	crc = ~crc;
	for (size_t i = 0; i < len; i++) {
		crc ^= data[i];
		for (int bit = 0; bit < 8; bit++)
			crc = crc >> 1 ^ (crc & 1 ? 0xedb88320u : 0);
	}
	return ~crc;
}

static intptr_t sum(const struct line *l)
{
	static struct kv_get get;
	static struct kv_read read;
	uint32_t crc = 0;
	uint64_t at = 0;
	intptr_t n;

	kv_get(files, &get, l->words[1], strlen(l->words[1]));
	n = fiber_await(&get.promise, DEADLINE_NEVER);
	memset(read.cursor, 0, sizeof(read.cursor));
	while (n >= 0) {
		kv_read(files, &read, &get.entry, at, PIECE_BYTES);
		n = fiber_await(&read.promise, DEADLINE_NEVER);
		if (n <= 0)
			break;
		at += (uint64_t)n;
		for (uint32_t i = 0; i < read.count; i++) {
			crc = crc_32(crc, read.slices[i].data, read.slices[i].len);
			storage_put(read.slices[i].storage);
		}
	}
	printf("crc %08x\n", crc);
	return n;
}

/* -- changing -- */

static struct slice value(const struct line *l)
{
	static uint8_t bytes[VALUE_BYTES];
	size_t len = MIN((size_t)number(l, 2), sizeof(bytes));
	uint64_t seed = number(l, 3);

	for (size_t i = 0; i < len; i++)
		bytes[i] = (uint8_t)(i * 7 + (i >> 8) + seed);
	return (struct slice){ .data = bytes, .len = len };
}

static intptr_t change(const struct line *l)
{
	static struct kv_change op;
	const char *what = l->words[0], *key = l->words[1], *to = l->words[2];
	struct slice s = value(l);
	size_t len = strlen(key);

	if (!strcmp(what, "set"))
		kv_set(files, &op, key, len, &s, 1);
	else if (!strcmp(what, "append"))
		fat_append(files, &op, key, len, &s, 1);
	else if (!strcmp(what, "write"))
		fat_write_at(files, &op, key, len, number(l, 4), &s, 1);
	else if (!strcmp(what, "truncate"))
		fat_truncate(files, &op, key, len, number(l, 2));
	else if (!strcmp(what, "folder"))
		fat_make_folder(files, &op, key, len);
	else if (!strcmp(what, "remove"))
		kv_remove(files, &op, key, len);
	else if (!strcmp(what, "rename"))
		kv_rename(files, &op, key, len, to, strlen(to));
	else
		return -ENOSYS;
	return fiber_await(&op.promise, DEADLINE_NEVER);
}

/* -- the console -- */

/* false: it was the last line. */
static bool obey(char *text)
{
	struct line l = { { "", "", "", "", "" } };
	intptr_t result;

	for (unsigned i = 0; i < WORDS && text; i++) {
		char *bar = strchr(text, '|');

		l.words[i] = text;
		if (bar)
			*bar++ = '\0';
		text = bar;
	}
	if (!strcmp(l.words[0], "quit"))
		return false;
	if (!strcmp(l.words[0], "list"))
		result = list(&l);
	else if (!strcmp(l.words[0], "sum"))
		result = sum(&l);
	else
		result = change(&l);
	printf("%s %lld\n", l.words[0], (long long)result);
	fflush(stdout);
	return true;
}

static intptr_t run(void *arg)
{
	static char line[LINE_BYTES];
	struct console_read op;
	bool more = true;
	size_t len = 0;

	(void)arg;
	while (more && len < sizeof(line)) {
		console_read(&op, line + len, 1);
		if (fiber_await(&op.promise, DEADLINE_NEVER) <= 0)
			break;
		if (line[len] != '\n' && line[len] != '\r') {
			len++;
			continue;
		}
		line[len] = '\0';
		more = !len || obey(line);
		len = 0;
	}
	return 0;
}

int app_start(const struct app *app, struct promise *done)
{
	files = app->kv;
	return fiber_start(run, NULL, done);
}
