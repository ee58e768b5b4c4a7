/* SPDX-License-Identifier: ISC */
/* Percent-encoding (RFC 3986 §2.1) and dot segments (§5.2.4). The key grows segment by segment; it is
 * never longer than the path read so far, and ".." removes its last segment. */
#include <errno.h>
#include <string.h>

#include "kernel/hex.h"
#include "net/http/path.h"

/* The next character at *at, decoded; or -EBADMSG. */
static int next_char(const char **at, const char *end)
{
	int c = (uint8_t)*(*at)++;

	if (c == '%') {
		int high = end - *at >= 2 ? hex_digit((*at)[0]) : -1;
		int low = end - *at >= 2 ? hex_digit((*at)[1]) : -1;

		if (high < 0 || low < 0)
			return -EBADMSG;
		c = high << 4 | low;
		*at += 2;
	}
	return c < ' ' || c == 0x7f ? -EBADMSG : c;
}

/* The segment [start, len) of key has ended: keeps it with a slash, or resolves its dots. Gives the key's
 * new length, or -EBADMSG. */
static int end_segment(char *key, int start, int len)
{
	int segment = len - start;

	if (segment == 0 || (segment == 1 && key[start] == '.'))
		return start;
	if (segment == 2 && key[start] == '.' && key[start + 1] == '.') {
		if (start == 0)
			return -EBADMSG;
		for (start--; start > 0 && key[start - 1] != '/'; start--)
			;
		return start;
	}
	key[len] = '/';
	return len + 1;
}

int http_path_to_key(struct http_text path, char *key)
{
	const char *at = path.at + 1, *end = path.at + path.len;
	int start = 0, len = 0;

	while (at < end) {
		int c = next_char(&at, end);

		if (c < 0)
			return c;
		if (c != '/') {
			key[len++] = (char)c;
			continue;
		}
		start = len = end_segment(key, start, len);
		if (len < 0)
			return len;
	}
	/* the last segment is a file's name unless it is "." or ".." */
	if (len - start <= 2 && len > start && key[start] == '.' && (len - start == 1 || key[start + 1] == '.'))
		return end_segment(key, start, len);
	return len;
}

int http_path_to_folder(const char *key, size_t key_len, char *to, size_t max)
{
	static const char digits[] = "0123456789ABCDEF";
	size_t len = 0;

	to[len++] = '/';
	for (size_t i = 0; i < key_len; i++) {
		uint8_t c = (uint8_t)key[i];
		bool letter = (uint8_t)((c | 0x20) - 'a') < 26;

		if (max - len < 4)
			return -E2BIG;
		if (letter || (c >= '-' && c <= '9') || c == '_' || c == '~') {
			to[len++] = (char)c;
			continue;
		}
		to[len++] = '%';
		to[len++] = digits[c >> 4];
		to[len++] = digits[c & 15];
	}
	to[len++] = '/';
	return (int)len;
}
