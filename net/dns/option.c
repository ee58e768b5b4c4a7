/* SPDX-License-Identifier: ISC */
/* Servers as text: addresses with commas between them. */
#include <errno.h>
#include <string.h>

#include "net/dns/resolver.h"

int option_dns(const char *value, void *target)
{
	struct dns_servers servers = { 0 };
	struct ip_addr addr;

	while (*value) {
		value = ip_scan(value, ',', &addr, NULL);
		if (!value || (*value && !*++value))
			return -EINVAL;
		if (servers.count < ARRAY_SIZE(servers.addrs))
			servers.addrs[servers.count++] = addr;
	}
	*(struct dns_servers *)target = servers;
	return 0;
}
