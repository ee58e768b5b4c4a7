/* SPDX-License-Identifier: ISC */
/* The DHCP client's engine against a scripted server: each path of RFC 2131 §4.4, and servers that lie. */
#include <criterion/criterion.h>
#include <string.h>

#include "kernel/dev/clock.h"
#include "kernel/promise.h"
#include "net/bytes.h"
#include "net/dhcp/engine.h"
#include "tests/lib/lan.h"
#include "tests/unit/net/dhcp/server.h"

#define SERVER 0x0a000001u
#define ADDRESS 0x0a000032u

static const uint8_t mac[6] = { 2, 0, 0, 0, 0, 1 };
static struct dhcp_engine e;
static uint64_t now_ns;
static struct message m, query;
static const struct ip_addr *destination;

static void begin_with(const struct ip_addr *known)
{
	lan_prepare();
	now_ns = 5 * NS_PER_S;
	dhcp_engine_init(&e, mac, 1500, "rain", known, now_ns);
}

static void begin(void)
{
	begin_with(NULL);
}

TestSuite(dhcp_engine, .init = begin);

/* Moves the time to the engine's deadline; gives its actions then. */
static unsigned wait_for_it(void)
{
	uint64_t next_ns = dhcp_engine_next_ns(&e);

	cr_assert(next_ns != DEADLINE_NEVER, "it waits for nothing");
	if (next_ns > now_ns) {
		cr_assert_eq(dhcp_engine_timeout(&e, next_ns - 1), 0, "too early");
		now_ns = next_ns;
	}
	return dhcp_engine_timeout(&e, now_ns);
}

static double until_next_s(void)
{
	return (double)(dhcp_engine_next_ns(&e) - now_ns) / 1e9;
}

/* Expects a renewal at T1 = seconds, passed of which have gone by: up to a sixteenth early. */
static void expect_renewal_in(double seconds, double passed)
{
	double is = until_next_s() + passed;

	cr_expect(is <= seconds && is >= seconds * 15 / 16, "%f, not %f", is, seconds);
}

/* The message that it wants sent. */
static void expect_query(enum dhcp_action action, uint8_t type)
{
	memset(&query, 0, sizeof(query));
	query.len = dhcp_engine_write(&e, action, query.bytes, &destination);
	cr_expect_eq(query_type(&query), type, "type %u", query_type(&query));
}

static bool is_broadcast(void)
{
	struct ip_addr all = ip_v4(255, 255, 255, 255);

	return ip_equal(destination, &all);
}

static void begin_reply(uint8_t type)
{
	reply_begin(&m, type, e.xid, mac, type == NAK ? 0 : ADDRESS, SERVER);
	if (type == NAK)
		return;
	reply_number(&m, 1, 0xffffff00);
	reply_number(&m, 3, SERVER);
}

static unsigned finish_reply(void)
{
	reply_end(&m);
	return dhcp_engine_input(&e, m.bytes, m.len, now_ns);
}

static unsigned answer(uint8_t type, uint32_t seconds)
{
	begin_reply(type);
	if (type != NAK)
		reply_number(&m, 51, seconds);
	return finish_reply();
}

static void reach_requesting(void)
{
	cr_assert_eq(wait_for_it(), DHCP_SEND);
	expect_query(DHCP_SEND, DISCOVER);
	cr_assert_eq(answer(OFFER, 1000), DHCP_SEND);
	cr_assert_eq(e.state, DHCP_REQUESTING);
}

static void reach_bound(uint32_t seconds)
{
	reach_requesting();
	cr_assert_eq(answer(ACK, seconds), DHCP_PROBE);
	cr_assert_eq(e.state, DHCP_PROBING);
	cr_assert_eq(dhcp_engine_next_ns(&e), DEADLINE_NEVER);
	cr_assert_eq(dhcp_engine_probed(&e, true, now_ns), DHCP_USE);
	cr_assert_eq(e.state, DHCP_BOUND);
}

/* -- the way to a lease -- */

Test(dhcp_engine, discover_offer_request_ack)
{
	uint32_t xid;

	cr_assert_eq(wait_for_it(), DHCP_SEND);
	expect_query(DHCP_SEND, DISCOVER);
	cr_expect(is_broadcast());
	cr_expect_eq(message_32(&query, 4), e.xid);
	xid = e.xid;
	now_ns += 3 * NS_PER_S;
	cr_assert_eq(answer(OFFER, 1000), DHCP_SEND);
	expect_query(DHCP_SEND, REQUEST);
	cr_expect(is_broadcast());
	cr_expect_eq(message_32(&query, 4), xid, "the exchange goes on");
	cr_expect_eq(message_32(&query, 12), 0);
	cr_expect_eq(query_number(&query, 50), ADDRESS);
	cr_expect_eq(query_number(&query, 54), SERVER);
	cr_assert_eq(answer(ACK, 1000), DHCP_PROBE);
	now_ns += 2 * NS_PER_S;
	cr_assert_eq(dhcp_engine_probed(&e, true, now_ns), DHCP_USE);
	cr_expect_eq(e.lease.ip.len, 24);
	expect_renewal_in(500, 2); /* from when it was asked for */
}

Test(dhcp_engine, the_first_offer_is_taken)
{
	reach_requesting();
	reply_begin(&m, OFFER, e.xid, mac, ADDRESS + 1, SERVER + 1);
	reply_number(&m, 51, 1000);
	cr_expect_eq(finish_reply(), 0);
	expect_query(DHCP_SEND, REQUEST);
	cr_expect_eq(query_number(&query, 50), ADDRESS);
}

static unsigned query_secs(void)
{
	return get_be16(query.bytes + 8);
}

/* RFC 2131 §3.1 (3): relays decide by secs, and must forward the request to where they forwarded the answered
 * discover. */
Test(dhcp_engine, seconds_since_it_began)
{
	unsigned secs = 0;

	for (int i = 0; i < 4; i++) {
		cr_assert_eq(wait_for_it(), DHCP_SEND);
		expect_query(DHCP_SEND, DISCOVER);
		cr_expect_eq(query_secs(), now_ns / NS_PER_S - 5);
		cr_expect(i == 0 ? query_secs() == 0 : query_secs() > secs);
		secs = query_secs();
	}
	now_ns += 3 * NS_PER_S;
	cr_assert_eq(answer(OFFER, 1000), DHCP_SEND);
	for (int i = 0; i < 3; i++) {
		expect_query(DHCP_SEND, REQUEST);
		cr_expect_eq(query_secs(), secs, "%d: %u", i, query_secs());
		cr_assert_eq(wait_for_it(), DHCP_SEND);
	}
	cr_assert_eq(answer(ACK, 1000), DHCP_PROBE);
	cr_assert_eq(dhcp_engine_probed(&e, true, now_ns), DHCP_USE);
	cr_assert_eq(wait_for_it(), DHCP_SEND);
	expect_query(DHCP_SEND, REQUEST);
	cr_expect_eq(query_secs(), 0, "renewing begins anew");
	cr_assert_eq(wait_for_it(), DHCP_SEND);
	expect_query(DHCP_SEND, REQUEST);
	cr_expect_geq(query_secs(), 60);
}

/* RFC 2131 §4.1: 4, 8, 16, 32, 64 s, each give or take one. */
Test(dhcp_engine, nobody_answers)
{
	double least = 64, most = 64;

	cr_assert_eq(wait_for_it(), DHCP_SEND);
	for (int i = 0; i < 300; i++) {
		double expected = i > 4 ? 64 : 4 << i, is = until_next_s();

		cr_expect(is >= expected - 1 && is <= expected + 1, "%d: %f", i, is);
		least = i > 4 ? MIN(least, is) : least;
		most = MAX(most, is);
		cr_assert_eq(wait_for_it(), DHCP_SEND);
		expect_query(DHCP_SEND, DISCOVER);
		cr_expect_eq(query.bytes[10], i ? 0x80 : 0, "whoever cannot reach us can reach everybody");
	}
	cr_expect(least < 63.5 && most > 64.5, "all alike");
	cr_expect_eq(answer(OFFER, 1000), DHCP_SEND, "it still hears");
}

Test(dhcp_engine, a_server_that_offers_and_vanishes)
{
	double waited = 0;

	reach_requesting();
	for (int i = 0; i < 3; i++) {
		waited += until_next_s();
		cr_assert_eq(wait_for_it(), DHCP_SEND);
		expect_query(DHCP_SEND, REQUEST);
	}
	waited += until_next_s();
	cr_assert_eq(wait_for_it(), 0);
	cr_expect(waited > 55 && waited < 65, "%f", waited);
	cr_expect_eq(e.state, DHCP_INIT);
	cr_expect_lt(until_next_s(), 3);
	cr_assert_eq(wait_for_it(), DHCP_SEND);
	expect_query(DHCP_SEND, DISCOVER);
}

/* After one NAK the client retries at once; after repeated ones, at most every ten seconds. */
Test(dhcp_engine, a_server_that_always_says_no)
{
	for (int i = 0; i < 20; i++) {
		reach_requesting();
		cr_assert_eq(answer(NAK, 0), 0);
		cr_assert_eq(e.state, DHCP_INIT);
		cr_expect(until_next_s() >= (i ? 10 : 0) && until_next_s() <= (i ? 12 : 2), "%f", until_next_s());
	}
}

/* -- the address that it was told of -- */

Test(dhcp_engine, init_reboot)
{
	struct ip_addr known = ip_v4(10, 0, 0, 50);

	begin_with(&known);
	cr_assert_eq(wait_for_it(), DHCP_SEND);
	cr_expect_eq(e.state, DHCP_REBOOTING);
	expect_query(DHCP_SEND, REQUEST);
	cr_expect(is_broadcast());
	cr_expect_eq(message_32(&query, 12), 0);
	cr_expect_eq(query_number(&query, 50), ADDRESS);
	cr_expect_eq(query_number(&query, 54), 0);
	cr_expect_eq(answer(ACK, 1000), DHCP_PROBE);
	cr_expect_eq(dhcp_engine_probed(&e, true, now_ns), DHCP_USE);
}

Test(dhcp_engine, init_reboot_into_another_network)
{
	struct ip_addr known = ip_v4(10, 9, 9, 9);

	begin_with(&known);
	cr_assert_eq(wait_for_it(), DHCP_SEND);
	cr_expect_eq(answer(ACK, 1000), 0, "another address than was asked for");
	cr_expect_eq(answer(NAK, 0), 0);
	cr_expect_eq(e.state, DHCP_INIT);
	reach_bound(1000);
}

Test(dhcp_engine, init_reboot_where_nobody_knows_us)
{
	struct ip_addr known = ip_v4(10, 0, 0, 50);

	begin_with(&known);
	cr_assert_eq(wait_for_it(), DHCP_SEND);
	cr_assert_eq(wait_for_it(), DHCP_SEND);
	cr_assert_eq(wait_for_it(), 0);
	cr_expect_lt(now_ns, 20 * NS_PER_S);
	reach_bound(1000);
}

/* -- renewing -- */

Test(dhcp_engine, renews_at_half_time_from_its_server)
{
	uint32_t xid;

	reach_bound(1000);
	xid = e.xid;
	expect_renewal_in(500, 0);
	cr_assert_eq(wait_for_it(), DHCP_SEND);
	cr_expect_eq(e.state, DHCP_RENEWING);
	expect_query(DHCP_SEND, REQUEST);
	cr_expect_neq(e.xid, xid);
	cr_expect_eq(get_be32(destination->bytes), SERVER);
	cr_expect_eq(message_32(&query, 12), ADDRESS);
	cr_expect_eq(query.bytes[10], 0);
	cr_expect_eq(query_number(&query, 50), 0);
	cr_expect_eq(query_number(&query, 54), 0);
	now_ns += NS_PER_S;
	cr_assert_eq(answer(ACK, 2000), DHCP_USE);
	cr_expect_eq(e.state, DHCP_BOUND);
	expect_renewal_in(1000, 1);
}

/* RFC 2131 §4.4.5: retries after half of the rest, at least a minute; then by broadcast; then the lease
 * ends. */
Test(dhcp_engine, its_server_vanishes)
{
	static const double rebindings[] = { 62.5, 60, 2.5 };

	reach_bound(1000);
	cr_assert_eq(wait_for_it(), DHCP_SEND);
	while (e.state == DHCP_RENEWING) {
		double left = 880 - (double)now_ns / 1e9, wait = MIN(MAX(left / 2, 60.0), left);

		cr_expect_float_eq(until_next_s(), wait, 0.001, "%f left: %f", left, until_next_s());
		cr_assert_eq(wait_for_it(), DHCP_SEND);
	}
	cr_expect_eq(e.state, DHCP_REBINDING);
	cr_expect_float_eq((double)now_ns, 880e9, 1e6);
	expect_query(DHCP_SEND, REQUEST);
	cr_expect(is_broadcast());
	cr_expect_eq(message_32(&query, 12), ADDRESS);
	for (size_t i = 0; i < ARRAY_SIZE(rebindings); i++) {
		cr_expect_float_eq(until_next_s(), rebindings[i], 0.001, "%zu: %f", i, until_next_s());
		cr_assert_eq(wait_for_it(), i < 2 ? DHCP_SEND : DHCP_LOSE);
	}
	cr_expect_eq(e.state, DHCP_INIT);
	cr_expect_float_eq((double)now_ns, 1005e9, 1e6);
	reach_bound(1000);
}

/* RFC 2131 §3.7: the network may be another one. Nobody is bothered more often than by a new client, and the
 * lease ends when it would have ended. */
Test(dhcp_engine, the_link_returns)
{
	reach_bound(1000);
	now_ns += 10 * NS_PER_S;
	cr_assert_eq(dhcp_engine_returned(&e, now_ns), DHCP_SEND);
	expect_query(DHCP_SEND, REQUEST);
	cr_expect(is_broadcast() && message_32(&query, 12) == ADDRESS);
	for (int i = 0; now_ns < 900 * NS_PER_S; i++) {
		double expected = i > 4 ? 64 : 4 << i, is = until_next_s();

		cr_expect(is >= expected - 1 && is <= expected + 1, "%d: %f", i, is);
		cr_assert_eq(wait_for_it(), DHCP_SEND);
		cr_assert_eq(e.state, DHCP_REBINDING);
	}
	cr_assert_eq(dhcp_engine_returned(&e, now_ns), 0);
	cr_expect_eq(until_next_s(), 0);
	cr_assert_eq(wait_for_it(), DHCP_SEND);
	while (dhcp_engine_next_ns(&e) < 1005 * NS_PER_S)
		cr_assert_eq(wait_for_it(), DHCP_SEND);
	cr_assert_eq(wait_for_it(), DHCP_LOSE);
}

Test(dhcp_engine, the_link_returns_and_the_lease_is_good)
{
	reach_bound(1000);
	cr_assert_eq(wait_for_it(), DHCP_SEND);
	cr_assert_eq(e.state, DHCP_RENEWING);
	cr_assert_eq(dhcp_engine_returned(&e, now_ns), DHCP_SEND);
	cr_assert_eq(e.state, DHCP_REBINDING);
	cr_assert_eq(answer(ACK, 1000), DHCP_USE);
	expect_renewal_in(500, 0);
	cr_assert_eq(wait_for_it(), DHCP_SEND);
	cr_expect_geq(until_next_s(), 60, "as ever");
}

Test(dhcp_engine, the_link_returns_to_another_network)
{
	reach_bound(1000);
	cr_assert_eq(dhcp_engine_returned(&e, now_ns), DHCP_SEND);
	cr_assert_eq(answer(NAK, 0), DHCP_LOSE);
	reach_bound(1000);
}

Test(dhcp_engine, the_link_returns_before_there_is_a_lease)
{
	struct ip_addr known = ip_v4(10, 0, 0, 50);

	for (int i = 0; i < 5; i++)
		cr_assert_eq(wait_for_it(), DHCP_SEND);
	cr_assert_eq(dhcp_engine_returned(&e, now_ns), 0);
	cr_expect_eq(until_next_s(), 0);
	cr_assert_eq(wait_for_it(), DHCP_SEND);
	expect_query(DHCP_SEND, DISCOVER);
	cr_expect_geq(until_next_s(), 63, "once");
	begin_with(&known);
	cr_assert_eq(wait_for_it(), DHCP_SEND);
	cr_assert_eq(dhcp_engine_returned(&e, now_ns), 0);
	cr_assert_eq(wait_for_it(), DHCP_SEND);
	cr_assert_eq(answer(ACK, 1000), DHCP_PROBE);
	cr_assert_eq(dhcp_engine_returned(&e, now_ns), 0);
	cr_expect_eq(dhcp_engine_next_ns(&e), DEADLINE_NEVER, "the probe goes on");
	cr_assert_eq(dhcp_engine_probed(&e, false, now_ns), DHCP_REFUSE);
	cr_assert_eq(dhcp_engine_returned(&e, now_ns), 0);
	cr_expect_geq(until_next_s(), 10, "a pause after a DECLINE remains");
}

Test(dhcp_engine, another_server_rebinds)
{
	reach_bound(1000);
	while (e.state != DHCP_REBINDING)
		cr_assert_eq(wait_for_it(), DHCP_SEND);
	reply_begin(&m, ACK, e.xid, mac, ADDRESS, SERVER + 5);
	reply_number(&m, 1, 0xffffff00);
	reply_number(&m, 51, 1000);
	cr_expect_eq(finish_reply(), DHCP_USE);
	cr_assert_eq(wait_for_it(), DHCP_SEND);
	expect_query(DHCP_SEND, REQUEST);
	cr_expect_eq(get_be32(destination->bytes), SERVER + 5);
}

Test(dhcp_engine, no_while_renewing_and_rebinding)
{
	reach_bound(1000);
	cr_assert_eq(wait_for_it(), DHCP_SEND);
	cr_expect_eq(answer(NAK, 0), DHCP_LOSE);
	cr_expect_eq(e.state, DHCP_INIT);
	reach_bound(1000);
	while (e.state != DHCP_REBINDING)
		cr_assert_eq(wait_for_it(), DHCP_SEND);
	reply_begin(&m, NAK, e.xid, mac, 0, SERVER + 5);
	cr_expect_eq(finish_reply(), DHCP_LOSE);
	reach_bound(1000);
}

/* The machine was halted for longer than the lease was. */
Test(dhcp_engine, wakes_up_after_its_time)
{
	reach_bound(1000);
	now_ns += 5000 * NS_PER_S;
	cr_expect_eq(dhcp_engine_timeout(&e, now_ns), DHCP_LOSE);
	reach_bound(1000);
	now_ns += 900 * NS_PER_S;
	cr_expect_eq(dhcp_engine_timeout(&e, now_ns), DHCP_SEND);
	cr_expect_eq(e.state, DHCP_REBINDING);
}

Test(dhcp_engine, an_infinite_lease)
{
	reach_bound(UINT32_MAX);
	cr_expect_eq(dhcp_engine_next_ns(&e), DEADLINE_NEVER);
}

Test(dhcp_engine, the_shortest_leases_are_no_flood)
{
	for (uint32_t seconds = 2; seconds < 9; seconds++) {
		unsigned messages = 0;
		uint64_t end_ns;

		begin();
		reach_bound(seconds);
		end_ns = now_ns + 60 * NS_PER_S;
		while (now_ns < end_ns) {
			if (wait_for_it() & DHCP_SEND)
				messages++;
			answer(ACK, seconds);
		}
		cr_expect(messages >= 60 / seconds && messages <= 120, "%u: %u", seconds, messages);
	}
}

/* -- conflicts -- */

Test(dhcp_engine, declines_what_somebody_has)
{
	for (int i = 0; i < 4; i++)
		cr_assert_eq(wait_for_it(), DHCP_SEND);
	cr_assert_eq(answer(OFFER, 1000), DHCP_SEND);
	expect_query(DHCP_SEND, REQUEST);
	cr_expect_eq(query.bytes[10], 0x80);
	cr_assert_eq(answer(ACK, 1000), DHCP_PROBE);
	cr_assert_eq(dhcp_engine_probed(&e, false, now_ns), DHCP_REFUSE);
	expect_query(DHCP_REFUSE, DECLINE);
	cr_expect_eq(message_32(&query, 8), 0, "RFC 2131 table 5: neither seconds nor flags");
	cr_expect(is_broadcast());
	cr_expect_eq(query_number(&query, 50), ADDRESS);
	cr_expect_eq(query_number(&query, 54), SERVER);
	cr_expect_eq(message_32(&query, 12), 0);
	cr_expect(until_next_s() >= 10, "RFC 2131 §3.1 (5): %f", until_next_s());
	cr_assert_eq(wait_for_it(), DHCP_SEND);
	expect_query(DHCP_SEND, DISCOVER);
}

Test(dhcp_engine, gives_up_an_address_that_it_cannot_defend)
{
	reach_bound(1000);
	cr_assert_eq(dhcp_engine_probed(&e, false, now_ns), DHCP_LOSE | DHCP_REFUSE);
	expect_query(DHCP_REFUSE, DECLINE);
	cr_expect_eq(query_number(&query, 50), ADDRESS);
	reach_bound(1000);
}

/* -- servers that lie -- */

Test(dhcp_engine, offers_that_cannot_be)
{
	static const struct {
		uint8_t code;
		uint32_t address, server, value;
	} lies[] = {
		{ 51, 0, SERVER, 1000 }, { 51, 0x7f000001, SERVER, 1000 }, { 51, 0xe0000001, SERVER, 1000 },
		{ 51, UINT32_MAX, SERVER, 1000 }, { 51, 0x0a0000ff, SERVER, 1000 }, { 51, 0x0a000000, SERVER, 1000 },
		{ 51, ADDRESS, 0, 1000 }, { 51, ADDRESS, UINT32_MAX, 1000 }, { 51, ADDRESS, SERVER, 0 },
		{ 51, ADDRESS, SERVER, 1 }, { 42, ADDRESS, SERVER, 1000 },
	};

	cr_assert_eq(wait_for_it(), DHCP_SEND);
	for (size_t i = 0; i < ARRAY_SIZE(lies); i++) {
		reply_begin(&m, OFFER, e.xid, mac, lies[i].address, lies[i].server);
		reply_number(&m, 1, 0xffffff00);
		reply_number(&m, lies[i].code, lies[i].value);
		cr_expect_eq(finish_reply(), 0, "lie %zu", i);
	}
	reply_begin(&m, OFFER, e.xid + 1, mac, ADDRESS, SERVER);
	reply_number(&m, 51, 1000);
	cr_expect_eq(finish_reply(), 0, "not our exchange");
	reply_begin(&m, OFFER, e.xid, (const uint8_t[]){ 2, 0, 0, 0, 0, 2 }, ADDRESS, SERVER);
	reply_number(&m, 51, 1000);
	cr_expect_eq(finish_reply(), 0, "not to us");
	cr_expect_eq(answer(ACK, 1000), 0);
	cr_expect_eq(answer(NAK, 0), 0);
	cr_expect_eq(answer(DISCOVER, 1000), 0);
	cr_expect_eq(e.state, DHCP_SELECTING);
	cr_expect_eq(answer(OFFER, 1000), DHCP_SEND);
}

Test(dhcp_engine, answers_from_somebody_else)
{
	reach_requesting();
	reply_begin(&m, ACK, e.xid, mac, ADDRESS, SERVER + 1);
	reply_number(&m, 51, 1000);
	cr_expect_eq(finish_reply(), 0);
	reply_begin(&m, NAK, e.xid, mac, 0, SERVER + 1);
	cr_expect_eq(finish_reply(), 0);
	reply_begin(&m, NAK, e.xid, mac, 0, 0);
	cr_expect_eq(finish_reply(), 0);
	reply_begin(&m, ACK, e.xid, mac, ADDRESS + 1, SERVER);
	reply_number(&m, 51, 1000);
	cr_expect_eq(finish_reply(), 0, "another address than was offered");
	cr_expect_eq(e.state, DHCP_REQUESTING);
}

Test(dhcp_engine, a_late_answer_changes_nothing)
{
	reach_bound(1000);
	cr_expect_eq(answer(ACK, 5000), 0);
	cr_expect_eq(answer(OFFER, 5000), 0);
	cr_expect_eq(answer(NAK, 0), 0);
	cr_expect_eq(e.lease.seconds, 1000);
}

Test(dhcp_engine, times_that_make_no_sense)
{
	static const uint32_t times[][2] = { { 900, 800 }, { 500, 500 }, { 0, 800 }, { 300, 0 }, { 400, 1000 },
	                                     { 1500, 2000 }, { UINT32_MAX, UINT32_MAX } };

	for (size_t i = 0; i < ARRAY_SIZE(times); i++) {
		begin();
		reach_requesting();
		begin_reply(ACK);
		reply_number(&m, 51, 1000);
		reply_number(&m, 58, times[i][0]);
		reply_number(&m, 59, times[i][1]);
		cr_expect_eq(finish_reply(), DHCP_PROBE);
		cr_expect(e.lease.renew_s == 500 && e.lease.rebind_s == 875, "%zu", i);
	}
}

Test(dhcp_engine, times_that_the_server_chose)
{
	reach_requesting();
	begin_reply(ACK);
	reply_number(&m, 51, 1000);
	reply_number(&m, 58, 100);
	reply_number(&m, 59, 200);
	cr_expect_eq(finish_reply(), DHCP_PROBE);
	dhcp_engine_probed(&e, true, now_ns);
	expect_renewal_in(100, 0);
	cr_expect_eq(wait_for_it(), DHCP_SEND);
	cr_expect_eq(wait_for_it(), DHCP_SEND);
	cr_expect_eq(wait_for_it(), DHCP_SEND);
	cr_expect_eq(e.state, DHCP_REBINDING);
}

/* Any event at any time: a deadline in every state but that of the probe, and no address before a probe. */
Test(dhcp_engine, random_events)
{
	uint32_t seed = 1;

	for (int i = 0; i < 100000; i++) {
		unsigned actions;
		uint8_t was = e.state;

		seed = seed * 1664525 + 1013904223;
		switch (seed >> 29) {
		case 0: case 1: actions = answer(OFFER, 10 + (seed >> 20 & 255)); break;
		case 2: case 3: actions = answer(ACK, 10 + (seed >> 20 & 255)); break;
		case 4: actions = seed >> 24 & 3 ? dhcp_engine_returned(&e, now_ns) : answer(NAK, 0); break;
		case 5: case 6:
			actions = e.state != DHCP_PROBING ? wait_for_it()
			          : dhcp_engine_probed(&e, seed >> 20 & 3, now_ns);
			break;
		default: actions = e.state >= DHCP_PROBING && (seed >> 20 & 15) == 0
				? dhcp_engine_probed(&e, false, now_ns) : 0;
		}
		cr_assert_eq(!!(actions & DHCP_LOSE), was >= DHCP_BOUND && e.state < DHCP_BOUND);
		cr_assert(e.state < DHCP_BOUND || was >= DHCP_PROBING);
		if (actions & DHCP_SEND)
			dhcp_engine_write(&e, DHCP_SEND, query.bytes, &destination);
	}
}
