/* SPDX-License-Identifier: ISC */
/* The bytes of a send, and the check of local addresses. */
#include "apps/agent/agent_priv.h"

#include <errno.h>
#include <stdlib.h>

#include "net/direct.h"
#include "net/ipv4/ipv4.h"
#include "net/socket.h"

struct data {
	struct storage storage;
	uint8_t bytes[];
};

static void data_free(struct storage *s)
{
	free(container_of(s, struct data, storage));
}

struct storage *data_create(const struct command *c, const uint8_t **bytes)
{
	struct data *d = malloc(sizeof(*d) + c->data.len / 2);

	if (!d)
		return NULL;
	d->storage = (struct storage){ .refs = 1, .free = data_free };
	command_decode(c, d->bytes);
	*bytes = d->bytes;
	return &d->storage;
}

static bool address_is_ours(const struct ip_addr *a)
{
	struct ip_route route;

	if (IS_ENABLED(CONFIG_NET_SOCKET))
		return socket_has_address((struct socket_stack *)agent_stack, a);
	return ip_route_init(ipv4_ip(direct_ipv4((struct direct *)agent_stack)), &route, a, a) == 0;
}

int bind_address(struct handle *h, const struct ip_addr *addr)
{
	struct ip_addr any = ip_v4(0, 0, 0, 0);

	if (ip_equal(addr, &any))
		h->local.addr.family = IP_NONE;
	else if (address_is_ours(addr))
		h->local.addr = *addr;
	else
		return -EADDRNOTAVAIL;
	return 0;
}
