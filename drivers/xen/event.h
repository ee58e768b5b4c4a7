/* SPDX-License-Identifier: ISC */
/* Event channels (Xen's public/event_channel.h) as marks on pollers. An event masks its port, so that
 * however many the other side sends, there is one interrupt for each look that its poller takes. */
#ifndef DRIVERS_XEN_EVENT_H
#define DRIVERS_XEN_EVENT_H

#include "kernel/loop.h"

/* xen_attach does it: masks all ports; none is attached any more. */
void event_init(void);
/* From now on events on port, which exists, mark p. 0, or -ENOSPC for a port beyond XEN_EVENTS. */
int event_attach(uint32_t port, struct poller *p);
/* A port that domain may connect to, whose events mark p: in *port. 0, -ENOSPC, -ESRCH: there is no such
 * domain; -EPERM: Xen lets the two share nothing. */
int event_offer(uint16_t domain, struct poller *p, uint32_t *port);
/* A port of ours at the other end of one that domain offers to us: in *port. 0, -ENOENT: it does not, or
 * somebody is there already; -ENOSPC. */
int event_connect(uint16_t domain, uint32_t offered, struct poller *p, uint32_t *port);
/* Does port mark p? No longer in a domain that has just been restored, where the number may be another's. */
bool event_marks(uint32_t port, const struct poller *p);
/* Is there somebody at the other end of port? */
bool event_is_connected(uint32_t port);
/* Harmless for a port that is not attached. */
void event_close(uint32_t port);
void event_send(uint32_t port);
/* To be called by the poller before it looks: the next event marks it again, and so does now what came in
 * between. */
void event_again(uint32_t port);
/* Has an event come on port that neither an upcall has taken nor event_forget? */
bool event_is_pending(uint32_t port);
/* What has come up to now has not: for who waits by xen_poll, which returns at once for an event that is
 * still there, masked or not. Its poller must be marked afterwards. */
void event_forget(uint32_t port);
/* Marks the pollers of all ports that have events. */
void event_upcall(void);
/* Gives the CPU away until a port has an event, or the time is until_ns by Xen's clock; 0: there is no such
 * time. Where XEN_EVENTS is at most 128. */
void event_wait(uint64_t until_ns);

#endif
