/* SPDX-License-Identifier: ISC */
/* Answers to the suite: one line each, written in pieces of a small buffer. No other text can come in
 * between, because no call here waits. */
#include "apps/agent/agent_priv.h"

#include "apps/agent/names.h"
#include "kernel/dev/console.h"
#include "kernel/format.h"

static char text[256];
static size_t used;

static void flush(void)
{
	console_write(text, used);
	used = 0;
}

void answer_begin(const char *id, size_t id_len, intptr_t result)
{
	if (id_len)
		answer_text("%.*s", (int)id_len, id);
	else
		answer_text("?");
	if (result < 0)
		answer_text(" -%s", error_name((int)result));
	else
		answer_text(" %ld", (long)result);
}

/* No piece is longer than half of the buffer. */
void answer_text(const char *piece, ...)
{
	va_list args;

	if (used > sizeof(text) / 2)
		flush();
	va_start(args, piece);
	used += MIN(format_v(text + used, sizeof(text) - used, piece, args), sizeof(text) - used - 1);
	va_end(args);
}

void answer_endpoint(const struct endpoint *e)
{
	char address[IP_TEXT_MAX];

	answer_text(" %s %u", ip_format(address, &e->addr), e->port);
}

void answer_hex(const void *bytes, size_t len)
{
	static const char digits[] = "0123456789abcdef";

	for (const uint8_t *b = bytes; len > 0; b++, len--) {
		if (used + 2 > sizeof(text))
			flush();
		text[used++] = digits[*b >> 4];
		text[used++] = digits[*b & 15];
	}
}

void answer_end(void)
{
	if (used == sizeof(text))
		flush();
	text[used++] = '\n';
	flush();
}
