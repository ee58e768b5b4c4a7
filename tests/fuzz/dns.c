/* SPDX-License-Identifier: ISC */
/* Fuzzes DNS servers' messages, names and options. The input is parsed as a message by the codec, and is the
 * answer of a server, over UDP or TCP, to a resolver over a whole stack. Checks, besides the sanitizers, that
 * written messages read back the same, that every query settles, that addresses come only from right answers,
 * and that all memory is freed.
 *
 * Bytes: 0 the server's behaviour; 1 its way of answering, and further queries; 2 the name; then the
 * message. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "kernel/loop.h"
#include "net/direct.h"
#include "net/dns/dns_priv.h"
#include "tests/lib/cable.h"
#include "tests/lib/check.h"
#include "tests/lib/clock.h"
#include "tests/lib/dns_server.h"
#include "tests/lib/lan.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { HEAD = 3, QUERIES = CONFIG_DNS_LOOKUPS + 3, INPUT_MAX = 3000 };

/* -- the codec -- */

/* Writes the record that was read, perhaps without enough room, and reads it again. */
static void copy_record(struct dns_writer *w, const uint8_t *data, size_t len, const struct dns_record *r,
                        enum dns_section section)
{
	uint8_t name[DNS_NAME_BYTES], again[DNS_NAME_BYTES], target[DNS_NAME_BYTES];
	size_t before = w->len;
	struct dns_record copy;
	bool is_alias;

	CHECK(dns_read_name(data, len, r->name_at, name) > 0);
	is_alias = r->type == DNS_CNAME && dns_read_name(data, len, r->data_at, target) > 0;
	dns_record_begin(w, name, r->type, r->class, r->ttl_s);
	if (is_alias)
		dns_put_name(w, target);
	else
		dns_put_bytes(w, data + r->data_at, r->data_len);
	if (dns_record_end(w, section) < 0) {
		CHECK(w->len == before);
		return;
	}
	CHECK(dns_read_record(w->data, w->len, before, &copy) == (int)(w->len - before));
	CHECK(copy.type == r->type && copy.class == r->class && dns_ttl(&copy) == dns_ttl(r));
	CHECK(dns_read_name(w->data, w->len, copy.name_at, again) > 0 && dns_name_equal(again, name));
	if (is_alias)
		CHECK(dns_name_is_at(w->data, w->len, copy.data_at, target));
	else
		CHECK(copy.data_len == r->data_len &&
		      !memcmp(w->data + copy.data_at, data + r->data_at, r->data_len));
}

static void fuzz_name(const uint8_t *name)
{
	char text[DNS_TEXT_BYTES];
	uint8_t again[DNS_NAME_BYTES];
	size_t bytes = dns_name_bytes(name);

	CHECK(bytes <= DNS_NAME_BYTES && dns_name_equal(name, name) && dns_name_is_in(name, (const uint8_t *)""));
	dns_name_to_text(text, name);
	if (!strchr(text, '\\'))
		CHECK(dns_name_from_text(again, text) == (int)bytes && !memcmp(name, again, bytes));
}

static void fuzz_codec(const uint8_t *data, size_t len, size_t room)
{
	struct dns_header h;
	struct dns_question q;
	struct dns_record r;
	struct dns_writer w;
	uint8_t *to;
	size_t at = DNS_HEADER_BYTES;
	int n;

	if (dns_read_header(data, len, &h) < 0)
		return;
	room = MAX(room, (size_t)DNS_HEADER_BYTES);
	to = malloc(room);
	dns_write(&w, to, room, h.id, h.flags);
	for (unsigned i = 0; i < h.counts[DNS_QUESTIONS]; i++, at += (size_t)n) {
		if ((n = dns_read_question(data, len, at, &q)) < 0)
			goto out;
		fuzz_name(q.name);
		dns_write_question(&w, q.name, q.type, q.class);
	}
	for (enum dns_section section = DNS_ANSWERS; section < DNS_SECTIONS; section++) {
		for (unsigned i = 0; i < h.counts[section]; i++, at += (size_t)n) {
			if ((n = dns_read_record(data, len, at, &r)) < 0)
				goto out;
			copy_record(&w, data, len, &r, section);
		}
	}
out:
	CHECK(at <= len && w.len <= room);
	dns_write_edns(&w, 1232, 0);
	free(to);
}

static void fuzz_text(const uint8_t *data, size_t len)
{
	char *text = malloc(len + 1);
	struct dns_servers servers;
	uint8_t *name = malloc(DNS_NAME_BYTES);

	memcpy(text, data, len);
	text[len] = '\0';
	if (dns_name_from_text(name, text) > 0)
		fuzz_name(name);
	CHECK(option_dns(text, &servers) < 0 || servers.count <= CONFIG_DNS_SERVERS_MAX);
	free(name);
	free(text);
}

/* -- the resolver -- */

static const struct dns_zone zone[] = {
	{ "a.b", DNS_A, 300, "10.1.0.1" },
	{ "c.b", DNS_CNAME, 300, "d.b" },
	{ "d.b", DNS_CNAME, 300, "a.b" },
	{ "circle.b", DNS_CNAME, 300, "circle.b" },
	{ "t.b", DNS_TXT, 300, "" },
	{ 0 },
};
static const char *const names[] = { "a.b", "c.b", "circle.b", "t.b", "n.b", "localhost", "10.0.0.1", "A.B" };
static const struct ip_addr addrs[] = { { IP_V4, { 10, 0, 0, 2 } }, { IP_V4, { 10, 0, 0, 9 } } };

static struct cable *cable;
static struct direct *stacks[2];
static struct dns_server server;
static struct {
	const uint8_t *data;
	size_t len;
	uint8_t how;
} message;

enum {
	WHOLE = 1 << 0,     /* the message replaces all of an answer but its id */
	RECORDS = 1 << 1,   /* … or the part that follows the question */
	BOTH_WAYS = 1 << 2, /* over TCP, too */
	OTHERS = 1 << 3,    /* more queries */
	CANCEL = 1 << 4,
	LEAVE = 1 << 5,     /* the resolver is destroyed meanwhile */
	V6 = 1 << 6,
	FORGED = 1 << 7,
};

/* Puts the input's message into an answer. */
static void spoil(uint8_t *data, size_t *len, bool over_tcp)
{
	size_t records = DNS_HEADER_BYTES + dns_name_bytes(data + DNS_HEADER_BYTES) + 4;

	if (over_tcp && !(message.how & BOTH_WAYS))
		return;
	if (message.how & WHOLE) {
		memcpy(data + 2, message.data, message.len);
		*len = 2 + message.len;
	} else if (message.how & RECORDS && message.len >= 8) {
		memcpy(data + 2, message.data, 2); /* flags, and counts of records */
		data[2] |= DNS_RESPONSE >> 8;
		memcpy(data + 6, message.data + 2, 6);
		memcpy(data + records, message.data + 8, message.len - 8);
		*len = records + message.len - 8;
	}
}

static void make_world(void)
{
	static const struct cable_config config = { .seed = 1 };

	lan_prepare();
	CHECK(cable_create(&cable, &config) == 0);
	for (int i = 0; i < 2; i++) {
		struct stack_config stack = { .ip = { ip_v4(10, 0, 0, (uint8_t)(i + 1)), 24 } };

		CHECK(direct_create(&stacks[i], cable_end(cable, i), &stack) == 0);
	}
	server = (struct dns_server){ .stack = (struct stack *)stacks[1], .port = DNS_PORT };
	CHECK(dns_server_start(&server) == 0);
}

static void behave(uint8_t how)
{
	struct dns_server s = {
		.stack = server.stack, .port = server.port, .zone = zone, .spoil = spoil,
		.is_small = how & 1, .is_old = how & 2, .is_brief = how & 4, .always_truncates = how & 8,
		.hangs_up = how & 16, .is_silent = how & 32, .deaf = how & 64 ? 2 : 0,
		.rcode = how & 128 ? DNS_SERVER_FAILURE : 0, .negative_s = how & 1 ? 0 : 30,
		.forgeries = message.how & FORGED ? 20 : 0, .delay_ns = how & 64 ? 100 * NS_PER_MS : 0,
		.piece_bytes = message.how & FORGED ? 1 : 0,
	};

	s.streams_open = server.streams_open;
	server = s;
}

/* Runs queries: the first is for name, further ones for other names. */
static void run_queries(struct dns_resolver *r, struct dns_query *queries, size_t count, const char *name)
{
	enum ip_family family = message.how & V6 ? IP_V6 : IP_V4;
	struct sleep pause;

	for (size_t i = 0; i < count; i++)
		dns_resolve(r, &queries[i], i ? names[(i - 1) % ARRAY_SIZE(names)] : name, family,
		            i == 1 ? clock_now_ns() + 10 * NS_PER_MS : DEADLINE_NEVER);
	if (message.how & CANCEL)
		promise_cancel(&queries[0].promise);
	if (message.how & LEAVE) {
		sleep_until(&pause, clock_now_ns() + NS_PER_MS);
		loop_run(&pause.promise);
		dns_resolver_set_servers(r, &addrs[1], message.len % 2);
	}
	for (size_t i = 0; i < count; i++) {
		if (i + 1 == count && message.how & LEAVE)
			return; /* the last one ends when the resolver is destroyed */
		if (loop_run(&queries[i].promise) > 0)
			CHECK(queries[i].found.count > 0 && queries[i].found.count <= CONFIG_DNS_ADDRESSES &&
			      queries[i].found.addrs[0].family == family);
	}
}

static void fuzz_resolver(const char *name)
{
	struct dns_config config = DNS_CONFIG_DEFAULTS;
	static struct dns_query queries[QUERIES];
	size_t count = message.how & OTHERS ? QUERIES : 1;
	struct dns_resolver *r;
	struct dns_stats stats;
	struct sleep pause;

	CHECK(dns_resolver_create(&r, (struct stack *)stacks[0], &config) == 0);
	dns_resolver_set_servers(r, addrs, message.how & OTHERS ? 2 : 1);
	run_queries(r, queries, count, name);
	if (!(message.how & LEAVE)) {
		dns_resolver_stats(r, &stats);
		CHECK(stats.lookups == 0);
		run_queries(r, queries, 1, name); /* from the cache */
	}
	dns_resolver_destroy(r);
	for (size_t i = 0; i < count; i++)
		CHECK(promise_is_settled(&queries[i].promise));
	sleep_until(&pause, clock_now_ns() + 200 * NS_PER_S); /* for TIME-WAIT, and frames in flight */
	loop_run(&pause.promise);
	CHECK(server.streams_open == 0);
	lan_run();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char text[256] = "a.b";

	if (!cable)
		make_world();
	if (size < HEAD || size > INPUT_MAX)
		return 0;
	message.data = data + HEAD;
	message.len = size - HEAD;
	message.how = data[1];
	fuzz_codec(message.data, message.len, data[0] * 8u);
	fuzz_text(message.data, message.len);
	behave(data[0]);
	if (data[2] < ARRAY_SIZE(names)) {
		fuzz_resolver(names[data[2]]);
	} else {
		memcpy(text, message.data, MIN(message.len, sizeof(text) - 1));
		text[MIN(message.len, sizeof(text) - 1)] = '\0';
		fuzz_resolver(text);
	}
	return 0;
}
