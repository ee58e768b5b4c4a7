/* SPDX-License-Identifier: ISC */
/* The command line as a loader leaves it: missing, short, too long. */
#include <criterion/criterion.h>
#include <signal.h>
#include <string.h>

#include "arch/common/start_options.c"
#include "tests/lib/test.h"

TestSuite(start_options, .timeout = 20);

Test(start_options, none_where_there_is_no_line)
{
	char **words;

	cr_assert_eq(start_options(NULL, &words), 0);
	cr_assert_eq(start_options("", &words), 0);
}

Test(start_options, are_copied)
{
	char line[] = "ip=10.0.0.2/24  log=debug", **words;

	cr_assert_eq(start_options(line, &words), 2);
	memset(line, 0, sizeof(line));
	cr_assert_str_eq(words[0], "ip=10.0.0.2/24");
	cr_assert_str_eq(words[1], "log=debug");
}

Test(start_options, line_that_is_too_long, .signal = SIGABRT)
{
	static char line[CONFIG_COMMAND_LINE_BYTES + 1];
	char **words;

	memset(line, 'x', CONFIG_COMMAND_LINE_BYTES - 1);
	cr_assert_eq(start_options(line, &words), 1);
	line[CONFIG_COMMAND_LINE_BYTES - 1] = 'x';
	start_options(line, &words);
}

Test(start_options, too_many_words, .signal = SIGABRT)
{
	char line[2 * WORDS_MAX + 3] = "", **words;

	for (unsigned i = 0; i < WORDS_MAX; i++)
		strcat(line, "x ");
	cr_assert_eq(start_options(line, &words), WORDS_MAX);
	start_options(strcat(line, "x"), &words);
}
