/* SPDX-License-Identifier: ISC */
/* Our half of a device: the keys and states told in xenstore, and their order (public/io/xenbus.h), until
 * both sides are connected, and again when the other side, the backend, goes away and comes back.
 *
 *   waiting ─InitWait→ offer() ─Connected→ connect() ─it goes→ disconnect() → closed ─Closed→ waiting
 *
 * The table in frontend.c has the step for each state of the backend in each phase of ours.
 *
 * A backend that comes back may not have seen that we closed, and then tries the old rings. Linux's netback
 * reports itself connected even when it could not map the rings: the grants tell whether it has. While it has
 * the old rings we stay closed, and look each second.
 *
 * A backend that breaks the protocol of its rings, or cannot be used, is refused: we stay closed until it has
 * closed too, and comes back. Short memory or a silent store is not the backend's fault: it is tried
 * again. */
#ifndef DRIVERS_XEN_FRONTEND_H
#define DRIVERS_XEN_FRONTEND_H

#include "drivers/xen/store.h"

#define FRONTEND_PATH_MAX 64
#define FRONTEND_KEYS_MAX 9 /* the state included */

struct frontend;

struct frontend_kind {
	const char *folder; /* of all devices of this kind: "device/vif" */
	/* Names of the backend's numbers, "state" first and NULL last. They are read together, into values,
	 * before offer and again before connect; a missing one, or text that is no number, reads as 0. */
	const char *const *names;
	uint8_t offered; /* state that tells the backend that the keys are there */
	bool has_number; /* after a loss, only a device of the same number replaces it */
	/* Makes the rings for backend_id and the keys, by frontend_key. 0, or a negative errno: the backend is
	 * refused. -EBUSY: it still has the old rings; we stay closed until it has closed too. */
	int (*offer)(struct frontend *f);
	/* The backend says that it uses the rings. Returns as offer does; -EBUSY: it has not mapped them. */
	int (*connect)(struct frontend *f);
	/* The backend is gone, or refused: ends the grants that it lets go of. May be called again. true: the
	 * backend has let go of the rings. */
	bool (*disconnect)(struct frontend *f);
};

struct frontend {
	const struct frontend_kind *kind;
	uint16_t backend_id;
	/* not the driver's; the small ones first: small offsets take less code */
	uint8_t phase, state; /* state: the backend's, when it was last read */
	uint8_t own;    /* our state, as it is told */
	uint8_t leaves; /* the phase that the driver asks for; 0: none */
	bool changed;
	bool untold; /* the write of our state has timed out */
	bool seeks;  /* whether the device is still the same is to be read */
	bool pauses; /* something was short: it is tried again at the next look */
	bool watched, moved; /* moved: the domain was restored during a request */
	void (*next)(struct frontend *f, int32_t result); /* NULL: no request is outstanding */
	uint32_t asked, answered; /* of ops */
	int32_t result; /* the least */
	uint32_t key_count, looks;
	struct list link;
	struct waiter waiter;
	struct timer again; /* polls an awaited backend */
	struct store_watch watch;
	char backend[FRONTEND_PATH_MAX], text[FRONTEND_PATH_MAX];
	struct {
		const char *name;
		char text[STORE_NUMBER_MAX];
	} keys[FRONTEND_KEYS_MAX]; /* ours to write, or the backend's to read */
	struct store_op ops[FRONTEND_KEYS_MAX]; /* outstanding requests */
	/* read by the driver too */
	char dir[FRONTEND_PATH_MAX]; /* ours */
	uint64_t values[FRONTEND_KEYS_MAX];
	struct promise ready; /* fulfilled when first connected; -ENODEV: there is no such device */
};

/* Finds the first device of its kind and begins to connect it; f is zeroed, and stays for good. */
void frontend_start(struct frontend *f, const struct frontend_kind *kind);
/* Runs the loop until it is connected. 0, -ENODEV, -ENOTSUP, -ETIMEDOUT … */
int frontend_wait(struct frontend *f);
/* Called by offer: writes name = value below dir. name is constant text. */
void frontend_key(struct frontend *f, const char *name, uint32_t value);
/* The same with a text, cut to STORE_NUMBER_MAX including its end. */
void frontend_key_text(struct frontend *f, const char *name, const char *text);
/* In a domain that has just been restored, after grant_resume: takes back the grants of all devices to the
 * old domain's backends. */
void frontend_disconnect(void);
/* After frontend_disconnect and store_resume: starts all devices over. */
void frontend_resume(void);
/* Does a frontend use the device whose folder is dir? */
bool frontend_has(const char *dir);
/* Is the frontend for the devices in folder not connected? */
bool frontend_lacks(const char *folder);
/* To be called when devices have come or gone: each frontend that is not connected checks whether its device
 * is still there. If not, the first of its kind takes its place, unless has_number. */
void frontend_seek(void);
/* The backend has broken the protocol: logs it, disconnects soon, and refuses the backend. */
void frontend_break(struct frontend *f, const char *how);
/* The backend is of no use as it is: logs it, disconnects soon, and waits for it anew. */
void frontend_renew(struct frontend *f, const char *why);

#endif
