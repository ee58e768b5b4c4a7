/* SPDX-License-Identifier: ISC */
/* A guest's view of Xen, for its machine: the domain, and the calls that start each part of these drivers.
 * Parts that have more to say have headers of their own. */
#ifndef DRIVERS_XEN_XEN_H
#define DRIVERS_XEN_XEN_H

#include "kernel/promise.h"

struct blkdev;
struct netdev;
struct shared_info;

/* Pages that Xen lends are mapped from place on, in this order; nothing else may be there. */
enum {
	XEN_SHARED_PAGE,
	XEN_GRANT_PAGE, /* the first of the grants' */
#ifdef CONFIG_XEN_GRANTS
	XEN_MAP_PAGE = XEN_GRANT_PAGE + CONFIG_XEN_GRANT_FRAMES, /* the first of other domains' */
#else
	XEN_MAP_PAGE = XEN_GRANT_PAGE,
#endif
#ifdef CONFIG_XEN_VCHAN
	XEN_LENT_PAGES = XEN_MAP_PAGE + CONFIG_XEN_MAP_PAGES,
#else
	XEN_LENT_PAGES = XEN_MAP_PAGE,
#endif
};

/* -- the domain: xen.c -- */

/* To be called first: maps the shared page and sets up event channels. Panics where that fails. */
void xen_init(uint64_t place);
/* The same at the same place, in a domain that has just been restored. */
void xen_attach(void);
/* Makes Xen raise the upcall by this interrupt vector. */
void xen_set_vector(uint8_t vector);
/* The same, by a value of HVM_PARAM_CALLBACK_IRQ. */
void xen_set_callback(uint64_t callback);
/* Has Xen lend the page index of XENMAPSPACE_… space at XEN_…_PAGE page, and maps it; NULL: Xen refuses. */
volatile void *xen_lend(uint32_t page, uint32_t space, uint32_t index);
/* Maps the place of page, for other means of lending; NULL: no memory for page tables. */
volatile void *xen_place(uint32_t page);
/* Reads parameter index (HVM_PARAM_…) of this domain; 0 where it has none. */
uint64_t xen_parameter(uint32_t index);
/* Maps the ring that parameter frame_index names, and gives the port that port_index names. NULL: none. */
volatile void *xen_parameter_ring(uint32_t frame_index, uint32_t port_index, uint32_t *port);

extern volatile struct shared_info *xen_shared;
/* The wall clock at the start of Xen's time (on ARM, of the domain's counter), in nanoseconds since 1970,
 * from the shared page. Xen may write it meanwhile: the version is odd then, or another afterwards. 0:
 * unknown. */
uint64_t xen_wall_start_ns(void);

/* Gives the CPU away until port has an event, or timeout_ns have passed. */
void xen_poll(uint32_t port, uint64_t timeout_ns);
/* Ends the domain with SHUTDOWN_… reason, which xl shows and acts on. */
void xen_shutdown(uint32_t reason) __attribute__((noreturn));

/* -- Xen's clock, on a PC; other CPUs have their own: clock.c -- */

void xen_clock_init(void);
/* After a suspension: the clock goes on from now_ns, its time when it stopped. */
void xen_clock_resume(uint64_t now_ns);
/* Nanoseconds since Xen started: the time of its deadlines. */
uint64_t xen_clock_system_ns(void);
/* Converts a deadline of ours to Xen's time; 0 for DEADLINE_NEVER. */
uint64_t xen_clock_deadline(uint64_t deadline_ns);

/* -- the console: console.c -- */

/* Sets up the console's ring; kernel/dev/console.h has the calls. */
void xen_console_init(void);
/* Finds the ring again: a restored domain has another, empty one. */
void xen_console_resume(void);
/* Waits, for a bounded time, until the other side has read everything written. */
void xen_console_drain(void);

/* -- the toolstack's wishes: control.c, suspend.c, balloon.c, hotplug.c, seed.c -- */

/* Begins to watch for requests of the toolstack: xl shutdown and xl reboot fulfil the promise with 0. */
struct promise *xen_control_start(void);
/* The requested SHUTDOWN_…, or SHUTDOWN_poweroff. */
uint32_t xen_control_reason(void);

/* Suspends the domain, for the toolstack to save it. Returns once it runs again: in a new domain, with all
 * lent pages back and all devices reconnecting, or in the same one. Clocks have stood still meanwhile. */
void xen_suspend(void);

/* Begins to follow xl mem-set: gives memory back to Xen, and takes it again. */
void xen_balloon_start(void);

/* Begins to refuse devices beside those in use; to be called after all drivers were created. */
void xen_hotplug_start(void);

/* Reads and removes a seed that the toolstack wrote for this domain (data/seed: hexadecimal digits). 0, or
 * -ENODEV: there is none of n bytes. n is at most 64. */
int xen_seed_read(void *to, size_t n);

/* -- drivers for the first device of each class: net.c, blk.c -- */

/* 0, -ENODEV, -ENOTSUP, -ENOMEM, -ETIMEDOUT. They run the loop until the backend has answered. */
int xen_net_create(struct netdev **out);
int xen_blk_create(struct blkdev **out);

#endif
