/* SPDX-License-Identifier: ISC */
/* A forger of answers has to guess, and gets few guesses. */
#include <string.h>

#include "tests/lib/lan.h"
#include "tests/unit/net/dns/world.h"

TestSuite(forgery, .init = world_begin, .fini = world_end, .timeout = 60);

/* -- forgeries -- */

static unsigned different(unsigned count, unsigned (*what)(const struct dns_asked *a))
{
	unsigned found = 0;

	for (unsigned i = 0; i < count; i++) {
		bool seen = false;

		for (unsigned j = 0; j < i; j++)
			seen |= what(asked(i)) == what(asked(j));
		found += !seen;
	}
	return found;
}

static unsigned port_of(const struct dns_asked *a)
{
	return a->from_port;
}

static unsigned id_of(const struct dns_asked *a)
{
	return a->id;
}

/* The letters' cases of www.example.com as bits. */
static unsigned case_of(const struct dns_asked *a)
{
	unsigned bits = 0;

	for (size_t i = 0; i < 17; i++)
		if (a->name[i] >= 'A')
			bits = bits << 1 | (a->name[i] >> 5 & 1);
	return bits;
}

Test(forgery, questions_are_unpredictable)
{
	unsigned low = 0;

	for (int i = 0; i < 60; i++) {
		cr_assert_eq(look_up("www.example.com"), 2);
		clock_advance_ns(200 * NS_PER_S);
	}
	cr_expect_gt(different(60, port_of), 55);
	cr_expect_gt(different(60, id_of), 55);
	cr_expect_gt(different(60, case_of), 50);
	for (unsigned i = 0; i < 60; i++)
		low += asked(i)->from_port < 32768;
	cr_expect(low > 10 && low < 50, "the whole range is used: %u below the middle", low);
}

Test(forgery, wrong_ids_are_passed_over)
{
	server.forgeries = CONFIG_DNS_FORGERIES - 1;
	cr_expect(look_up("www.example.com") == 2 && server.questions == 1);
	cr_expect_eq(stats().wrong, CONFIG_DNS_FORGERIES - 1);
}

Test(forgery, each_question_has_its_own_count)
{
	server.forgeries = CONFIG_DNS_FORGERIES - 1;
	server.is_brief = true;
	cr_expect(look_up("alias.example.com") == 2 && server.questions == 3);
	cr_expect_eq(stats().over_tcp, 0);
}

Test(forgery, a_flood_of_forgeries_ends_in_tcp)
{
	server.forgeries = 300;
	cr_expect_eq(look_up("www.example.com"), 2);
	cr_expect(server.questions == 2 && asked(1)->over_tcp);
	cr_expect_eq(stats().wrong, CONFIG_DNS_FORGERIES, "nobody listens there any more");
}

Test(forgery, answers_are_taken_once)
{
	server.copies = 5;
	cr_expect(look_up("www.example.com") == 2 && first_is(1, 1));
	test_run_for_ns(NS_PER_S);
	cr_expect_eq(stats().wrong, 0);
}

Test(forgery, late_answers_find_nobody)
{
	server.delay_ns = TRY_NS * 3 / 2;
	cr_expect_eq(look_up("www.example.com"), 2, "the second try waits longer");
	cr_expect_eq(server.questions, 2);
	cr_expect_eq(stats().wrong, 0);
}

/* Answers from other addresses and ports to the right port, correct otherwise. */
Test(forgery, answers_from_elsewhere_are_not_taken)
{
	static const struct { uint8_t host; uint16_t port; } from[] = { { 3, 53 }, { 2, 54 }, { 2, 0 } };
	struct dns_writer w;
	uint8_t data[512];
	struct frame f;

	server.deaf = 100;
	dns_resolve(resolver, &query, "www.example.com", IP_V4, DEADLINE_NEVER);
	test_run_for_ns(10 * NS_PER_MS);
	cr_assert_eq(server.questions, 1);
	dns_write(&w, data, sizeof(data), asked(0)->id, DNS_RESPONSE);
	dns_write_question(&w, asked(0)->name, DNS_A, DNS_IN);
	dns_record_begin(&w, asked(0)->name, DNS_A, DNS_IN, 1);
	dns_put_bytes(&w, "\12\6\6\6", 4);
	cr_assert_eq(dns_record_end(&w, DNS_ANSWERS), 0);
	for (size_t i = 0; i <= ARRAY_SIZE(from); i++) {
		uint32_t host = i < ARRAY_SIZE(from) ? from[i].host : 2;

		test_assert_pending(&query.promise);
		frame_ipv4(&f, 17, 0x0a000000 + host, 0x0a000001);
		frame_udp(&f, i < ARRAY_SIZE(from) ? from[i].port : 53, asked(0)->from_port, data, w.len);
		frame_finish(&f);
		memcpy(f.bytes, cable_end(cable, 0)->mac, 6);
		cable_inject(cable, 0, f.bytes, f.len);
		test_settle();
	}
	test_assert_value(&query.promise, 1); /* the last one was right in everything */
	cr_expect(query.found.addrs[0].bytes[1] == 6 && stats().wrong == 3);
}

Test(forgery, datagrams_of_any_length)
{
	static const size_t lens[] = { 0, 1, 11, 12, 13, 1232, 1233, 1472 };
	static uint8_t data[1472];
	struct frame f;

	server.deaf = 100;
	dns_resolve(resolver, &query, "www.example.com", IP_V4, DEADLINE_NEVER);
	test_run_for_ns(10 * NS_PER_MS);
	for (size_t i = 0; i < ARRAY_SIZE(lens) - 1; i++) {
		frame_ipv4(&f, 17, 0x0a000002, 0x0a000001);
		frame_udp(&f, 53, asked(0)->from_port, data, lens[i]);
		frame_finish(&f);
		memcpy(f.bytes, cable_end(cable, 0)->mac, 6);
		cable_inject(cable, 0, f.bytes, f.len);
	}
	cr_expect_eq(stats().wrong, ARRAY_SIZE(lens) - 1);
	test_assert_pending(&query.promise);
	promise_cancel(&query.promise);
}
