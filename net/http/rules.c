/* SPDX-License-Identifier: ISC */
/* The file's text is searched for each answer: it is short, and no other form has to be kept in step with
 * it. */
#include "net/http/rules.h"

#include <string.h>

#define INDEX "index.html"

static bool is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\r';
}

/* The next line without the space around it; it may be empty. */
static bool next_line(struct http_text *rest, struct http_text *line, bool *is_indented)
{
	const char *end;

	if (!rest->len)
		return false;
	end = memchr(rest->at, '\n', rest->len);
	*line = (struct http_text){ rest->at, end ? (size_t)(end - rest->at) : rest->len };
	rest->at += line->len + !!end;
	rest->len -= line->len + !!end;
	*is_indented = line->len && is_space(*line->at);
	while (line->len && is_space(line->at[line->len - 1]))
		line->len--;
	for (; line->len && is_space(*line->at); line->len--)
		line->at++;
	return true;
}

static bool says_nothing(struct http_text line)
{
	return !line.len || *line.at == '#';
}

/* -- checking -- */

/* Is it a field that the server sets itself, about the message or the bytes that it sends? */
static bool is_reserved(struct http_text name)
{
	static const char reserved[] = "content-length\0content-encoding\0content-range\0transfer-encoding\0"
		"accept-ranges\0etag\0date\0connection\0keep-alive\0last-modified\0trailer\0upgrade\0vary\0";

	for (const char *word = reserved; *word; word += strlen(word) + 1)
		if (http_text_is(name, word))
			return true;
	return false;
}

static bool is_header_line(struct http_text line)
{
	const char *colon = memchr(line.at, ':', line.len);
	struct http_text name = { line.at, colon ? (size_t)(colon - line.at) : 0 };

	for (size_t i = 0; i < line.len; i++)
		if (line.at[i] < ' ' || line.at[i] > '~')
			return false;
	return http_text_is_token(name) && !is_reserved(name);
}

unsigned http_rules_check(struct http_text file)
{
	bool is_indented, has_path = false;
	struct http_text line;

	for (unsigned number = 1; next_line(&file, &line, &is_indented); number++) {
		if (says_nothing(line))
			continue;
		if (is_indented ? !has_path || !is_header_line(line) : *line.at != '/')
			return number;
		has_path = true;
	}
	return 0;
}

/* -- looking -- */

static bool is_same(char a, char b)
{
	return a == b || ((a ^ b) == 0x20 && (a | 0x20) >= 'a' && (a | 0x20) <= 'z');
}

/* On a mismatch, the last star takes one byte more. */
bool http_rules_fit(struct http_text pattern, struct http_text text)
{
	const char *p = pattern.at, *end = p + pattern.len, *star = NULL, *taken = NULL;

	for (const char *t = text.at; t < text.at + text.len; ) {
		if (p < end && *p == '*') {
			star = ++p;
			taken = t;
		} else if (p < end && is_same(*p, *t)) {
			p++;
			t++;
		} else if (star) {
			p = star;
			t = ++taken;
		} else {
			return false;
		}
	}
	while (p < end && *p == '*')
		p++;
	return p == end;
}

/* pattern has a leading slash, key has none. */
static bool fits_key(struct http_text pattern, struct http_text key)
{
	const size_t index = sizeof(INDEX) - 1;

	pattern = (struct http_text){ pattern.at + 1, pattern.len - 1 };
	if (http_rules_fit(pattern, key))
		return true;
	if (key.len < index || memcmp(key.at + key.len - index, INDEX, index) ||
	    (key.len > index && key.at[key.len - index - 1] != '/'))
		return false;
	key.len -= index;
	return http_rules_fit(pattern, key);
}

bool http_rules_next(struct http_rules_at *at, struct http_text key, struct http_text *line)
{
	bool is_indented;

	while (next_line(&at->rest, line, &is_indented)) {
		if (says_nothing(*line))
			continue;
		if (!is_indented)
			at->fits = fits_key(*line, key);
		else if (at->fits)
			return true;
	}
	return false;
}
