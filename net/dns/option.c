/* SPDX-License-Identifier: ISC */
/* Servers as text: addresses with commas between them. Those that there is no room for are checked, too. */
#include <errno.h>
#include <string.h>

#include "net/dns/resolver.h"

int option_dns(const char *value, void *target)
{
	struct dns_servers *servers = target;
	struct ip_addr *to = servers->addrs, *end = to + ARRAY_SIZE(servers->addrs);

	while (*value) {
		value = ip_scan(value, ',', to < end ? to++ : NULL, NULL);
		if (!value || (*value && !*++value))
			return -EINVAL;
	}
	servers->count = (uint8_t)(to - servers->addrs);
	return 0;
}
