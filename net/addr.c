/* SPDX-License-Identifier: ISC */
/* Text forms of addresses. Only the exact dotted quad is an IPv4 address here: no leading zeros,
 * no missing parts, nothing behind it, so that a typing error never becomes another address. */
#include "net/addr.h"

#include <errno.h>
#include <string.h>

#include "kernel/format.h"
#include "net/bytes.h"

struct ip_addr ip_v4(uint8_t a, uint8_t b, uint8_t c, uint8_t d)
{
	return (struct ip_addr){ .family = IP_V4, .bytes = { a, b, c, d } };
}

/* By words: each packet that arrives is compared with the addresses of its connection. */
bool ip_equal(const struct ip_addr *a, const struct ip_addr *b)
{
	uint64_t x[2], y[2];

	memcpy(x, a->bytes, sizeof(x));
	memcpy(y, b->bytes, sizeof(y));
	return a->family == b->family && x[0] == y[0] && x[1] == y[1];
}

char *ip_format(char to[IP_TEXT_MAX], const struct ip_addr *a)
{
	const uint8_t *b = a->bytes;

	if (a->family == IP_V4)
		format(to, IP_TEXT_MAX, "%u.%u.%u.%u", b[0], b[1], b[2], b[3]);
	else
		format(to, IP_TEXT_MAX, "-");
	return to;
}

const char *ip_scan(const char *text, char end, struct ip_addr *out, uint8_t *prefix_len)
{
	const char *between = prefix_len ? ".../" : "...";
	uint64_t all = 0;

	for (;; text++, between++) {
		const char *start = text;
		unsigned value = 0;

		while (*text >= '0' && *text <= '9' && text - start < 3)
			value = value * 10 + (unsigned)(*text++ - '0');
		if (text == start || value > (prefix_len && !*between ? 32 : 255) ||
		    (*start == '0' && text - start > 1))
			return NULL;
		all = all << 8 | value;
		if (!*between)
			break;
		if (*text != *between)
			return NULL;
	}
	if (*text && *text != end)
		return NULL;
	if (prefix_len) {
		*prefix_len = (uint8_t)all;
		all >>= 8;
	}
	if (out) {
		*out = (struct ip_addr){ .family = IP_V4 };
		put_be32(out->bytes, (uint32_t)all);
	}
	return text;
}

int option_ip(const char *value, void *target)
{
	if (!*value) {
		*(struct ip_addr *)target = (struct ip_addr){ .family = IP_NONE };
		return 0;
	}
	return ip_parse(value, target);
}

int option_ip_prefix(const char *value, void *target)
{
	struct ip_prefix *p = target;

	return ip_parse_prefix(value, &p->addr, &p->len);
}
