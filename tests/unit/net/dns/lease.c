/* SPDX-License-Identifier: ISC */
/* The servers of a lease as they come, change and go. */
#include "net/dns/lease.h"

#include <errno.h>

#include "tests/unit/net/dns/world.h"

TestSuite(dns_lease, .init = world_begin, .fini = world_end, .timeout = 60);

Test(dns_lease, servers_come_and_go)
{
	struct dhcp_lease lease = { .dns = { addrs[FAR] } };
	struct dns_lease l;

	dns_resolver_set_servers(resolver, NULL, 0);
	dns_lease_follow(&l, resolver, stacks[0]);
	cr_expect_eq(look_up("www.example.com"), -EHOSTUNREACH, "the address is static");
	l.listener.changed(&l.listener, &lease);
	cr_expect(look_up("www.example.com") == 2 && server.questions == 1);
	lease.dns[0] = addrs[NEAR];
	l.listener.changed(&l.listener, &lease);
	cr_expect(look_up("short.example.com") == 1 && near.questions == 1);
	for (size_t i = 0; i < DHCP_SERVERS; i++)
		lease.dns[i] = addrs[FAR];
	l.listener.changed(&l.listener, &lease);
	l.listener.changed(&l.listener, NULL);
	cr_expect(look_up("alias.example.com") == 2 && server.questions == 2, "one that has gone leaves them");
	lease.dns[0].family = IP_NONE;
	l.listener.changed(&l.listener, &lease);
	cr_expect(look_up("none.example.com") == -ENOENT && server.questions == 3, "so does one that names none");
}
