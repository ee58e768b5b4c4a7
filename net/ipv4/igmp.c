/* SPDX-License-Identifier: ISC */
/* IGMP for hosts (RFC 3376 §5): reports what is joined and left, twice, since nothing acknowledges it, and
 * answers queries after a random while, once for all that ask meanwhile. We take every source, so an answer
 * about some of them is about all. An older router's query makes us speak its version for some minutes
 * (§7.2.1); then others' reports save ours (RFC 2236 §3).
 *
 * A query must come to a group: one sent to us alone, from afar perhaps, would make us talk to the link. */
#include "net/ipv4/igmp.h"

#include <errno.h>

#include "kernel/dev/clock.h"
#include "kernel/instance.h"
#include "kernel/random.h"
#include "net/checksum.h"
#include "net/ipv4/ipv4_priv.h"

#define UNSOLICITED_NS NS_PER_S       /* RFC 3376 §8.11 */
#define OLDER_NS (260 * NS_PER_S)     /* §8.12, with the querier's defaults */

enum {
	ALL_HOSTS = 0xe0000001,   /* 224.0.0.1 */
	ALL_ROUTERS = 0xe0000002,
	V3_ROUTERS = 0xe0000016,  /* 224.0.0.22 */
	ROBUSTNESS = 2,           /* §8.1: how often something is said of our own accord */
	RECORDS = 8,              /* in a report, so that it fits a head */
	HEADER_BYTES = 24,        /* of IP, with the option "router alert" (RFC 2113) */
};

enum type { QUERY = 0x11, V1_REPORT = 0x12, V2_REPORT = 0x16, V2_LEAVE = 0x17, V3_REPORT = 0x22 };

enum record_type { IS_EXCLUDE = 2, TO_INCLUDE = 3, TO_EXCLUDE = 4 };

/* Queries and all messages of versions 1 and 2; a version 3 query goes on. Also what a version 3 report
 * begins with, and each of its records, whose other fields are zero. */
struct message {
	uint8_t type, code;
	uint16_t checksum;
	uint32_t group; /* version 3 report: reserved, number of records */
} __attribute__((packed));
static_assert(sizeof(struct message) == 8, "wire format");

struct igmp {
	struct ipv4 *ip;
	struct ip_handler handler;
	struct timer timer;
	uint64_t general_ns; /* when all groups are reported; DEADLINE_NEVER: not */
	uint64_t left_ns;    /* when leaving the group that was left last is said once more */
	uint32_t left;
	uint64_t v1_ns, v2_ns; /* until when a router of that version is believed to be there */
};

static uint8_t version(const struct igmp *g)
{
	uint64_t now_ns = clock_now_ns();

	return now_ns < g->v1_ns ? 1 : now_ns < g->v2_ns ? 2 : 3;
}

static uint64_t random_within_ns(uint64_t ns)
{
	return clock_now_ns() + 1 + (random_u32() * (ns >> 16) >> 16);
}

/* Puts type and group before what is in b. */
static void push(struct buf *b, uint8_t type, uint32_t group)
{
	*(struct message *)buf_push(b, sizeof(struct message)) =
		(struct message){ .type = type, .group = be32(group) };
}

/* Puts the IP header before an IGMP message and sends it. Takes b. */
static void send_message(struct igmp *g, struct buf *b, uint32_t to)
{
	struct message *m = (void *)b->data;
	struct ipv4 *ip = g->ip;
	uint8_t mac[6];

	m->checksum = checksum_of(b->data, b->len);
	ipv4_group_mac(mac, to);
	put_be32(buf_push(b, 4), 0x94040000); /* router alert */
	*(struct ipv4_header *)buf_push(b, IPV4_HEADER_BYTES) = (struct ipv4_header){
		.version_ihl = 4 << 4 | HEADER_BYTES / 4, .tos = 0xc0, .total_bytes = be16((uint16_t)b->len),
		.fragment = be16(IPV4_DF), .ttl = 1, .protocol = IP_IGMP,
		.src = be32(ipv4_source(ip, to)), .dst = be32(to),
	};
	((struct ipv4_header *)b->data)->checksum = checksum_of(b->data, HEADER_BYTES);
	ip->stats.out_requests++;
	ip->stats.out_transmits++;
	ethernet_send(ip->ethernet, mac, ETHERTYPE_IPV4, b);
}

/* One group, in the words of the version that is spoken. */
static void say(struct igmp *g, uint32_t group, enum record_type type)
{
	uint8_t spoken = version(g);
	struct buf *b;

	if (spoken == 1 && type == TO_INCLUDE)
		return; /* version 1 has no word for it */
	b = buf_alloc_header();
	if (!b)
		return;
	if (spoken == 3) {
		push(b, type, group);
		push(b, V3_REPORT, 1);
		send_message(g, b, V3_ROUTERS);
		return;
	}
	push(b, type == TO_INCLUDE ? V2_LEAVE : spoken == 1 ? V1_REPORT : V2_REPORT, group);
	send_message(g, b, type == TO_INCLUDE ? ALL_ROUTERS : group);
}

/* Is it the first of those that have joined this group? Only that one speaks. */
static bool is_first(const struct igmp *g, const struct igmp_group *which)
{
	const struct igmp_group *at = g->ip->groups;

	while (at->address != which->address)
		at = at->next;
	return at == which && which->address != ALL_HOSTS; /* that one is never spoken of: §6 */
}

/* All groups, in as few reports as hold them. */
static void say_all(struct igmp *g)
{
	struct igmp_group *at = g->ip->groups;

	while (at) {
		struct buf *b = buf_alloc_header();
		uint32_t records = 0;

		if (!b)
			return;
		for (; at && records < RECORDS; at = at->next) {
			if (!is_first(g, at))
				continue;
			push(b, IS_EXCLUDE, at->address);
			records++;
		}
		push(b, V3_REPORT, records);
		if (records > 0)
			send_message(g, b, V3_ROUTERS);
		else
			buf_free(b);
	}
}

static void set_timer(struct igmp *g)
{
	uint64_t next_ns = MIN(g->general_ns, g->left_ns);

	for (const struct igmp_group *at = g->ip->groups; at; at = at->next)
		next_ns = MIN(next_ns, at->due_ns);
	timer_start(&g->timer, next_ns);
}

static void say_group(struct igmp *g, struct igmp_group *at)
{
	say(g, at->address, at->repeats > 0 ? TO_EXCLUDE : IS_EXCLUDE);
	at->repeats -= at->repeats > 0;
	at->due_ns = at->repeats > 0 ? random_within_ns(UNSOLICITED_NS) : DEADLINE_NEVER;
}

static void say_left_again(struct igmp *g)
{
	if (g->left_ns != DEADLINE_NEVER)
		say(g, g->left, TO_INCLUDE);
	g->left_ns = DEADLINE_NEVER;
}

static void fire(struct timer *t)
{
	struct igmp *g = container_of(t, struct igmp, timer);
	uint64_t now_ns = clock_now_ns();

	if (g->general_ns <= now_ns) {
		g->general_ns = DEADLINE_NEVER;
		say_all(g);
	}
	if (g->left_ns <= now_ns)
		say_left_again(g);
	for (struct igmp_group *at = g->ip->groups; at; at = at->next)
		if (at->due_ns <= now_ns)
			say_group(g, at);
	set_timer(g);
}

/* How long an answer may wait, from the query's code: tenths of a second, the longer ones as a small floating
 * point number (§4.1.1). */
static uint64_t patience_ns(uint8_t code, bool v3)
{
	uint64_t tenths = v3 && code >= 128 ? (uint64_t)(16 | (code & 15)) << ((code >> 4 & 7) + 3) : code;

	return MAX(tenths, (uint64_t)1) * 100 * NS_PER_MS;
}

static void input_query(struct igmp *g, const struct message *m, uint32_t len, uint32_t to)
{
	uint32_t group = be32(m->group);
	bool v3 = len >= 12;
	uint64_t due_ns;

	if (len != 8 && !v3)
		return;
	if (group == 0 && to != ALL_HOSTS)
		return; /* §9.1 */
	if (!v3) {
		*(m->code == 0 ? &g->v1_ns : &g->v2_ns) = clock_now_ns() + OLDER_NS;
		g->general_ns = DEADLINE_NEVER;
	}
	due_ns = random_within_ns(patience_ns(!v3 && m->code == 0 ? 100 : m->code, v3));
	if (group == 0 && version(g) == 3) {
		g->general_ns = MIN(g->general_ns, due_ns);
		return;
	}
	for (struct igmp_group *at = g->ip->groups; at; at = at->next)
		if ((group == 0 || at->address == group) && is_first(g, at))
			at->due_ns = MIN(at->due_ns, due_ns);
}

/* Somebody else has said what we would have: the router, an older one, needs no more. */
static void input_report(struct igmp *g, uint32_t group)
{
	if (version(g) == 3)
		return;
	for (struct igmp_group *at = g->ip->groups; at; at = at->next)
		if (at->address == group) {
			at->due_ns = DEADLINE_NEVER;
			at->repeats = 0;
		}
}

static void igmp_input(void *arg, const struct ip_meta *meta, struct buf *b)
{
	const struct message *m = (const void *)b->data;
	uint32_t len = buf_length(b);
	struct igmp *g = arg;

	if (!meta->to_group || b->len < sizeof(*m) || checksum_finish(checksum_add_buf(0, b)) != 0) {
		ipv4_drop(g->ip, meta->header, b, NULL, "a bad IGMP message");
		return;
	}
	if (m->type == QUERY)
		input_query(g, m, len, get_be32(meta->dst.bytes));
	else if (m->type == V1_REPORT || m->type == V2_REPORT)
		input_report(g, be32(m->group));
	set_timer(g);
	buf_free(b);
}

static int create(struct ipv4 *ip)
{
	struct igmp *g = instance_alloc(sizeof(*g));
	int error;

	if (!g)
		return -ENOMEM;
	g->ip = ip;
	g->general_ns = g->left_ns = DEADLINE_NEVER;
	g->handler = (struct ip_handler){ .input = igmp_input, .arg = g };
	timer_init(&g->timer, fire);
	error = ip_listen(&ip->ip, IP_IGMP, &g->handler);
	if (error < 0)
		instance_free(g, sizeof(*g));
	else
		ip->igmp = g;
	return error;
}

int igmp_join(struct ipv4 *ip, struct igmp_group *group, const struct ip_addr *address)
{
	uint32_t a = get_be32(address->bytes);
	int error;

	if (address->family != IP_V4 || !ipv4_is_multicast(a))
		return -EINVAL;
	error = ip->igmp ? 0 : create(ip);
	if (error < 0)
		return error;
	*group = (struct igmp_group){ .address = a, .due_ns = DEADLINE_NEVER };
	for (struct igmp_group **at = &ip->groups;; at = &(*at)->next)
		if (!*at) {
			*at = group;
			break;
		}
	if (ip->igmp->left == a)
		ip->igmp->left_ns = DEADLINE_NEVER;
	if (is_first(ip->igmp, group)) {
		group->repeats = ROBUSTNESS;
		say_group(ip->igmp, group);
		set_timer(ip->igmp);
	}
	return 0;
}

/* Says so now, and once more; what was left before that is said now. */
static void say_left(struct igmp *g, uint32_t address)
{
	say_left_again(g);
	say(g, address, TO_INCLUDE);
	g->left = address;
	g->left_ns = random_within_ns(UNSOLICITED_NS);
}

/* The last has left: nothing of IGMP stays. */
static void destroy(struct igmp *g)
{
	say_left_again(g);
	ip_listen(&g->ip->ip, IP_IGMP, NULL);
	timer_stop(&g->timer);
	g->ip->igmp = NULL;
	instance_free(g, sizeof(*g));
}

void igmp_leave(struct ipv4 *ip, struct igmp_group *group)
{
	struct igmp_group **at = &ip->groups;
	bool first = is_first(ip->igmp, group);

	while (*at != group)
		at = &(*at)->next;
	*at = group->next;
	for (struct igmp_group *other = *at; other; other = other->next)
		if (other->address == group->address) {
			if (first) { /* it speaks from now on */
				other->due_ns = group->due_ns;
				other->repeats = group->repeats;
			}
			first = false;
		}
	if (first && !ipv4_is_joined(ip, group->address))
		say_left(ip->igmp, group->address);
	if (ip->groups)
		set_timer(ip->igmp);
	else
		destroy(ip->igmp);
}
