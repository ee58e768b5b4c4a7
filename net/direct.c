/* SPDX-License-Identifier: ISC */
/* The direct stack: the layers composed as most applications want them. An application that wants
 * another composition does the same by hand, as apps/compose shows. */
#include "net/direct.h"

#include <errno.h>

#include "kernel/dev/clock.h"
#include "kernel/instance.h"
#include "kernel/loop.h"
#include "kernel/timer.h"
#include "net/capture.h"
#include "net/dhcp/client.h"
#include "net/ipv4/ipv4.h"
#include "net/tcp/tcp.h"
#include "net/udp.h"

#define NAP_NS (10 * NS_PER_MS)

struct direct {
	struct netdev *dev;
	uint16_t dev_mtu; /* before it was lowered */
	struct capture *capture; /* NET_OBSERVE */
	struct ethernet *ethernet;
	struct arp *arp;
	struct ipv4 *ipv4;
	struct udp *udp;
	struct tcp *tcp;
	struct dhcp_client *dhcp; /* NULL: the address is static */
	struct dhcp_listener lease;
	struct ip_prefix address;
	struct promise ready;
};

static void lease_changed(struct dhcp_listener *l, const struct dhcp_lease *lease)
{
	struct direct *d = container_of(l, struct direct, lease);

	d->address = lease ? lease->ip : (struct ip_prefix){ 0 };
	if (lease && !promise_is_settled(&d->ready))
		promise_fulfil(&d->ready, 0);
}

static int get_address(struct direct *d, const struct stack_config *config)
{
	struct dhcp_layers layers = { d->ethernet, d->arp, d->ipv4, d->udp };
	int error;

	if (IS_ENABLED(CONFIG_NET_DHCP) && config->dhcp) {
		promise_init(&d->ready, NULL);
		error = dhcp_client_create(&d->dhcp, &layers, config);
		if (error == 0) {
			d->lease.changed = lease_changed;
			dhcp_client_listen(d->dhcp, &d->lease);
		}
		return error;
	}
	d->address = config->ip;
	promise_return(&d->ready, 0);
	if ((error = ipv4_add_address(d->ipv4, &config->ip)) < 0 || config->gateway.family == IP_NONE)
		return error;
	return ipv4_add_route(d->ipv4, &ipv4_everywhere, &config->gateway);
}

static void link_returned(void *arg)
{
	struct direct *d = arg;

	if (IS_ENABLED(CONFIG_NET_OBSERVE))
		capture_netdev(d->capture)->features = d->dev->features;
	arp_announce(d->arp);
	if (IS_ENABLED(CONFIG_NET_DHCP) && d->dhcp)
		dhcp_client_returned(d->dhcp);
	tcp_retry(d->tcp);
}

static int create_layers(struct direct *d, struct netdev *dev, const struct stack_config *config)
{
	int error;

	if (config->mtu > dev->mtu)
		return -EINVAL;
	d->dev = dev;
	d->dev_mtu = dev->mtu;
	if (config->mtu)
		dev->mtu = config->mtu;
	if (IS_ENABLED(CONFIG_NET_OBSERVE)) {
		if ((error = capture_create(&d->capture, dev, 0, 0)) < 0)
			return error;
		dev = capture_netdev(d->capture);
	}
	if ((error = ethernet_create(&d->ethernet, dev)) < 0)
		return error;
	if ((error = arp_create(&d->arp, d->ethernet)) < 0)
		return error;
	if ((error = ipv4_create(&d->ipv4, d->ethernet, d->arp)) < 0)
		return error;
	if ((error = udp_create(&d->udp, ipv4_ip(d->ipv4))) < 0)
		return error;
	if ((error = tcp_create(&d->tcp, ipv4_ip(d->ipv4), NULL)) < 0)
		return error;
	if (IS_ENABLED(CONFIG_NETDEV_RETURNS))
		netdev_listen_returned(d->dev, link_returned, d);
	return get_address(d, config);
}

int direct_create(struct direct **out, struct netdev *dev, const struct stack_config *config)
{
	struct direct *d = instance_alloc(sizeof(*d));
	int error;

	if (!d)
		return -ENOMEM;
	error = create_layers(d, dev, config);
	if (error < 0) {
		direct_destroy(d);
		return error;
	}
	*out = d;
	return 0;
}

void direct_destroy(struct direct *d)
{
	if (IS_ENABLED(CONFIG_NETDEV_RETURNS) && d->dev)
		netdev_listen_returned(d->dev, NULL, NULL);
	if (IS_ENABLED(CONFIG_NET_DHCP) && d->dhcp)
		dhcp_client_destroy(d->dhcp);
	if (d->tcp)
		tcp_destroy(d->tcp);
	if (d->udp)
		udp_destroy(d->udp);
	if (d->ipv4)
		ipv4_destroy(d->ipv4);
	if (d->arp)
		arp_destroy(d->arp);
	if (d->ethernet)
		ethernet_destroy(d->ethernet);
	if (IS_ENABLED(CONFIG_NET_OBSERVE) && d->capture)
		capture_destroy(d->capture);
	if (d->dev)
		d->dev->mtu = d->dev_mtu;
	instance_free(d, sizeof(*d));
}

void direct_finish(struct direct *d)
{
	struct sleep nap;

	for (uint32_t n = CONFIG_TCP_END_SECONDS * (NS_PER_S / NAP_NS); n && tcp_is_closing(d->tcp); n--) {
		sleep_until(&nap, clock_now_ns() + NAP_NS);
		loop_run(&nap.promise);
	}
}

struct promise *direct_ready(struct direct *d)
{
	return &d->ready;
}

const struct ip_prefix *direct_address(const struct direct *d)
{
	return &d->address;
}

const struct dhcp_lease *direct_lease(const struct direct *d)
{
	return IS_ENABLED(CONFIG_NET_DHCP) && d->dhcp ? dhcp_client_lease(d->dhcp) : NULL;
}

void direct_lease_listen(struct direct *d, struct dhcp_listener *l)
{
	list_init(&l->link); /* so that it can be removed in any case */
	if (IS_ENABLED(CONFIG_NET_DHCP) && d->dhcp)
		dhcp_client_listen(d->dhcp, l);
}

int direct_tcp_listen(struct direct *d, uint16_t port, accept_fn *accept, void *arg)
{
	return tcp_listen(d->tcp, port, accept, arg);
}

void direct_tcp_unlisten(struct direct *d, uint16_t port)
{
	tcp_unlisten(d->tcp, port);
}

void direct_tcp_connect_from(struct direct *d, struct stack_connect *op, const struct endpoint *from,
                             const struct endpoint *to)
{
	tcp_connect_from(d->tcp, op, from, to);
}

int direct_tcp_set(struct flow *f, enum stack_option option, int32_t value)
{
	return tcp_set(f, option, value);
}

int direct_tcp_get(struct flow *f, enum stack_option option, int32_t *value)
{
	return tcp_get(f, option, value);
}

int direct_tcp_preset(struct direct *d, uint16_t port, enum stack_option option, int32_t value)
{
	return tcp_preset(d->tcp, port, option, value);
}

void direct_tcp_info(struct flow *f, struct stack_tcp_info *info)
{
	tcp_info(f, info);
}

void direct_tcp_ends(struct flow *f, struct endpoint *local, struct endpoint *peer)
{
	tcp_local(f, local);
	tcp_peer(f, peer);
}

int direct_udp_listen(struct direct *d, uint16_t port, datagram_fn *receive, void *arg)
{
	return udp_listen(d->udp, port, receive, arg);
}

void direct_udp_unlisten(struct direct *d, uint16_t port)
{
	udp_unlisten(d->udp, port);
}

int direct_udp_set(struct direct *d, uint16_t port, enum stack_option option, int32_t value)
{
	return udp_set(d->udp, port, option, value);
}

int direct_udp_get(struct direct *d, uint16_t port, enum stack_option option, int32_t *value)
{
	return udp_get(d->udp, port, option, value);
}

int direct_udp_send(struct direct *d, uint16_t from_port, const struct endpoint *to, struct buf *b)
{
	return udp_send(d->udp, from_port, to, b);
}

int direct_udp_send_from(struct direct *d, const struct endpoint *from, const struct endpoint *to,
                         struct buf *b)
{
	return udp_send_from(d->udp, from, to, b);
}

int direct_udp_join(struct direct *d, struct igmp_group *g, const struct ip_addr *group)
{
	return igmp_join(d->ipv4, g, group);
}

void direct_udp_leave(struct direct *d, struct igmp_group *g)
{
	igmp_leave(d->ipv4, g);
}

struct netdev *direct_netdev(struct direct *d)
{
	if (IS_ENABLED(CONFIG_NET_OBSERVE) && d->capture)
		return capture_below(d->capture);
	return ethernet_netdev(d->ethernet);
}

struct ethernet *direct_ethernet(struct direct *d)
{
	return d->ethernet;
}

struct arp *direct_arp(struct direct *d)
{
	return d->arp;
}

struct ipv4 *direct_ipv4(struct direct *d)
{
	return d->ipv4;
}

struct tcp *direct_tcp(struct direct *d)
{
	return d->tcp;
}

struct udp *direct_udp(struct direct *d)
{
	return d->udp;
}

struct dhcp_client *direct_dhcp(struct direct *d)
{
	return d->dhcp;
}

struct capture *direct_capture(struct direct *d)
{
	return d->capture;
}
