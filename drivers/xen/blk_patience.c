/* SPDX-License-Identifier: ISC */
/* A backend that is silent or away for too long is given up until it comes back: requests fail. A periodic
 * look, while there are requests, finds those that were in flight, or had waited, at the look before. */
#define LOG_TAG "xen-blk"
#include "drivers/xen/blk.h"
#include "kernel/log.h"

#define PATIENCE_NS (CONFIG_XEN_STORE_TIMEOUT_SECONDS * NS_PER_S)

void xen_blk_be_patient(struct xen_blk *blk)
{
	if (!timer_is_running(&blk->patience))
		timer_start_in(&blk->patience, PATIENCE_NS);
}

/* Is the backend late? Then a request has been in flight since the last call, or waits for a backend that was
 * stuck then, too. */
static bool look_for_late(struct xen_blk *blk, bool *is_busy)
{
	bool is_late = false, is_stuck = !blk->free;

	*is_busy = !list_is_empty(&blk->waiting);
	for (struct xen_blk_slot *slot = blk->slots; slot < blk->slots + ARRAY_SIZE(blk->slots); slot++) {
		*is_busy |= slot->op != NULL;
		if (!slot->op || slot->quarantined)
			continue;
		is_stuck = false;
		is_late |= slot->is_old;
		slot->is_old = true;
	}
	is_stuck |= !blk->connected;
	is_late |= is_stuck && blk->is_stuck && !list_is_empty(&blk->waiting);
	blk->is_stuck = is_stuck;
	return is_late;
}

/* Gives up the backend until it connects again. */
static void give_up(struct xen_blk *blk)
{
	blk->refused = true;
	if (blk->connected) {
		blk->connected = false;
		frontend_renew(&blk->front, "a request is not answered in time");
		return;
	}
	log_error("away_s=%u given_up=true", CONFIG_XEN_STORE_TIMEOUT_SECONDS);
	xen_blk_fail_waiting(blk);
}

/* An event may have been lost: responses in the ring are handled before the age of requests is judged. */
static void on_time(struct timer *t)
{
	struct xen_blk *blk = container_of(t, struct xen_blk, patience);
	bool is_late, is_busy;

	if (blk->connected)
		xen_blk_reap(blk);
	xen_blk_take_back(blk, false);
	is_late = look_for_late(blk, &is_busy);
	if (is_late && !blk->refused)
		give_up(blk);
	if (!is_busy)
		return;
	poller_mark(&blk->events);
	xen_blk_be_patient(blk);
}

void xen_blk_patience_init(struct xen_blk *blk)
{
	timer_init(&blk->patience, on_time);
}
