/* SPDX-License-Identifier: ISC */
/* The world of the resolver's tests. */
#include "tests/unit/net/dns/world.h"

#include "kernel/loop.h"
#include "net/udp.h"
#include "tests/lib/lan.h"

static const struct dns_zone zone[] = {
	{ "www.example.com", DNS_A, 300, "10.1.0.1" },
	{ "www.example.com", DNS_A, 200, "10.1.0.2" },
	{ "short.example.com", DNS_A, 2, "10.1.0.3" },
	{ "never.example.com", DNS_A, 0, "10.1.0.4" },
	{ "alias.example.com", DNS_CNAME, 100, "second.example.net" },
	{ "second.example.net", DNS_CNAME, 50, "www.example.com" },
	{ "circle.example.com", DNS_CNAME, 50, "circle2.example.com" },
	{ "circle2.example.com", DNS_CNAME, 50, "circle.example.com" },
	{ "text.example.com", DNS_TXT, 60, "" },
	{ 0 },
};
struct dns_zone big[120];

struct cable *cable;
struct direct *stacks[2];
struct dns_server server, near;
struct dns_resolver *resolver;
struct dns_query query;
struct ip_addr addrs[3] = {
	[FAR] = { IP_V4, { 10, 0, 0, 2 } },
	[NEAR] = { IP_V4, { 10, 0, 0, 1 } },
	[NOBODY] = { IP_V4, { 10, 0, 0, 9 } },
};

void world_start(const struct cable_config *cable_config)
{
	struct dns_config config = DNS_CONFIG_DEFAULTS;

	cr_assert_eq(cable_create(&cable, cable_config), 0);
	for (int i = 0; i < 2; i++) {
		struct stack_config stack = { .ip = { ip_v4(10, 0, 0, (uint8_t)(i + 1)), 24 } };

		cr_assert_eq(direct_create(&stacks[i], cable_end(cable, i), &stack), 0);
	}
	for (size_t i = 0; i + 1 < ARRAY_SIZE(big); i++)
		big[i] = (struct dns_zone){ "big.example.com", DNS_A, 60, "10.2.0.1" };
	server = (struct dns_server){
		.stack = (struct stack *)stacks[1], .port = DNS_PORT, .zone = zone, .negative_s = 30,
	};
	near = server;
	near.stack = (struct stack *)stacks[0];
	cr_assert(dns_server_start(&server) == 0 && dns_server_start(&near) == 0);
	cr_assert_eq(dns_resolver_create(&resolver, (struct stack *)stacks[0], &config), 0);
	dns_resolver_set_servers(resolver, addrs, 1);
}

void world_begin(void)
{
	lan_prepare();
	test_begin();
	world_start(&(struct cable_config){ .seed = 1 });
}

struct dns_stats stats(void)
{
	struct dns_stats s;

	dns_resolver_stats(resolver, &s);
	return s;
}

void world_stop(void)
{
	cr_expect_eq(stats().lookups, 0);
	dns_resolver_destroy(resolver);
	test_run_for_ns(300 * NS_PER_S); /* for TIME-WAIT, and frames in flight */
	dns_server_stop(&server);
	dns_server_stop(&near);
	cr_expect(server.streams_open == 0 && near.streams_open == 0);
	cr_expect_eq(udp_stats(direct_udp(stacks[1]))->no_ports, 0, "only the server's port was asked");
	direct_destroy(stacks[0]);
	direct_destroy(stacks[1]);
	cable_destroy(cable);
}

void world_end(void)
{
	world_stop();
	test_end();
}

intptr_t look_up(const char *name)
{
	dns_resolve(resolver, &query, name, IP_V4, DEADLINE_NEVER);
	return loop_run(&query.promise);
}

const struct dns_asked *asked(unsigned n)
{
	return &server.asked[n % ARRAY_SIZE(server.asked)];
}

bool first_is(uint8_t b, uint8_t d)
{
	struct ip_addr expected = ip_v4(10, b, 0, d);

	return ip_equal(&query.found.addrs[0], &expected);
}
