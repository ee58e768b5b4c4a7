/* SPDX-License-Identifier: ISC */
/* Start options: accepted ones, those passed over, refused ones and the messages; and hostile command
 * lines, which must at most be refused. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "kernel/option.h"
#include "tests/lib/test.h"

TestSuite(option, .init = test_begin, .fini = test_end);

static uint16_t port;
static bool flag;
static const char *name;
static char error[256];

static const struct option first[] = {
	{ "port", "a number from 0 to 65535", option_u16, &port },
	{ "flag", "true or false", option_flag, &flag },
	{ NULL },
};
static const struct option second[] = {
	{ "name", "text", option_string, &name },
	{ NULL },
};
static const struct option *const tables[] = { first, second, NULL };

static int parse(const char *word)
{
	char *words[] = { (char *)word };

	error[0] = '\0';
	return option_parse(words, 1, tables, error, sizeof(error));
}

Test(option, values)
{
	cr_assert_eq(parse("port=8080"), 0);
	cr_assert_eq(port, 8080);
	cr_assert_eq(parse("port=0"), 0);
	cr_assert_eq(port, 0);
	cr_assert_eq(parse("port=065535"), 0);
	cr_assert_eq(port, 65535);
	cr_assert_eq(parse("flag"), 0);
	cr_assert(flag);
	cr_assert_eq(parse("flag=false"), 0);
	cr_assert(!flag);
	cr_assert_eq(parse("flag=true"), 0);
	cr_assert(flag);
	cr_assert_eq(parse("name=a=b"), 0);
	cr_assert_str_eq(name, "a=b");
	cr_assert_eq(parse("name"), 0);
	cr_assert_str_eq(name, "");
	cr_assert_eq(parse(""), 0);
	cr_assert_str_empty(error);
}

Test(option, wrong_values_are_named)
{
	static const char *const wrong[] = { "port", "port=", "port=65536", "port=-1", "port=+1", "port=1 ",
	                                     "port= 1", "port=0x10", "port=99999999999999999999", "port=8o" };

	port = 7;
	for (size_t i = 0; i < ARRAY_SIZE(wrong); i++)
		cr_assert_eq(parse(wrong[i]), -EINVAL, "%s", wrong[i]);
	cr_assert_eq(port, 7);
	parse("port=http");
	cr_assert_str_eq(error, "option port=http: expects a number from 0 to 65535");
	cr_assert_eq(parse("flag=yes"), -EINVAL);
	cr_assert_str_eq(error, "option flag=yes: expects true or false");
}

Test(option, ports_begin_with_1)
{
	uint16_t listening = 7;

	cr_assert_eq(option_port("1", &listening), 0);
	cr_assert_eq(listening, 1);
	cr_assert_eq(option_port("65535", &listening), 0);
	cr_assert_eq(listening, 65535);
	cr_assert_eq(option_port("0", &listening), -EINVAL);
	cr_assert_eq(option_port("65536", &listening), -EINVAL);
	cr_assert_eq(option_port("", &listening), -EINVAL);
}

Test(option, unknown_keys_are_named_with_what_is_known)
{
	static const char *const unknown[] = { "prot=80", "por=80", "ports=80", "=80", "Port=80", "port.=80",
	                                       "rebooting", "pcie=off", "virtio_mmio", "i8042", "ip" };

	for (size_t i = 0; i < ARRAY_SIZE(unknown); i++)
		cr_assert_eq(parse(unknown[i]), -EINVAL, "%s", unknown[i]);
	parse("prot=80");
	cr_assert_str_eq(error, "unknown option \"prot\": known are port, flag, name");
}

/* Firecracker's defaults, the older and today's, and additions; QEMU microvm's, and usual arguments for Cloud
 * Hypervisor. */
Test(option, what_vmms_append_is_passed_over)
{
	char line[] = "reboot=k panic=1 pci=off nomodules 8250.nr_uarts=0 i8042.noaux i8042.nomux i8042.nopnp "
	              "i8042.dumbkbd nomodule swiotlb=noforce root=/dev/vda rw "
	              "virtio_mmio.device=4K@0xd0000000:5 "
	              "virtio_mmio.device=512@0xfeb02e00:12 console=ttyS0 port=81";
	char *words[32];
	int count = option_split(line, words, ARRAY_SIZE(words));

	cr_assert_eq(option_parse(words, (size_t)count, tables, error, sizeof(error)), 0, "%s", error);
	cr_assert_eq(port, 81);
}

static int take(const char *value, void *target)
{
	*(const char **)target = value;
	return 0;
}

Test(option, a_table_may_ask_for_what_is_passed_over_otherwise)
{
	const char *device = NULL;
	const struct option own[] = { { "virtio_mmio.device", "a device", take, &device }, { NULL } };
	const struct option *const with[] = { first, own, NULL };
	char *words[] = { (char *)"virtio_mmio.device=512@0xfeb00e00:12" };

	cr_assert_eq(option_parse(words, 1, with, error, sizeof(error)), 0);
	cr_assert_str_eq(device, "512@0xfeb00e00:12");
}

static void assert_split(const char *line, int expected, const char *joined)
{
	char copy[128], text[128] = "", *words[8];

	strcpy(copy, line);
	cr_assert_eq(option_split(copy, words, ARRAY_SIZE(words)), expected, "%s", line);
	for (int i = 0; i < expected; i++) {
		strcat(text, words[i]);
		strcat(text, "|");
	}
	cr_assert_str_eq(text, joined);
}

Test(option, lines_are_split_at_white_space)
{
	assert_split("", 0, "");
	assert_split(" \t\r\n ", 0, "");
	assert_split("a", 1, "a|");
	assert_split("  a\tb=c \n d ", 3, "a|b=c|d|");
	assert_split("name=\"two words\" b", 2, "name=two words|b|");
	assert_split("\"a b\"c\"d e\"", 1, "a bcd e|");
	assert_split("a=\"\" b", 2, "a=|b|");
	assert_split("\"\" b", 2, "|b|");
	assert_split("a=\"never closed b", 1, "a=never closed b|");
	assert_split("1 2 3 4 5 6 7 8", 8, "1|2|3|4|5|6|7|8|");
	assert_split("1 2 3 4 5 6 7 8 ", 8, "1|2|3|4|5|6|7|8|");
	assert_split("1 2 3 4 5 6 7 8 9", -E2BIG, "");
}

Test(option, messages_fit_and_are_printable)
{
	char word[400], small[16];
	char *words[] = { word };

	memset(word, 'a', sizeof(word) - 1);
	word[sizeof(word) - 1] = '\0';
	for (size_t size = 0; size <= sizeof(small); size++) {
		memset(small, 'X', sizeof(small));
		cr_assert_eq(option_parse(words, 1, tables, small, size), -EINVAL);
		cr_assert(size == 0 || memchr(small, '\0', size));
		cr_assert(size == sizeof(small) || small[size] == 'X');
	}
	cr_assert_eq(parse("\033[2J\r\n\377=1"), -EINVAL);
	cr_assert_str_eq(error, "unknown option \"?[2J???\": known are port, flag, name");
	cr_assert_eq(parse("port=\033"), -EINVAL);
	cr_assert_str_eq(error, "option port=?: expects a number from 0 to 65535");
}

/* Random lines of the characters that mean something, each in a block of its exact size. */
Test(option, hostile_lines)
{
	static const char alphabet[] = "a=\" \t\"=portflagname.,0123456789\x01\xff\n";
	uint64_t seed = 21;

	for (int round = 0; round < 200000; round++) {
		size_t len = test_random(&seed) % 40;
		char *line = malloc(len + 1), *words[8];
		int count;

		for (size_t i = 0; i < len; i++)
			line[i] = alphabet[test_random(&seed) % (sizeof(alphabet) - 1)];
		line[len] = '\0';
		count = option_split(line, words, ARRAY_SIZE(words));
		cr_assert(count == -E2BIG || (count >= 0 && count <= (int)ARRAY_SIZE(words)));
		for (int i = 0; i < count; i++)
			cr_assert(words[i] >= line && words[i] + strlen(words[i]) <= line + len);
		if (count >= 0 && option_parse(words, (size_t)count, tables, error, sizeof(error)))
			cr_assert_neq(error[0], '\0');
		free(line);
	}
}
