/* SPDX-License-Identifier: ISC */
/* The last frames that an interface has received and sent, as a capture file. It is an interface itself,
 * put between the real one and the stack, so that a stack without it pays nothing.
 *
 *   capture_create(&capture, dev, 0, 0);
 *   ethernet_create(&ethernet, capture_netdev(capture)); */
#ifndef NET_CAPTURE_H
#define NET_CAPTURE_H

#include "kernel/dev/netdev.h"
#include "kernel/flow.h"

struct capture;

/* Keeps snap_bytes of each of the last `frames` frames; 0: Kconfig's. Costs snap_bytes + 32 bytes a frame,
 * taken now. 0, -ENOMEM. Borrows dev until destroyed, and listens to it. */
int capture_create(struct capture **out, struct netdev *dev, uint32_t frames, uint32_t snap_bytes);
void capture_destroy(struct capture *c);
struct netdev *capture_netdev(struct capture *c); /* for the stack */
struct netdev *capture_below(struct capture *c);  /* the real one, whose statistics count */

/* A pcapng file of the frames kept now, in memory of its own: gives a slice with one count on its storage. 0,
 * -ENOMEM. A frame for the interface to cut up appears whole; a checksum for the interface to fill in is not
 * there yet. */
int capture_snapshot(const struct capture *c, struct slice *out);

/* The frame that dev (NULL: none) is handing up is dropped; reason: constant text, which becomes the frame's
 * comment if dev is a capture's. Does nothing without NET_OBSERVE, and when no frame is being received. */
void capture_refused(struct netdev *dev, const char *reason);
static inline void capture_drop(struct netdev *dev, const char *reason)
{
	if (IS_ENABLED(CONFIG_NET_OBSERVE))
		capture_refused(dev, reason);
}

#endif
