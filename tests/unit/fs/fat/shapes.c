/* SPDX-License-Identifier: ISC */
/* Volumes of mkfs.fat in all its shapes, filled by mtools, and read here: the content is the same. */
#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/fs/fat/world.h"

TestSuite(fat_shapes, .init = world_begin_counted, .fini = world_end_counted, .timeout = 600);

/* Options of mkfs.fat, the size of the file in KiB, and the device's sectors. */
struct shape {
	char options[100];
	uint32_t kib, sector_bytes;
};

ParameterizedTestParameters(fat_shapes, what_mtools_wrote_is_read)
{
	static struct shape shapes[] = {
		{ "-F 12", 1440, 512 }, { "-F 12 -s 1", 1500, 512 }, { "-F 12 -s 8 -f 1", 8000, 512 },
		{ "-F 12 -s 128 -R 3", 60000, 512 }, { "-F 12 -S 1024 -s 2", 4000, 512 },
		{ "-F 12 -S 2048", 4000, 512 }, { "-F 12 -S 4096 -s 1", 8000, 512 },
		{ "-F 12 -S 4096 -s 1", 8000, 4096 }, { "-F 12 -r 112 -f 2", 360, 512 },
		{ "-F 16 -s 1", 4000, 512 }, { "-F 16 -s 4 -R 7", 16000, 512 },
		{ "-F 16 -s 64 -f 1", 300000, 512 }, { "-F 16 -s 128", 600000, 512 },
		{ "-F 16 -S 2048 -s 2 -r 2048", 40000, 512 }, { "-F 16 -S 4096 -s 1", 20000, 4096 },
		{ "-F 32 -s 1", 40000, 512 }, { "-F 32 -s 1 -R 40", 40001, 512 },
		{ "-F 32 -s 8 -f 1", 300000, 512 }, { "-F 32 -s 128", 5000000, 512 },
		{ "-F 32 -S 1024 -s 1", 80000, 512 }, { "-F 32 -S 4096 -s 1", 300000, 512 },
		{ "-F 32 -S 4096 -s 2", 600000, 4096 }, { "-F 32 -a -s 1 -R 33", 40000, 512 },
		{ "-F 16 -s 1 -f 4", 4000, 512 },
	};

	return cr_make_param_array(struct shape, shapes, ARRAY_SIZE(shapes));
}

ParameterizedTest(struct shape *shape, fat_shapes, what_mtools_wrote_is_read)
{
	struct world w = { .sector_bytes = shape->sector_bytes };
	uint8_t *big = malloc(300001);
	intptr_t size;
	FILE *file;
	char *data;

	world_fill(big, 300001, 1);
	file = fopen(world_path("big"), "wb");
	fwrite(big, 1, 300001, file);
	fclose(file);
	world_shell("truncate -s %uK image; mkfs.fat %s image; mmd a:/Folder a:/Folder/deeper; printf hello >h; "
	            "mcopy big a:/big.bin; : >empty; mcopy empty a:; mcopy h a:/Folder/deeper/hello.txt; "
	            "mcopy h 'a:/Folder/A name that is no 8.3 name, but a long one'", shape->kib, shape->options);
	world_open(&w);
	world_expect(w.kv, "Folder/deeper/hello.txt", "hello");
	world_expect(w.kv, "folder/DEEPER/Hello.TXT", "hello");
	world_expect(w.kv, "Folder/A name that is no 8.3 name, but a long one", "hello");
	world_expect(w.kv, "empty", "");
	data = world_read(w.kv, "big.bin", &size);
	cr_assert_eq(size, 300001);
	cr_expect(!memcmp(data, big, (size_t)size));
	free(data);
	cr_expect_str_eq(world_list(w.kv, ""), "Folder/ big.bin empty");
	cr_expect_str_eq(world_list(w.kv, "Folder"), "A name that is no 8.3 name, but a long one deeper/");
	cr_expect_str_eq(world_list(w.kv, "Folder/deeper"), "hello.txt");
	world_close(&w);
	free(big);
}
