/* SPDX-License-Identifier: ISC */
/* Names and times by themselves, and exchanged with others: mtools reads names that we write, and we read
 * those that mtools writes. */
#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "fs/fat/fat_priv.h"
#include "tests/unit/fs/fat/world.h"

static void begin(void)
{
	world_begin_counted();
	clock_set_wall_ns(UINT64_C(1700000000) * NS_PER_S);
}

TestSuite(fat_names, .init = begin, .fini = world_end_counted, .timeout = 300);

static const char *const shown[] = {
	"ünïcödé.txt", "ΑΒΓδ ελληνικά", "Привет, мир.html", "日本語のファイル.txt",
	"README", "readme.text", "two.dots.in.it", ".hidden",
	"Ends in a digit 1", "a+b,c;d=e[f]", "MiXeD.CaS", "x",
};

#define CAMELS "\xf0\x9f\x90\xab camels \xf0\x9f\x90\xaa"

Test(fat_names, ours_are_read_by_mtools)
{
	struct world w = { .sector_bytes = 512 };
	char key[100];

	world_shell("truncate -s 10M image; mkfs.fat -F 16 -s 4 image");
	world_open(&w);
	for (size_t i = 0; i < ARRAY_SIZE(shown); i++) {
		sprintf(key, "folder %zu/%s", i, shown[i]);
		cr_assert_eq(world_set(w.kv, key, shown[i], strlen(shown[i])), 0, "%s", key);
	}
	/* Surrogates, of which mtools knows nothing. */
	cr_assert_eq(world_set(w.kv, CAMELS, "camels", 6), 0);
	world_expect(w.kv, CAMELS, "camels");
	cr_expect(strstr(world_list(w.kv, ""), CAMELS));
	world_unmount(&w);
	cr_expect_null(world_check(&w), "%s", world_check(&w));
	world_save(&w, "image");
	disk_destroy(&w.disk);
	for (size_t i = 0; i < ARRAY_SIZE(shown); i++)
		world_shell("mkdir out; mcopy -s 'a:/folder %zu' out; printf %%s '%s' >expected; "
		            "cmp 'out/folder %zu/%s' expected; rm -r out", i, shown[i], i, shown[i]);
}

Test(fat_names, those_of_mtools_are_read)
{
	struct world w = { .sector_bytes = 512 };
	char key[100], list[100];

	world_shell("truncate -s 10M image; mkfs.fat -F 16 -s 4 image");
	for (size_t i = 0; i < ARRAY_SIZE(shown); i++)
		world_shell("printf %%s '%s' >'%s'; mmd 'a:/folder %zu'; mcopy '%s' 'a:/folder %zu'", shown[i],
		            shown[i], i, shown[i], i);
	world_open(&w);
	for (size_t i = 0; i < ARRAY_SIZE(shown); i++) {
		sprintf(key, "Folder %zu/%s", i, shown[i]);
		world_expect(w.kv, key, shown[i]);
		sprintf(key, "folder %zu", i);
		snprintf(list, sizeof(list), "%s", world_list(w.kv, key));
		cr_expect_str_eq(list, shown[i]);
	}
	world_close(&w);
}

Test(fat_names, case_does_not_matter)
{
	static const char *const pairs[][2] = {
		{ "abcxyz", "ABCXYZ" }, { "äöüß", "ÄÖÜß" }, { "ÿ", "Ÿ" }, { "ąčęėį", "ĄČĘĖĮ" },
		{ "άέήίόύώ", "ΆΈΉΊΌΎΏ" },
		{ "αωσ", "ΑΩΣ" }, { "яабв", "ЯАБВ" }, { "ѐџ", "ЀЏ" }, { "աֆ", "ԱՖ" }, { "ạỹ", "ẠỸ" }, { "ａｚ", "ＡＺ" },
		{ "ⅰⅻ", "ⅠⅫ" }, { "ⓐⓩ", "ⒶⓏ" }, { "ӂӏ", "Ӂӏ" }, { "ǎǜ", "ǍǛ" },
	};
	uint16_t a[FAT_NAME_UNITS], b[FAT_NAME_UNITS];

	for (size_t i = 0; i < ARRAY_SIZE(pairs); i++) {
		int n = fat_name_read(a, pairs[i][0], strlen(pairs[i][0]));

		cr_assert_eq(fat_name_read(b, pairs[i][1], strlen(pairs[i][1])), n, "%s", pairs[i][0]);
		for (int j = 0; j < n; j++)
			cr_expect_eq(fat_fold(a[j]), fat_fold(b[j]), "%s %s: %04x %04x", pairs[i][0], pairs[i][1],
			             fat_fold(a[j]), fat_fold(b[j]));
	}
	/* Folding twice is folding once. */
	for (uint32_t unit = 0; unit <= UINT16_MAX; unit++)
		cr_assert_eq(fat_fold(fat_fold((uint16_t)unit)), fat_fold((uint16_t)unit), "%04x", unit);
}

/* Every character there is: to UTF-16 and back. */
Test(fat_names, every_character)
{
	uint16_t units[FAT_NAME_UNITS];
	char text[8], back[8];

	for (uint32_t c = 1; c <= 0x10ffff; c++) {
		bool is_surrogate = c >= 0xd800 && c < 0xe000;
		size_t len = c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
		int count;

		for (size_t i = len; i-- > 1; )
			text[i] = (char)(0x80 | (c >> (6 * (len - 1 - i)) & 0x3f));
		text[0] = (char)(len == 1 ? c : (0xf00u >> len & 0xff) | c >> (6 * (len - 1)));
		count = fat_name_read(units, text, len);
		if (is_surrogate || (c < 0x80 && (!fat_unit_is_allowed((uint16_t)c) || c == '.'))) {
			cr_assert_eq(count, -EINVAL, "%x", c);
			continue;
		}
		cr_assert_eq(count, c > 0xffff ? 2 : 1, "%x: %d", c, count);
		cr_assert_eq(fat_name_write(back, units, (size_t)count), len);
		cr_assert(!memcmp(text, back, len), "%x", c);
		/* Cut short it is none. */
		for (size_t i = 1; i < len; i++)
			cr_assert_eq(fat_name_read(units, text, i), -EINVAL);
	}
}

/* Microsoft's list of characters not allowed in long names. */
Test(fat_names, forbidden_characters)
{
	for (uint16_t c = 0; c < 0x100; c++)
		cr_expect_eq(fat_unit_is_allowed(c), c >= 0x20 && c != 0x7f && !strchr("\"*/:<>?\\|", c), "%x", c);
}

/* Every day from 1980 to 2107, compared with the C library. */
Test(fat_names, every_day)
{
	uint16_t date, time;

	for (uint64_t day = 3652; day < 3652 + 46751; day++) {
		uint64_t second = day * 86400 + day * 7919 % 86400 / 2 * 2;
		time_t t = (time_t)second;
		struct tm *tm = gmtime(&t);

		fat_time_write(second * NS_PER_S + 1999999999, &date, &time);
		cr_assert_eq(date, (tm->tm_year - 80) << 9 | (tm->tm_mon + 1) << 5 | tm->tm_mday);
		cr_assert_eq(time, tm->tm_hour << 11 | tm->tm_min << 5 | tm->tm_sec / 2);
		cr_assert_eq(fat_time_read(date, time), second * NS_PER_S);
	}
	fat_time_write(0, &date, &time);
	cr_expect(date == 0 && time == 0);
	fat_time_write(UINT64_MAX, &date, &time);
	cr_expect(date == 0 && time == 0);
	cr_expect_eq(fat_time_read(0, 0), 0);
	cr_expect_eq(fat_time_read(13 << 5 | 1, 0), 0);
	cr_expect_eq(fat_time_read(2 << 5 | 30, 0), 0);
	cr_expect_eq(fat_time_read(120 << 9 | 2 << 5 | 29, 0), 0, "2100 is no leap year");
	cr_expect_neq(fat_time_read(20 << 9 | 2 << 5 | 29, 0), 0, "2000 is one");
	cr_expect_eq(fat_time_read(1 << 5 | 1, 24 << 11), 0);
	cr_expect_eq(fat_time_read(1 << 5 | 1, 60 << 5), 0);
	cr_expect_eq(fat_time_read(1 << 5 | 1, 30), 0);
}
