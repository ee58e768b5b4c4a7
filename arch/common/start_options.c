/* SPDX-License-Identifier: ISC */
/* The command line is copied: the loader's may lie in memory that is given away, or be read-only. */
#include <string.h>

#include "arch/common/start_options.h"
#include "kernel/option.h"
#include "kernel/panic.h"

#define WORDS_MAX (CONFIG_COMMAND_LINE_BYTES / 16) /* most options are shorter */

static char command_line[CONFIG_COMMAND_LINE_BYTES];
static char *split[WORDS_MAX];

size_t start_options(const char *line, char ***words)
{
	size_t len;
	int count;

	if (!line)
		line = "";
	len = strnlen(line, sizeof(command_line));
	if (len == sizeof(command_line))
		panic("the command line is too long: shorten it or raise COMMAND_LINE_BYTES");
	memcpy(command_line, line, len);
	count = option_split(command_line, split, WORDS_MAX);
	if (count < 0)
		panic("more than %u words: raise COMMAND_LINE_BYTES", WORDS_MAX);
	*words = split;
	return (size_t)count;
}
