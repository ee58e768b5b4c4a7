/* SPDX-License-Identifier: ISC */
/* Fuzzes the DHCP client in a whole direct stack, link-local addresses included. The input is a row of
 * records: replies to the last query with the input's options; datagrams wholly of the input; a well-behaved
 * server; ARP packets; time. Checks, besides the sanitizers, that queries are well formed and bounded in
 * number, that an address is used only after a probe and is a valid host's, that names are printable, and
 * that all memory is freed. */
#include <stdlib.h>
#include <string.h>

#include "kernel/loop.h"
#include "net/bytes.h"
#include "net/dhcp/client.h"
#include "net/dhcp/message.h"
#include "net/direct.h"
#include "tests/lib/check.h"
#include "tests/lib/clock.h"
#include "tests/lib/input.h"
#include "tests/lib/lan.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { IP = 14, UDP = 34, DATA = 42, OPTIONS = DATA + 240, RECORDS = 64, BROADCAST = 4 };

/* The kind of a record, in the low two bits of its first byte; the next bit chooses a datagram's receiver. */
enum record { REPLY, RAW, ARP, TIME };

static struct lan lan;
static struct direct *d;
static struct dhcp_listener listener;
static uint32_t xid;            /* of the last query */
static uint8_t asked;           /* its type */
static uint32_t offered;
static uint32_t probed[64];     /* the addresses probed last */
static unsigned probes, asks, told;

/* -- checks of the stack's frames and events -- */

static void check_name(const char *name, size_t room)
{
	size_t len = strnlen(name, room);

	CHECK(len < room);
	for (size_t i = 0; i < len; i++)
		CHECK(name[i] > ' ' && name[i] < 0x7f);
}

static void check_lease(const struct dhcp_lease *l)
{
	uint32_t a = get_be32(l->ip.addr.bytes);
	bool was_probed = false;

	for (size_t i = 0; i < ARRAY_SIZE(probed); i++)
		was_probed |= probed[i] == a;
	CHECK(was_probed);
	CHECK(l->ip.addr.family == IP_V4 && ipv4_check_address(&l->ip, NULL) == 0);
	CHECK(l->seconds >= 2);
	check_name(l->hostname, sizeof(l->hostname));
	check_name(l->domain, sizeof(l->domain));
	for (int i = 0; i < DHCP_SERVERS; i++)
		CHECK(l->dns[i].family == IP_NONE || get_be32(l->dns[i].bytes) < 0xe0000000);
	for (int i = 0; i < DHCP_ROUTES && l->routes[i].to.addr.family != IP_NONE; i++)
		CHECK(l->routes[i].to.len <= 32);
}

static void on_change(struct dhcp_listener *l, const struct dhcp_lease *lease)
{
	(void)l;
	told++;
	CHECK(lease == direct_lease(d));
	if (lease)
		check_lease(lease);
}

static void see_query(const struct frame *f)
{
	CHECK(frame_ipv4_is_right(f) && frame_32(f, UDP) == (68 << 16 | 67) && f->len >= DATA + 300);
	CHECK(f->bytes[OPTIONS] == 53 && f->bytes[OPTIONS + 1] == 1);
	asked = f->bytes[OPTIONS + 2];
	CHECK(asked == 1 || asked == 3 || asked == 4);
	xid = frame_32(f, DATA + 4);
	asks++;
}

static void run(void)
{
	const struct frame *f;

	lan_run();
	while ((f = lan_next(&lan))) {
		if (frame_16(f, 12) == 0x0800 && f->bytes[IP + 9] == 17)
			see_query(f);
		else if (frame_16(f, 12) == 0x0806 && frame_32(f, 28) == 0)
			probed[probes++ % ARRAY_SIZE(probed)] = frame_32(f, 38);
	}
}

/* -- records -- */

/* Parses bytes alone, in a block of exactly their size, so that reads beyond it are caught. */
static void parse(const uint8_t *bytes, size_t len)
{
	uint8_t *exact = malloc(len + !len);
	struct dhcp_reply reply;
	int used;

	memcpy(exact, bytes, len);
	used = dhcp_parse(exact, len, LAN_MAC, &reply);
	CHECK(used < 0 || (used == (int)len && reply.type && reply.lease.ip.len >= 1));
	CHECK(used < 0 || reply.lease.ip.len <= 32);
	free(exact);
}

static void datagram(const uint8_t *bytes, size_t len, uint8_t how)
{
	struct frame f;

	parse(bytes, len);
	frame_ipv4(&f, 17, LAN_GATEWAY_IP, how & BROADCAST ? UINT32_MAX : offered);
	frame_udp(&f, how & 8 ? 66 : 67, 68, bytes, len);
	if (how & BROADCAST)
		memcpy(f.bytes, LAN_BROADCAST, 6);
	frame_finish(&f);
	lan.pieces = how & 16 ? 100 : 0;
	lan_receive(&lan, &f, 0);
	run();
}

/* Sends a reply: a header that fits the last query, the right type if the input says so, the input's
 * options. */
static void take_reply(struct input *in, uint8_t how)
{
	uint8_t type = (uint8_t)take(in, 1);
	size_t len = MIN(take(in, 2) % 600, in->left);
	uint8_t m[240 + 3 + 6 + 6 + 6 + 600] = { 2, 1, 6 };
	size_t at = 240;

	put_be32(m + 4, xid);
	if (how & 32)
		offered = take(in, 4);
	put_be32(m + 16, how & 64 && type == 6 ? 0 : offered);
	memcpy(m + 28, LAN_MAC, 6);
	memcpy(m + 236, "\x63\x82\x53\x63", 4);
	len = MIN(len, in->left);
	if (type & 0x80)
		type = asked == 1 ? 2 : 5;
	memcpy(m + at, (uint8_t[]){ 53, 1, type, 54, 4, 10, 0, 0, 1 }, 9);
	at += 9;
	if (how & 128) {
		memcpy(m + at, (uint8_t[]){ 51, 4, 0, 0, 0, 100, 1, 4, 255, 255, 255, 0 }, 12);
		at += 12;
	}
	memcpy(m + at, in->at, len);
	in->at += len;
	in->left -= len;
	datagram(m, at + len, how);
}

static void take_raw(struct input *in, uint8_t how)
{
	size_t len = MIN(take(in, 2) % 1473, in->left);

	datagram(in->at, len, how);
	in->at += len;
	in->left -= len;
}

static void take_arp(struct input *in, uint8_t how)
{
	const struct ip_prefix *ours = direct_address(d);
	uint32_t sender = how & 64 ? get_be32(ours->addr.bytes) : how & 32 ? probed[(probes - 1) % 64] : offered;
	struct frame f;

	frame_arp(&f, 1 + (how >> 2 & 1), LAN_PEER_MAC, how & 8 ? 0 : sender, LAN_MAC,
	          how & 8 ? sender : take(in, 4));
	lan_receive(&lan, &f, 0);
	run();
}

/* Passes up to an hour, and checks that each minute brings few queries. */
static void take_time(struct input *in, uint8_t how)
{
	uint32_t ms = take(in, 2) * (how & 128 ? 60 : 1);
	unsigned before = asks;

	for (uint32_t left = ms; left > 0;) {
		uint32_t step = MIN(left, how & 128 ? 2000u : 200u);

		clock_advance_ns(step * NS_PER_MS);
		left -= step;
		run();
	}
	CHECK(asks - before <= 20 + ms / 500);
}

static void take_record(struct input *in)
{
	uint8_t how = (uint8_t)take(in, 1);

	switch ((enum record)(how & 3)) {
	case REPLY:
		take_reply(in, how);
		break;
	case RAW:
		take_raw(in, how);
		break;
	case ARP:
		take_arp(in, how);
		break;
	case TIME:
		take_time(in, how);
		break;
	}
	CHECK(!direct_lease(d) == (direct_address(d)->addr.family == IP_NONE));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in = { data, size };
	uint8_t mode = (uint8_t)take(&in, 1);
	struct stack_config config = { .dhcp = true, .hostname = mode & 1 ? "rain" : NULL };

	if (size > 4000)
		return 0;
	if (mode & 2)
		config.ip = (struct ip_prefix){ ip_v4(10, 0, 0, 50), 24 };
	lan_init(&lan, 0);
	offered = 0x0a000032;
	probes = asks = told = 0;
	memset(probed, 0, sizeof(probed));
	CHECK(direct_create(&d, &lan.dev, &config) == 0);
	listener.changed = on_change;
	direct_lease_listen(d, &listener);
	run();
	for (int i = 0; i < RECORDS && in.left > 0; i++)
		take_record(&in);
	direct_destroy(d);
	lan_forget(&lan);
	lan_done(&lan);
	return 0;
}
