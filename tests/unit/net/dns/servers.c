/* SPDX-License-Identifier: ISC */
/* Servers that are deaf, failing, slow, old-fashioned, or not there; and answers over TCP. */
#include <errno.h>
#include <string.h>

#include "kernel/loop.h"
#include "tests/unit/net/dns/world.h"

TestSuite(servers, .init = world_begin, .fini = world_end, .timeout = 60);

/* -- servers in trouble -- */

Test(servers, no_servers)
{
	dns_resolver_set_servers(resolver, NULL, 0);
	dns_resolve(resolver, &query, "www.example.com", IP_V4, DEADLINE_NEVER);
	test_assert_error(&query.promise, -EHOSTUNREACH);
	dns_resolver_set_servers(resolver, addrs, 1);
	cr_expect_eq(look_up("www.example.com"), 2, "that is not remembered");
}

Test(servers, a_lost_question)
{
	uint64_t begun = clock_now_ns();

	server.deaf = 1;
	cr_expect_eq(look_up("www.example.com"), 2);
	cr_expect(server.questions == 2 && clock_now_ns() - begun < 2 * TRY_NS);
	cr_expect(asked(0)->id != asked(1)->id && asked(0)->from_port != asked(1)->from_port);
	cr_expect_eq(stats().timeouts, 1);
}

Test(servers, nobody_answers)
{
	uint64_t begun = clock_now_ns();

	server.deaf = 100;
	cr_expect_eq(look_up("www.example.com"), -ETIMEDOUT);
	cr_expect_eq(server.questions, CONFIG_DNS_ROUNDS);
	cr_expect_geq(clock_now_ns() - begun, 7 * TRY_NS, "1, 2, 4");
	cr_expect_lt(clock_now_ns() - begun, 8 * TRY_NS);
	cr_expect_eq(look_up("www.example.com"), -ETIMEDOUT);
	cr_expect_eq(server.questions, CONFIG_DNS_ROUNDS, "RFC 9520 §3.2: is remembered");
	clock_advance_ns(CONFIG_DNS_FAILURE_SECONDS * NS_PER_S);
	server.deaf = 0;
	cr_expect_eq(look_up("www.example.com"), 2);
}

Test(servers, the_second_server)
{
	dns_resolver_set_servers(resolver, addrs, 2);
	server.deaf = 100;
	cr_expect_eq(look_up("www.example.com"), 2);
	cr_expect(server.questions == 1 && near.questions == 1);
	cr_expect_eq(look_up("short.example.com"), 1);
	cr_expect(server.questions == 1 && near.questions == 2, "who answered last is asked first");
	near.deaf = 1;
	server.deaf = 0;
	cr_expect_eq(look_up("alias.example.com"), 2);
	cr_expect(server.questions == 2 && near.questions == 3);
}

Test(servers, a_server_that_is_not_there)
{
	struct ip_addr order[] = { addrs[NOBODY], addrs[FAR] };

	dns_resolver_set_servers(resolver, order, 2);
	cr_expect_eq(look_up("www.example.com"), 2);
	order[0] = ip_v4(192, 168, 1, 1); /* no way there */
	dns_resolver_set_servers(resolver, order, 1);
	cr_expect_eq(look_up("short.example.com"), -EHOSTUNREACH);
	dns_resolver_set_servers(resolver, order, 2);
	cr_expect_eq(look_up("short.example.com"), 1);
}

Test(servers, servers_that_fail)
{
	static const uint16_t rcodes[] = { DNS_SERVER_FAILURE, DNS_REFUSED, DNS_NOT_IMPLEMENTED, 9 };

	dns_resolver_set_servers(resolver, addrs, 2);
	for (size_t i = 0; i < ARRAY_SIZE(rcodes); i++) {
		unsigned far_before = server.questions, near_before = near.questions;
		unsigned again = rcodes[i] == DNS_NOT_IMPLEMENTED; /* without EDNS0 */

		server.rcode = near.rcode = rcodes[i];
		cr_expect_eq(look_up("www.example.com"), -EIO);
		cr_expect_eq(server.questions - far_before, 1 + again, "one that failed is not asked again");
		cr_expect_eq(near.questions - near_before, 1 + again);
		cr_expect_eq(look_up("www.example.com"), -EIO);
		cr_expect_eq(server.questions - far_before, 1 + again, "and is spared for a while");
		clock_advance_ns(2 * NS_PER_S);
	}
	near.rcode = 0;
	cr_expect_eq(look_up("www.example.com"), 2);
}

Test(servers, one_fails_and_the_other_is_slow)
{
	dns_resolver_set_servers(resolver, addrs, 2);
	server.rcode = DNS_SERVER_FAILURE;
	near.deaf = 2;
	cr_expect_eq(look_up("www.example.com"), 2);
	cr_expect(server.questions == 1 && near.questions == 3);
}

static void make_malformed(uint8_t *data, size_t *len, bool over_tcp)
{
	(void)data;
	if (!over_tcp)
		*len -= 5;
}

Test(servers, malformed_answers)
{
	dns_resolver_set_servers(resolver, addrs, 2);
	server.spoil = make_malformed;
	cr_expect(look_up("www.example.com") == 2 && near.questions == 1);
	near.spoil = make_malformed;
	cr_expect_eq(look_up("alias.example.com"), -EIO);
}

Test(servers, aliases_are_asked_of_who_answered)
{
	dns_resolver_set_servers(resolver, addrs, 2);
	server.deaf = 100;
	near.is_brief = true;
	cr_expect_eq(look_up("alias.example.com"), 2);
	cr_expect(server.questions == 1 && near.questions == 3);
}

Test(servers, one_that_failed_and_is_told_of_anew)
{
	dns_resolver_set_servers(resolver, addrs, 2);
	server.rcode = DNS_SERVER_FAILURE;
	near.deaf = 100;
	dns_resolve(resolver, &query, "www.example.com", IP_V4, DEADLINE_NEVER);
	test_run_for_ns(TRY_NS / 2);
	cr_expect(server.questions == 1 && near.questions == 1);
	server.rcode = 0;
	dns_resolver_set_servers(resolver, addrs, 1);
	cr_expect_eq(loop_run(&query.promise), 2);
}

Test(servers, servers_change_meanwhile)
{
	server.deaf = 100;
	dns_resolve(resolver, &query, "www.example.com", IP_V4, DEADLINE_NEVER);
	test_run_for_ns(TRY_NS / 2);
	test_assert_pending(&query.promise);
	for (int i = 0; i < 2 * CONFIG_UDP_LISTENERS; i++) /* each time from another port */
		dns_resolver_set_servers(resolver, &addrs[NOBODY], 1);
	dns_resolver_set_servers(resolver, &addrs[NEAR], 1);
	test_run_for_ns(NS_PER_MS);
	test_assert_value(&query.promise, 2);
	dns_resolve(resolver, &query, "short.example.com", IP_V4, DEADLINE_NEVER);
	dns_resolver_set_servers(resolver, NULL, 0);
	test_assert_error(&query.promise, -EHOSTUNREACH);
}

/* -- servers of other kinds -- */

Test(servers, one_that_does_not_know_edns)
{
	server.is_old = true;
	cr_expect_eq(look_up("www.example.com"), 2);
	cr_expect(server.questions == 2 && asked(0)->has_edns && !asked(1)->has_edns);
}

static void leave_header(uint8_t *data, size_t *len, bool over_tcp)
{
	(void)over_tcp;
	if ((data[3] & DNS_RCODE) != DNS_FORMAT_ERROR)
		return;
	memset(data + 4, 0, 8);
	*len = 12;
}

Test(servers, one_that_does_not_even_repeat_the_question)
{
	server.is_old = true;
	server.spoil = leave_header;
	cr_expect_eq(look_up("www.example.com"), 2);
}

Test(servers, one_that_does_not_keep_the_case)
{
	server.is_small = true;
	cr_expect_eq(look_up("www.example.com"), 2);
	cr_expect_eq(server.questions, 2);
	cr_expect_eq(memcmp(asked(1)->name, "\3www\7example\3com", 17), 0, "in small letters");
	cr_expect(asked(0)->id != asked(1)->id && asked(0)->from_port != asked(1)->from_port);
}

Test(servers, one_that_has_nothing_of_all_that)
{
	server.is_small = server.is_old = server.always_truncates = true;
	cr_expect_eq(look_up("www.example.com"), 2);
	cr_expect_leq(server.questions, 4);
}

/* -- TCP -- */

Test(servers, long_answers_come_over_tcp)
{
	server.zone = big;
	for (uint32_t piece = 0; piece < 3; piece++) {
		server.piece_bytes = piece;
		cr_expect_eq(look_up("big.example.com"), CONFIG_DNS_ADDRESSES);
		cr_expect(first_is(2, 1) && asked(server.questions - 1)->over_tcp);
		test_run_for_ns(61 * NS_PER_S);
	}
	cr_expect_eq(server.questions, 6);
	cr_expect_eq(stats().over_tcp, 3);
}

Test(servers, nothing_over_tcp)
{
	uint64_t begun;

	server.always_truncates = true;
	server.hangs_up = true;
	cr_expect_eq(look_up("www.example.com"), -EIO);
	test_run_for_ns(2 * NS_PER_S);
	server.hangs_up = false;
	server.is_silent = true;
	begun = clock_now_ns();
	cr_expect_eq(look_up("www.example.com"), -ETIMEDOUT);
	cr_expect_geq(clock_now_ns() - begun, 28 * TRY_NS, "4, 8, 16");
	test_run_for_ns(2 * NS_PER_S);
	server.is_silent = false;
	cr_expect_eq(look_up("www.example.com"), 2);
}

static void spoil_id(uint8_t *data, size_t *len, bool over_tcp)
{
	(void)len;
	data[0] ^= over_tcp;
}

static void spoil_flags(uint8_t *data, size_t *len, bool over_tcp)
{
	(void)len, (void)over_tcp;
	data[2] |= DNS_TRUNCATED >> 8;
}

Test(servers, lies_over_tcp)
{
	server.always_truncates = true;
	server.spoil = spoil_id;
	cr_expect_eq(look_up("www.example.com"), -EIO);
	test_run_for_ns(2 * NS_PER_S);
	server.spoil = spoil_flags;
	cr_expect_eq(look_up("www.example.com"), -EIO);
	cr_expect_eq(server.questions, 4);
}

static void grow(uint8_t *data, size_t *len, bool over_tcp)
{
	(void)data;
	*len = over_tcp ? CONFIG_DNS_MESSAGE_BYTES + 1 : *len;
}

Test(servers, longer_than_we_take)
{
	server.always_truncates = true;
	server.spoil = grow;
	cr_expect_eq(look_up("www.example.com"), -EIO);
}

Test(servers, no_tcp_at_all)
{
	dns_resolver_set_servers(resolver, addrs, 2);
	direct_tcp_unlisten(stacks[1], 53);
	server.always_truncates = true;
	cr_expect(look_up("www.example.com") == 2 && near.questions == 1);
}
