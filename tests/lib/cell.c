/* SPDX-License-Identifier: ISC */
/* Reads the cells of tables that are written as text. */
#include "tests/lib/cell.h"

#include <criterion/criterion.h>
#include <string.h>

static unsigned action_of(const struct cell_words *words, char letter)
{
	const char *at = strchr(words->letters, letter);

	cr_assert_not_null(at);
	return 1u << (at - words->letters);
}

static unsigned state_of(const struct cell_words *words, const char *name, size_t len)
{
	for (unsigned i = 0; i < words->states; i++)
		if (strlen(words->names[i]) == len && memcmp(words->names[i], name, len) == 0)
			return i;
	cr_assert_fail("%.*s", (int)len, name);
	return 0;
}

struct cell cell_read(const struct cell_words *words, const char *text, unsigned state)
{
	const char *space = strchr(text, ' ');
	size_t len = space ? (size_t)(space - text) : strlen(text);
	struct cell cell = { state, 0 };

	for (; space && *++space; )
		cell.actions |= action_of(words, *space);
	if (text[0] == '!')
		cell.actions = words->impossible;
	else if (text[0] != '=')
		cell.next = state_of(words, text, len);
	return cell;
}
