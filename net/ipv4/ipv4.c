/* SPDX-License-Identifier: ISC */
/* IPv4: the instance, and the handlers of protocols. */
#include "net/ipv4/ipv4.h"

#include <errno.h>

#include "kernel/instance.h"
#include "kernel/random.h"
#include "net/ipv4/ipv4_priv.h"

static void link_input(void *arg, const struct ethernet_header *header, struct buf *b)
{
	ipv4_input(arg, b, ethernet_is_to_group(header), false);
}

void ipv4_changed(struct ipv4 *ip)
{
	if (++ip->ip.generation == 0)
		ip->ip.generation = 1;
}

static void link_changed(void *arg)
{
	ipv4_changed(arg);
}

static int listen_protocol(struct ip *base, uint8_t protocol, const struct ip_handler *handler)
{
	struct ipv4 *ip = container_of(base, struct ipv4, ip);
	int free_slot = -ENOBUFS;

	for (int i = 0; i < IPV4_HANDLERS; i++) {
		if (!ip->handlers[i].handler) {
			free_slot = i;
		} else if (ip->handlers[i].protocol == protocol) {
			if (handler)
				return -EADDRINUSE;
			ip->handlers[i].handler = NULL;
			return 0;
		}
	}
	if (!handler)
		return 0;
	if (free_slot < 0)
		return free_slot;
	ip->handlers[free_slot].protocol = protocol;
	ip->handlers[free_slot].handler = handler;
	return 0;
}

void ipv4_addr(struct ip_addr *to, const void *bytes)
{
	uint64_t words[2] = { 0 }; /* ip_equal compares all 16 bytes */

	memcpy(words, bytes, 4);
	to->family = IP_V4;
	memcpy(to->bytes, words, sizeof(words));
}

OUT_OF_LINE const struct ip_handler *ipv4_handler(const struct ipv4 *ip, uint8_t protocol)
{
	for (int i = 0; i < IPV4_HANDLERS; i++) {
		if (ip->handlers[i].handler && ip->handlers[i].protocol == protocol)
			return ip->handlers[i].handler;
	}
	return ip->other;
}

void ipv4_error(struct ipv4 *ip, const struct ipv4_header *sent, uint32_t len, int error, uint32_t mtu,
                bool local)
{
	const struct ip_handler *handler = ipv4_handler(ip, sent->protocol);
	struct ip_error e;

	if (!handler || !handler->error)
		return;
	e.error = error;
	e.mtu = mtu;
	e.src.port = e.dst.port = 0;
	ipv4_addr(&e.src.addr, (const uint8_t *)sent + offsetof(struct ipv4_header, src));
	ipv4_addr(&e.dst.addr, (const uint8_t *)sent + offsetof(struct ipv4_header, dst));
	e.quoted = (const uint8_t *)sent + ipv4_header_bytes(sent);
	e.quoted_len = len - ipv4_header_bytes(sent);
	e.local = local;
	handler->error(handler->arg, &e);
}

void ipv4_listen_other(struct ipv4 *ip, const struct ip_handler *handler)
{
	ip->other = handler;
}

static void ignore_mtu(struct ip_route *r, uint32_t mtu)
{
	(void)r;
	(void)mtu;
}

static const struct ip_ops ipv4_ops = {
	.route = ipv4_route,
	.send = ipv4_send_on,
	.listen = listen_protocol,
	.refuse = icmp_refuse,
	.too_big = IS_ENABLED(CONFIG_IPV4_PMTU) ? pmtu_too_big : ignore_mtu,
	.look = ipv4_look,
	.doubt = ipv4_doubt,
};

int ipv4_create(struct ipv4 **out, struct ethernet *e, struct arp *arp)
{
	struct ipv4 *ip;
	int error;

	if (!random_is_ready())
		return -ENODEV;
	if (ethernet_netdev(e)->mtu < IP_MTU_LEAST)
		return -EINVAL;
	ip = instance_alloc(sizeof(*ip));
	if (!ip)
		return -ENOMEM;
	error = ethernet_listen(e, ETHERTYPE_IPV4, link_input, ip);
	if (error < 0) {
		instance_free(ip, sizeof(*ip));
		return error;
	}
	if (IS_ENABLED(CONFIG_IPV4_FRAGMENTS))
		reassembly_init(&ip->reassembly);
	if (IS_ENABLED(CONFIG_IPV4_PMTU))
		pmtu_init(ip);
	ipv4_init_ways(ip);
	ip->ip.ops = &ipv4_ops;
	ip->ip.dev = ethernet_netdev(e);
	ip->ip.generation = 1;
	ip->ethernet = e;
	ip->arp = arp;
	random_bytes(ip->id_key, sizeof(ip->id_key));
	ip->icmp.input = icmp_input;
	ip->icmp.arg = ip;
	listen_protocol(&ip->ip, IP_ICMP, &ip->icmp);
	ip->loop_end = &ip->loop_first;
	poller_add(&ip->loop, ipv4_loop_poll);
	arp_set_user(arp, &(struct arp_user){
		.changed = link_changed, .unreachable = ipv4_unreachable, .arg = ip });
	*out = ip;
	return 0;
}

void ipv4_destroy(struct ipv4 *ip)
{
	struct buf *b;

	arp_set_user(ip->arp, NULL);
	ipv4_clear_address(ip);
	ethernet_listen(ip->ethernet, ETHERTYPE_IPV4, NULL, NULL);
	poller_remove(&ip->loop);
	while ((b = ip->loop_first)) {
		ip->loop_first = b->queue;
		buf_free(b);
	}
	if (IS_ENABLED(CONFIG_IPV4_FRAGMENTS))
		reassembly_clear(&ip->reassembly);
	if (IS_ENABLED(CONFIG_IPV4_PMTU))
		pmtu_done(ip);
	instance_free(ip, sizeof(*ip));
}

struct ip *ipv4_ip(struct ipv4 *ip)
{
	return &ip->ip;
}

int ipv4_send(struct ipv4 *ip, uint8_t protocol, const struct ip_addr *src, const struct ip_addr *dst,
              struct buf *b, unsigned flags)
{
	struct ip_route r;
	int error = ipv4_route(&ip->ip, &r, src, dst);

	if (error < 0) {
		buf_free(b);
		return error;
	}
	return ipv4_send_on(&r, protocol, b, IP_NO_CHECKSUM, flags);
}

const struct ipv4_stats *ipv4_stats(const struct ipv4 *ip)
{
	return &ip->stats;
}
