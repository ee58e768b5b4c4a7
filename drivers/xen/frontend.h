/* SPDX-License-Identifier: ISC */
/* Our half of a device: what is told in xenstore, and in which order (public/io/xenbus.h), until both sides
 * are connected, and again when the other side, the backend, goes away and comes back.
 *
 *   waiting ─InitWait→ offer() ─Connected→ connect() ─it goes→ disconnect() → closed ─Closed→ waiting
 *
 * What each state of the backend's means in each phase of ours is frontend.c's table.
 *
 * A backend that comes back may not yet have seen that we closed, and tries the rings of before. Linux's
 * netback calls itself connected also when it could not map them: what it really has is looked at. While it
 * has the rings of before we are closed, and look each second.
 *
 * A backend that breaks the rules of its rings, or cannot be used, is refused: we are closed until it has
 * closed too, and comes once more. Memory that is short, or a store that is silent, is no fault of its own:
 * it is tried again. */
#ifndef DRIVERS_XEN_FRONTEND_H
#define DRIVERS_XEN_FRONTEND_H

#include "drivers/xen/store.h"

#define FRONTEND_PATH_MAX 64
#define FRONTEND_KEYS_MAX 9 /* the state is one */

struct frontend;

struct frontend_kind {
	const char *folder; /* of the devices: "device/vif" */
	/* The backend's numbers, "state" being the first; they are read together, into values, before offer and
	 * again before connect; 0 where it has none or no number. Ends with NULL. */
	const char *const *names;
	uint8_t offered; /* state that tells the backend that the keys are there */
	bool has_number; /* only the device of the same number is the same */
	/* Makes the rings for backend_id and frontend_key's. 0, or a negative errno: the backend is refused.
	 * -EBUSY: it still has the rings of before; we are closed until it has closed too. */
	int (*offer)(struct frontend *f);
	/* The backend says that it uses the rings. The same; -EBUSY: it does not. */
	int (*connect)(struct frontend *f);
	/* The backend is gone, or refused: ends the grants, as far as it lets go. Also more than once. true:
	 * it has let go of the rings. */
	bool (*disconnect)(struct frontend *f);
};

struct frontend {
	const struct frontend_kind *kind;
	uint16_t backend_id;
	/* frontend.c's own, the small ones first: what lies near takes fewer bytes of code */
	uint8_t phase, state; /* state: the backend's, when it was last read */
	uint8_t own;    /* our state, as it is told */
	uint8_t leaves; /* the phase to go to because the driver asks for it; 0: it does not */
	bool changed;
	bool untold; /* the store has not answered whether it has our state */
	bool seeks;  /* the device may be another */
	bool watched, moved; /* moved: into another domain, while something was being asked */
	void (*next)(struct frontend *f, intptr_t result); /* NULL: nothing is being asked of the store */
	uint32_t asked, answered; /* of ops */
	intptr_t result; /* the least */
	uint32_t key_count, looks;
	struct list link;
	struct waiter waiter;
	struct timer again; /* while a backend is awaited: looks at it */
	struct store_watch watch;
	char backend[FRONTEND_PATH_MAX], text[FRONTEND_PATH_MAX];
	struct {
		const char *name;
		char text[STORE_NUMBER_MAX];
	} keys[FRONTEND_KEYS_MAX]; /* ours that are told, or the backend's that are read */
	struct store_op ops[FRONTEND_KEYS_MAX]; /* what is being asked of the store */
	/* the device's too */
	char dir[FRONTEND_PATH_MAX]; /* ours */
	uint64_t values[FRONTEND_KEYS_MAX];
	struct promise ready; /* fulfilled when first connected; -ENODEV: there is no such device */
};

/* Finds the first device of its kind and begins; f is zeroed, and stays for good. */
void frontend_start(struct frontend *f, const struct frontend_kind *kind);
/* Runs the loop until it is connected. 0, -ENODEV, -ENOTSUP, -ETIMEDOUT … */
int frontend_wait(struct frontend *f);
/* For offer: has name = value written below dir. name is constant text. */
void frontend_key(struct frontend *f, const char *name, uint32_t value);
/* The same of a text, which is cut to STORE_NUMBER_MAX with its end. */
void frontend_key_text(struct frontend *f, const char *name, const char *text);
/* In a domain that has just been restored, with the new grants' table: takes back what all devices had given
 * to the old domain's backends. */
void frontend_disconnect(void);
/* After that: begins again with each device. */
void frontend_resume(void);
/* Is dir the folder of a device that one of them has? */
bool frontend_has(const char *dir);
/* Is there one for the devices in folder that is not connected? */
bool frontend_lacks(const char *folder);
/* Devices have come or gone: who is not connected looks whether its own is among them. If not, the first of
 * its kind takes its place, unless has_number. */
void frontend_seek(void);
/* The backend has broken the rules: reported, disconnected soon, and refused. */
void frontend_break(struct frontend *f, const char *how);
/* It is of no use as it is: reported, disconnected soon, and waited for anew. */
void frontend_renew(struct frontend *f, const char *why);

#endif
