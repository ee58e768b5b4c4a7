/* SPDX-License-Identifier: ISC */
/* Network addresses: a tagged type from the start, so that nothing above IP assumes four bytes. */
#ifndef NET_ADDR_H
#define NET_ADDR_H

#include <errno.h>
#include <string.h>

#include "kernel/util.h"

enum ip_family { IP_NONE = 0, IP_V4 = 4, IP_V6 = 6 };

struct ip_addr {
	uint8_t family;     /* enum ip_family */
	uint8_t bytes[16];  /* network order; the first 4 for IP_V4, rest zero */
};

struct endpoint {
	struct ip_addr addr;
	uint16_t port; /* host byte order */
};

#define IP_TEXT_MAX 46 /* longest text of an address, with its terminator */

struct ip_addr ip_v4(uint8_t a, uint8_t b, uint8_t c, uint8_t d);

bool ip_equal(const struct ip_addr *a, const struct ip_addr *b);

/* Text form; gives to. */
char *ip_format(char to[IP_TEXT_MAX], const struct ip_addr *a);
/* Scans "10.0.0.2/24"; prefix_len NULL: "10.0.0.2" exactly. Gives where it ends: at the character end, or at
 * the end of text. NULL: it is no address, and out is unchanged. out may be NULL. */
const char *ip_scan(const char *text, char end, struct ip_addr *out, uint8_t *prefix_len);
/* All of text. 0, or -EINVAL. */
static inline int ip_parse_prefix(const char *text, struct ip_addr *out, uint8_t *prefix_len)
{
	return ip_scan(text, '\0', out, prefix_len) ? 0 : -EINVAL;
}
static inline int ip_parse(const char *text, struct ip_addr *out)
{
	return ip_parse_prefix(text, out, NULL);
}

/* Ready for a struct option: targets are struct ip_addr, struct ip_prefix. */
struct ip_prefix {
	struct ip_addr addr;
	uint8_t len;
};
int option_ip(const char *value, void *target); /* "" gives IP_NONE */
int option_ip_prefix(const char *value, void *target);

#endif
