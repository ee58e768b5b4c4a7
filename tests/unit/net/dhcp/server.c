/* SPDX-License-Identifier: ISC */
/* Replies and queries by the numbers of RFC 2131 and RFC 2132. */
#include "tests/unit/net/dhcp/server.h"

#include <criterion/criterion.h>
#include <string.h>

static void put32(uint8_t *at, uint32_t x)
{
	for (int i = 0; i < 4; i++)
		at[i] = (uint8_t)(x >> (24 - 8 * i));
}

void reply_begin(struct message *m, uint8_t type, uint32_t xid, const uint8_t *mac, uint32_t address,
                 uint32_t server)
{
	memset(m, 0, sizeof(*m));
	m->bytes[0] = 2;
	m->bytes[1] = 1;
	m->bytes[2] = 6;
	put32(m->bytes + 4, xid);
	put32(m->bytes + 16, address);
	memcpy(m->bytes + 28, mac, 6);
	memcpy(m->bytes + 236, "\x63\x82\x53\x63", 4);
	m->len = 240;
	reply_option(m, 53, &type, 1);
	if (server)
		reply_number(m, 54, server);
}

void reply_option(struct message *m, uint8_t code, const void *value, size_t len)
{
	cr_assert(len <= 255 && m->len + 2 + len <= sizeof(m->bytes));
	m->bytes[m->len++] = code;
	m->bytes[m->len++] = (uint8_t)len;
	memcpy(m->bytes + m->len, value, len);
	m->len += len;
}

void reply_number(struct message *m, uint8_t code, uint32_t value)
{
	uint8_t bytes[4];

	put32(bytes, value);
	reply_option(m, code, bytes, 4);
}

void reply_end(struct message *m)
{
	m->bytes[m->len++] = 255;
}

uint32_t message_32(const struct message *m, size_t at)
{
	return (uint32_t)m->bytes[at] << 24 | (uint32_t)m->bytes[at + 1] << 16 | (uint32_t)m->bytes[at + 2] << 8 |
	       m->bytes[at + 3];
}

const uint8_t *query_option(const struct message *m, uint8_t code, size_t *len)
{
	cr_assert_geq(m->len, 300, "a relay drops %zu bytes", m->len);
	cr_assert_eq(memcmp(m->bytes + 236, "\x63\x82\x53\x63", 4), 0);
	for (size_t at = 240; m->bytes[at] != 255; at += 2 + m->bytes[at + 1]) {
		cr_assert_lt(at + 2 + m->bytes[at + 1], m->len, "no end");
		if (m->bytes[at] == code) {
			*len = m->bytes[at + 1];
			return m->bytes + at + 2;
		}
	}
	return NULL;
}

uint32_t query_number(const struct message *m, uint8_t code)
{
	size_t len;
	const uint8_t *at = query_option(m, code, &len);

	if (!at)
		return 0;
	cr_assert_eq(len, 4);
	return message_32(m, (size_t)(at - m->bytes));
}

uint8_t query_type(const struct message *m)
{
	size_t len;
	const uint8_t *at = query_option(m, 53, &len);

	cr_assert(at && len == 1);
	return *at;
}
