/* SPDX-License-Identifier: ISC */
/* The engine around the table of state.c: which messages are answers, when to ask again, when leases end.
 * Messages from servers that make no sense are ignored. Contrary to the advice of RFC 2131 §4.4.1 it begins
 * at once: machines like this one start one by one, and users wait for them. */
#include "net/dhcp/engine.h"

#include "kernel/dev/clock.h"
#include "kernel/promise.h"
#include "kernel/random.h"
#include "net/ipv4/ipv4.h"

#define FIRST_RETRY_NS (4 * NS_PER_S)  /* RFC 2131 §4.1: doubled up to 64 s, give or take one */
#define RENEW_RETRY_NS (60 * NS_PER_S) /* RFC 2131 §4.4.5: at least */
#define PAUSE_NS (10 * NS_PER_S)       /* RFC 2131 §3.1 (5): at least, after a DECLINE */

enum {
	DOUBLINGS = 4,
	REQUEST_TRIES = 4, /* RFC 2131 §3.1 (5): for a minute */
	UNICAST_TRIES = 2, /* then answers are asked for by broadcast: RFC 2131 §4.1 */
	REBOOT_TRIES = 2,  /* a server that does not know the address keeps silent: §4.3.2 */
	LEASE_MIN_S = 2,   /* renewing a shorter lease would be a flood */
	EFFECTS = DHCP_SEND | DHCP_REFUSE | DHCP_PROBE | DHCP_USE | DHCP_LOSE,
};

/* Up to two seconds at random, so that clients that began together spread out. */
static uint64_t some_ns(void)
{
	return random_u32() % 2000 * NS_PER_MS;
}

static uint64_t retry_ns(const struct dhcp_engine *e, uint64_t now_ns)
{
	uint64_t end_ns = e->state == DHCP_RENEWING ? e->rebind_ns : e->expiry_ns;

	if (e->state < DHCP_BOUND || e->is_doubtful)
		return now_ns + (FIRST_RETRY_NS << MIN(e->tries - 1, DOUBLINGS)) - NS_PER_S + some_ns();
	return now_ns + MAX((end_ns - MIN(now_ns, end_ns)) / 2, RENEW_RETRY_NS);
}

static unsigned happen(struct dhcp_engine *e, enum dhcp_event event, uint64_t now_ns)
{
	const struct dhcp_transition *t = &dhcp_transitions[e->state][event];

	assert(!(t->actions & DHCP_IMPOSSIBLE));
	if (e->state != t->next) {
		e->state = t->next;
		e->tries = 0;
		e->asked_ns = now_ns;
	}
	if (t->actions & DHCP_NEW)
		e->xid = random_u32();
	if (t->actions & DHCP_FORGET)
		e->known.family = IP_NONE;
	if (t->actions & DHCP_USE)
		e->failed = false;
	/* once without a pause, but a server that always refuses must not be flooded */
	if (t->actions & DHCP_RESTART) {
		e->next_ns = now_ns + (e->failed || (t->actions & DHCP_REFUSE) ? PAUSE_NS : 0) + some_ns();
		e->secs = 0; /* of a DECLINE: RFC 2131 table 5 */
		e->failed = true;
	}
	if (t->actions & DHCP_SEND) {
		e->tries += e->tries < UINT8_MAX;
		e->broadcast |= e->tries > UNICAST_TRIES; /* and ever after, as the link needs it */
		if (e->state != DHCP_REQUESTING) /* a REQUEST repeats the DISCOVER's secs: RFC 2131 §3.1 (3) */
			e->secs = (uint16_t)MIN((now_ns - e->asked_ns) / NS_PER_S, UINT64_C(0xffff));
		e->next_ns = retry_ns(e, now_ns);
	}
	return t->actions & EFFECTS;
}

void dhcp_engine_init(struct dhcp_engine *e, const uint8_t mac[6], uint16_t mtu, const char *hostname,
                      const struct ip_addr *known, uint64_t now_ns)
{
	memset(e, 0, sizeof(*e));
	memcpy(e->mac, mac, sizeof(e->mac));
	e->reply_bytes = (uint16_t)MIN(MAX(mtu, 576 + 28) - 28, DHCP_REPLY_BYTES);
	e->hostname = hostname;
	if (known)
		e->known = *known;
	e->next_ns = now_ns;
}

uint64_t dhcp_engine_next_ns(const struct dhcp_engine *e)
{
	switch ((enum dhcp_state)e->state) {
	case DHCP_PROBING:
		return DEADLINE_NEVER;
	case DHCP_BOUND:
		return e->renew_ns;
	case DHCP_RENEWING:
		return MIN(e->next_ns, e->rebind_ns);
	case DHCP_REBINDING:
		return MIN(e->next_ns, e->expiry_ns);
	default:
		return e->next_ns;
	}
}

static enum dhcp_event due_event(const struct dhcp_engine *e, uint64_t now_ns)
{
	if (e->state >= DHCP_BOUND) {
		if (now_ns >= e->expiry_ns)
			return DHCP_EXPIRED;
		if (e->state < DHCP_REBINDING && now_ns >= e->rebind_ns)
			return DHCP_REBIND_TIME;
		return e->state == DHCP_BOUND ? DHCP_RENEW_TIME : DHCP_SILENCE;
	}
	if (e->state == DHCP_INIT)
		return e->known.family == IP_NONE ? DHCP_BEGIN : DHCP_BEGIN_KNOWN;
	if ((e->state == DHCP_REQUESTING && e->tries >= REQUEST_TRIES) ||
	    (e->state == DHCP_REBOOTING && e->tries >= REBOOT_TRIES))
		return DHCP_GIVE_UP;
	return DHCP_SILENCE;
}

unsigned dhcp_engine_timeout(struct dhcp_engine *e, uint64_t now_ns)
{
	return now_ns < dhcp_engine_next_ns(e) ? 0 : happen(e, due_event(e, now_ns), now_ns);
}

/* The address that an ACK has to lend. */
static const struct ip_addr *expected_address(const struct dhcp_engine *e)
{
	return e->state == DHCP_REBOOTING ? &e->known : &e->lease.ip.addr;
}

/* Is r from the server that was asked, if only one was? */
static bool is_from_the_right_one(const struct dhcp_engine *e, const struct dhcp_reply *r)
{
	if (r->lease.server.family == IP_NONE) /* RFC 2131 table 3 */
		return false;
	return (e->state != DHCP_REQUESTING && e->state != DHCP_RENEWING) ||
	       ip_equal(&r->lease.server, &e->lease.server);
}

/* The event that a message means, or DHCP_EVENTS: none. */
static enum dhcp_event message_event(const struct dhcp_engine *e, const struct dhcp_reply *r)
{
	const struct dhcp_lease *l = &r->lease;
	bool lends = l->seconds >= LEASE_MIN_S && ipv4_check_address(&l->ip, NULL) == 0;

	if (r->xid != e->xid || !is_from_the_right_one(e, r))
		return DHCP_EVENTS;
	if (r->type == DHCP_NAK)
		return DHCP_GOT_NAK;
	if (r->type == DHCP_OFFER && lends)
		return DHCP_GOT_OFFER;
	if (r->type == DHCP_ACK && lends && ip_equal(&l->ip.addr, expected_address(e)))
		return DHCP_GOT_ACK;
	return DHCP_EVENTS;
}

/* Takes a lease, which counts from when it was asked for: RFC 2131 §4.4.1. T1 and T2 that make no sense, or
 * are missing, are replaced by those of §4.4.5: a half, and seven eighths. */
static void take(struct dhcp_engine *e, const struct dhcp_lease *lease)
{
	struct dhcp_lease *l = &e->lease;

	*l = *lease;
	e->is_doubtful = false;
	if (l->renew_s == 0 || l->renew_s >= l->rebind_s || l->rebind_s >= l->seconds) {
		l->renew_s = l->seconds / 2;
		l->rebind_s = l->seconds - l->seconds / 8;
	}
	e->renew_ns = e->rebind_ns = e->expiry_ns = DEADLINE_NEVER;
	if (l->seconds != DHCP_INFINITE) {
		/* up to a sixteenth early, so that clients that began together spread out */
		e->renew_ns = e->asked_ns + l->renew_s * (NS_PER_S - random_u32() % (NS_PER_S / 16));
		e->rebind_ns = e->asked_ns + l->rebind_s * NS_PER_S;
		e->expiry_ns = e->asked_ns + l->seconds * NS_PER_S;
	}
}

unsigned dhcp_engine_input(struct dhcp_engine *e, const uint8_t *data, size_t len, uint64_t now_ns)
{
	struct dhcp_reply reply;
	enum dhcp_event event;

	if (dhcp_parse(data, len, e->mac, &reply) < 0)
		return 0;
	event = message_event(e, &reply);
	if (event == DHCP_EVENTS)
		return 0;
	if (dhcp_transitions[e->state][event].actions & DHCP_TAKE)
		take(e, &reply.lease);
	return happen(e, event, now_ns);
}

unsigned dhcp_engine_probed(struct dhcp_engine *e, bool is_free, uint64_t now_ns)
{
	return happen(e, is_free ? DHCP_IS_FREE : DHCP_IS_TAKEN, now_ns);
}

unsigned dhcp_engine_returned(struct dhcp_engine *e, uint64_t now_ns)
{
	e->is_doubtful = e->state >= DHCP_BOUND;
	if (e->state == DHCP_BOUND || e->state == DHCP_RENEWING)
		return happen(e, DHCP_REBIND_TIME, now_ns);
	if (e->state != DHCP_INIT) /* whose pause remains */
		e->next_ns = now_ns;
	return 0;
}

/* RFC 2131 table 5: the fields of each message. */
size_t dhcp_engine_write(const struct dhcp_engine *e, enum dhcp_action action, uint8_t *to,
                         const struct ip_addr **destination)
{
	static const struct ip_addr everybody = { IP_V4, { 255, 255, 255, 255 } };
	struct dhcp_query q = {
		.type = action == DHCP_REFUSE ? DHCP_DECLINE
		        : e->state == DHCP_SELECTING ? DHCP_DISCOVER : DHCP_REQUEST,
		.broadcast = e->broadcast && e->state > DHCP_INIT && e->state < DHCP_BOUND,
		.secs = e->secs,
		.reply_bytes = e->reply_bytes,
		.xid = e->xid,
		.mac = e->mac,
		.hostname = e->hostname,
	};

	if (action == DHCP_REFUSE || e->state == DHCP_REQUESTING) {
		q.requested = &e->lease.ip.addr;
		q.server = &e->lease.server;
	} else if (e->state == DHCP_REBOOTING) {
		q.requested = &e->known;
	} else if (e->state >= DHCP_BOUND) {
		q.client = &e->lease.ip.addr;
	}
	*destination = e->state == DHCP_RENEWING ? &e->lease.server : &everybody;
	return dhcp_write(&q, to);
}
