/* SPDX-License-Identifier: ISC */
/* The engine's I/O: sends its messages by UDP, has addresses probed by ARP, and gives the lease to IPv4;
 * feeds it time and datagrams. Listeners are not told of renewals that change nothing. */
#include "net/dhcp/client.h"

#include <errno.h>

#include "kernel/dev/clock.h"
#include "kernel/instance.h"
#include "net/bytes.h"
#include "net/dhcp/engine.h"
#include "net/dhcp/link_local.h"

#define LOG_TAG "dhcp"
#include "kernel/log.h"

enum {
	LEASED_MTU_LEAST = 576, /* every host takes that: RFC 791 §3.1; RFC 2132 §5.1 says 68 */
	SILENT_TRIES = 2,       /* before a link-local address is better than none */
};

struct dhcp_client {
	struct dhcp_layers layers;
	bool bound;
	uint16_t device_mtu;
	struct dhcp_stats stats;
	struct list listeners;
	struct dhcp_engine engine;
	struct timer timer;
	struct arp_probe probe;
	struct waiter probed;
	struct link_local link_local;
	struct dhcp_lease lease; /* in use, while bound */
	uint8_t message[DHCP_REPLY_BYTES]; /* the datagram being read, in one piece */
};

static void perform(struct dhcp_client *c, unsigned actions);

static struct netdev *netdev_of(const struct dhcp_client *c)
{
	return ethernet_netdev(c->layers.ethernet);
}

static void tell(struct dhcp_client *c, const struct dhcp_lease *lease)
{
	struct list *next;

	for (struct list *at = c->listeners.next; at != &c->listeners; at = next) {
		struct dhcp_listener *l = container_of(at, struct dhcp_listener, link);

		next = at->next; /* l may remove itself */
		l->changed(l, lease);
	}
}

/* A link-local address is none that a server has lent (RFC 2131 §4.1), and hosts without a route to it drop
 * what comes from it. Takes b. */
static int transmit(struct dhcp_client *c, const struct endpoint *to, struct buf *b)
{
	struct endpoint from = { .port = DHCP_CLIENT_PORT };

	from.addr.family = c->engine.state < DHCP_BOUND ? IP_V4 : IP_NONE;
	return IS_ENABLED(CONFIG_NET_LINK_LOCAL) ? udp_send_from(c->layers.udp, &from, to, b)
	                                         : udp_send(c->layers.udp, DHCP_CLIENT_PORT, to, b);
}

/* A message that cannot be sent counts as lost: the engine asks again. */
static void send(struct dhcp_client *c, enum dhcp_action action)
{
	uint8_t message[DHCP_QUERY_BYTES];
	struct endpoint to = { .port = DHCP_SERVER_PORT };
	const struct ip_addr *destination;
	size_t len = dhcp_engine_write(&c->engine, action, message, &destination);
	struct buf *b = buf_alloc_copy(message, len);

	to.addr = *destination;
	if (b && transmit(c, &to, b) == 0)
		c->stats.out_messages++;
	if (c->engine.state != DHCP_SELECTING || c->engine.tries <= 1)
		return;
	log_warn("no server answers asked=%u", c->engine.tries);
	if (IS_ENABLED(CONFIG_NET_LINK_LOCAL) && c->engine.tries > SILENT_TRIES && !c->bound)
		link_local_start(&c->link_local);
}

static void have_probed(struct waiter *w)
{
	struct dhcp_client *c = container_of(w, struct dhcp_client, probed);
	bool is_free = promise_result(&c->probe.promise) == 0;

	if (!is_free)
		log_warn("somebody else uses the address that was lent");
	perform(c, dhcp_engine_probed(&c->engine, is_free, clock_now_ns()));
}

static void probe(struct dhcp_client *c)
{
	if (IS_ENABLED(CONFIG_NET_LINK_LOCAL))
		link_local_stop(&c->link_local);
	arp_probe(c->layers.arp, &c->probe, get_be32(c->engine.lease.ip.addr.bytes));
	promise_wait(&c->probe.promise, &c->probed, have_probed);
}

static void add_route(struct dhcp_client *c, const struct ip_prefix *to, const struct ip_addr *via)
{
	char prefix[IP_TEXT_MAX], gateway[IP_TEXT_MAX];
	int error = ipv4_add_stand_in(c->layers.ipv4, to, via); /* ipv4_set_address has removed older routes */

	ip_format(prefix, &to->addr);
	ip_format(gateway, via);
	if (error < 0)
		log_warn("route to=%s/%u gw=%s error=%d", prefix, to->len, gateway, -error);
	else
		log_info("route to=%s/%u gw=%s error=0", prefix, to->len, gateway);
}

/* Adds on-link routes first: the gateways of others may be reached by them (RFC 3442). */
static void add_routes(struct dhcp_client *c)
{
	const struct dhcp_lease *l = &c->lease;

	for (int far = 0; far < 2; far++)
		for (const struct dhcp_route *r = l->routes; r < l->routes + DHCP_ROUTES; r++)
			if (r->to.addr.family != IP_NONE && (r->via.family != IP_NONE) == far)
				add_route(c, &r->to, &r->via);
}

/* Do a and b agree apart from their times? Some servers give other times at each renewal. */
static bool says_the_same(const struct dhcp_lease *a, const struct dhcp_lease *b)
{
	const size_t times = offsetof(struct dhcp_lease, ip);

	return !memcmp((const char *)a + times, (const char *)b + times, sizeof(*a) - times);
}

/* Gives the lease's address, routes and MTU to the stack. The MTU does not change with the same address, as
 * there may be connections that rely on it. */
static void use(struct dhcp_client *c, const struct dhcp_lease *l)
{
	bool same = c->bound && ip_equal(&c->lease.ip.addr, &l->ip.addr);
	bool nothing_new = same && says_the_same(&c->lease, l);
	char address[IP_TEXT_MAX], server[IP_TEXT_MAX];

	c->stats.renewed += same;
	c->stats.bound += !same;
	c->bound = true;
	c->lease = *l;
	if (nothing_new)
		return;
	if (!same)
		netdev_of(c)->mtu = l->mtu >= LEASED_MTU_LEAST && l->mtu < c->device_mtu ? l->mtu : c->device_mtu;
	log_info("lease ip=%s/%u mtu=%u server=%s seconds=%u", ip_format(address, &l->ip.addr), l->ip.len,
	         netdev_of(c)->mtu, ip_format(server, &l->server), l->seconds);
	ipv4_set_address(c->layers.ipv4, &l->ip, NULL);
	add_routes(c);
	tell(c, &c->lease);
}

static void lose(struct dhcp_client *c)
{
	char text[IP_TEXT_MAX];

	c->stats.lost++;
	c->bound = false;
	log_warn("lost ip=%s", ip_format(text, &c->lease.ip.addr));
	ipv4_clear_address(c->layers.ipv4);
	tell(c, NULL);
}

static void have_link_local(struct link_local *l)
{
	struct dhcp_client *c = container_of(l, struct dhcp_client, link_local);
	struct dhcp_lease lease = { .ip.len = 16, .seconds = DHCP_INFINITE };

	lease.ip.addr.family = IP_V4;
	put_be32(lease.ip.addr.bytes, l->address);
	use(c, &lease);
}

/* ARP has defended our address in vain. */
static void conflict(void *arg, uint32_t address)
{
	struct dhcp_client *c = arg;

	if (!c->bound || get_be32(c->lease.ip.addr.bytes) != address)
		return;
	if (c->engine.state >= DHCP_BOUND) {
		perform(c, dhcp_engine_probed(&c->engine, false, clock_now_ns()));
	} else if (IS_ENABLED(CONFIG_NET_LINK_LOCAL)) {
		lose(c);
		link_local_start(&c->link_local);
	}
}

static void perform(struct dhcp_client *c, unsigned actions)
{
	timer_start(&c->timer, dhcp_engine_next_ns(&c->engine));
	if (actions & DHCP_LOSE)
		lose(c);
	if (actions & DHCP_SEND)
		send(c, DHCP_SEND);
	if (actions & DHCP_REFUSE) {
		c->stats.declined++;
		send(c, DHCP_REFUSE);
	}
	if (actions & DHCP_PROBE)
		probe(c);
	if (actions & DHCP_USE)
		use(c, &c->engine.lease);
}

static void timeout(struct timer *t)
{
	struct dhcp_client *c = container_of(t, struct dhcp_client, timer);

	perform(c, dhcp_engine_timeout(&c->engine, clock_now_ns()));
}

/* Parses a copy, as the datagram may lie in several slices; datagrams are few. */
static void receive(void *arg, struct buf *b, const struct endpoint *from, const struct endpoint *to)
{
	struct dhcp_client *c = arg;
	uint32_t len = buf_length(b);
	unsigned actions = 0;
	uint8_t was = c->engine.state;

	(void)to;
	if (from->port == DHCP_SERVER_PORT && len <= sizeof(c->message)) {
		buf_copy_out(b, 0, c->message, len);
		actions = dhcp_engine_input(&c->engine, c->message, len, clock_now_ns());
	}
	buf_free(b);
	if (actions || c->engine.state != was)
		c->stats.in_messages++;
	else
		c->stats.in_ignored++;
	perform(c, actions);
}

int dhcp_client_create(struct dhcp_client **out, const struct dhcp_layers *layers,
                       const struct stack_config *config)
{
	struct dhcp_client *c = instance_alloc(sizeof(*c));
	int error;

	if (!c)
		return -ENOMEM;
	error = udp_listen(layers->udp, DHCP_CLIENT_PORT, receive, c);
	if (error < 0) {
		instance_free(c, sizeof(*c));
		return error;
	}
	c->layers = *layers;
	c->device_mtu = netdev_of(c)->mtu;
	list_init(&c->listeners);
	timer_init(&c->timer, timeout);
	ipv4_listen_unaddressed(layers->ipv4, true);
	arp_listen_conflict(layers->arp, conflict, c);
	if (IS_ENABLED(CONFIG_NET_LINK_LOCAL))
		link_local_init(&c->link_local, layers->arp, netdev_of(c)->mac, have_link_local);
	dhcp_engine_init(&c->engine, netdev_of(c)->mac, c->device_mtu, config->hostname, &config->ip.addr,
	                 clock_now_ns());
	timer_start(&c->timer, dhcp_engine_next_ns(&c->engine));
	*out = c;
	return 0;
}

void dhcp_client_destroy(struct dhcp_client *c)
{
	timer_stop(&c->timer);
	promise_unwait(&c->probed);
	if (IS_ENABLED(CONFIG_NET_LINK_LOCAL))
		link_local_stop(&c->link_local);
	if (c->engine.state == DHCP_PROBING)
		promise_cancel(&c->probe.promise);
	arp_listen_conflict(c->layers.arp, NULL, NULL);
	udp_unlisten(c->layers.udp, DHCP_CLIENT_PORT);
	ipv4_listen_unaddressed(c->layers.ipv4, false);
	ipv4_clear_address(c->layers.ipv4);
	netdev_of(c)->mtu = c->device_mtu;
	instance_free(c, sizeof(*c));
}

void dhcp_client_returned(struct dhcp_client *c)
{
	perform(c, dhcp_engine_returned(&c->engine, clock_now_ns()));
}

const struct dhcp_lease *dhcp_client_lease(const struct dhcp_client *c)
{
	return c->bound ? &c->lease : NULL;
}

void dhcp_client_listen(struct dhcp_client *c, struct dhcp_listener *l)
{
	list_push_back(&c->listeners, &l->link);
}

const struct dhcp_stats *dhcp_client_stats(const struct dhcp_client *c)
{
	return &c->stats;
}
