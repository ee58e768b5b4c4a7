/* SPDX-License-Identifier: ISC */
/* IGMP for hosts (RFC 3376 §5): reports each join and leave twice, since reports are not acknowledged, and
 * answers queries after a random delay, once for all that arrive meanwhile. We accept every source, so an
 * answer about some sources is one about all. An older router's query makes us use its version for some
 * minutes (§7.2.1); another host's report then makes ours needless (RFC 2236 §3).
 *
 * A query must be sent to a group: a unicast one, perhaps from afar, would make us talk to the link. */
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
	ROBUSTNESS = 2,           /* §8.1: times that an unsolicited report is sent */
	RECORDS = 8,              /* in a report, so that it fits a head */
	HEADER_BYTES = 24,        /* of IP, with the option "router alert" (RFC 2113) */
};

enum type { QUERY = 0x11, V1_REPORT = 0x12, V2_REPORT = 0x16, V2_LEAVE = 0x17, V3_REPORT = 0x22 };

enum record_type { IS_EXCLUDE = 2, TO_INCLUDE = 3, TO_EXCLUDE = 4 };

/* Queries and all messages of versions 1 and 2; a version 3 query is longer. Also the beginning of a version
 * 3 report, and each of its records, whose other fields are zero. */
struct message {
	uint8_t type, code;
	uint16_t checksum;
	uint32_t group; /* version 3 report: reserved, number of records */
} __attribute__((packed));
static_assert(sizeof(struct message) == 8, "wire format");

/* The list begins with the group that was left last, as its leaving is reported a second time; behind it are
 * the groups that are joined. */
struct igmp {
	struct igmp_group left;
	struct ipv4 *ip;
	struct ip_handler handler;
	struct timer timer;
	uint64_t v1_ns, v2_ns; /* until when a router of that version is taken to be present */
	struct buf *report;    /* being written; or NULL */
	uint32_t records;      /* in report */
};

static struct igmp *igmp_of(struct ipv4 *ip)
{
	return container_of(ip->groups, struct igmp, left);
}

/* Tells a device that filters by MAC address which groups to let through. */
static int want(struct ipv4 *ip, uint32_t group, bool is_wanted)
{
	uint8_t mac[6];

	if (!IS_ENABLED(CONFIG_NETDEV_GROUPS))
		return 0;
	ipv4_group_mac(mac, group);
	return netdev_want(ethernet_netdev(ip->ethernet), mac, is_wanted);
}

static uint8_t version(const struct igmp *g, uint64_t now_ns)
{
	return now_ns < g->v1_ns ? 1 : now_ns < g->v2_ns ? 2 : 3;
}

static uint64_t random_within_ns(uint64_t ns)
{
	return clock_now_ns() + 1 + (random_u32() * (ns >> 16) >> 16);
}

/* Puts type and group in front of the report. */
static void push(struct igmp *g, uint8_t type, uint32_t group)
{
	*(struct message *)buf_push(g->report, sizeof(struct message)) =
		(struct message){ .type = type, .group = be32(group) };
}

/* Puts the IP header before the message that has been written, and sends it. */
static void send_message(struct igmp *g, uint32_t to)
{
	struct buf *b = g->report;
	struct message *m = (void *)b->data;
	struct ipv4 *ip = g->ip;
	uint8_t mac[6];

	g->report = NULL;
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

static void send_report(struct igmp *g)
{
	if (!g->report)
		return;
	push(g, V3_REPORT, g->records);
	g->records = 0;
	send_message(g, V3_ROUTERS);
}

/* Reports one group in the version that is spoken. */
static void say(struct igmp *g, const struct igmp_group *at, uint8_t spoken)
{
	bool left = at == &g->left;

	if (spoken == 1 && left)
		return; /* version 1 has no message for it */
	if (!g->report && !(g->report = buf_alloc_header()))
		return;
	if (spoken == 3) {
		push(g, left ? TO_INCLUDE : at->repeats > 0 ? TO_EXCLUDE : IS_EXCLUDE, at->address);
		if (++g->records == RECORDS)
			send_report(g);
	} else {
		push(g, left ? V2_LEAVE : spoken == 1 ? V1_REPORT : V2_REPORT, at->address);
		send_message(g, left ? ALL_ROUTERS : at->address);
	}
}

/* Is it the first membership in its group? Only that one sends reports. */
static bool is_first(const struct igmp *g, const struct igmp_group *which)
{
	const struct igmp_group *at = g->left.next;

	while (at->address != which->address)
		at = at->next;
	return at == which && which->address != ALL_HOSTS; /* never reported: §6 */
}

/* Sends all reports that are due, in as few messages as possible, and sets the timer. */
static void say_due(struct igmp *g)
{
	uint64_t now_ns = clock_now_ns(), next_ns = DEADLINE_NEVER;

	for (struct igmp_group *at = &g->left; at; at = at->next) {
		if (at->due_ns <= now_ns) {
			say(g, at, version(g, now_ns));
			at->repeats -= at->repeats > 0;
			at->due_ns = at->repeats > 0 ? random_within_ns(UNSOLICITED_NS) : DEADLINE_NEVER;
		}
		next_ns = MIN(next_ns, at->due_ns);
	}
	send_report(g);
	timer_start(&g->timer, next_ns);
}

static void fire(struct timer *t)
{
	say_due(container_of(t, struct igmp, timer));
}

/* Sends now what is still to be reported of the group that was left last. */
static void say_left(struct igmp *g)
{
	if (g->left.due_ns != DEADLINE_NEVER)
		g->left.due_ns = 0;
	say_due(g);
}

/* The longest delay of an answer, from the query's code: tenths of a second, longer ones as a small
 * floating-point number (§4.1.1). */
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
	if (!v3)
		*(m->code == 0 ? &g->v1_ns : &g->v2_ns) = clock_now_ns() + OLDER_NS;
	due_ns = random_within_ns(patience_ns(!v3 && m->code == 0 ? 100 : m->code, v3));
	for (struct igmp_group *at = g->left.next; at; at = at->next)
		if ((group == 0 || at->address == group) && is_first(g, at))
			at->due_ns = MIN(at->due_ns, due_ns);
}

/* Another host has reported this group: a router of an older version needs no report of ours. */
static void input_report(struct igmp *g, uint32_t group)
{
	if (version(g, clock_now_ns()) == 3)
		return;
	for (struct igmp_group *at = g->left.next; at; at = at->next)
		if (at->address == group) {
			at->due_ns = DEADLINE_NEVER;
			at->repeats = 0;
		}
}

static void igmp_input(void *arg, struct ip_meta *meta, struct buf *b)
{
	const struct message *m = (const void *)b->data;
	uint32_t len = buf_length(b);
	struct igmp *g = arg;

	if (!meta->to_group || b->len < sizeof(*m) || checksum_finish(checksum_add_buf(0, b)) != 0) {
		ipv4_drop(g->ip, meta->header, b, NULL, "a bad IGMP message");
		return;
	}
	if (m->type == QUERY)
		input_query(g, m, len, get_be32(meta->dst.addr.bytes));
	else if (m->type == V1_REPORT || m->type == V2_REPORT)
		input_report(g, be32(m->group));
	say_due(g);
	buf_free(b);
}

static int create(struct ipv4 *ip)
{
	struct igmp *g = instance_alloc(sizeof(*g));
	int error;

	if (!g)
		return -ENOMEM;
	g->ip = ip;
	g->left.due_ns = DEADLINE_NEVER;
	g->handler.input = igmp_input;
	g->handler.arg = g;
	timer_init(&g->timer, fire);
	error = ip_listen(&ip->ip, IP_IGMP, &g->handler);
	if (!error && (error = want(ip, ALL_HOSTS, true)) < 0)
		ip_listen(&ip->ip, IP_IGMP, NULL);
	if (error < 0)
		instance_free(g, sizeof(*g));
	else
		ip->groups = &g->left;
	return error;
}

int igmp_join(struct ipv4 *ip, struct igmp_group *group, const struct ip_addr *address)
{
	uint32_t a = get_be32(address->bytes);
	struct igmp_group *last;
	struct igmp *g;
	int error;

	if (address->family != IP_V4 || !ipv4_is_multicast(a))
		return -EINVAL;
	error = want(ip, a, true);
	if (!error && !ip->groups && (error = create(ip)) < 0)
		want(ip, a, false);
	if (error < 0)
		return error;
	g = igmp_of(ip);
	*group = (struct igmp_group){ .address = a, .due_ns = DEADLINE_NEVER };
	for (last = &g->left; last->next; last = last->next)
		;
	last->next = group;
	if (g->left.address == a)
		g->left.due_ns = DEADLINE_NEVER;
	if (is_first(g, group)) {
		group->repeats = ROBUSTNESS;
		group->due_ns = 0;
	}
	say_due(g);
	return 0;
}

/* The last membership has ended: frees all of IGMP. */
static void destroy(struct igmp *g)
{
	say_left(g);
	ip_listen(&g->ip->ip, IP_IGMP, NULL);
	want(g->ip, ALL_HOSTS, false);
	timer_stop(&g->timer);
	g->ip->groups = NULL;
	instance_free(g, sizeof(*g));
}

/* The last membership in the group has ended: reports the leaving. */
static void leave_group(struct igmp *g, uint32_t address)
{
	say_left(g); /* a group that was left before this one */
	g->left.address = address;
	g->left.repeats = ROBUSTNESS;
	g->left.due_ns = 0;
	say_due(g);
}

void igmp_leave(struct ipv4 *ip, struct igmp_group *group)
{
	struct igmp *g = igmp_of(ip);
	struct igmp_group *before = &g->left, *other;
	bool speaks = is_first(g, group);

	while (before->next != group)
		before = before->next;
	other = before->next = group->next;
	want(ip, group->address, false);
	while (other && other->address != group->address)
		other = other->next;
	if (speaks && other) { /* other sends the reports from now on */
		other->due_ns = group->due_ns;
		other->repeats = group->repeats;
	} else if (speaks) {
		leave_group(g, group->address);
	}
	if (!g->left.next)
		destroy(g);
}
