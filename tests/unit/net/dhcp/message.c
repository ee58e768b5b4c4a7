/* SPDX-License-Identifier: ISC */
/* The codec of DHCP: sent messages byte by byte; understood ones; refused ones. */
#include <criterion/criterion.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "net/dhcp/message.h"
#include "tests/unit/net/dhcp/server.h"

static const uint8_t mac[6] = { 2, 0, 0, 0, 0, 1 };
static const uint8_t client_id[15] = { 255, 0, 0, 0, 1, 0, 3, 0, 1, 2, 0, 0, 0, 0, 1 };
static const struct ip_addr ours = { IP_V4, { 10, 0, 0, 50 } }, servers = { IP_V4, { 10, 0, 0, 1 } };
static struct message m;
static struct dhcp_reply r;

/* Parses from a block of exactly the message's size, so that reads beyond it are caught. */
static int parse(void)
{
	uint8_t *exact = malloc(m.len + !m.len);
	int result;

	memcpy(exact, m.bytes, m.len);
	result = dhcp_parse(exact, m.len, mac, &r);
	free(exact);
	cr_assert(result == -EBADMSG || result == (int)m.len, "%d", result);
	return result < 0 ? result : 0;
}

static void begin(void)
{
	reply_begin(&m, OFFER, 0x12345678, mac, 0x0a000032, 0x0a000001);
}

static void expect_addr(const struct ip_addr *a, const char *text)
{
	char is[IP_TEXT_MAX];

	cr_expect_str_eq(ip_format(is, a), text);
}

/* -- writing -- */

static void write_query(const struct dhcp_query *q)
{
	uint8_t *exact = malloc(DHCP_QUERY_BYTES);

	memset(&m, 0xee, sizeof(m));
	m.len = dhcp_write(q, exact);
	cr_assert(m.len >= 300 && m.len <= DHCP_QUERY_BYTES);
	memcpy(m.bytes, exact, m.len);
	free(exact);
}

Test(dhcp_message, discover)
{
	struct dhcp_query q = {
		.type = DHCP_DISCOVER, .secs = 0x0102, .xid = 0xdeadbeef, .hostname = "rain", .reply_bytes = 1472,
		.broadcast = true, .mac = mac,
	};
	const uint8_t *value;
	size_t len;

	write_query(&q);
	cr_expect_eq(memcmp(m.bytes, "\1\1\6\0\xde\xad\xbe\xef\1\2\x80\0", 12), 0);
	for (size_t i = 12; i < 28; i++)
		cr_expect_eq(m.bytes[i], 0);
	cr_expect_eq(memcmp(m.bytes + 28, mac, 6), 0);
	for (size_t i = 34; i < 236; i++)
		cr_expect_eq(m.bytes[i], 0);
	cr_expect_eq(query_type(&m), DISCOVER);
	cr_expect_eq(query_number(&m, 50), 0);
	cr_expect_eq(query_number(&m, 54), 0);
	value = query_option(&m, 61, &len);
	cr_expect(value && len == 15 && !memcmp(value, client_id, 15));
	value = query_option(&m, 12, &len);
	cr_expect(value && len == 4 && !memcmp(value, "rain", 4));
	value = query_option(&m, 57, &len);
	cr_expect(value && len == 2 && value[0] == 1472 >> 8 && value[1] == (1472 & 255));
	value = query_option(&m, 55, &len);
	cr_assert(value);
	for (const char *wanted = "\1\x79\3\6\x0c\x0f\x1a\x2a\x33\x3a\x3b"; *wanted; wanted++)
		cr_expect(memchr(value, *wanted, len), "%u is not asked for", (uint8_t)*wanted);
	cr_expect_lt(memchr(value, 121, len), memchr(value, 3, len), "RFC 3442: routes before routers");
}

Test(dhcp_message, what_has_an_address_is_answered_there)
{
	struct dhcp_query q = { .type = DHCP_REQUEST, .mac = mac, .client = &ours };

	write_query(&q);
	cr_expect_eq(message_32(&m, 12), 0x0a000032);
	cr_expect_eq(m.bytes[10], 0, "no broadcast");
}

Test(dhcp_message, decline_says_only_what_it_must)
{
	struct dhcp_query q = {
		.type = DHCP_DECLINE, .mac = mac, .requested = &ours, .server = &servers,
		.hostname = "rain",
	};
	size_t len;

	write_query(&q);
	cr_expect_eq(query_type(&m), DECLINE);
	cr_expect_eq(query_number(&m, 50), 0x0a000032);
	cr_expect_eq(query_number(&m, 54), 0x0a000001);
	cr_expect_null(query_option(&m, 55, &len));
	cr_expect_null(query_option(&m, 57, &len));
	cr_expect_null(query_option(&m, 12, &len));
	cr_expect_not_null(query_option(&m, 61, &len));
}

Test(dhcp_message, the_longest_query_fits)
{
	char name[300];
	struct dhcp_query q = {
		.type = DHCP_REQUEST, .mac = mac, .requested = &ours, .server = &servers,
		.hostname = name,
	};
	size_t len;

	memset(name, 'n', sizeof(name));
	name[299] = 0;
	write_query(&q);
	cr_expect_not_null(query_option(&m, 12, &len));
	cr_expect_eq(len, 63);
	cr_expect_gt(m.len, 300);
}

/* -- reading -- */

Test(dhcp_message, everything_that_a_lease_holds)
{
	begin();
	reply_number(&m, 1, 0xffffff00);
	reply_option(&m, 3, "\x0a\0\0\1\x0a\0\0\xfe", 8);
	reply_option(&m, 6, "\x0a\0\0\1\x08\x08\x08\x08", 8);
	reply_option(&m, 42, "\x0a\0\0\5", 4);
	reply_option(&m, 12, "rain", 4);
	reply_option(&m, 15, "sky.example\0", 12); /* some end it */
	reply_option(&m, 26, "\x05\x78", 2);
	reply_number(&m, 51, 3600);
	reply_number(&m, 58, 1800);
	reply_number(&m, 59, 3000);
	reply_option(&m, 61, client_id, 15);
	reply_end(&m);
	cr_assert_eq(parse(), 0);
	cr_expect_eq(r.type, DHCP_OFFER);
	cr_expect_eq(r.xid, 0x12345678);
	expect_addr(&r.lease.ip.addr, "10.0.0.50");
	cr_expect_eq(r.lease.ip.len, 24);
	expect_addr(&r.lease.server, "10.0.0.1");
	expect_addr(&r.lease.routes[0].to.addr, "0.0.0.0");
	expect_addr(&r.lease.routes[0].via, "10.0.0.1");
	expect_addr(&r.lease.routes[1].to.addr, "0.0.0.0");
	expect_addr(&r.lease.routes[1].via, "10.0.0.254");
	cr_expect_eq(r.lease.routes[2].to.addr.family, IP_NONE);
	expect_addr(&r.lease.dns[0], "10.0.0.1");
	expect_addr(&r.lease.dns[1], "8.8.8.8");
	expect_addr(&r.lease.dns[2], "-");
	expect_addr(&r.lease.ntp[0], "10.0.0.5");
	cr_expect_str_eq(r.lease.hostname, "rain");
	cr_expect_str_eq(r.lease.domain, "sky.example");
	cr_expect_eq(r.lease.mtu, 1400);
	cr_expect(r.lease.seconds == 3600 && r.lease.renew_s == 1800 && r.lease.rebind_s == 3000);
}

Test(dhcp_message, classless_routes_in_place_of_routers)
{
	begin();
	reply_option(&m, 121, "\0\x0a\0\0\7" "\x20\x0a\1\2\3\0\0\0\0" "\x11\xac\x10\x80\x0a\0\0\x08"
	             "\x08\x0b\xe0\0\0\1" /* by a group: left out */ "\x18\xc0\xa8\1\x0a\0\0\x09", 36);
	reply_option(&m, 3, "\x0a\0\0\1", 4);
	reply_end(&m);
	cr_assert_eq(parse(), 0);
	expect_addr(&r.lease.routes[0].to.addr, "0.0.0.0");
	cr_expect_eq(r.lease.routes[0].to.len, 0);
	expect_addr(&r.lease.routes[0].via, "10.0.0.7");
	expect_addr(&r.lease.routes[1].to.addr, "10.1.2.3");
	cr_expect_eq(r.lease.routes[1].to.len, 32);
	cr_expect_eq(r.lease.routes[1].via.family, IP_NONE);
	expect_addr(&r.lease.routes[2].to.addr, "172.16.128.0");
	cr_expect_eq(r.lease.routes[2].to.len, 17);
	expect_addr(&r.lease.routes[2].via, "10.0.0.8");
	expect_addr(&r.lease.routes[3].to.addr, "192.168.1.0");
	cr_expect_eq(r.lease.routes[4].to.addr.family, IP_NONE);
}

Test(dhcp_message, malformed_routes_end_the_list)
{
	static const struct {
		const char *bytes;
		size_t len;
	} bad[] = {
		{ "\x21\1\1\1\1\1\x0a\0\0\1", 10 }, { "\x20\1\1\1\1\x0a\0\0", 8 }, { "\x18", 1 }, { "\0\x0a", 2 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		begin();
		reply_option(&m, 121, "\x18\xc0\xa8\1\x0a\0\0\x09", 8);
		reply_option(&m, 121, bad[i].bytes, bad[i].len);
		reply_end(&m);
		cr_assert_eq(parse(), 0);
		cr_expect_eq(r.lease.routes[0].to.len, 24);
		cr_expect_eq(r.lease.routes[1].to.addr.family, IP_NONE);
	}
}

Test(dhcp_message, more_than_there_is_room_for)
{
	uint8_t many[252];

	for (size_t i = 0; i < sizeof(many); i += 4)
		memcpy(many + i, "\x0a\0\0\1", 4);
	begin();
	reply_option(&m, 6, many, 252);
	reply_option(&m, 6, many, 252);
	for (int i = 0; i < 12; i++)
		reply_option(&m, 121, "\x18\xc0\xa8\1\x0a\0\0\x09", 8);
	reply_end(&m);
	cr_assert_eq(parse(), 0);
	cr_expect_eq(r.lease.dns[DHCP_SERVERS - 1].family, IP_V4);
	cr_expect_eq(r.lease.routes[DHCP_ROUTES - 1].to.addr.family, IP_V4);
	cr_expect_eq(r.lease.server.family, IP_V4);
}

Test(dhcp_message, addresses_that_no_host_has_are_left_out)
{
	begin();
	reply_option(&m, 6, "\0\0\0\0\xff\xff\xff\xff\x7f\0\0\1\xe0\0\0\1\x0a\0\0\x35", 20);
	reply_end(&m);
	cr_assert_eq(parse(), 0);
	expect_addr(&r.lease.dns[0], "10.0.0.53");
	cr_expect_eq(r.lease.dns[1].family, IP_NONE);
}

/* An entry left out leaves no trace, either in the one that takes its place or in an empty one. */
Test(dhcp_message, nothing_stays_of_what_is_left_out)
{
	static const struct dhcp_route none;

	begin();
	reply_option(&m, 121, "\x18\x0a\1\2\x7f\0\0\1" "\x08\xc0\x0a\0\0\1" "\x18\x0a\3\4\xe0\0\0\1", 22);
	reply_option(&m, 6, "\x7f\0\0\1", 4);
	reply_end(&m);
	cr_assert_eq(parse(), 0);
	expect_addr(&r.lease.routes[0].to.addr, "192.0.0.0");
	cr_expect_eq(r.lease.routes[0].to.len, 8);
	cr_expect_eq(memcmp(&r.lease.routes[1], &none, sizeof(none)), 0);
	cr_expect_eq(memcmp(&r.lease.dns[0], &none.via, sizeof(none.via)), 0);
}

/* RFC 3396: pieces are joined, wherever they are; RFC 2132 §9.3: and whichever fields they are in. */
Test(dhcp_message, long_options_and_overload)
{
	begin();
	reply_option(&m, 15, "sky.", 4);
	reply_option(&m, 52, "\3", 1);
	reply_number(&m, 1, 0xffff0000);
	reply_option(&m, 15, "exam", 4);
	reply_end(&m);
	memcpy(m.bytes + 108, "\x0f\2pl\x06\2\x0a\0\xff", 9);   /* file */
	memcpy(m.bytes + 44, "\0\0\x0f\1e\x06\2\0\x35\xff", 10); /* sname, after it */
	cr_assert_eq(parse(), 0);
	cr_expect_str_eq(r.lease.domain, "sky.example");
	expect_addr(&r.lease.dns[0], "10.0.0.53");
	cr_expect_eq(r.lease.ip.len, 16);
}

Test(dhcp_message, file_and_sname_are_not_read_unless_told)
{
	for (uint8_t overload = 0; overload < 3; overload++) {
		begin();
		if (overload)
			reply_option(&m, 52, &overload, 1);
		reply_end(&m);
		memcpy(m.bytes + 108, "\x0f\4file\xff", 7);
		memcpy(m.bytes + 44, "\x0f\5sname\xff", 8);
		cr_assert_eq(parse(), 0);
		cr_expect_str_eq(r.lease.domain, overload == 0 ? "" : overload == 1 ? "file" : "sname");
	}
}

Test(dhcp_message, a_missing_netmask_is_the_classs)
{
	static const struct {
		uint32_t address;
		uint8_t len;
	} classes[] = { { 0x0a000002, 8 }, { 0xac100002, 16 }, { 0xc0a80002, 24 } };

	for (size_t i = 0; i < ARRAY_SIZE(classes); i++) {
		reply_begin(&m, OFFER, 1, mac, classes[i].address, 1);
		cr_assert_eq(parse(), 0);
		cr_expect_eq(r.lease.ip.len, classes[i].len);
	}
}

Test(dhcp_message, netmasks)
{
	static const uint32_t holes[] = { 0xff00ff00, 0x000000ff, 0xffffff01, 1, 0x7fffffff };

	for (unsigned len = 1; len <= 32; len++) {
		begin();
		reply_number(&m, 1, UINT32_MAX << (32 - len));
		cr_assert_eq(parse(), 0);
		cr_expect_eq(r.lease.ip.len, len);
	}
	for (size_t i = 0; i < ARRAY_SIZE(holes); i++) {
		begin();
		reply_number(&m, 1, holes[i]);
		cr_expect_eq(parse(), -EBADMSG, "%x", holes[i]);
	}
}

Test(dhcp_message, numbers_of_a_wrong_length_are_none)
{
	begin();
	reply_option(&m, 51, "\0\1\0", 3);
	reply_option(&m, 58, "\0\1\0\0\0", 5);
	reply_option(&m, 26, "\0\0\5\0", 4);
	reply_end(&m);
	cr_assert_eq(parse(), 0);
	cr_expect(r.lease.seconds == 0 && r.lease.renew_s == 0 && r.lease.mtu == 0);
}

Test(dhcp_message, names_that_are_odd_are_none)
{
	static const char *const odd[] = { "a b", "a\nb", "\x1b[31m", "a%sb", "caf\xc3\xa9", "a=b" };
	char longest[255];

	for (size_t i = 0; i < ARRAY_SIZE(odd); i++) {
		begin();
		reply_option(&m, 12, odd[i], strlen(odd[i]));
		reply_option(&m, 15, odd[i], strlen(odd[i]));
		cr_assert_eq(parse(), 0);
		cr_expect(!r.lease.hostname[0] && !r.lease.domain[0], "%zu", i);
	}
	memset(longest, 'x', sizeof(longest));
	for (size_t len = 63; len <= 64; len++) {
		begin();
		reply_option(&m, 12, longest, len);
		reply_option(&m, 15, longest, 255);
		cr_assert_eq(parse(), 0);
		cr_expect_eq(strlen(r.lease.hostname), len == 63 ? 63 : 0);
		cr_expect_eq(strlen(r.lease.domain), 255);
		reply_option(&m, 15, "y", 1);
		cr_assert_eq(parse(), 0);
		cr_expect_eq(strlen(r.lease.domain), 0);
	}
}

Test(dhcp_message, not_a_reply_to_us)
{
	static const struct {
		size_t at;
		uint8_t value;
	} spoil[] = { { 0, 1 }, { 1, 6 }, { 2, 16 }, { 28, 4 }, { 33, 2 }, { 236, 0 }, { 239, 0x64 } };

	for (size_t i = 0; i < ARRAY_SIZE(spoil); i++) {
		begin();
		reply_end(&m);
		cr_assert_eq(parse(), 0);
		m.bytes[spoil[i].at] = spoil[i].value;
		cr_expect_eq(parse(), -EBADMSG, "byte %zu", spoil[i].at);
	}
}

Test(dhcp_message, an_answer_to_another_client_id)
{
	uint8_t other[16];

	for (size_t len = 14; len <= 16; len++) {
		memset(other, 0, sizeof(other));
		memcpy(other, client_id, 15);
		other[14] ^= len == 15;
		begin();
		reply_option(&m, 61, other, len);
		cr_expect_eq(parse(), -EBADMSG);
	}
}

Test(dhcp_message, no_type_no_message)
{
	begin();
	m.len = 240;
	reply_number(&m, 54, 1);
	reply_end(&m);
	cr_expect_eq(parse(), -EBADMSG);
	m.len = 240;
	reply_option(&m, 53, "", 0);
	cr_expect_eq(parse(), -EBADMSG);
}

/* A message cut at each byte: within an option it is refused, between two it has the options so far. */
Test(dhcp_message, truncated_anywhere)
{
	size_t whole;

	begin();
	reply_option(&m, 15, "sky", 3);
	reply_end(&m);
	whole = m.len;
	for (m.len = 0; m.len < whole; m.len++) {
		bool between = m.len == 243 || m.len == 249 || m.len == 254;

		cr_expect_eq(parse(), between ? 0 : -EBADMSG, "%zu bytes", m.len);
	}
	begin();
	reply_option(&m, 52, "\1", 1);
	reply_end(&m);
	m.bytes[108 + 126] = 15; /* leaves the field by a byte */
	m.bytes[108 + 127] = 1;
	cr_expect_eq(parse(), -EBADMSG);
	m.bytes[108 + 127] = 0;
	cr_expect_eq(parse(), 0);
}

/* Any bytes: results stay within the message, and names and addresses are valid. */
Test(dhcp_message, random_bytes)
{
	uint32_t seed = 7;

	for (int round = 0; round < 20000; round++) {
		begin();
		for (m.len = 246; m.len < 246 + (size_t)(round % 90); m.len++)
			m.bytes[m.len] = (uint8_t)((seed = seed * 1664525 + 1013904223) >> 24);
		if (parse() == 0) {
			cr_assert(memchr(r.lease.domain, 0, sizeof(r.lease.domain)));
			cr_assert(memchr(r.lease.hostname, 0, sizeof(r.lease.hostname)));
			cr_assert(r.lease.ip.len >= 1 && r.lease.ip.len <= 32);
		}
	}
}
