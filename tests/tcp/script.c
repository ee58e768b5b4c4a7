/* SPDX-License-Identifier: ISC */
/* Reading scripts: a line is words between blanks, a # begins a comment, and the first line of the file
 * is the comment that says which section of which RFC it proves. */
#include "tests/tcp/script.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static char *read_file(const char *path)
{
	FILE *f = fopen(path, "r");
	size_t size = 1 << 16, len = 0;
	char *text = malloc(size);

	if (!f || !text)
		fail(NULL, "cannot be read");
	len = fread(text, 1, size - 1, f);
	if (!feof(f))
		fail(NULL, "longer than %zu bytes", size - 1);
	fclose(f);
	text[len] = '\0';
	return text;
}

/* "# RFC 9293 §3.10.7.4: what it proves", in a file rfc9293/3.10.7.4-….tcp. */
static void check_title(const char *path, const char *text)
{
	char section[32], name[64];
	unsigned rfc;

	if (strncmp(text, SCRIPT_REFUSED, strlen(SCRIPT_REFUSED)) == 0)
		return;
	if (sscanf(text, "# RFC %u §%31[0-9.A-Z]:", &rfc, section) != 2)
		fail(NULL, "the first line does not name the section that it proves: # RFC 9293 §3.5: …");
	snprintf(name, sizeof(name), "rfc%u/%s-", rfc, section);
	if (!strstr(path, name))
		fail(NULL, "its name should begin with %s", name);
}

/* Cuts text into the words of l. */
static void split(struct line *l, char *text)
{
	char *rest = strchr(text, '#'), *word;

	l->text = strdup(text);
	l->count = 0;
	if (rest)
		*rest = '\0';
	while ((word = strtok_r(l->count ? NULL : text, " \t", &rest))) {
		if (l->count == LINE_WORDS)
			fail(l, "more than %u words", LINE_WORDS);
		l->words[l->count++] = word;
	}
}

void script_read(struct script *s, const char *path)
{
	char *text = read_file(path), *at = text;
	unsigned number = 0;

	check_title(path, text);
	s->path = path;
	s->count = 0;
	s->lines = calloc(strlen(text) + 1, sizeof(*s->lines));
	while (at) {
		char *next = strchr(at, '\n');
		struct line *l = &s->lines[s->count];

		if (next)
			*next++ = '\0';
		l->number = ++number;
		split(l, at);
		s->count += l->count > 0;
		at = next;
	}
}

const char *line_take(const struct line *l, unsigned *at, const char *what)
{
	if (*at >= l->count)
		fail(l, "the line ends where %s should be", what);
	return l->words[(*at)++];
}

bool line_takes(const struct line *l, unsigned *at, const char *word)
{
	if (*at >= l->count || strcmp(l->words[*at], word) != 0)
		return false;
	++*at;
	return true;
}

void line_ends(const struct line *l, unsigned at)
{
	if (at < l->count)
		fail(l, "unknown word: %s", l->words[at]);
}

static uint32_t read_number(const struct line *l, const char *word, const char **end)
{
	char *after;
	long long value = strtoll(word, &after, 0);

	if (after == word || value > UINT32_MAX || value < INT32_MIN)
		fail(l, "not a number: %s", word);
	*end = after;
	return (uint32_t)value;
}

static uint32_t unit_ms(const struct line *l, const char **at)
{
	static const struct { const char *name; uint32_t ms; } units[] = {
		{ "ms", 1 }, { "s", 1000 }, { "min", 60000 }, { "h", 3600000 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(units); i++) {
		size_t len = strlen(units[i].name);

		if (strncmp(*at, units[i].name, len) == 0 && ((*at)[len] == '\0' || (*at)[len] == '.')) {
			*at += len;
			return units[i].ms;
		}
	}
	fail(l, "a time without a unit, which is ms, s, min or h");
}

uint32_t line_number(const struct line *l, const char *word)
{
	const char *end;
	uint32_t value = read_number(l, word, &end);

	if (*end)
		fail(l, "not a number: %s", word);
	return value;
}

struct range line_range(const struct line *l, const char *word, bool is_time)
{
	const char *at;
	struct range r;

	r.least = read_number(l, word, &at);
	if (is_time)
		r.least *= unit_ms(l, &at);
	r.most = r.least;
	if (at[0] == '.' && at[1] == '.') {
		at += 2;
		r.most = UINT32_MAX;
		if (*at)
			r.most = read_number(l, at, &at);
		if (is_time && r.most != UINT32_MAX)
			r.most *= unit_ms(l, &at);
	}
	if (*at)
		fail(l, "neither a number nor a range: %s", word);
	return r;
}
