/* SPDX-License-Identifier: ISC */
/* Xen, xenstored and the pages that they lend, in memory, for tests: they act on a test's orders, even
 * against the protocol. */
#ifndef TESTS_UNIT_DRIVERS_XEN_FAKE_H
#define TESTS_UNIT_DRIVERS_XEN_FAKE_H

#include "drivers/xen/hypercall.h"

#include <xen/event_channel.h>
#include <xen/grant_table.h>
#include <xen/io/xs_wire.h>

#define FAKE_PLACE UINT64_C(0xfef00000)
#define FAKE_GRANTS 512
enum { FAKE_STORE_PORT = 1, FAKE_PORTS = 64, FAKE_PLACES = CONFIG_XEN_MAP_PAGES };

struct fake {
	struct shared_info *shared;
	struct grant_entry_v1 *grants;
	struct xenstore_domain_interface *store;
	uint64_t parameters[32];   /* HVM_PARAM_… */
	bool lends_nothing;
	unsigned given_back;       /* pages that the guest has given back */
	bool keeps_memory;         /* pages are neither taken back nor given */
	uint32_t next_port;        /* to be given out next */
	bool open[FAKE_PORTS];
	unsigned sent[FAKE_PORTS]; /* events that the guest sent */
	unsigned calls;            /* hypercalls */
	volatile event_word_t *words; /* of the ports, in a queue; NULL: two levels */
	volatile struct evtchn_fifo_control_block *control;
	uint32_t tail;             /* of the queue */
	bool store_is_deaf;        /* requests stay in the ring */
	bool store_is_mute;        /* they are read, and not answered */
	bool keeps_values;         /* writing is refused */
	bool loses_watches;        /* values change without watch events */
	bool loses_events;         /* Xen's events for the guest are lost */
	bool conflict;             /* the next transaction ends with EAGAIN */
	uint32_t refused;          /* requests of this type fail with ENOSPC; 0: none */
	uint32_t store_type;       /* of the last request */
	uint64_t until_ns;         /* of the last wait for an event */
	uint64_t waited_for;       /* in it: a bit for each port */
	uint32_t yield_raises;     /* this port's event comes while others run; 0: none */
	uint32_t shutdown;         /* reason, once asked for */
	/* Another domain's answer to the mapping of a grant: GNTST_…, and the page's content. */
	int16_t (*map)(uint16_t domain, uint32_t ref, uint8_t *page);
	uint32_t mapped[FAKE_PLACES]; /* the ref; 0: nothing is there */
	bool unmaps_nothing;
	int offer_error;           /* of ports for others; 0: none */
	uint32_t offered;          /* the port of another domain's that the guest may connect to; 0: none */
	bool connected[FAKE_PORTS];
	char permissions[32];      /* that were last set, a space between them */
	void (*saved)(void);       /* called when the guest asks to be saved. NULL: Xen refuses */
	uint64_t clock_ns;         /* where the guest's clock last went on */
};
extern struct fake fake;
/* Does Xen have FIFO event channels? To be set before fake_begin. */
extern bool fake_has_queues;

/* A guest that has just started: xen_init and store_init are done. */
void fake_begin(void);

/* Xen tells the guest of an event on port, by its vector. */
void fake_raise(uint32_t port);
/* The page that the guest granted as ref; asserts the grant, and that it is read-only or not. */
uint8_t *fake_granted(uint32_t ref, bool read_only);
/* The same of a ring, the other side having mapped it until either is in another state than connected. */
void *fake_map_ring(const char *path);
/* The other side begins to use a grant, which then cannot be ended, or ceases to. */
void fake_hold(uint32_t ref, bool hold);
/* The number of grants in use. */
unsigned fake_grants_out(void);

/* The pages of other domains that the guest has mapped, place by place. */
extern uint8_t fake_places[FAKE_PLACES][PAGE_BYTES];
unsigned fake_mapped(void);
/* Restores the guest in a new domain: all that Xen has lent or opened is gone, and its pages are zero. */
void fake_restore(void);

/* Values of xenstore, by the path as the guest writes it; watches fire. NULL: there is none. */
void fake_set(const char *path, const char *value);
const char *fake_get(const char *path);
uint64_t fake_get_number(const char *path);
/* The backend with its state at this key leaves and comes again; it follows the frontend in
 * clock_on_block. */
void fake_come_back(const char *state);
/* Puts bytes as they are where the guest expects answers, as far as there is room, and raises the event. */
void fake_answer(const void *bytes, uint32_t count);
/* The same of a whole message. */
void fake_message(uint32_t type, uint32_t id, const void *body, uint32_t count);

#endif
