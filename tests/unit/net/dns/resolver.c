/* SPDX-License-Identifier: ISC */
/* The resolver's usual course: queries without a server, names and aliases, the cache, concurrent queries,
 * deadlines. */
#include <errno.h>

#include "kernel/format.h"
#include "kernel/loop.h"
#include "tests/unit/net/dns/world.h"

TestSuite(resolver, .init = world_begin, .fini = world_end, .timeout = 60);

/* -- queries without a server -- */

Test(resolver, addresses_as_text)
{
	dns_resolve(resolver, &query, "10.1.2.3", IP_V4, DEADLINE_NEVER);
	test_assert_value(&query.promise, 1);
	cr_expect(query.found.count == 1 && query.found.addrs[0].bytes[1] == 1 && query.found.ttl_s > 0);
	dns_resolve(resolver, &query, "10.1.2.3", IP_V6, DEADLINE_NEVER);
	test_assert_error(&query.promise, -ENODATA);
}

Test(resolver, localhost)
{
	static const char *const names[] = { "localhost", "LocalHost.", "www.localhost" };

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		dns_resolve(resolver, &query, names[i], IP_V4, DEADLINE_NEVER);
		test_assert_value(&query.promise, 1);
		cr_expect_eq(query.found.addrs[0].bytes[0], 127);
	}
	dns_resolve(resolver, &query, "localhost", IP_V6, DEADLINE_NEVER);
	test_assert_value(&query.promise, 1);
	cr_expect(query.found.addrs[0].family == IP_V6 && query.found.addrs[0].bytes[15] == 1);
	cr_expect_eq(server.questions, 0);
}

Test(resolver, no_names)
{
	cr_expect_eq(look_up(""), -EINVAL);
	cr_expect_eq(look_up("a..b"), -EINVAL);
	cr_expect_eq(server.questions, 0);
}

/* -- the usual course -- */

Test(resolver, a_name)
{
	cr_expect_eq(look_up("www.example.com"), 2);
	cr_expect(query.found.count == 2 && query.found.ttl_s == 200 && first_is(1, 1));
	cr_expect(server.questions == 1 && !asked(0)->over_tcp && asked(0)->has_edns);
	cr_expect(asked(0)->from_port >= 1024);
}

Test(resolver, the_longest_name)
{
	char name[256];
	uint8_t wire[DNS_NAME_BYTES];

	for (size_t i = 0; i < 253; i++)
		name[i] = i % 64 == 63 ? '.' : 'a' + (char)(i % 26);
	name[253] = '\0';
	cr_expect_eq(look_up(name), -ENOENT);
	cr_assert_eq(server.questions, 1);
	cr_assert_eq(dns_name_from_text(wire, name), DNS_NAME_BYTES);
	cr_expect(dns_name_equal(asked(0)->name, wire) && asked(0)->has_edns);
	server.always_truncates = true;
	name[0] = 'b';
	cr_expect(look_up(name) == -ENOENT && asked(2)->over_tcp && asked(2)->has_edns);
}

Test(resolver, an_answer_is_remembered)
{
	look_up("www.example.com");
	clock_advance_ns(50 * NS_PER_S);
	dns_resolve(resolver, &query, "WWW.EXAMPLE.COM.", IP_V4, DEADLINE_NEVER);
	test_assert_value(&query.promise, 2);
	cr_expect(server.questions == 1 && stats().cache_hits == 1);
	cr_expect(query.found.ttl_s <= 150 && query.found.ttl_s >= 148, "%u", query.found.ttl_s);
	clock_advance_ns(150 * NS_PER_S);
	cr_expect(look_up("www.example.com") == 2 && server.questions == 2);
}

Test(resolver, a_time_to_live_of_zero_is_for_now_alone)
{
	cr_expect(look_up("never.example.com") == 1 && query.found.ttl_s == 0);
	cr_expect(look_up("never.example.com") == 1 && server.questions == 2);
}

Test(resolver, the_other_family)
{
	dns_resolve(resolver, &query, "www.example.com", IP_V6, DEADLINE_NEVER);
	cr_expect_eq(loop_run(&query.promise), -ENODATA);
	cr_expect_eq(asked(0)->type, DNS_AAAA);
	cr_expect_eq(look_up("www.example.com"), 2, "types are apart");
}

Test(resolver, aliases_in_one_answer)
{
	cr_expect(look_up("alias.example.com") == 2 && first_is(1, 1) && query.found.ttl_s == 50);
	cr_expect_eq(server.questions, 1);
	cr_expect(look_up("alias.example.com") == 2 && server.questions == 1, "under the name that was asked");
}

Test(resolver, aliases_one_at_a_time)
{
	server.is_brief = true;
	cr_expect(look_up("alias.example.com") == 2 && first_is(1, 1) && query.found.ttl_s == 50);
	cr_expect_eq(server.questions, 3);
	cr_expect(look_up("alias.example.com") == 2 && server.questions == 3);
}

Test(resolver, circles)
{
	cr_expect_eq(look_up("circle.example.com"), -ELOOP);
	server.is_brief = true;
	test_run_for_ns(2 * NS_PER_S);
	cr_expect_eq(look_up("circle.example.com"), -ELOOP);
	cr_expect_leq(server.questions, 2 + CONFIG_DNS_ALIASES);
}

/* -- there is none -- */

Test(resolver, no_such_name)
{
	cr_expect_eq(look_up("none.example.com"), -ENOENT);
	cr_expect_eq(look_up("none.example.com"), -ENOENT);
	cr_expect(server.questions == 1 && stats().cache_hits == 1);
	clock_advance_ns(31 * NS_PER_S);
	cr_expect(look_up("none.example.com") == -ENOENT && server.questions == 2, "as long as the zone says");
}

Test(resolver, no_address)
{
	cr_expect(look_up("text.example.com") == -ENODATA && look_up("text.example.com") == -ENODATA);
	cr_expect_eq(server.questions, 1);
}

Test(resolver, nobody_said_for_how_long)
{
	server.negative_s = 0;
	cr_expect(look_up("none.example.com") == -ENOENT && look_up("none.example.com") == -ENOENT);
	cr_expect_eq(server.questions, 2, "RFC 2308 §5: not remembered without SOA");
}

Test(resolver, what_is_not_to_be_remembered_pushes_nothing_out)
{
	static const char *const names[] = {
		"www.example.com", "alias.example.com", "text.example.com", "none.example.com",
	};
	struct dns_config config = DNS_CONFIG_DEFAULTS;

	dns_resolver_destroy(resolver);
	config.entries = ARRAY_SIZE(names);
	cr_assert_eq(dns_resolver_create(&resolver, (struct stack *)stacks[0], &config), 0);
	dns_resolver_set_servers(resolver, addrs, 1);
	for (int round = 0; round < 2; round++)
		for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
			look_up(names[i]);
			look_up("never.example.com");
		}
	cr_expect_eq(stats().cache_hits, ARRAY_SIZE(names));
}

/* -- concurrent queries -- */

Test(resolver, who_asks_for_the_same_shares_a_question)
{
	static struct dns_query many[50];

	server.delay_ns = 100 * NS_PER_MS;
	for (size_t i = 0; i < ARRAY_SIZE(many); i++)
		dns_resolve(resolver, &many[i], i % 2 ? "www.example.com" : "WWW.example.COM.", IP_V4,
		            DEADLINE_NEVER);
	promise_cancel(&many[7].promise);
	test_assert_error(&many[7].promise, -ECANCELED);
	test_run_for_ns(NS_PER_S);
	for (size_t i = 0; i < ARRAY_SIZE(many); i++)
		if (i != 7)
			test_assert_value(&many[i].promise, 2);
	cr_expect(server.questions == 1 && stats().lookups_peak == 1);
}

Test(resolver, lookups_are_bounded)
{
	static struct dns_query many[CONFIG_DNS_LOOKUPS + 1];
	char name[32];

	server.deaf = 100;
	for (size_t i = 0; i < ARRAY_SIZE(many); i++) {
		format(name, sizeof(name), "h%zu.example.com", i);
		dns_resolve(resolver, &many[i], name, IP_V4, DEADLINE_NEVER);
	}
	test_assert_error(&many[CONFIG_DNS_LOOKUPS].promise, -ENOBUFS);
	for (size_t i = 0; i < CONFIG_DNS_LOOKUPS; i++) {
		test_assert_pending(&many[i].promise);
		promise_cancel(&many[i].promise);
	}
	cr_expect_eq(stats().lookups, 0);
}

Test(resolver, the_stack_has_no_port_left)
{
	for (uint16_t port = 100; direct_udp_listen(stacks[0], port, NULL, NULL) == 0; port++)
		;
	cr_expect_eq(look_up("www.example.com"), -ENOBUFS);
	cr_expect(stats().failures == 0 && stats().questions == 0, "no server is to blame");
	dns_resolve(resolver, &query, "www.example.com", IP_V4, DEADLINE_NEVER);
	test_run_for_ns(TRY_NS);
	test_assert_pending(&query.promise);
	for (uint16_t port = 100; port < 100 + CONFIG_UDP_LISTENERS; port++)
		direct_udp_unlisten(stacks[0], port);
	test_run_for_ns(TRY_NS / 4);
	test_assert_value(&query.promise, 2);
	cr_expect(stats().failures == 0 && stats().questions == 1);
}

/* -- deadlines and cancelling -- */

Test(resolver, deadlines)
{
	struct dns_query second;
	uint64_t now = clock_now_ns();

	server.delay_ns = 500 * NS_PER_MS;
	dns_resolve(resolver, &query, "www.example.com", IP_V4, now + 100 * NS_PER_MS);
	dns_resolve(resolver, &second, "www.example.com", IP_V4, now + 900 * NS_PER_MS);
	test_run_for_ns(200 * NS_PER_MS);
	test_assert_error(&query.promise, -ETIMEDOUT);
	test_assert_pending(&second.promise);
	cr_expect_eq(loop_run(&second.promise), 2);
	dns_resolve(resolver, &query, "short.example.com", IP_V4, now);
	cr_expect_eq(loop_run(&query.promise), -ETIMEDOUT, "it is past");
	test_run_for_ns(NS_PER_S);
	server.delay_ns = 0;
	cr_expect_eq(look_up("short.example.com"), 1, "somebody's impatience is not remembered");
}

Test(resolver, cancelled_at_each_moment)
{
	server.zone = big; /* UDP, then TCP */
	for (uint64_t us = 0; us < 20000; us += 250) {
		dns_resolve(resolver, &query, "big.example.com", IP_V4, DEADLINE_NEVER);
		for (uint64_t i = 0; i < us && !promise_is_settled(&query.promise); i += 50) {
			clock_advance_ns(50 * NS_PER_US);
			loop_turn();
		}
		promise_cancel(&query.promise);
		cr_expect(promise_is_settled(&query.promise) && stats().lookups == 0);
		test_run_for_ns(61 * NS_PER_S);
	}
}

/* … and the connection with it, in every state. */
Test(resolver, cancelled_at_each_moment_of_a_connection)
{
	server.zone = big;
	server.piece_bytes = server.stops_after = 10;
	for (unsigned turns = 0; turns < 200; turns++) {
		dns_resolve(resolver, &query, "big.example.com", IP_V4, DEADLINE_NEVER);
		server.is_silent = turns < 100;
		for (unsigned i = 0; i < turns % 100; i++)
			if (!loop_turn())
				clock_advance_ns(50 * NS_PER_US);
		promise_cancel(&query.promise);
		test_run_for_ns(100 * NS_PER_MS);
		cr_expect_eq(server.streams_open, 0, "after %u turns", turns);
	}
	cr_expect_gt(stats().over_tcp, 20);
}

Test(resolver, destroyed_with_queries)
{
	struct dns_config config = DNS_CONFIG_DEFAULTS;
	struct dns_query second;

	server.always_truncates = server.is_silent = true;
	near.deaf = 100;
	dns_resolve(resolver, &query, "www.example.com", IP_V4, DEADLINE_NEVER);
	test_run_for_ns(10 * NS_PER_MS);
	dns_resolve(resolver, &second, "other.example.com", IP_V4, clock_now_ns() + NS_PER_S);
	dns_resolver_destroy(resolver);
	test_assert_error(&query.promise, -ECANCELED);
	test_assert_error(&second.promise, -ECANCELED);
	test_settle();
	cr_assert_eq(dns_resolver_create(&resolver, (struct stack *)stacks[0], &config), 0);
}
