/* SPDX-License-Identifier: ISC */
/* A guest's view of Xen: the page that both share, parameters of the domain, scheduling, the end. */
#ifndef DRIVERS_XEN_XEN_H
#define DRIVERS_XEN_XEN_H

#include "kernel/promise.h"

struct blkdev;
struct netdev;
struct shared_info;

/* The pages that Xen lends lie at place, in this order; nothing else may be there. */
enum { XEN_SHARED_PAGE, XEN_GRANT_PAGE /* XEN_GRANT_FRAMES, and XEN_MAP_PAGES behind them */ };

/* First of all: maps the shared page and, from then on, knows event channels. Panics where that fails. */
void xen_init(uint64_t place);
/* The same again at the same place, in a domain that has just been restored. */
void xen_attach(void);
/* Events are told by this interrupt vector. */
void xen_set_vector(uint8_t vector);
/* The same as a value of HVM_PARAM_CALLBACK_IRQ. */
void xen_set_callback(uint64_t callback);
/* The page that was lent for XEN_…_PAGE + index of XENMAPSPACE_… space; NULL: Xen refuses. */
volatile void *xen_lend(uint32_t page, uint32_t space, uint32_t index);
/* Where one of these is, mapped, to be lent by other means; NULL: no memory for page tables. */
volatile void *xen_place(uint32_t page);
/* Parameter index (HVM_PARAM_…) of this domain; 0 where it has none. */
uint64_t xen_parameter(uint32_t index);
/* The ring that the parameter frame_index names, mapped, and the port that port_index does. NULL: none. */
volatile void *xen_parameter_ring(uint32_t frame_index, uint32_t port_index, uint32_t *port);

extern volatile struct shared_info *xen_shared;
/* When Xen's time began, on ARM the domain's counter: by the wall clock, in nanoseconds since 1970, as that
 * page says. Xen writes it meanwhile: a version that is odd, or another afterwards, says so. 0: not known. */
uint64_t xen_wall_start_ns(void);

/* Gives the CPU away until port has an event, or for timeout_ns. */
void xen_poll(uint32_t port, uint64_t timeout_ns);
/* Ends the domain with SHUTDOWN_… reason: what xl shows and acts on. */
void xen_shutdown(uint32_t reason) __attribute__((noreturn));

/* -- on a PC: Xen's clock. Elsewhere the CPU has one of its own -- */

void xen_clock_init(void);
/* After a suspension: the clock goes on from now_ns, at which it stopped. */
void xen_clock_resume(uint64_t now_ns);
/* Nanoseconds since Xen started, in which its deadlines are. */
uint64_t xen_clock_system_ns(void);
/* A deadline of ours as one of Xen's; 0 for DEADLINE_NEVER. */
uint64_t xen_clock_deadline(uint64_t deadline_ns);

/* The console's ring; kernel/dev/console.h has its calls. */
void xen_console_init(void);
/* Finds the ring again, which is another and empty in a domain that has been restored. */
void xen_console_resume(void);
/* Waits, but not for ever, until the other side has read what was written. */
void xen_console_drain(void);

/* Begins to listen to the toolstack: xl shutdown and xl reboot fulfil the promise with 0. */
struct promise *xen_control_start(void);
/* SHUTDOWN_… as it was asked for, else SHUTDOWN_poweroff. */
uint32_t xen_control_reason(void);

/* Stops the domain, for the toolstack to save it. Returns once it goes on: in a new domain, with all that Xen
 * lends and all devices on their way back, or in the same one. Clocks have stood still meanwhile. */
void xen_suspend(void);

/* Before a suspension: pages that other domains have lent are let go of, and the flows over them end. */
void xen_vchan_suspend(void);
/* In a domain that has just been restored, after grants and the store: all flows end, and servers offer their
 * vchans again. */
void xen_vchan_resume(void);

/* Begins to give memory back, and to take it again, as xl mem-set says. */
void xen_balloon_start(void);

/* Begins to refuse devices that come beside those that are used: after all drivers were created. */
void xen_hotplug_start(void);

/* A seed that the toolstack wrote for this domain (data/seed: hexadecimal digits), which is then removed.
 * 0, or -ENODEV where there is none of n bytes. n is at most 64. */
int xen_seed_read(void *to, size_t n);

/* -- the drivers: the first device of its class -- */

/* 0, -ENODEV, -ENOTSUP, -ENOMEM, -ETIMEDOUT. They run the loop until the other side has answered. */
int xen_net_create(struct netdev **out);
int xen_blk_create(struct blkdev **out);

#endif
