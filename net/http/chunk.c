/* SPDX-License-Identifier: ISC */
/* A state machine that takes one byte at a time, so chunks may arrive cut anywhere. It is as strict as the
 * parser of heads, and for the same reason: no bare CR or LF, no sign or space before a size, no size that
 * overflows. Spaces are allowed before an extension, as RFC 9112 §7.1.1 demands, and nowhere else. */
#include <errno.h>

#include "kernel/hex.h"
#include "net/http/chunk.h"

enum state {
	SIZE_FIRST,   /* a size has at least one digit */
	SIZE,
	SPACE,        /* before an extension */
	EXTENSION,
	SIZE_LF,
	PAYLOAD_CR,   /* when left is 0 again */
	PAYLOAD_LF,
	TRAILER_FIRST, /* a line, or the empty line at the end */
	TRAILER,
	TRAILER_LF,
	END_LF,
	OVER,
};

void http_chunks_init(struct http_chunks *c, uint32_t spare)
{
	*c = (struct http_chunks){ .spare = spare, .state = SIZE_FIRST };
}

bool http_chunks_are_over(const struct http_chunks *c)
{
	return c->state == OVER;
}

static int after(char c, char expected, enum state next)
{
	return c == expected ? (int)next : -EBADMSG;
}

/* A byte of an extension or trailer, which are dropped: the next state is stay, or ended after a CR. */
static int drop(struct http_chunks *c, char byte, enum state stay, enum state ended)
{
	if (byte == '\r')
		return ended;
	if (((uint8_t)byte < ' ' && byte != '\t') || byte == 0x7f || c->spare == 0)
		return -EBADMSG;
	c->spare--;
	return stay;
}

static int eat_size(struct http_chunks *c, char byte)
{
	int digit = hex_digit(byte);

	if (digit >= 0) {
		if (c->size > UINT64_MAX >> 4 || (c->state == SIZE && c->spare == 0))
			return -EBADMSG;
		c->spare -= c->state == SIZE; /* limits leading zeros, too */
		c->size = c->size << 4 | (unsigned)digit;
		return SIZE;
	}
	if (c->state == SIZE_FIRST)
		return -EBADMSG;
	return byte == '\r' ? SIZE_LF : byte == ';' ? EXTENSION : byte == ' ' || byte == '\t' ? SPACE : -EBADMSG;
}

/* Gives the next state, or -EBADMSG. */
static int eat(struct http_chunks *c, char byte)
{
	switch (c->state) {
	case SIZE_FIRST:
	case SIZE:
		return eat_size(c, byte);
	case SPACE:
		if (byte == ';')
			return EXTENSION;
		return byte == '\r' ? -EBADMSG : byte == ' ' || byte == '\t' ? drop(c, byte, SPACE, SPACE) : -EBADMSG;
	case EXTENSION:
		return drop(c, byte, EXTENSION, SIZE_LF);
	case SIZE_LF:
		c->left = c->size;
		c->size = 0;
		return after(byte, '\n', c->left ? PAYLOAD_CR : TRAILER_FIRST);
	case PAYLOAD_CR:
		return after(byte, '\r', PAYLOAD_LF);
	case PAYLOAD_LF:
		return after(byte, '\n', SIZE_FIRST);
	case TRAILER_FIRST:
		return byte == ' ' || byte == '\t' ? -EBADMSG : drop(c, byte, TRAILER, END_LF); /* folded: §5.2 */
	case TRAILER:
		return drop(c, byte, TRAILER, TRAILER_LF);
	case TRAILER_LF:
		return after(byte, '\n', TRAILER_FIRST);
	default:
		return after(byte, '\n', OVER);
	}
}

int http_chunks_eat(struct http_chunks *c, const char *data, size_t len)
{
	size_t at = 0;

	while (at < len && c->state != OVER && !(c->state == PAYLOAD_CR && c->left)) {
		int next = eat(c, data[at++]);

		if (next < 0)
			return next;
		c->state = (uint8_t)next;
	}
	return (int)at;
}
