/* SPDX-License-Identifier: ISC */
/* The codec: names and their compression, reading of well-formed and hostile messages, writing, and records
 * that do not fit, which leave no trace. */
#include "net/dns/message.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "kernel/format.h"
#include "tests/lib/test.h"

/* A copy that ends where its block does, so that the address sanitizer sees reads beyond it. */
static uint8_t *exact(const void *bytes, size_t len)
{
	uint8_t *copy = malloc(len ? len : 1);

	memcpy(copy, bytes, len);
	return copy;
}

static int read_name(const void *message, size_t len, size_t at, uint8_t *to)
{
	uint8_t *copy = exact(message, len);
	int n = dns_read_name(copy, len, at, to);

	cr_assert_eq(dns_read_name(copy, len, at, NULL), n, "where nobody wants it");
	free(copy);
	return n;
}

/* -- names as text -- */

static void expect_name(const char *text, const char *wire, size_t bytes)
{
	uint8_t name[DNS_NAME_BYTES];

	cr_expect_eq(dns_name_from_text(name, text), (int)bytes, "%s", text);
	cr_expect_eq(memcmp(name, wire, bytes), 0, "%s", text);
	cr_expect_eq(dns_name_bytes(name), bytes);
}

Test(message, names_from_text)
{
	expect_name("www.example.com", "\3www\7example\3com", 17);
	expect_name("www.example.com.", "\3www\7example\3com", 17);
	expect_name("a", "\1a", 3);
	expect_name(".", "", 1);
	expect_name("_x-1.Y", "\4_x-1\1Y", 8);
	expect_name("!~*.c", "\3!~*\1c", 7);
}

Test(message, texts_that_are_no_names)
{
	static const char *const texts[] = {
		"", "..", ".a", "a..b", "a..", "a b", "a\tb", "\x80", "a\177", "\\065", "a\\.b",
	};
	uint8_t name[DNS_NAME_BYTES];

	for (size_t i = 0; i < ARRAY_SIZE(texts); i++)
		cr_expect_eq(dns_name_from_text(name, texts[i]), -EINVAL, "\"%s\"", texts[i]);
}

/* A name of labels of 63, 63, 63 and last letters. */
static void long_text(char *to, size_t last)
{
	size_t at = 0;

	for (int i = 0; i < 3; i++) {
		memset(to + at, 'x', 63);
		to[at + 63] = '.';
		at += 64;
	}
	memset(to + at, 'y', last);
	to[at + last] = '\0';
}

Test(message, names_have_bounds)
{
	uint8_t *name = malloc(DNS_NAME_BYTES); /* exactly */
	char text[300];

	long_text(text, 61);
	cr_expect_eq(dns_name_from_text(name, text), 255);
	long_text(text, 62);
	cr_expect_eq(dns_name_from_text(name, text), -EINVAL);
	memset(text, 'x', 64);
	text[63] = '\0';
	cr_expect_eq(dns_name_from_text(name, text), 65);
	text[63] = 'x';
	text[64] = '\0';
	cr_expect_eq(dns_name_from_text(name, text), -EINVAL);
	free(name);
}

Test(message, names_to_text)
{
	uint8_t name[DNS_NAME_BYTES] = "\0";
	char *text = malloc(DNS_TEXT_BYTES);

	cr_expect_str_eq(dns_name_to_text(text, name), ".");
	cr_expect_str_eq(dns_name_to_text(text, (const uint8_t *)"\3www\7Example\3com"), "www.Example.com");
	cr_expect_str_eq(dns_name_to_text(text, (const uint8_t *)"\4_a-9\4.\377\\ "),
	                 "_a-9.\\046\\255\\092\\032");
	/* the longest: labels of 63, 63, 63 and 61 bytes, all escaped */
	for (size_t at = 0, left = 254; left; ) {
		size_t n = left > 64 ? 63 : left - 1;

		name[at] = (uint8_t)n;
		memset(name + at + 1, 0xff, n);
		at += n + 1;
		left -= n + 1;
		name[at] = 0;
	}
	cr_expect_eq(strlen(dns_name_to_text(text, name)), 250 * 4 + 3);
	cr_expect_lt(strlen(text), DNS_TEXT_BYTES);
	free(text);
}

Test(message, names_are_equal_in_either_case)
{
	uint8_t a[DNS_NAME_BYTES], b[DNS_NAME_BYTES];
	static const struct {
		const char *a, *b;
		bool is_equal, is_in;
	} pairs[] = {
		{ "www.example.com", "WWW.eXample.COM", true, true },
		{ "www.example.com", "example.com", false, true },
		{ "www.example.com", "COM", false, true },
		{ "www.example.com", ".", false, true },
		{ "www.example.com", "ample.com", false, false },
		{ "example.com", "www.example.com", false, false },
		{ "www.example.com", "www.example.org", false, false },
		{ "a[", "a{", false, false }, /* 0x20 apart, and no letters */
		{ "a@", "a`", false, false },
		{ ".", ".", true, true },
		{ ".", "a", false, false },
	};

	for (size_t i = 0; i < ARRAY_SIZE(pairs); i++) {
		dns_name_from_text(a, pairs[i].a);
		dns_name_from_text(b, pairs[i].b);
		cr_expect_eq(dns_name_equal(a, b), pairs[i].is_equal, "%s %s", pairs[i].a, pairs[i].b);
		cr_expect_eq(dns_name_equal(b, a), pairs[i].is_equal);
		cr_expect_eq(dns_name_is_in(a, b), pairs[i].is_in, "%s %s", pairs[i].a, pairs[i].b);
	}
}

/* -- names on the wire -- */

#define HEAD "\0\0\0\0\0\0\0\0\0\0\0\0"

Test(message, reads_compressed_names)
{
	static const char message[] = HEAD "\3com" "\0" "\7example\300\14" "\3www\300\21" "\300\33";
	uint8_t name[DNS_NAME_BYTES];

	cr_expect_eq(read_name(message, sizeof(message) - 1, 12, name), 5);
	cr_expect_eq(read_name(message, sizeof(message) - 1, 17, name), 10);
	cr_expect_eq(memcmp(name, "\7example\3com", 13), 0);
	cr_expect_eq(read_name(message, sizeof(message) - 1, 27, name), 6);
	cr_expect_eq(memcmp(name, "\3www\7example\3com", 17), 0);
	cr_expect_eq(read_name(message, sizeof(message) - 1, 33, name), 2, "a pointer alone");
	cr_expect_eq(memcmp(name, "\3www\7example\3com", 17), 0);
}

Test(message, every_cut_is_malformed)
{
	static const char message[] = HEAD "\3www\7example\3com";

	for (size_t len = 0; len < sizeof(message); len++)
		cr_expect_eq(read_name(message, len, MIN(len, (size_t)12), NULL) > 0, len == sizeof(message),
		             "%zu", len);
	cr_expect_eq(read_name(HEAD "\300", 13, 12, NULL), -EBADMSG);
}

Test(message, pointers_lead_back_and_nowhere_else)
{
	uint8_t name[DNS_NAME_BYTES];
	static const struct {
		const char *bytes;
		size_t len, at;
	} wrong[] = {
		{ HEAD "\300\14", 14, 12 },             /* to itself */
		{ HEAD "\300\16\0", 15, 12 },           /* forward */
		{ HEAD "\1a\300\14", 16, 12 },          /* into the same name: for ever */
		{ HEAD "\300\16\300\14", 16, 12 },      /* two that point at each other */
		{ HEAD "\300\16\300\14", 16, 14 },
		{ HEAD "\300\20\0\0\1a\0\300\14", 21, 19 }, /* back, then forward */
		{ HEAD "\0\300\0", 15, 13 },            /* the header is no name */
		{ HEAD "\0\300\13", 15, 13 },
		{ HEAD "\0\377\377", 15, 13 },          /* beyond the end */
		{ HEAD "\0\100a", 15, 13 },             /* the two other kinds of label */
		{ HEAD "\0\200a", 15, 13 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(wrong); i++)
		cr_expect_eq(read_name(wrong[i].bytes, wrong[i].len, wrong[i].at, name), -EBADMSG, "%zu", i);
}

Test(message, jumps_are_bounded)
{
	uint8_t message[12 + 1 + 2 * 200] = { 0 }, name[DNS_NAME_BYTES];
	size_t at = 13;

	for (int i = 0; i < 200; i++, at += 2) { /* each points at the one before it */
		message[at] = 0xc0 | (uint8_t)((i ? at - 2 : 12) >> 8);
		message[at + 1] = (uint8_t)(i ? at - 2 : 12);
	}
	cr_expect_eq(read_name(message, sizeof(message), 13 + 2 * 126, name), 2);
	cr_expect_eq(read_name(message, sizeof(message), 13 + 2 * 127, name), -EBADMSG);
	cr_expect_eq(read_name(message, sizeof(message), 13 + 2 * 199, name), -EBADMSG);
}

Test(message, names_of_255_bytes_and_no_more)
{
	uint8_t message[12 + 300] = { 0 }, *name = malloc(DNS_NAME_BYTES);
	size_t at = 12;

	for (int i = 0; i < 127; i++, at += 2) {
		message[at] = 1;
		message[at + 1] = 'a';
	}
	at++;
	cr_expect_eq(read_name(message, at, 12, name), 255);
	message[at] = 1;
	message[at + 1] = 'b';
	message[at + 2] = 0xc0;
	message[at + 3] = 12;
	cr_expect_eq(read_name(message, at + 4, at, name), -EBADMSG, "by way of a pointer");
	message[at + 3] = 14;
	cr_expect_eq(read_name(message, at + 4, at, name), 4);
	free(name);
}

/* -- whole messages -- */

/* An answer as of BIND: two records, EDNS0. */
static const char answer[] =
	"\x12\x34\x81\x80\0\1\0\2\0\0\0\1"
	"\3www\7example\3com\0\0\1\0\1"
	"\300\14\0\5\0\1\0\0\1\54\0\4\1a\300\20"
	"\300\55\0\1\0\1\0\0\0\74\0\4\12\0\0\5"
	"\0\0\51\4\320\0\0\0\0\0\0";

Test(message, reads_an_answer)
{
	const uint8_t *data = (const uint8_t *)answer;
	size_t len = sizeof(answer) - 1, at;
	struct dns_header h;
	struct dns_question q;
	struct dns_record r;
	uint8_t name[DNS_NAME_BYTES];
	int n;

	cr_assert_eq(dns_read_header(data, len, &h), 12);
	cr_expect(h.id == 0x1234 && h.flags == (DNS_RESPONSE | DNS_RECURSION_DESIRED | DNS_RECURSION_AVAILABLE));
	cr_expect(h.counts[DNS_QUESTIONS] == 1 && h.counts[DNS_ANSWERS] == 2 && h.counts[DNS_AUTHORITIES] == 0 &&
	          h.counts[DNS_ADDITIONAL] == 1);
	cr_assert_eq(n = dns_read_question(data, len, 12, &q), 21);
	cr_expect(q.type == DNS_A && q.class == DNS_IN && q.name[0] == 3);
	at = 12 + (size_t)n;
	cr_assert_eq(n = dns_read_record(data, len, at, &r), 16);
	cr_expect(r.name_at == at && r.type == DNS_CNAME && r.class == DNS_IN);
	cr_expect(r.ttl_s == 300 && r.data_len == 4);
	cr_expect_eq(dns_read_name(data, len, r.data_at, name), r.data_len);
	cr_expect_eq(memcmp(name, "\1a\7example\3com", 15), 0);
	at += (size_t)n;
	cr_assert_eq(n = dns_read_record(data, len, at, &r), 16);
	cr_expect(r.type == DNS_A && r.ttl_s == 60 && r.data_len == 4 && data[r.data_at] == 10);
	at += (size_t)n;
	cr_assert_eq(n = dns_read_record(data, len, at, &r), 11);
	cr_expect(r.type == DNS_OPT && r.class == 1232 && r.data_len == 0);
	cr_expect_eq(at + (size_t)n, len);
}

/* Reads all that the header promises. */
static int read_all(const uint8_t *data, size_t len)
{
	struct dns_header h;
	struct dns_question q;
	struct dns_record r;
	int n = dns_read_header(data, len, &h);
	size_t at = 12;

	for (unsigned i = 0; n > 0 && i < h.counts[DNS_QUESTIONS]; i++, at += (size_t)n)
		n = dns_read_question(data, len, at, &q);
	for (unsigned s = DNS_ANSWERS; s < DNS_SECTIONS; s++) {
		for (unsigned i = 0; n > 0 && i < h.counts[s]; i++, at += (size_t)n) {
			n = dns_read_record(data, len, at, &r);
			if (n > 0)
				cr_assert(r.name_at >= 12 && (size_t)r.data_at + r.data_len <= len);
		}
	}
	return n < 0 ? n : 0;
}

Test(message, an_answer_cut_anywhere_is_malformed)
{
	for (size_t len = 0; len < sizeof(answer); len++) {
		uint8_t *copy = exact(answer, len);

		cr_expect_eq(read_all(copy, len), len == sizeof(answer) - 1 ? 0 : -EBADMSG, "%zu", len);
		free(copy);
	}
}

Test(message, every_flipped_bit_stays_in_bounds)
{
	for (size_t bit = 0; bit < (sizeof(answer) - 1) * 8; bit++) {
		uint8_t *copy = exact(answer, sizeof(answer) - 1);
		int result;

		copy[bit / 8] ^= (uint8_t)(1u << bit % 8);
		result = read_all(copy, sizeof(answer) - 1);
		cr_expect(result == 0 || result == -EBADMSG);
		free(copy);
	}
}

Test(message, times_to_live)
{
	struct dns_record r = { .ttl_s = 0x7fffffff };

	cr_expect_eq(dns_ttl(&r), 0x7fffffff);
	r.ttl_s = 0x80000000;
	cr_expect_eq(dns_ttl(&r), 0, "RFC 2181 §8");
}

/* -- writing -- */

static const uint8_t *name_of(const char *text)
{
	static uint8_t names[4][DNS_NAME_BYTES];
	static unsigned next;
	uint8_t *name = names[next++ % 4];

	cr_assert_gt(dns_name_from_text(name, text), 0);
	return name;
}

Test(message, writes_the_answer_that_was_read)
{
	uint8_t data[sizeof(answer) - 1];
	struct dns_writer w;

	dns_write(&w, data, sizeof(data), 0x1234, DNS_RESPONSE | DNS_RECURSION_DESIRED);
	cr_expect_eq(dns_write_question(&w, name_of("www.example.com"), DNS_A, DNS_IN), 0);
	dns_record_begin(&w, name_of("WWW.example.com"), DNS_CNAME, DNS_IN, 300);
	dns_put_name(&w, name_of("a.example.com"));
	cr_expect_eq(dns_record_end(&w, DNS_ANSWERS), 0);
	dns_record_begin(&w, name_of("a.Example.com"), DNS_A, DNS_IN, 60);
	dns_put_bytes(&w, "\12\0\0\5", 4);
	cr_expect_eq(dns_record_end(&w, DNS_ANSWERS), 0);
	cr_expect_eq(dns_write_edns(&w, 1232, 0), 0);
	dns_write_flags(&w, DNS_RESPONSE | DNS_RECURSION_DESIRED | DNS_RECURSION_AVAILABLE);
	cr_assert_eq(w.len, sizeof(data));
	cr_expect_eq(memcmp(data, answer, sizeof(data)), 0);
}

Test(message, a_query_is_what_its_pieces_are)
{
	uint8_t whole[DNS_QUERY_BYTES], pieces[DNS_QUERY_BYTES];
	const uint8_t *name = name_of("a.long.er.Name.example.com");
	struct dns_writer w;

	for (uint16_t udp_bytes = 0; udp_bytes <= 1232; udp_bytes += 1232) {
		size_t len = dns_write_query(whole, 0x1234, DNS_RECURSION_DESIRED, name, DNS_AAAA, udp_bytes);

		dns_write(&w, pieces, sizeof(pieces), 0x1234, DNS_RECURSION_DESIRED);
		cr_assert_eq(dns_write_question(&w, name, DNS_AAAA, DNS_IN), 0);
		if (udp_bytes)
			cr_assert_eq(dns_write_edns(&w, udp_bytes, 0), 0);
		cr_assert_eq(len, w.len);
		cr_expect_eq(memcmp(whole, pieces, len), 0);
	}
}

Test(message, what_does_not_fit_leaves_no_trace)
{
	for (size_t room = 12; room < sizeof(answer) - 1; room++) {
		uint8_t *data = malloc(room);
		struct dns_writer w;
		int result;

		dns_write(&w, data, room, 0x1234, DNS_RESPONSE);
		result = dns_write_question(&w, name_of("www.example.com"), DNS_A, DNS_IN);
		if (result == 0) {
			dns_record_begin(&w, name_of("www.example.com"), DNS_CNAME, DNS_IN, 300);
			dns_put_name(&w, name_of("a.example.com"));
			result = dns_record_end(&w, DNS_ANSWERS);
		}
		if (result == 0) {
			dns_record_begin(&w, name_of("a.example.com"), DNS_A, DNS_IN, 60);
			dns_put_bytes(&w, "\12\0\0\5", 4);
			result = dns_record_end(&w, DNS_ANSWERS);
		}
		if (result == 0)
			result = dns_write_edns(&w, 1232, 0);
		cr_expect_eq(result, -EMSGSIZE, "%zu", room);
		cr_expect_leq(w.len, room);
		cr_expect_eq(read_all(data, w.len), 0, "%zu: what is there is whole", room);
		/* and something small may follow still */
		if (w.len > 12 && room - w.len >= 11)
			cr_expect(dns_write_edns(&w, 512, DNS_BAD_VERSION) == 0 && read_all(data, w.len) == 0);
		free(data);
	}
}

Test(message, places_beyond_a_pointers_reach_are_not_pointed_at)
{
	static const uint8_t bytes[1000];
	uint8_t *data = malloc(65536 + 1000);
	struct dns_writer w;
	int result;

	dns_write(&w, data, 65536 + 1000, 1, DNS_RESPONSE);
	while (w.len < 0x4000) {
		dns_record_begin(&w, name_of("."), DNS_TXT, DNS_IN, 1);
		dns_put_bytes(&w, bytes, 200);
		cr_assert_eq(dns_record_end(&w, DNS_ANSWERS), 0);
	}
	for (int i = 0; i < 2; i++) {
		size_t before = w.len;

		dns_record_begin(&w, name_of("far.away"), DNS_A, DNS_IN, 1);
		cr_assert_eq(dns_record_end(&w, DNS_ANSWERS), 0);
		cr_expect_eq(w.len - before, 20, "written whole both times");
	}
	do {
		dns_record_begin(&w, name_of("."), DNS_TXT, DNS_IN, 1);
		dns_put_bytes(&w, bytes, sizeof(bytes));
		result = dns_record_end(&w, DNS_ANSWERS);
	} while (result == 0);
	cr_expect_eq(result, -EMSGSIZE);
	cr_expect(w.len <= 65535 && w.len > 64000, "TCP has 16 bits for the length of a message");
	cr_expect_eq(read_all(data, w.len), 0);
	free(data);
}

Test(message, many_names)
{
	uint8_t data[4096], name[DNS_NAME_BYTES];
	struct dns_writer w;
	size_t at = 12;
	char text[64];

	dns_write(&w, data, sizeof(data), 1, DNS_RESPONSE);
	for (int i = 0; i < 60; i++) {
		format(text, sizeof(text), "h%d.s%d.example.org", i % 7, i % 5);
		dns_record_begin(&w, name_of(text), DNS_CNAME, DNS_IN, 1);
		dns_put_name(&w, name_of("target.example.org"));
		cr_assert_eq(dns_record_end(&w, DNS_ANSWERS), 0);
	}
	cr_expect_lt(w.len, 12 + 60 * 28);
	for (int i = 0; i < 60; i++) {
		struct dns_record r;
		int n = dns_read_record(data, w.len, at, &r);

		cr_assert_gt(n, 0);
		format(text, sizeof(text), "h%d.s%d.example.org", i % 7, i % 5);
		dns_read_name(data, w.len, r.name_at, name);
		cr_expect(dns_name_equal(name, name_of(text)), "%s", text);
		cr_expect_eq(dns_read_name(data, w.len, r.data_at, name), r.data_len);
		cr_expect(dns_name_equal(name, name_of("target.example.org")));
		at += (size_t)n;
	}
}
