/* SPDX-License-Identifier: ISC */
/* The resolver over the host's sockets, with a server of ours at the other end of loopback. The server
 * hears every address of 127/8 and answers from 127.0.0.1, as the host's routes have it: so to ask
 * 127.0.0.2 is to be answered from the wrong address. */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "kernel/random.h"
#include "net/dns/resolver.h"
#include "net/socket.h"
#include "tests/lib/dns_server.h"
#include "tests/lib/test.h"
#include "tests/unit/unix/world.h"

static const struct dns_zone zone[] = {
	{ "www.example.com", DNS_A, 300, "10.1.0.1" },
	{ "alias.example.com", DNS_CNAME, 100, "www.example.com" },
	{ 0 },
};
static struct dns_zone big[120];
static const struct ip_addr addrs[] = { { IP_V4, { 127, 0, 0, 2 } }, { IP_V4, { 127, 0, 0, 1 } } };
enum { WRONG, RIGHT };

static struct socket_stack *stacks[2];
static struct dns_server server;
static struct dns_resolver *resolver;
static struct dns_query query;

/* A port that is free for both: chosen by the host, so that tests can run side by side. */
static uint16_t free_port(void)
{
	for (;;) {
		struct sockaddr_in at = { .sin_family = AF_INET };
		socklen_t size = sizeof(at);
		int udp = socket(AF_INET, SOCK_DGRAM, 0), tcp = socket(AF_INET, SOCK_STREAM, 0), taken;

		cr_assert_eq(bind(udp, (struct sockaddr *)&at, size), 0);
		cr_assert_eq(getsockname(udp, (struct sockaddr *)&at, &size), 0);
		taken = bind(tcp, (struct sockaddr *)&at, size);
		close(udp);
		close(tcp);
		if (taken == 0)
			return ntohs(at.sin_port);
	}
}

static void begin(void)
{
	static const struct socket_limits limits = { 8, 8, 40, 16 };
	struct dns_config config = DNS_CONFIG_DEFAULTS;

	if (!random_is_ready())
		cr_assert_eq(random_init(), 0);
	world_begin();
	for (int i = 0; i < 2; i++)
		cr_assert_eq(socket_create(&stacks[i], &limits), 0);
	for (size_t i = 0; i + 1 < ARRAY_SIZE(big); i++)
		big[i] = (struct dns_zone){ "big.example.com", DNS_A, 60, "10.2.0.1" };
	server = (struct dns_server){
		.stack = (struct stack *)stacks[1], .port = free_port(), .zone = zone, .negative_s = 30,
	};
	cr_assert_eq(dns_server_start(&server), 0);
	config.port = server.port;
	cr_assert_eq(dns_resolver_create(&resolver, (struct stack *)stacks[0], &config), 0);
	dns_resolver_set_servers(resolver, &addrs[RIGHT], 1);
}

static struct dns_stats stats(void)
{
	struct dns_stats s;

	dns_resolver_stats(resolver, &s);
	return s;
}

static void finish(void)
{
	cr_expect_eq(stats().lookups, 0);
	dns_resolver_destroy(resolver);
	for (unsigned ms = 0; ms < 5000 && server.streams_open; ms++)
		world_run_for_ms(1);
	cr_expect_eq(server.streams_open, 0);
	dns_server_stop(&server);
	world_run_for_ms(5);
	socket_destroy(stacks[0]);
	socket_destroy(stacks[1]);
	test_settle();
	world_end();
}

TestSuite(dns, .init = begin, .fini = finish, .timeout = 120);

static intptr_t look_up(const char *name)
{
	dns_resolve(resolver, &query, name, IP_V4, DEADLINE_NEVER);
	return world_run(&query.promise);
}

Test(dns, names)
{
	cr_expect_eq(look_up("www.example.com"), 1);
	cr_expect(query.found.addrs[0].bytes[1] == 1 && server.questions >= 1);
	cr_expect_eq(look_up("alias.example.com"), 1);
	cr_expect_eq(look_up("none.example.com"), -ENOENT);
	dns_resolve(resolver, &query, "www.example.com", IP_V4, DEADLINE_NEVER);
	test_assert_value(&query.promise, 1);
}

Test(dns, long_answers_come_over_tcp)
{
	server.zone = big;
	server.piece_bytes = 100;
	cr_expect_eq(look_up("big.example.com"), CONFIG_DNS_ADDRESSES);
	cr_expect_geq(stats().over_tcp, 1);
}

static void grow(uint8_t *data, size_t *len, bool over_tcp)
{
	(void)data;
	*len = over_tcp ? CONFIG_DNS_MESSAGE_BYTES + 1 : *len;
}

Test(dns, longer_than_we_take)
{
	server.zone = big;
	server.spoil = grow;
	cr_expect_eq(look_up("big.example.com"), -EIO);
}

Test(dns, no_tcp)
{
	stack_tcp_unlisten(server.stack, server.port);
	server.zone = big;
	cr_expect_eq(look_up("big.example.com"), -EIO);
}

Test(dns, the_second_server_when_the_first_answers_from_elsewhere)
{
	dns_resolver_set_servers(resolver, addrs, 2);
	cr_expect_eq(look_up("www.example.com"), 1);
	cr_expect(stats().wrong >= 1 && stats().timeouts >= 1);
}

Test(dns, forgeries_end_in_tcp)
{
	server.forgeries = 40;
	cr_expect_eq(look_up("www.example.com"), 1);
	cr_expect_geq(stats().wrong, CONFIG_DNS_FORGERIES);
	cr_expect_geq(stats().over_tcp, 1);
}

Test(dns, ports_are_given_back)
{
	for (int i = 0; i < 40; i++) { /* more than there are listeners */
		server.zone = i % 2 ? big : zone;
		cr_expect_gt(look_up(i % 2 ? "big.example.com" : "www.example.com"), 0);
		clock_advance_ns(400 * NS_PER_S);
	}
}

Test(dns, cancelled)
{
	server.deaf = 100;
	dns_resolve(resolver, &query, "www.example.com", IP_V4, DEADLINE_NEVER);
	world_run_for_ms(20);
	test_assert_pending(&query.promise);
	promise_cancel(&query.promise);
	test_assert_error(&query.promise, -ECANCELED);
	server.zone = big;
	server.is_silent = true;
	server.deaf = 0;
	dns_resolve(resolver, &query, "big.example.com", IP_V4, DEADLINE_NEVER);
	for (unsigned ms = 0; ms < 5000 && !server.streams_open; ms++)
		world_run_for_ms(1);
	cr_expect_eq(server.streams_open, 1);
	promise_cancel(&query.promise);
	test_assert_error(&query.promise, -ECANCELED);
}

Test(dns, deadlines)
{
	server.deaf = 100;
	dns_resolve(resolver, &query, "www.example.com", IP_V4, clock_now_ns() + 30 * NS_PER_MS);
	cr_expect_eq(world_run(&query.promise), -ETIMEDOUT);
	cr_expect_eq(stats().timeouts, 0);
}
