/* SPDX-License-Identifier: ISC */
/* Probes addresses one by one by ARP, in an order that depends on the MAC address alone (RFC 3927 §2.1),
 * until one is free. */
#include "net/dhcp/link_local.h"

#include <errno.h>

#include "kernel/fnv.h"

#define PATIENCE_NS (60 * NS_PER_S) /* RFC 3927 §2.2.1 */

enum {
	FIRST = 0xa9fe0100, /* 169.254.1.0 */
	COUNT = 254 * 256,
	CONFLICTS = 10,     /* addresses tried without a pause */
};

static void have_probed(struct waiter *w);

static void look_at_next(struct link_local *l)
{
	l->seed = l->seed * 1664525 + 1013904223;
	l->address = FIRST + (l->seed >> 8) % COUNT;
	arp_probe(l->arp, &l->probe, l->address);
	promise_wait(&l->probe.promise, &l->probed, have_probed);
}

static void have_probed(struct waiter *w)
{
	struct link_local *l = container_of(w, struct link_local, probed);
	intptr_t result = promise_result(&l->probe.promise);

	if (result == -EADDRINUSE) {
		if (++l->conflicts < CONFLICTS)
			look_at_next(l);
		else
			timer_start_in(&l->timer, PATIENCE_NS);
		return;
	}
	l->running = false;
	if (result == 0) {
		l->conflicts = 0;
		l->found(l);
	}
}

static void look_again(struct timer *t)
{
	look_at_next(container_of(t, struct link_local, timer));
}

void link_local_init(struct link_local *l, struct arp *arp, const uint8_t mac[6],
                     void (*found)(struct link_local *l))
{
	*l = (struct link_local){ .arp = arp, .found = found };
	for (int i = 0; i < 6; i++)
		l->seed = fnv_add(l->seed, mac[i]);
	timer_init(&l->timer, look_again);
}

void link_local_start(struct link_local *l)
{
	if (l->running)
		return;
	l->running = true;
	look_at_next(l);
}

void link_local_stop(struct link_local *l)
{
	timer_stop(&l->timer);
	promise_unwait(&l->probed);
	if (l->running)
		promise_cancel(&l->probe.promise);
	l->running = false;
}
