/* SPDX-License-Identifier: ISC */
/* Event channels (Xen's public/event_channel.h) that mark pollers. An event masks its port, so that however
 * many events the other side sends, there is one interrupt for each run of the poller. */
#ifndef DRIVERS_XEN_EVENT_H
#define DRIVERS_XEN_EVENT_H

#include "kernel/loop.h"

/* Called by xen_attach: masks all ports, with none attached. */
void event_init(void);
/* From now on events on port, which exists, mark p. 0; -ENOSPC: port is not below XEN_EVENTS. */
int event_attach(uint32_t port, struct poller *p);
/* Gives in *port a new port that domain may connect to and whose events mark p. 0, -ENOSPC; -ESRCH: there is
 * no such domain; -EPERM: Xen lets the two share nothing. */
int event_offer(uint16_t domain, struct poller *p, uint32_t *port);
/* Gives in *port a new port connected to the one that domain offers us. 0, -ENOSPC; -ENOENT: domain offers no
 * such port, or it is connected already. */
int event_connect(uint16_t domain, uint32_t offered, struct poller *p, uint32_t *port);
/* Does port mark p? Not in a domain that has just been restored, where the number may be that of another
 * port. */
bool event_marks(uint32_t port, const struct poller *p);
/* Is another domain connected to port? */
bool event_is_connected(uint32_t port);
/* Harmless for a port that is not attached. */
void event_close(uint32_t port);
void event_send(uint32_t port);
/* To be called by the poller before it looks: from then on an event marks it again, and one that came
 * meanwhile marks it now. */
void event_again(uint32_t port);
/* Is an event pending on port that neither an upcall has taken nor event_forget dropped? */
bool event_is_pending(uint32_t port);
/* Drops the pending event, for a caller of xen_poll, which returns at once while one is pending, masked or
 * not. The caller must mark the port's poller afterwards. */
void event_forget(uint32_t port);
/* Marks the pollers of all ports that have events. */
void event_upcall(void);
/* Gives the CPU away until a port has an event or Xen's clock reaches until_ns; 0: no timeout. For XEN_EVENTS
 * of at most 128. */
void event_wait(uint64_t until_ns);

#endif
