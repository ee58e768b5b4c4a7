/* SPDX-License-Identifier: ISC */
/* The start option dns=. */
#include <errno.h>

#include "net/dns/resolver.h"
#include "tests/lib/test.h"

Test(dns_option, addresses)
{
	struct dns_servers servers = { .count = 9 };

	cr_expect(option_dns("", &servers) == 0 && servers.count == 0);
	cr_expect(option_dns("10.0.0.3", &servers) == 0 && servers.count == 1 && servers.addrs[0].bytes[3] == 3);
	cr_expect(option_dns("10.0.0.3,192.168.100.200", &servers) == 0 && servers.count == 2);
	cr_expect(servers.addrs[1].bytes[0] == 192 && servers.addrs[1].bytes[3] == 200);
	cr_expect(option_dns("1.1.1.1,2.2.2.2,3.3.3.3,4.4.4.4,5.5.5.5,6.6.6.6,7.7.7.7,8.8.8.8,9.9.9.9",
	                     &servers) == 0);
	cr_expect_eq(servers.count, CONFIG_DNS_SERVERS_MAX);
}

Test(dns_option, what_is_none)
{
	static const char *const wrong[] = {
		",", "10.0.0.3,", ",10.0.0.3", "10.0.0.3,,10.0.0.4", "10.0.0", "10.0.0.3 ", "10.0.0.3;10.0.0.4",
		"ns.example", "10.0.0.3,x", "10.0.0.3:53",
		"11111111111111111111111111111111111111111111111111111111111111111111111111",
	};
	struct dns_servers servers = { .count = 2 };

	for (size_t i = 0; i < ARRAY_SIZE(wrong); i++)
		cr_expect_eq(option_dns(wrong[i], &servers), -EINVAL, "%s", wrong[i]);
	cr_expect_eq(servers.count, 2, "is left alone");
}
