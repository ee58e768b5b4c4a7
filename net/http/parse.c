/* SPDX-License-Identifier: ISC */
/* Request heads by the letter of RFC 9112. Input that two implementations could read differently is
 * refused, since request smuggling depends on it: bare CR or LF, folded lines (§5.2), white space
 * before a colon (§5.1), a second Host or Content-Length, a Content-Length beside a
 * Transfer-Encoding, or a Transfer-Encoding whose last coding is not chunked (§6.3).
 *
 * Every step reads at c->at, never at or past c->end, and gives 0, -EAGAIN or -EBADMSG; c->at is
 * where the next step starts. */
#include <errno.h>
#include <string.h>

#include "net/http/parse.h"

#define METHOD_BYTES 24 /* no method in the IANA registry is longer than 17 */

struct cursor {
	const char *at, *end;
	const struct http_limits *limits;
	struct http_request *out;
};

/* A set of characters, a bit each; none from 0x80 on is in any. */
struct charset {
	uint32_t bits[8];
};

#define DIGITS 0x03ff0000u
#define LETTERS 0x07fffffeu

/* RFC 9110 §5.6.2 tchar: !#$%&'*+-. digits ^_` letters |~ */
static const struct charset token_chars = {
	{ 0, DIGITS | 0x00006cfau, LETTERS | 0xc0000000u, LETTERS | 0x50000001u }
};
/* Visible ASCII but for '#', since a fragment is never sent (RFC 9110 §4.2.5), and '?'. */
static const struct charset path_chars = {
	{ 0, 0x7ffffff6u, 0xffffffffu, 0x7fffffffu }
};
/* RFC 3986 §3.2.2 host and port: !$%&'()*+,-.:;= digits []_ letters ~ */
static const struct charset host_chars = {
	{ 0, DIGITS | 0x2c007ff2u, LETTERS | 0xa8000000u, LETTERS | 0x40000000u }
};

static inline __attribute__((always_inline)) bool contains(const struct charset *set, uint8_t c)
{
	return set->bits[c / 32] >> c % 32 & 1;
}

/* The first character from at on that is not in set, or end. */
static const char *skip(const char *at, const char *end, const struct charset *set)
{
	while (at < end && contains(set, (uint8_t)*at))
		at++;
	return at;
}

bool http_text_is(struct http_text text, const char *word)
{
	size_t i;

	for (i = 0; i < text.len && word[i]; i++)
		if ((text.at[i] | 0x20) != word[i])
			return false;
	return i == text.len && !word[i];
}

bool http_text_is_token(struct http_text text)
{
	const char *end = text.at + text.len;

	return text.len && skip(text.at, end, &token_chars) == end;
}

static bool is_space(char c)
{
	return c == ' ' || c == '\t';
}

static struct http_text trim(const char *start, const char *end)
{
	while (start < end && is_space(*start))
		start++;
	while (end > start && is_space(end[-1]))
		end--;
	return (struct http_text){ start, (size_t)(end - start) };
}

bool http_next_item(struct http_text *rest, struct http_text *item)
{
	while (rest->len) {
		const char *end = rest->at + rest->len, *comma = memchr(rest->at, ',', rest->len);

		*item = trim(rest->at, comma ? comma : end);
		rest->at = comma ? comma + 1 : end;
		rest->len = (size_t)(end - rest->at);
		if (item->len)
			return true;
	}
	return false;
}

bool http_next_line(struct http_text *rest, struct http_text *line)
{
	const char *end;

	if (!rest->len)
		return false;
	end = (const char *)memchr(rest->at, '\r', rest->len) + 2; /* the parser has found it */
	*line = (struct http_text){ rest->at, (size_t)(end - rest->at) };
	rest->at = end;
	rest->len -= line->len;
	return true;
}

bool http_next_field(struct http_text *rest, const char *name, struct http_text *value)
{
	struct http_text line;

	while (http_next_line(rest, &line)) {
		/* the parser has found the colon */
		const char *colon = memchr(line.at, ':', line.len);
		struct http_text found = { line.at, (size_t)(colon - line.at) };

		if (http_text_is(found, name)) {
			*value = trim(colon + 1, line.at + line.len - 2);
			return true;
		}
	}
	return false;
}

static int bad(struct cursor *c, uint16_t status)
{
	c->out->status = status;
	return -EBADMSG;
}

static int expect(struct cursor *c, const char *text)
{
	const char *at = c->at;

	for (; *text; text++, at++) {
		if (at == c->end)
			return -EAGAIN;
		if (*at != *text)
			return bad(c, 400);
	}
	c->at = at;
	return 0;
}

static bool is_same_8(const char *a, const char *b)
{
	uint64_t x, y;

	memcpy(&x, a, sizeof(x));
	memcpy(&y, b, sizeof(y));
	return x == y;
}

/* expect(c, "\r\n"), quick in the usual case. */
static int expect_line_end(struct cursor *c)
{
	if (c->end - c->at < 2 || c->at[0] != '\r' || c->at[1] != '\n')
		return expect(c, "\r\n");
	c->at += 2;
	return 0;
}

static int skip_empty_line(struct cursor *c)
{
	return c->at < c->end && *c->at == '\r' ? expect_line_end(c) : 0;
}

static int parse_token(struct cursor *c, struct http_text *out)
{
	const char *at = skip(c->at, c->end, &token_chars);

	out->at = c->at;
	out->len = (size_t)(at - c->at);
	c->at = at;
	if (at == c->end)
		return -EAGAIN;
	return out->len ? 0 : bad(c, 400);
}

static const char names[][8] = {
	"GET", "HEAD", "OPTIONS", "POST", "PUT", "DELETE", "PATCH", "TRACE",
};

const char *http_method_name(enum http_method method)
{
	return names[method];
}

static int parse_method(struct cursor *c)
{
	struct http_request *out = c->out;
	char name[sizeof(names[0])] = "";
	int result = parse_token(c, &out->method);

	if (out->method.len > METHOD_BYTES)
		return bad(c, 501);
	if (result)
		return result;
	if (out->method.len < sizeof(name))
		memcpy(name, out->method.at, out->method.len);
	while (out->verb < HTTP_METHOD_UNKNOWN && !is_same_8(names[out->verb], name))
		out->verb++;
	if (*c->at != ' ')
		return bad(c, 400);
	c->at++;
	return 0;
}

/* The absolute form "http://host/path" of proxies is legal, too (§3.2.2): gives where its path begins, or
 * NULL. User information is not legal (RFC 9110 §4.2.4). */
static const char *skip_authority(const char *target, const char *end)
{
	const char *slash = memchr(target, '/', (size_t)(end - target));
	struct http_text scheme = { target, slash ? (size_t)(slash - target) : 0 };

	if (!http_text_is(scheme, "http:") && !http_text_is(scheme, "https:"))
		return NULL;
	if (end - slash < 3 || slash[1] != '/' || slash[2] == '/' || slash[2] == '?')
		return NULL;
	slash = skip(slash + 2, end, &host_chars);
	return slash == end || *slash == '/' || *slash == '?' ? slash : NULL;
}

/* question: the first question mark in target, or NULL. */
static int split_target(struct cursor *c, const char *target, const char *question, const char *end)
{
	struct http_request *out = c->out;
	const char *path = target;

	if (*target == '*' && end - target == 1 && out->verb == HTTP_OPTIONS) {
		out->path = (struct http_text){ target, 1 };
		return 0;
	}
	if (*target != '/')
		path = skip_authority(target, end);
	if (!path) /* CONNECT's "host:port" among others */
		return bad(c, out->verb == HTTP_METHOD_UNKNOWN ? 501 : 400);
	if (question)
		out->query = (struct http_text){ question + 1, (size_t)(end - question - 1) };
	out->path = (struct http_text){ path, (size_t)((question ? question : end) - path) };
	if (!out->path.len)
		out->path = (struct http_text){ "/", 1 };
	return 0;
}

static int parse_target(struct cursor *c)
{
	const char *start = c->at, *at = skip(start, c->end, &path_chars);
	const char *question = at < c->end && *at == '?' ? at : NULL;

	while (at < c->end && *at == '?')
		at = skip(at + 1, c->end, &path_chars);
	if ((size_t)(at - start) > c->limits->target_bytes)
		return bad(c, 414);
	if (at == c->end)
		return -EAGAIN;
	if (at == start || *at != ' ')
		return bad(c, 400);
	c->at = at + 1;
	return split_target(c, start, question, at);
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static int parse_version(struct cursor *c)
{
	static const char usual[8] = "HTTP/1.1";
	const char *digits;
	int result;

	if ((size_t)(c->end - c->at) >= sizeof(usual) && is_same_8(c->at, usual)) {
		c->out->minor = 1;
		c->at += sizeof(usual);
		return expect_line_end(c);
	}
	result = expect(c, "HTTP/");
	if (result)
		return result;
	digits = c->at;
	if (c->end - digits < 3)
		return -EAGAIN;
	if (!is_digit(digits[0]) || digits[1] != '.' || !is_digit(digits[2]))
		return bad(c, 400);
	if (digits[0] != '1')
		return bad(c, 505);
	c->out->minor = digits[2] != '0'; /* a higher minor is read as the highest we know (RFC 9110 §2.5) */
	c->at += 3;
	return expect_line_end(c);
}

static int take_length(struct cursor *c, struct http_text value)
{
	struct http_request *out = c->out;

	if (out->flags & HTTP_HAS_LENGTH || !value.len)
		return bad(c, 400);
	for (size_t i = 0; i < value.len; i++) {
		if (!is_digit(value.at[i]))
			return bad(c, 400);
		out->content_length = out->content_length > UINT64_MAX / 16 ?
			UINT64_MAX : out->content_length * 10 + (uint64_t)(value.at[i] - '0');
	}
	out->flags |= HTTP_HAS_LENGTH;
	return 0;
}

static int take_host(struct cursor *c, struct http_text value)
{
	if (c->out->flags & HTTP_HAS_HOST)
		return bad(c, 400);
	if (skip(value.at, value.at + value.len, &host_chars) != value.at + value.len)
		return bad(c, 400);
	c->out->flags |= HTTP_HAS_HOST;
	return 0;
}

/* Parameters may be read as codings of their own: they are unknown, too, and chunked has none. */
static int take_codings(struct cursor *c, struct http_text value)
{
	uint16_t found = c->out->flags & (HTTP_CHUNKED | HTTP_OTHER_CODING);
	struct http_text item;

	while (http_next_item(&value, &item)) {
		if (found & HTTP_CHUNKED)
			return bad(c, 400);
		found |= http_text_is(item, "chunked") ? HTTP_CHUNKED : HTTP_OTHER_CODING;
	}
	c->out->flags |= found;
	return found ? 0 : bad(c, 400);
}

static void take_connection(struct http_request *out, struct http_text value)
{
	struct http_text item;

	while (http_next_item(&value, &item)) {
		if (http_text_is(item, "close"))
			out->flags |= HTTP_CLOSE;
		else if (http_text_is(item, "keep-alive"))
			out->flags |= HTTP_KEEP_ALIVE;
	}
}

/* Notes the fields that matter to the server itself, told apart by length first. */
static int take_field(struct cursor *c, struct http_text name, struct http_text value)
{
	struct http_request *out = c->out;

	switch (name.len) {
	case 4:
		return http_text_is(name, "host") ? take_host(c, value) : 0;
	case 5:
		if (http_text_is(name, "range"))
			out->flags |= HTTP_RANGE;
		return 0;
	case 6:
		if (http_text_is(name, "expect"))
			out->flags |= http_text_is(value, "100-continue") ? HTTP_CONTINUE : HTTP_OTHER_EXPECT;
		return 0;
	case 10:
		if (http_text_is(name, "connection"))
			take_connection(out, value);
		return 0;
	case 14:
		return http_text_is(name, "content-length") ? take_length(c, value) : 0;
	case 15:
		if (http_text_is(name, "accept-encoding"))
			out->flags |= HTTP_CODINGS;
		return 0;
	case 17:
		if (http_text_is(name, "transfer-encoding"))
			return take_codings(c, value);
		break;
	}
	if (name.len > 7 && (name.at[0] | 0x20) == 'i' && (name.at[1] | 0x20) == 'f' && name.at[2] == '-')
		out->flags |= HTTP_CONDITIONAL;
	return 0;
}

/* The end of a field's value: the first byte that is a control character other than tab, or end. A
 * browser's fields are long, hence a word at a time: (word - 0x20…) borrows into the top bit of each
 * byte below 0x20, and likewise for 0x7f. A borrow may also mark bytes above a rightly marked one, but
 * the lowest mark is right, and is the first byte in memory, as all supported CPUs are little endian.
 * Bytes from 0x80 on are allowed. */
static const char *skip_value(const char *at, const char *end)
{
	const unsigned long ones = ~0ul / 255;

	while ((size_t)(end - at) >= sizeof(ones)) {
		unsigned long word, del, marks;

		memcpy(&word, at, sizeof(word));
		del = word ^ ones * 0x7f;
		marks = (((word - ones * ' ') & ~word) | ((del - ones) & ~del)) & ones * 0x80;
		if (!marks) {
			at += sizeof(word);
			continue;
		}
		at += __builtin_ctzl(marks) / 8;
		if (*at != '\t')
			return at;
		at++;
	}
	while (at < end && ((uint8_t)*at >= ' ' || *at == '\t') && *at != 0x7f)
		at++;
	return at;
}

static int parse_field(struct cursor *c)
{
	struct http_text name;
	const char *start, *end;
	int result = parse_token(c, &name);

	if (result)
		return result;
	if (*c->at != ':')
		return bad(c, 400);
	start = c->at + 1;
	c->at = end = skip_value(start, c->end);
	if (end == c->end)
		return -EAGAIN;
	result = expect_line_end(c);
	return result ? result : take_field(c, name, trim(start, end));
}

static int parse_fields(struct cursor *c)
{
	struct http_request *out = c->out;
	uint32_t count = 0;
	int result;

	out->fields.at = c->at;
	while (c->at < c->end && *c->at != '\r') {
		if (count++ == c->limits->fields)
			return bad(c, 431);
		result = parse_field(c);
		if (result)
			return result;
	}
	out->fields.len = (size_t)(c->at - out->fields.at);
	return expect_line_end(c);
}

/* §3.2 and §6.3: checks that need the whole head. */
static int check_whole(struct cursor *c)
{
	const struct http_request *out = c->out;

	if (out->minor && !(out->flags & HTTP_HAS_HOST))
		return bad(c, 400);
	if (out->flags & (HTTP_CHUNKED | HTTP_OTHER_CODING) &&
	    (!out->minor || out->flags & HTTP_HAS_LENGTH || !(out->flags & HTTP_CHUNKED)))
		return bad(c, 400);
	return 0;
}

int http_parse_request(const char *data, size_t len, const struct http_limits *limits,
                       struct http_request *out)
{
	struct cursor c = { data, data + MIN(len, (size_t)limits->head_bytes), limits, out };
	int result;

	memset(out, 0, sizeof(*out));
	result = skip_empty_line(&c) ?: parse_method(&c) ?: parse_target(&c) ?: parse_version(&c) ?:
		parse_fields(&c) ?: check_whole(&c);
	if (result == -EAGAIN && len >= limits->head_bytes)
		return bad(&c, out->path.at ? 431 : 414);
	return result ? result : (int)(c.at - data);
}
