/* SPDX-License-Identifier: ISC */
/* ARP (RFC 826) as a small table of entries, each in one state:
 *
 *   FREE ─ask─▶ INCOMPLETE ─answer─▶ REACHABLE ─time─▶ STALE ─used, or gainsaid─▶ PROBE
 *    ▲              │no answer           ▲──────────answer from the same MAC──────┘ │no answer
 *    └─time─ FAILED ◀┘                                      INCOMPLETE ◀────────────┘
 *
 * Invariant: the MAC of an entry changes only through INCOMPLETE, when the old one has stopped
 * answering, so that no unsolicited packet redirects traffic. STALE and PROBE are still used. */
#include <errno.h>
#include <limits.h>
#include <string.h>

#include "kernel/dev/clock.h"
#include "kernel/instance.h"
#include "net/arp_priv.h"
#include "net/bytes.h"

#define LOG_TAG "arp"
#include "kernel/log.h"

#define REACHABLE_NS (CONFIG_ARP_REACHABLE_SECONDS * NS_PER_S)
#define RETRY_NS NS_PER_S         /* RFC 1122 §2.3.2.1: at most one request a second */
#define DEFEND_NS (10 * NS_PER_S) /* RFC 5227 §2.4 */
#define ANNOUNCE_NS (2 * NS_PER_S) /* RFC 5227 §2.3: between the two announcements */

enum {
	TRIES = 3,       /* broadcast requests before a host counts as absent */
	PROBE_TRIES = 2, /* unicast requests before an old answer is doubted */
	OP_REQUEST = 1,
	OP_REPLY = 2,
};

enum state { FREE, FAILED, INCOMPLETE, REACHABLE, STALE, PROBE };

struct arp_packet {
	uint16_t hardware, protocol;
	uint8_t hardware_len, protocol_len;
	uint16_t operation;
	uint8_t sender_mac[6];
	uint32_t sender;
	uint8_t target_mac[6];
	uint32_t target;
} __attribute__((packed));
static_assert(sizeof(struct arp_packet) == 28, "wire format");

struct entry {
	uint32_t address;
	uint8_t mac[6];
	uint8_t state; /* enum state */
	uint8_t tries;
	bool asked;    /* wanted by us, rather than learned from a request for our address */
	uint8_t queued;
	uint64_t deadline_ns; /* of the state; DEADLINE_NEVER: STALE waits for use */
	uint64_t used_ns, asked_ns; /* when it was last used, and the last request sent */
	struct buf *queue; /* packets that wait for the answer, oldest first, linked by queue */
};
LIMIT_BYTES(ARP_ENTRIES, sizeof(struct entry), 48);

/* An address of ours. */
struct own {
	uint32_t address; /* 0: the place is free */
	uint64_t announce_ns; /* when it is announced again; 0: not any more */
	uint64_t defend_ns;   /* it is not defended before */
};
static_assert(sizeof(struct own) == 24, "ipv4_priv.h counts it with an address");

struct arp {
	struct ethernet *ethernet;
	struct arp_user user;
	uint64_t now_ns; /* as of the last call or packet */
	struct arp_stats stats;
	struct arp_probe *probe; /* NULL: none */
	unsigned queued; /* packets in all queues */
	struct timer timer;
	void (*conflict)(void *arg, uint32_t address); /* may be NULL */
	void *conflict_arg;
	struct own own[CONFIG_IPV4_ADDRESSES];
	struct entry entries[CONFIG_ARP_ENTRIES];
};

static const uint8_t broadcast_mac[6] = { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff };

/* The entry of an address of ours; NULL: it is not ours. */
static struct own *find_own(struct arp *a, uint32_t address)
{
	for (struct own *own = a->own; own < a->own + ARRAY_SIZE(a->own); own++) {
		if (own->address == address && address)
			return own;
	}
	return NULL;
}

/* The sender address of a request for target: the nearest to it of our addresses; 0: we have none. */
static uint32_t source_for(const struct arp *a, uint32_t target)
{
	uint32_t source = 0;

	for (size_t i = 0; i < ARRAY_SIZE(a->own); i++) {
		uint32_t own = a->own[i].address;

		if (own && (!source || (own ^ target) < (source ^ target)))
			source = own;
	}
	return source;
}

static void send_packet(struct arp *a, uint16_t operation, uint32_t sender, const uint8_t to[6],
                        uint32_t target)
{
	struct buf *b = buf_alloc_header();
	struct arp_packet *p;

	if (!b)
		return;
	p = (void *)buf_push(b, sizeof(*p));
	p->hardware = be16(1);
	p->protocol = be16(ETHERTYPE_IPV4);
	p->hardware_len = 6;
	p->protocol_len = 4;
	p->operation = be16(operation);
	memcpy(p->sender_mac, ethernet_netdev(a->ethernet)->mac, 6);
	p->sender = be32(sender);
	memcpy(p->target_mac, to, 6);
	if (to == broadcast_mac)
		memset(p->target_mac, 0, 6);
	p->target = be32(target);
	if (operation == OP_REQUEST)
		a->stats.out_requests++;
	else
		a->stats.out_replies++;
	/* RFC 3927 §2.5: to all, so that another user of the address notices */
	if (IS_ENABLED(CONFIG_NET_LINK_LOCAL) && sender >> 16 == 0xa9fe)
		to = broadcast_mac;
	ethernet_send(a->ethernet, to, ETHERTYPE_ARP, b);
}

/* RFC 5227 §2.3, and §2.4 when another host uses the address. */
static void announce(struct arp *a, const struct own *own)
{
	send_packet(a, OP_REQUEST, own->address, broadcast_mac, own->address);
}

static void set_timer(struct arp *a)
{
	uint64_t next_ns = DEADLINE_NEVER;

	for (size_t i = 0; i < ARRAY_SIZE(a->own); i++) {
		if (a->own[i].announce_ns)
			next_ns = MIN(next_ns, a->own[i].announce_ns);
	}
	for (size_t i = 0; i < ARRAY_SIZE(a->entries); i++) {
		if (a->entries[i].state != FREE)
			next_ns = MIN(next_ns, a->entries[i].deadline_ns);
	}
	timer_start(&a->timer, next_ns);
}

static void set_state(struct entry *e, enum state state, uint64_t deadline_ns)
{
	e->state = state;
	e->tries = 0;
	e->deadline_ns = deadline_ns;
}

/* Sends a request, unless we have no address to be answered at, and sets the time for the next. */
static void ask(struct arp *a, struct entry *e, enum state state)
{
	uint32_t source = source_for(a, e->address);

	if (e->state != state)
		set_state(e, state, 0);
	e->tries++;
	e->asked_ns = a->now_ns;
	e->deadline_ns = a->now_ns + RETRY_NS;
	if (source)
		send_packet(a, OP_REQUEST, source, state == PROBE ? e->mac : broadcast_mac, e->address);
}

static OUT_OF_LINE struct buf *queue_pop(struct arp *a, struct entry *e)
{
	struct buf *b = e->queue;

	if (b) {
		e->queue = b->queue;
		b->queue = NULL;
		e->queued--;
		a->queued--;
	}
	return b;
}

/* RFC 1122 §2.3.2.2: the latest packets are kept. Takes b. -EAGAIN: it waits. */
static int queue_push(struct arp *a, struct entry *e, struct buf *b)
{
	struct buf **end = &e->queue;

	if (e->queued >= CONFIG_ARP_QUEUE_PACKETS) {
		a->stats.queue_drops++;
		buf_free(queue_pop(a, e));
	}
	if (a->queued >= CONFIG_ARP_ENTRIES) {
		a->stats.queue_drops++;
		buf_free(b);
		return -ENOBUFS;
	}
	while (*end)
		end = &(*end)->queue;
	b->queue = NULL;
	*end = b;
	e->queued++;
	a->queued++;
	return -EAGAIN;
}

/* Gives back the packets that waited for e. The user may send to another neighbour in return, which may reuse
 * e. */
static void queue_fail(struct arp *a, struct entry *e)
{
	struct buf *b, *next = e->queue;

	a->queued -= e->queued;
	e->queue = NULL;
	e->queued = 0;
	while ((b = next)) {
		next = b->queue;
		b->queue = NULL;
		if (a->user.unreachable)
			a->user.unreachable(a->user.arg, b);
		else
			buf_free(b);
	}
}

static void changed(struct arp *a)
{
	if (a->user.changed)
		a->user.changed(a->user.arg);
}

static void entry_timeout(struct arp *a, struct entry *e)
{
	switch ((enum state)e->state) {
	case REACHABLE:
		set_state(e, STALE, DEADLINE_NEVER);
		changed(a);
		break;
	case PROBE:
		ask(a, e, e->tries < PROBE_TRIES ? PROBE : INCOMPLETE);
		if (e->state == INCOMPLETE)
			changed(a);
		break;
	case INCOMPLETE:
		if (e->tries < TRIES) {
			ask(a, e, INCOMPLETE);
			break;
		}
		a->stats.unreachable++;
		set_state(e, FAILED, a->now_ns + RETRY_NS);
		if (a->user.silent)
			a->user.silent(a->user.arg, e->address);
		queue_fail(a, e);
		break;
	case FAILED:
		e->state = FREE;
		break;
	case FREE:
	case STALE:
		break;
	}
}

static void arp_timeout(struct timer *t)
{
	struct arp *a = container_of(t, struct arp, timer);

	a->now_ns = clock_now_ns();
	for (struct own *own = a->own; own < a->own + ARRAY_SIZE(a->own); own++) {
		if (own->announce_ns && own->announce_ns <= a->now_ns) {
			own->announce_ns = 0;
			announce(a, own);
		}
	}
	for (size_t i = 0; i < ARRAY_SIZE(a->entries); i++) {
		if (a->entries[i].state != FREE && a->entries[i].deadline_ns <= a->now_ns)
			entry_timeout(a, &a->entries[i]);
	}
	set_timer(a);
}

static struct entry *find_entry(struct arp *a, uint32_t address)
{
	for (struct entry *e = a->entries; e < a->entries + ARRAY_SIZE(a->entries); e++) {
		if (e->state != FREE && e->address == address)
			return e;
	}
	return NULL;
}

/* How much would be lost with e: free entries are worth least, then those that we never wanted, then
 * neighbours that have not answered yet, and most those that we talk to. */
static int entry_worth(const struct entry *e)
{
	if (e->state <= FAILED)
		return e->state;
	if (!e->asked)
		return 2;
	return e->state == INCOMPLETE ? 3 : 4;
}

/* Room for address; NULL: none. An unasked entry displaces only unasked ones, so that a flood of strangers
 * costs no wanted neighbour its entry. */
static struct entry *new_entry(struct arp *a, uint32_t address, bool asked)
{
	struct entry *victim = NULL;
	int least = INT_MAX;

	for (size_t i = 0; i < ARRAY_SIZE(a->entries); i++) {
		struct entry *e = &a->entries[i];
		int worth = entry_worth(e);

		if (worth < least || (worth == least && e->used_ns < victim->used_ns)) {
			victim = e;
			least = worth;
		}
	}
	if (!asked && least > 2)
		return NULL;
	if (victim->state > FAILED)
		a->stats.evicted++;
	while (victim->queue) {
		a->stats.queue_drops++;
		buf_free(queue_pop(a, victim));
	}
	*victim = (struct entry){ .address = address, .asked = asked, .used_ns = a->now_ns };
	return victim;
}

static void learn(struct arp *a, struct entry *e, const struct arp_packet *p)
{
	struct buf *b;

	memcpy(e->mac, p->sender_mac, 6);
	set_state(e, REACHABLE, a->now_ns + REACHABLE_NS);
	while ((b = queue_pop(a, e)))
		ethernet_send(a->ethernet, e->mac, ETHERTYPE_IPV4, b);
}

/* Another host uses our address: logs and defends it, both at a limited rate; on a second conflict within
 * that time the listener may give the address up. */
static void input_conflict(struct arp *a, struct own *own, const uint8_t mac[6])
{
	uint32_t address = own->address;

	a->stats.in_conflicts++;
	if (a->now_ns < own->defend_ns) {
		if (a->conflict)
			a->conflict(a->conflict_arg, address);
		return;
	}
	own->defend_ns = a->now_ns + DEFEND_NS;
	log_warn("conflict address=%u.%u.%u.%u mac=%02x:%02x:%02x:%02x:%02x:%02x", address >> 24,
	         address >> 16 & 255, address >> 8 & 255, address & 255, mac[0], mac[1], mac[2], mac[3], mac[4],
	         mac[5]);
	announce(a, own);
}

static bool is_from(const struct entry *e, const struct arp_packet *p)
{
	return ethernet_is_same(e->mac, p->sender_mac);
}

/* Another host claims e's address: asks the known one, and believes neither yet. If that one was asked within
 * the last second, it is asked at its next use instead: claims must not make us flood the link. */
static void gainsay(struct arp *a, struct entry *e, const struct arp_packet *p)
{
	if ((e->state != REACHABLE && e->state != STALE) || is_from(e, p))
		return;
	if (a->now_ns - e->asked_ns >= RETRY_NS)
		ask(a, e, PROBE);
	else if (e->state == REACHABLE)
		e->deadline_ns = MIN(e->deadline_ns, e->asked_ns + RETRY_NS);
}

/* e: the sender's entry, or NULL; for_us: our address is asked for. */
static void input_request(struct arp *a, struct entry *e, const struct arp_packet *p, bool for_us)
{
	a->stats.in_requests++;
	if (e)
		gainsay(a, e, p);
	if (!for_us)
		return;
	if (p->sender && (!e || e->state <= INCOMPLETE)) {
		if (!e)
			e = new_entry(a, be32(p->sender), false);
		if (e)
			learn(a, e, p);
	}
	send_packet(a, OP_REPLY, be32(p->target), p->sender_mac, be32(p->sender));
}

static void input_reply(struct arp *a, struct entry *e, const struct arp_packet *p, bool for_us)
{
	a->stats.in_replies++;
	if (e && for_us && (e->state == INCOMPLETE || (e->state == PROBE && is_from(e, p)))) {
		learn(a, e, p);
		return;
	}
	a->stats.in_unasked++;
	if (e)
		gainsay(a, e, p);
}

static bool can_be(const struct arp_packet *p)
{
	return p->hardware == be16(1) && p->protocol == be16(ETHERTYPE_IPV4) && p->hardware_len == 6 &&
	       p->protocol_len == 4 && (p->operation == be16(OP_REQUEST) || p->operation == be16(OP_REPLY)) &&
	       !(p->sender_mac[0] & 1) && be32(p->sender) < 0xe0000000;
}

/* p is well-formed, and from another host. */
static void input(struct arp *a, const struct arp_packet *p)
{
	bool is_request = p->operation == be16(OP_REQUEST);
	uint32_t sender = be32(p->sender), target = be32(p->target);
	struct own *own = find_own(a, sender);

	a->now_ns = clock_now_ns();
	if (a->probe)
		arp_probe_input(a->probe, is_request, sender, target);
	if (own)
		input_conflict(a, own, p->sender_mac);
	else
		(is_request ? input_request : input_reply)(a, find_entry(a, sender), p, find_own(a, target));
	set_timer(a);
}

static void arp_input(void *arg, const struct ethernet_header *header, struct buf *b)
{
	const struct arp_packet *p = (const void *)b->data;
	struct arp *a = arg;

	(void)header;
	if (b->len < sizeof(*p) || !can_be(p)) {
		ethernet_drop(a->ethernet, b, &a->stats.in_errors, "a bad ARP packet");
		return;
	}
	if (!ethernet_is_same(p->sender_mac, ethernet_netdev(a->ethernet)->mac))
		input(a, p);
	buf_free(b);
}

int arp_create(struct arp **out, struct ethernet *ethernet)
{
	struct arp *a = instance_alloc(sizeof(*a));
	int error;

	if (!a)
		return -ENOMEM;
	a->ethernet = ethernet;
	timer_init(&a->timer, arp_timeout);
	error = ethernet_listen(ethernet, ETHERTYPE_ARP, arp_input, a);
	if (error < 0) {
		instance_free(a, sizeof(*a));
		return error;
	}
	*out = a;
	return 0;
}

void arp_destroy(struct arp *a)
{
	ethernet_listen(a->ethernet, ETHERTYPE_ARP, NULL, NULL);
	timer_stop(&a->timer);
	if (a->probe)
		arp_probe_end(a->probe, -ECANCELED);
	a->user = (struct arp_user){ 0 };
	for (size_t i = 0; i < ARRAY_SIZE(a->entries); i++)
		queue_fail(a, &a->entries[i]);
	instance_free(a, sizeof(*a));
}

void arp_set_user(struct arp *a, const struct arp_user *user)
{
	a->user = user ? *user : (struct arp_user){ 0 };
}

void arp_listen_silence(struct arp *a, void (*silent)(void *arg, uint32_t address))
{
	a->user.silent = silent;
}

int arp_add_address(struct arp *a, uint32_t address)
{
	struct own *own = a->own;

	if (find_own(a, address))
		return 0;
	while (own < a->own + ARRAY_SIZE(a->own) && own->address)
		own++;
	if (own == a->own + ARRAY_SIZE(a->own))
		return -ENOBUFS;
	*own = (struct own){ address, clock_now_ns() + ANNOUNCE_NS, 0 };
	announce(a, own);
	changed(a);
	set_timer(a);
	return 0;
}

void arp_announce(struct arp *a)
{
	for (struct own *own = a->own; own < a->own + ARRAY_SIZE(a->own); own++) {
		if (!own->address)
			continue;
		own->announce_ns = clock_now_ns() + ANNOUNCE_NS;
		announce(a, own);
	}
	changed(a);
	set_timer(a);
}

void arp_remove_address(struct arp *a, uint32_t address)
{
	struct own *own = find_own(a, address);

	if (!own)
		return;
	*own = (struct own){ 0 };
	changed(a);
	set_timer(a);
}

void arp_listen_conflict(struct arp *a, void (*conflict)(void *arg, uint32_t address), void *arg)
{
	a->conflict = conflict;
	a->conflict_arg = arg;
}

struct arp_probe **arp_probing(struct arp *a)
{
	return &a->probe;
}

void arp_send_probe(struct arp *a, uint32_t address)
{
	send_packet(a, OP_REQUEST, 0, broadcast_mac, address);
}

void arp_doubt(struct arp *a, uint32_t address)
{
	struct entry *e = find_entry(a, address);

	if (e && e->state == REACHABLE)
		entry_timeout(a, e); /* as though its time had run out: it becomes STALE */
}

int arp_resolve(struct arp *a, uint32_t address, uint8_t mac[6], struct buf *b)
{
	struct entry *e = find_entry(a, address);
	int error = 0;

	if (!b && (!e || e->state < REACHABLE))
		return -EAGAIN;
	a->now_ns = clock_now_ns();
	if (!e) {
		e = new_entry(a, address, true);
	} else if (e->state == FAILED) {
		buf_free(b);
		return -EHOSTUNREACH;
	}
	e->used_ns = a->now_ns;
	e->asked = true;
	if (e->state >= REACHABLE)
		memcpy(mac, e->mac, 6);
	else
		error = queue_push(a, e, b);
	if (e->state == FREE || e->state == STALE) {
		ask(a, e, e->state == FREE ? INCOMPLETE : PROBE);
		set_timer(a);
	}
	return error;
}

const struct arp_stats *arp_stats(const struct arp *a)
{
	return &a->stats;
}
