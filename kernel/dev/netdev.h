/* SPDX-License-Identifier: ISC */
/* A network interface, as drivers provide it and net/ uses it: drivers and stack meet only here.
 *
 * Call order: the driver's *_create fills in ops, mac, mtu, features; the stack sets input with
 * netdev_listen; from then on the driver hands up each received frame, from its poller. */
#ifndef KERNEL_DEV_NETDEV_H
#define KERNEL_DEV_NETDEV_H

#include "kernel/buf.h"

enum netdev_features {
	NETDEV_TX_CSUM = 1 << 0, /* honours BUF_CSUM_PARTIAL */
	NETDEV_TSO4 = 1 << 1,    /* honours BUF_TSO4, frames up to 65535 bytes, the Ethernet header among them */
	NETDEV_RX_CSUM = 1 << 2, /* may set BUF_CSUM_VALID or BUF_CSUM_PARTIAL on received frames */
};

#define NETDEV_HEADER_BYTES 14 /* of Ethernet, before the bytes that mtu counts */
#define NETDEV_MTU_USUAL 1500  /* the default: IEEE 802.3 */
#define NETDEV_SLICES 15 /* of a frame: every device can send as many, however short its ring */

struct netdev;

struct netdev_ops {
	/* Queues frame b (Ethernet header first) for transmission. Takes b, also on failure: -ENOBUFS
	 * when the queue is full (dropped and counted), -EMSGSIZE for a frame that is too long, or that has
	 * more slices than both NETDEV_SLICES and this device's limit, -ENETDOWN. Never blocks. The device
	 * is notified once per turn of the loop, not per frame. */
	int (*send)(struct netdev *dev, struct buf *b);
};

struct netdev {
	const struct netdev_ops *ops;
	uint8_t mac[6];
	uint16_t mtu;      /* bytes after the Ethernet header */
	uint32_t features; /* enum netdev_features */
	void (*input)(void *arg, struct buf *b); /* takes b */
	void *input_arg;
#ifdef CONFIG_NETDEV_RETURNS
	void (*returned)(void *arg);
	void *returned_arg;
#endif
#ifdef CONFIG_NETDEV_GROUPS
	int (*want)(struct netdev *dev, const uint8_t mac[6], bool is_wanted);
#endif
	struct netdev_stats {
		uint64_t rx_frames, rx_bytes, rx_dropped, tx_frames, tx_bytes, tx_dropped;
	} stats;
};

static inline int netdev_send(struct netdev *dev, struct buf *b)
{
	return dev->ops->send(dev, b);
}

static inline void netdev_listen(struct netdev *dev, void (*input)(void *arg, struct buf *b), void *arg)
{
	dev->input = input;
	dev->input_arg = arg;
}

/* For the driver: hands up a frame, and counts it. Takes frame; NULL counts a dropped frame. */
static inline void netdev_hand_up(struct netdev *dev, struct buf *frame)
{
	if (!frame || !dev->input) {
		dev->stats.rx_dropped++;
		buf_free(frame);
		return;
	}
	dev->stats.rx_frames++;
	dev->stats.rx_bytes += buf_length(frame);
	dev->input(dev->input_arg, frame);
}

#ifdef CONFIG_NETDEV_RETURNS
/* returned is called from the driver's poller when the link passes frames again after an interruption: frames
 * sent meanwhile are lost, and bridges at the other end may have forgotten our address. NULL: no call. */
static inline void netdev_listen_returned(struct netdev *dev, void (*returned)(void *arg), void *arg)
{
	dev->returned = returned;
	dev->returned_arg = arg;
}

/* For the driver. */
static inline void netdev_tell_returned(struct netdev *dev)
{
	if (dev->returned)
		dev->returned(dev->returned_arg);
}
#else
void netdev_listen_returned(struct netdev *dev, void (*returned)(void *arg), void *arg);
#endif

#ifdef CONFIG_NETDEV_GROUPS
/* Has the device receive frames to a multicast address, or ends that. Calls count: each true needs its false.
 * Frames to other groups may come in, too. 0; -ENOBUFS: they will not be received. */
static inline int netdev_want(struct netdev *dev, const uint8_t mac[6], bool is_wanted)
{
	return dev->want ? dev->want(dev, mac, is_wanted) : 0;
}

/* For a driver whose device receives only the multicast frames that it is told to. */
static inline void netdev_filter(struct netdev *dev,
                                 int (*want)(struct netdev *dev, const uint8_t mac[6], bool is_wanted))
{
	dev->want = want;
}
#else
int netdev_want(struct netdev *dev, const uint8_t mac[6], bool is_wanted);
void netdev_filter(struct netdev *dev,
                   int (*want)(struct netdev *dev, const uint8_t mac[6], bool is_wanted));
#endif

#endif
