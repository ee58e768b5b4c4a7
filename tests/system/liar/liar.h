/* SPDX-License-Identifier: ISC */
/* A backend of one device of a guest, as a program of dom0: it works correctly until it is told to lie, and
 * draws its lies from a seed. The guest finds it by its keys in xenstore like any other, but below
 * /local/domain/0/liar, where dom0's kernel does not look. */
#ifndef TESTS_SYSTEM_LIAR_H
#define TESTS_SYSTEM_LIAR_H

#define __XEN_INTERFACE_VERSION__ 0x00040d00 /* of Xen 4.13 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <xenevtchn.h>
#include <xengnttab.h>
#include <xenstore.h>

#define xen_mb() __atomic_thread_fence(__ATOMIC_SEQ_CST)
#define xen_rmb() __atomic_thread_fence(__ATOMIC_ACQUIRE)
#define xen_wmb() __atomic_thread_fence(__ATOMIC_RELEASE)

#define PAGE_BYTES 4096u
#define HELD_MAX 64

struct liar;

struct key {
	const char *name, *value; /* NULL, NULL ends a list */
};

struct kind {
	const char *name;         /* "vif" */
	const char *front_state;  /* of a guest whose rings are in xenstore */
	const struct key *front, *back;
	/* Opens dom0's file or interface behind the device. Gives a descriptor to poll for work, or -1. */
	int (*open)(struct liar *l, const char *what);
	/* Maps the rings that the guest offers; false: failed. */
	bool (*connect)(struct liar *l);
	void (*disconnect)(struct liar *l);
	/* Called when the guest has sent an event, or there is work behind the device. */
	void (*work)(struct liar *l);
};
extern const struct kind vif, vbd;

struct liar {
	const struct kind *kind;
	unsigned domain;
	uint64_t random;    /* dice */
	unsigned lies;      /* still to be told */
	struct xs_handle *store;
	xengnttab_handle *grants;
	xenevtchn_handle *events;
	char front[64], back[64];
	int port;           /* -1: none */
	int behind;         /* descriptor of the file or interface behind the device */
	bool is_open;       /* the guest may connect */
	bool connected;
	unsigned waited_ms, pause_ms; /* for the guest; before it gets another chance */
	void *held[HELD_MAX]; /* pages still mapped, though the guest was told that they are not */
	unsigned held_count;
};

/* -- lie.c -- */

/* A number below n. */
uint64_t below(struct liar *l, uint64_t n);
/* Is a lie to be told now? Counts it. */
bool lies_now(struct liar *l);
/* Gives an unusual number, which a guest's checks may have missed. */
int64_t odd_number(struct liar *l);
void scribble(struct liar *l, void *at, size_t bytes);
/* Gives an unusual text of at most size bytes with its terminator. */
void odd_text(struct liar *l, char *text, size_t size);
/* Spoils the indices at the head of a ring's page, and sends spurious events. */
void lie_about_indices(struct liar *l, void *ring);

/* -- pages of the guest's -- */

/* Maps the page of a grant; NULL: failed. */
void *map(struct liar *l, uint32_t ref, bool read_only);
/* Unmaps a page; keep: only once the device is gone. */
void unmap(struct liar *l, void *page, bool keep);

/* -- xenstore -- */

/* The number at name of the guest's half; -1: none. */
int64_t front_number(struct liar *l, const char *name);
/* Sets name to value in our half, or removes it if value is NULL. */
void tell(struct liar *l, const char *name, const char *value);

/* Prints a line about an event. */
void say(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
