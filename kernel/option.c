/* SPDX-License-Identifier: ISC */
/* Start options. Keys that VMMs and their usual boot arguments append for Linux guests are passed over;
 * every other key must be known, because ignoring a mistyped option is worse than not starting.
 * Tables come first: a table that names such a key (virtio_mmio.device) gets it. */
#include <errno.h>
#include <string.h>

#include "kernel/format.h"
#include "kernel/option.h"

/* QEMU microvm and Firecracker append virtio_mmio.device, Firecracker root and pci; the rest are the usual
 * arguments in their and Cloud Hypervisor's documentation. A trailing dot: any key with that prefix. */
static const char passed_over[] =
	"virtio_mmio.\0reboot\0panic\0pci\0console\0earlycon\0earlyprintk\0root\0rootfstype\0rw\0ro\0init\0"
	"nomodules\0nomodule\0swiotlb\0noapic\0quiet\0loglevel\0tsc\0random.\0" "8250.\0i8042.\0";

static bool is_passed_over(const char *key, size_t len)
{
	for (const char *known = passed_over; *known; known += strlen(known) + 1) {
		size_t known_len = strlen(known);

		if (known[known_len - 1] == '.' ? len > known_len && !memcmp(key, known, known_len)
		                                : len == known_len && !memcmp(key, known, len))
			return true;
	}
	return false;
}

static const struct option *find(const struct option *const *tables, const char *key, size_t len)
{
	for (; *tables; tables++)
		for (const struct option *o = *tables; o->key; o++)
			if (!strncmp(o->key, key, len) && !o->key[len])
				return o;
	return NULL;
}

/* The message goes to a terminal, and the word in it may hold any control character. */
static void make_printable(char *text, size_t size)
{
	for (; size && *text; text++, size--)
		if ((uint8_t)*text < ' ' || (uint8_t)*text >= 0x7f)
			*text = '?';
}

static void list_known(const struct option *const *tables, char *error, size_t size)
{
	const char *separator = ": known are ";
	size_t at = strlen(error);

	for (; *tables; tables++) {
		for (const struct option *o = *tables; o->key && at < size; o++) {
			at += format(error + at, size - at, "%s%s", separator, o->key);
			separator = ", ";
		}
	}
}

static bool is_space(char c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

static size_t key_length(const char *word)
{
	size_t len = 0;

	while (word[len] && word[len] != '=')
		len++;
	return len;
}

int option_parse(char *const *words, size_t count, const struct option *const *tables, char *error,
                 size_t error_size)
{
	for (size_t i = 0; i < count; i++) {
		const char *word = words[i];
		size_t key_len = key_length(word);
		const char *value = word + key_len + (word[key_len] == '=');
		const struct option *o = find(tables, word, key_len);

		if (o ? o->parse(value, o->target) == 0 : !*word || is_passed_over(word, key_len))
			continue;
		if (o)
			format(error, error_size, "option %s=%.*s: expects %s", o->key, 80, value, o->expects);
		else
			format(error, error_size, "unknown option \"%.*s\"", (int)MIN(key_len, (size_t)80), word);
		make_printable(error, error_size);
		if (!o && error_size)
			list_known(tables, error, error_size);
		return -EINVAL;
	}
	return 0;
}

int option_split(char *line, char **words, size_t max)
{
	size_t count = 0;
	char *to;

	for (;;) {
		bool quoted = false;

		while (is_space(*line))
			line++;
		if (!*line)
			return (int)count;
		if (count == max)
			return -E2BIG;
		words[count++] = to = line;
		for (; *line && (quoted || !is_space(*line)); line++) {
			if (*line == '"')
				quoted = !quoted;
			else
				*to++ = *line;
		}
		if (*line)
			line++;
		*to = '\0';
	}
}

int option_u16(const char *value, void *target)
{
	uint32_t number = 0;

	if (!*value)
		return -EINVAL;
	for (; *value; value++) {
		if (*value < '0' || *value > '9')
			return -EINVAL;
		number = number * 10 + (uint32_t)(*value - '0');
		if (number > UINT16_MAX)
			return -EINVAL;
	}
	*(uint16_t *)target = (uint16_t)number;
	return 0;
}

int option_port(const char *value, void *target)
{
	int result = option_u16(value, target);

	return result == 0 && *(uint16_t *)target == 0 ? -EINVAL : result;
}

int option_string(const char *value, void *target)
{
	*(const char **)target = value;
	return 0;
}

int option_flag(const char *value, void *target)
{
	bool on = !*value || !strcmp(value, "true");

	if (!on && strcmp(value, "false") != 0)
		return -EINVAL;
	*(bool *)target = on;
	return 0;
}
