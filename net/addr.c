/* SPDX-License-Identifier: ISC */
/* Text forms of addresses. Only the exact dotted quad is an IPv4 address here: no leading zeros,
 * no missing parts, nothing behind it, so that a typing error never becomes another address. */
#include "net/addr.h"

#include <errno.h>
#include <string.h>

#include "kernel/log.h"

struct ip_addr ip_v4(uint8_t a, uint8_t b, uint8_t c, uint8_t d)
{
	return (struct ip_addr){ .family = IP_V4, .bytes = { a, b, c, d } };
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

/* A decimal number up to max; gives what follows it, or NULL. */
static const char *parse_number(const char *text, unsigned max, uint8_t *out)
{
	const char *start = text;
	unsigned value = 0;

	for (; *text >= '0' && *text <= '9' && text - start < 3; text++)
		value = value * 10 + (unsigned)(*text - '0');
	if (text == start || value > max || (*start == '0' && text - start > 1))
		return NULL;
	*out = (uint8_t)value;
	return text;
}

static const char *parse_quad(const char *text, struct ip_addr *out)
{
	*out = (struct ip_addr){ .family = IP_V4 };
	for (int i = 0; i < 4; i++) {
		if (i > 0 && *text++ != '.')
			return NULL;
		text = parse_number(text, 255, &out->bytes[i]);
		if (!text)
			return NULL;
	}
	return text;
}

int ip_parse(const char *text, struct ip_addr *out)
{
	struct ip_addr addr;
	const char *rest = parse_quad(text, &addr);

	if (!rest || *rest)
		return -EINVAL;
	*out = addr;
	return 0;
}

int ip_parse_prefix(const char *text, struct ip_addr *out, uint8_t *prefix_len)
{
	struct ip_addr addr;
	uint8_t len;
	const char *rest = parse_quad(text, &addr);

	if (!rest || *rest != '/')
		return -EINVAL;
	rest = parse_number(rest + 1, 32, &len);
	if (!rest || *rest)
		return -EINVAL;
	*out = addr;
	*prefix_len = len;
	return 0;
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
