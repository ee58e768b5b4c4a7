/* SPDX-License-Identifier: ISC */
/* Servers as text: addresses with commas between them. */
#include <errno.h>
#include <string.h>

#include "net/dns/resolver.h"

/* Copies what is up to the next comma; gives where that stands, or NULL: too long to be an address. */
static const char *split(const char *text, char one[IP_TEXT_MAX])
{
	size_t len = 0;

	for (; text[len] && text[len] != ','; len++) {
		if (len == IP_TEXT_MAX - 1)
			return NULL;
		one[len] = text[len];
	}
	one[len] = '\0';
	return text + len;
}

int option_dns(const char *value, void *target)
{
	struct dns_servers servers = { 0 };
	char one[IP_TEXT_MAX];

	while (*value) {
		struct ip_addr addr;

		value = split(value, one);
		if (!value || ip_parse(one, &addr) < 0 || (value[0] == ',' && !value[1]))
			return -EINVAL;
		value += *value == ',';
		if (servers.count < ARRAY_SIZE(servers.addrs))
			servers.addrs[servers.count++] = addr;
	}
	*(struct dns_servers *)target = servers;
	return 0;
}
