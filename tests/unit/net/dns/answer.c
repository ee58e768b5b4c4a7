/* SPDX-License-Identifier: ISC */
/* The meaning of an answer: chains of aliases in any order, irrelevant records, negative answers and their
 * time to live, and answers that lie. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "kernel/format.h"
#include "net/bytes.h"
#include "net/dns/dns_priv.h"
#include "tests/lib/test.h"

static uint8_t data[4096];
static struct dns_writer w;
static struct dns_chase chase;

static const uint8_t *name_of(const char *text)
{
	static uint8_t names[4][DNS_NAME_BYTES];
	static unsigned next;
	uint8_t *name = names[next++ % 4];

	cr_assert_gt(dns_name_from_text(name, text), 0);
	return name;
}

/* An answer to a question for name; records follow. */
static void begin(const char *name, uint16_t type, uint16_t flags)
{
	chase = (struct dns_chase){ .asked.type = type, .found.ttl_s = CONFIG_DNS_TTL_SECONDS };
	memcpy(chase.asked.name, name_of(name), dns_name_bytes(name_of(name)));
	dns_write(&w, data, sizeof(data), 7, DNS_RESPONSE | flags);
	cr_assert_eq(dns_write_question(&w, chase.asked.name, type, DNS_IN), 0);
}

static void add(enum dns_section section, const char *owner, uint16_t type, uint32_t ttl_s, const void *bytes,
                size_t len)
{
	dns_record_begin(&w, name_of(owner), type, DNS_IN, ttl_s);
	dns_put_bytes(&w, bytes, len);
	cr_assert_eq(dns_record_end(&w, section), 0);
}

static void address(const char *owner, uint32_t ttl_s, uint8_t last)
{
	add(DNS_ANSWERS, owner, DNS_A, ttl_s, (uint8_t[]){ 10, 0, 0, last }, 4);
}

static void alias(const char *owner, uint32_t ttl_s, const char *to)
{
	dns_record_begin(&w, name_of(owner), DNS_CNAME, DNS_IN, ttl_s);
	dns_put_name(&w, name_of(to));
	cr_assert_eq(dns_record_end(&w, DNS_ANSWERS), 0);
}

static void soa(const char *zone, uint32_t ttl_s, uint32_t minimum_s)
{
	uint8_t numbers[20] = { 0 };

	put_be32(numbers + 16, minimum_s);
	dns_record_begin(&w, name_of(zone), DNS_SOA, DNS_IN, ttl_s);
	dns_put_name(&w, name_of("ns.example.com"));
	dns_put_name(&w, name_of("root.example.com"));
	dns_put_bytes(&w, numbers, sizeof(numbers));
	cr_assert_eq(dns_record_end(&w, DNS_AUTHORITIES), 0);
}

/* The verdict, from a copy that ends where its block does. */
static int verdict(void)
{
	uint8_t *copy = malloc(w.len);
	int at, result;

	memcpy(copy, data, w.len);
	at = dns_answer_open(copy, w.len, 7, &chase, true);
	cr_assert_gt(at, 0);
	result = dns_answer_read(copy, w.len, (size_t)at, &chase);
	free(copy);
	return result;
}

static void expect_name(const char *text)
{
	cr_expect(dns_name_equal(chase.asked.name, name_of(text)), "%s", text);
}

/* -- whose answer -- */

Test(answer, to_the_question_and_no_other)
{
	static const struct {
		size_t at;
		uint8_t bits;
		int result;
	} changes[] = {
		{ 0, 1, -EBADMSG }, { 1, 1, -EBADMSG },       /* id */
		{ 2, 0x80, -EBADMSG }, { 2, 0x08, -EBADMSG }, /* a question; another kind of one */
		{ 4, 1, -EBADMSG }, { 5, 1, -EBADMSG }, { 5, 3, -EBADMSG },
		{ 13, 1, -EBADMSG },                          /* name */
		{ 13, 0x20, -EILSEQ },                        /* its case */
		{ 30, 2, -EBADMSG }, { 32, 2, -EBADMSG },     /* type, class */
	};

	for (size_t i = 0; i < ARRAY_SIZE(changes); i++) {
		begin("www.example.com", DNS_A, 0);
		data[changes[i].at] ^= changes[i].bits;
		cr_expect_eq(dns_answer_open(data, w.len, 7, &chase, true), changes[i].result, "%zu", i);
		cr_expect_eq(dns_answer_open(data, w.len, 7, &chase, false),
		             changes[i].result == -EILSEQ ? 33 : -EBADMSG);
	}
	begin("www.example.com", DNS_A, 0);
	for (size_t len = 0; len < w.len; len++)
		cr_expect_eq(dns_answer_open(data, len, 7, &chase, false), -EBADMSG);
}

Test(answer, one_that_did_not_understand_may_leave_the_question_out)
{
	begin("a", DNS_A, 0);
	dns_write(&w, data, sizeof(data), 7, DNS_RESPONSE | DNS_FORMAT_ERROR);
	cr_expect_eq(dns_answer_open(data, w.len, 7, &chase, true), 12);
	cr_expect_eq(dns_answer_open(data, w.len, 8, &chase, true), -EBADMSG);
	cr_expect_eq(verdict(), -EPROTO);
	dns_write(&w, data, sizeof(data), 7, DNS_RESPONSE);
	cr_expect_eq(dns_answer_open(data, w.len, 7, &chase, true), -EBADMSG, "others may not");
}

/* -- addresses -- */

Test(answer, addresses)
{
	struct ip_addr first = ip_v4(10, 0, 0, 1);

	begin("www.example.com", DNS_A, 0);
	address("WWW.example.com", 300, 1);
	address("www.example.com", 200, 2);
	cr_expect_eq(verdict(), 2);
	cr_expect(chase.found.count == 2 && chase.found.ttl_s == 200 && ip_equal(&chase.found.addrs[0], &first));
}

Test(answer, more_addresses_than_there_is_room_for)
{
	begin("a", DNS_A, 0);
	for (uint8_t i = 0; i < CONFIG_DNS_ADDRESSES + 20; i++)
		address("a", 300u - i, i);
	cr_expect_eq(verdict(), CONFIG_DNS_ADDRESSES);
	cr_expect_eq(chase.found.addrs[CONFIG_DNS_ADDRESSES - 1].bytes[3], CONFIG_DNS_ADDRESSES - 1);
}

Test(answer, addresses_of_the_other_family)
{
	uint8_t v6[16] = { 0x20, 1, 0xd, 0xb8, [15] = 1 };

	begin("a", DNS_AAAA, 0);
	address("a", 300, 1);
	add(DNS_ANSWERS, "a", DNS_AAAA, 100, v6, 16);
	cr_expect_eq(verdict(), 1);
	cr_expect(chase.found.addrs[0].family == IP_V6 && !memcmp(chase.found.addrs[0].bytes, v6, 16));
	cr_expect_eq(chase.found.ttl_s, 100);
}

Test(answer, addresses_of_a_wrong_length)
{
	static const uint8_t bytes[20];

	for (size_t len = 0; len < 20; len++) {
		begin("a", DNS_A, 0);
		add(DNS_ANSWERS, "a", DNS_A, 1, bytes, len);
		cr_expect_eq(verdict(), len == 4 ? 1 : -EBADMSG, "%zu", len);
		begin("a", DNS_AAAA, 0);
		add(DNS_ANSWERS, "a", DNS_AAAA, 1, bytes, len);
		cr_expect_eq(verdict(), len == 16 ? 1 : -EBADMSG, "%zu", len);
	}
}

Test(answer, times_to_live)
{
	begin("a", DNS_A, 0);
	address("a", UINT32_MAX, 1);
	cr_expect(verdict() == 1 && chase.found.ttl_s == 0, "RFC 2181 §8");
	begin("a", DNS_A, 0);
	address("a", INT32_MAX, 1);
	cr_expect(verdict() == 1 && chase.found.ttl_s == CONFIG_DNS_TTL_SECONDS);
	begin("a", DNS_A, 0);
	alias("a", 5, "b");
	address("b", 100, 1);
	cr_expect(verdict() == 1 && chase.found.ttl_s == 5, "an alias counts, too");
}

/* -- bailiwick -- */

Test(answer, what_was_not_asked_is_not_taken)
{
	begin("www.example.com", DNS_A, 0);
	address("bank.example", 9999, 66);
	address("example.com", 9999, 66);
	address("a.www.example.com", 9999, 66);
	alias("bank.example", 9999, "www.example.com");
	add(DNS_AUTHORITIES, "www.example.com", DNS_A, 1, (uint8_t[]){ 10, 0, 0, 66 }, 4);
	add(DNS_ADDITIONAL, "www.example.com", DNS_A, 1, (uint8_t[]){ 10, 0, 0, 66 }, 4);
	cr_expect_eq(verdict(), -ENODATA);
	cr_expect(chase.found.count == 0 && chase.found.ttl_s == 0);
	begin("www.example.com", DNS_A, 0);
	address("bank.example", 9999, 66);
	address("www.example.com", 5, 1);
	cr_expect(verdict() == 1 && chase.found.addrs[0].bytes[3] == 1 && chase.found.ttl_s == 5);
}

Test(answer, other_classes_are_not_taken)
{
	begin("a", DNS_A, 0);
	dns_record_begin(&w, name_of("a"), DNS_A, 3, 60);
	dns_put_bytes(&w, "\12\0\0\1", 4);
	dns_record_end(&w, DNS_ANSWERS);
	cr_expect_eq(verdict(), -ENODATA);
}

/* -- aliases -- */

Test(answer, a_chain_in_order)
{
	begin("www.example.com", DNS_A, 0);
	alias("www.example.com", 300, "cdn.example.net");
	alias("cdn.example.net", 60, "edge.example.org");
	address("edge.example.org", 30, 1);
	cr_expect(verdict() == 1 && chase.aliases == 2 && chase.found.ttl_s == 30);
	expect_name("edge.example.org");
}

Test(answer, a_chain_in_reverse)
{
	begin("a", DNS_A, 0);
	address("d", 30, 1);
	alias("c", 60, "d");
	alias("b", 60, "c");
	alias("a", 60, "b");
	cr_expect(verdict() == 1 && chase.aliases == 3);
	expect_name("d");
}

Test(answer, a_chain_that_goes_on_elsewhere)
{
	begin("a", DNS_A, 0);
	alias("a", 60, "b");
	alias("b", 40, "c.example.org");
	cr_expect_eq(verdict(), 0);
	expect_name("c.example.org");
	cr_expect(chase.aliases == 2 && chase.found.ttl_s == 40);
}

Test(answer, circles)
{
	begin("a", DNS_A, 0);
	alias("a", 60, "a");
	cr_expect_eq(verdict(), -ELOOP);
	begin("a", DNS_A, 0);
	alias("a", 60, "b");
	alias("b", 60, "a");
	cr_expect_eq(verdict(), -ELOOP);
}

Test(answer, chains_are_bounded)
{
	char from[16], to[16];

	for (int extra = 0; extra < 2; extra++) {
		begin("h0", DNS_A, 0);
		for (int i = 0; i < CONFIG_DNS_ALIASES + extra; i++) {
			format(from, sizeof(from), "h%d", i);
			format(to, sizeof(to), "h%d", i + 1);
			alias(from, 60, to);
		}
		address(to, 60, 1);
		cr_expect_eq(verdict(), extra ? -ELOOP : 1);
	}
	begin("h0", DNS_A, 0);
	alias("h0", 60, "h1");
	chase.aliases = CONFIG_DNS_ALIASES; /* of answers before this one */
	cr_expect_eq(verdict(), -ELOOP);
}

Test(answer, an_alias_beside_an_address)
{
	begin("a", DNS_A, 0);
	address("a", 60, 1);
	alias("a", 60, "evil.example");
	cr_expect(verdict() == 1 && chase.aliases == 0);
}

Test(answer, malformed_aliases)
{
	begin("a", DNS_A, 0);
	add(DNS_ANSWERS, "a", DNS_CNAME, 60, "\1b", 3);
	cr_expect_eq(verdict(), 0);
	begin("a", DNS_A, 0);
	add(DNS_ANSWERS, "a", DNS_CNAME, 60, "\1b\0x", 4); /* something behind it */
	cr_expect_eq(verdict(), -EBADMSG);
	begin("a", DNS_A, 0);
	add(DNS_ANSWERS, "a", DNS_CNAME, 60, "\1b", 2); /* it ends in the next record */
	address("b", 60, 1);
	cr_expect_eq(verdict(), -EBADMSG);
	begin("a", DNS_A, 0);
	add(DNS_ANSWERS, "a", DNS_CNAME, 60, "", 0);
	cr_expect_eq(verdict(), -EBADMSG);
}

/* -- there is none -- */

Test(answer, no_such_name)
{
	begin("www.example.com", DNS_A, DNS_NAME_ERROR);
	soa("example.com", 300, 60);
	cr_expect(verdict() == -ENOENT && chase.found.ttl_s == 60);
	begin("www.example.com", DNS_A, DNS_NAME_ERROR);
	soa("Example.com", 30, 60);
	cr_expect(verdict() == -ENOENT && chase.found.ttl_s == 30, "the lesser of the two (RFC 2308 §5)");
	begin("www.example.com", DNS_A, DNS_NAME_ERROR);
	soa("example.com", INT32_MAX, UINT32_MAX);
	cr_expect(verdict() == -ENOENT && chase.found.ttl_s == CONFIG_DNS_NEGATIVE_SECONDS);
	begin("www.example.com", DNS_A, DNS_NAME_ERROR);
	cr_expect(verdict() == -ENOENT && chase.found.ttl_s == 0, "nobody said for how long");
	begin("www.example.com", DNS_A, DNS_NAME_ERROR);
	soa("example.org", 300, 60);
	cr_expect(verdict() == -ENOENT && chase.found.ttl_s == 0, "not of a zone that the name is in");
	begin("www.example.com", DNS_A, DNS_NAME_ERROR);
	address("www.example.com", 300, 1);
	cr_expect(verdict() == -ENOENT && chase.found.count == 0, "one that contradicts itself");
}

Test(answer, no_such_address)
{
	begin("www.example.com", DNS_AAAA, 0);
	soa("example.com", 300, 60);
	cr_expect(verdict() == -ENODATA && chase.found.ttl_s == 60);
	begin("www.example.com", DNS_AAAA, 0);
	cr_expect(verdict() == -ENODATA && chase.found.ttl_s == 0);
}

Test(answer, aliases_to_nothing)
{
	begin("www.example.com", DNS_A, DNS_NAME_ERROR);
	alias("www.example.com", 20, "gone.example.org");
	soa("example.org", 300, 60);
	cr_expect(verdict() == -ENOENT && chase.found.ttl_s == 20, "RFC 6604 §3: the last name is not there");
	begin("www.example.com", DNS_A, 0);
	alias("www.example.com", 200, "v6.example.org");
	soa("example.org", 300, 60);
	cr_expect(verdict() == -ENODATA && chase.found.ttl_s == 60);
	begin("www.example.com", DNS_A, 0);
	alias("www.example.com", 200, "v6.example.org");
	soa("example.com", 300, 60);
	cr_expect_eq(verdict(), 0, "nothing was said of the last name");
}

Test(answer, malformed_soa)
{
	begin("a", DNS_A, DNS_NAME_ERROR);
	add(DNS_AUTHORITIES, ".", DNS_SOA, 60, "\0\0" "01234567890123456789", 21);
	cr_expect_eq(verdict(), -EBADMSG);
	begin("a", DNS_A, DNS_NAME_ERROR);
	add(DNS_AUTHORITIES, ".", DNS_SOA, 60, "\0\0" "01234567890123456789", 22);
	cr_expect_eq(verdict(), -ENOENT);
	begin("a", DNS_A, DNS_NAME_ERROR);
	add(DNS_AUTHORITIES, ".", DNS_SOA, 60, "", 0);
	cr_expect_eq(verdict(), -EBADMSG);
}

/* -- servers that do not help -- */

Test(answer, servers_that_fail)
{
	for (uint16_t rcode = 0; rcode < 16; rcode++) {
		begin("a", DNS_A, rcode);
		address("a", 60, 1);
		cr_expect_eq(verdict(), rcode == 0 ? 1 : rcode == DNS_NAME_ERROR ? -ENOENT :
		             rcode == DNS_FORMAT_ERROR || rcode == DNS_NOT_IMPLEMENTED ? -EPROTO : -EIO);
	}
}

Test(answer, one_that_points_elsewhere)
{
	begin("www.example.com", DNS_A, 0);
	add(DNS_AUTHORITIES, "com", DNS_NS, 60, "\1x", 3);
	cr_expect_eq(verdict(), -EIO, "a referral: it does not ask for us");
	begin("www.example.com", DNS_A, 0);
	add(DNS_AUTHORITIES, "com", DNS_NS, 60, "\1x", 3);
	soa("example.com", 60, 60);
	cr_expect_eq(verdict(), -ENODATA, "RFC 2308 §2.2, type 1");
}

Test(answer, edns)
{
	begin("a", DNS_A, 0);
	address("a", 60, 1);
	dns_write_edns(&w, 1232, 0);
	cr_expect_eq(verdict(), 1);
	begin("a", DNS_A, 0);
	dns_write_edns(&w, 1232, DNS_BAD_VERSION);
	cr_expect_eq(verdict(), -EPROTO);
}

Test(answer, truncated)
{
	begin("a", DNS_A, DNS_TRUNCATED);
	address("a", 60, 1);
	data[7] = 9;
	cr_expect_eq(verdict(), -EMSGSIZE);
}

Test(answer, malformed_anywhere)
{
	begin("www.example.com", DNS_A, 0);
	alias("www.example.com", 60, "b.example.com");
	address("b.example.com", 60, 1);
	soa("example.com", 60, 60);
	dns_write_edns(&w, 1232, 0);
	for (size_t len = w.len - 1; len >= 33; len--) {
		w.len = len;
		memcpy(chase.asked.name, name_of("www.example.com"), 17);
		chase.aliases = chase.found.count = 0;
		cr_expect_eq(verdict(), -EBADMSG, "%zu", len);
	}
}
