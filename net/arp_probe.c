/* SPDX-License-Identifier: ISC */
/* Is an address free (RFC 5227 §2.1.1)? Three probes at random distances, and silence after the last. They
 * carry no sender address, so that no neighbour learns it from them: it is not ours yet. */
#include <errno.h>

#include "kernel/random.h"
#include "net/arp_priv.h"

#define UNIT_NS (CONFIG_ARP_PROBE_MILLISECONDS * NS_PER_MS) /* RFC 5227: a second, or less by its §1.1 */

enum { PROBES = 3 };

void arp_probe_end(struct arp_probe *op, int result)
{
	*arp_probing(op->arp) = NULL;
	timer_stop(&op->timer);
	if (result < 0)
		promise_fail(&op->promise, result);
	else
		promise_fulfil(&op->promise, 0);
}

/* Another host has the address, or is probing for it, too. */
void arp_probe_input(struct arp_probe *op, bool is_request, uint32_t sender, uint32_t target)
{
	if (sender == op->address || (is_request && sender == 0 && target == op->address))
		arp_probe_end(op, -EADDRINUSE);
}

/* One to two units between probes, two after the last. */
static void ask(struct timer *t)
{
	struct arp_probe *op = container_of(t, struct arp_probe, timer);

	if (op->left == 0) {
		arp_probe_end(op, 0);
		return;
	}
	op->left--;
	arp_send_probe(op->arp, op->address);
	timer_start_in(t, op->left ? UNIT_NS + random_u32() % UNIT_NS : 2 * UNIT_NS);
}

static void cancel(struct promise *p)
{
	arp_probe_end(container_of(p, struct arp_probe, promise), -ECANCELED);
}

void arp_probe(struct arp *a, struct arp_probe *op, uint32_t address)
{
	if (*arp_probing(a)) {
		promise_throw(&op->promise, -EBUSY);
		return;
	}
	promise_init(&op->promise, cancel);
	timer_init(&op->timer, ask);
	op->arp = a;
	op->address = address;
	op->left = PROBES;
	*arp_probing(a) = op;
	timer_start_in(&op->timer, random_u32() % UNIT_NS);
}
