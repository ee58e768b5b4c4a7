/* SPDX-License-Identifier: ISC */
/* Virtio 1.2 devices, over MMIO and PCI, for the drivers of net, blk and rng. Legacy devices (version 1) are
 * refused. */
#ifndef DRIVERS_VIRTIO_VIRTIO_H
#define DRIVERS_VIRTIO_VIRTIO_H

#include "kernel/loop.h"

struct blkdev;
struct netdev;
struct virtio_device;

enum virtio_type { VIRTIO_TYPE_NET = 1, VIRTIO_TYPE_BLOCK = 2, VIRTIO_TYPE_RNG = 4 };

#define VIRTIO_F_EVENT_IDX (UINT64_C(1) << 29)
#define VIRTIO_F_VERSION_1 (UINT64_C(1) << 32)

/* The operations of a transport. All registers are little endian, as the CPU is. */
struct virtio_transport {
	uint64_t (*features)(struct virtio_device *dev);
	void (*set_features)(struct virtio_device *dev, uint64_t features);
	uint8_t (*status)(struct virtio_device *dev);
	void (*set_status)(struct virtio_device *dev, uint8_t status); /* 0: virtio_reset */
	/* Gives the most descriptors that queue index may have; 0: there is no such queue. */
	uint16_t (*queue_max)(struct virtio_device *dev, uint16_t index);
	/* Sets the queue up and gives its notification address; NULL: that failed. */
	volatile void *(*queue_start)(struct virtio_device *dev, uint16_t index, uint16_t size, const void *desc,
	                              const void *avail, const void *used);
	/* Tells the device of new buffers in queue index, at the address that queue_start gave. */
	void (*notify)(volatile void *at, uint16_t index);
	/* From now on the device's interrupts mark p. 0, or a negative errno. */
	int (*attach)(struct virtio_device *dev, struct poller *p);
	/* Acknowledges interrupts, so that others follow. */
	void (*acknowledge)(struct virtio_device *dev);
};

struct virtio_device {
	const struct virtio_transport *transport;
	volatile uint8_t *config; /* the device's own registers */
	uint32_t config_bytes;
	uint64_t accepted; /* features */
	const char *name;
	bool broken;
	bool changed; /* config may have changed; the owner clears it */
	/* the transport's own */
	volatile uint8_t *registers, *notify;
	uint32_t notify_step, notify_bytes;
	uint32_t place; /* MMIO: interrupt line. PCI: function */
	volatile struct pci_message *messages;
	struct poller *owner, change;
	volatile uint8_t *isr; /* PCI with pin interrupts */
};

/* Finds the first device of type on the buses. 0, or -ENODEV. */
int virtio_find(struct virtio_device *dev, enum virtio_type type);
/* Resets the device, which touches no memory of ours any more. false: it has not confirmed the reset, and
 * may. */
bool virtio_reset(struct virtio_device *dev);
/* Resets the device and accepts those of the wanted features that it offers (§3.1.1, steps 1 to 6). 0,
 * -ENOTSUP after logging why. Queues come next, then virtio_start. */
int virtio_begin(struct virtio_device *dev, uint64_t wanted);
void virtio_start(struct virtio_device *dev);
/* The device has broken the protocol, or cannot interrupt: resets it and logs how; it is not used again. */
void virtio_break(struct virtio_device *dev, const char *how);
/* To be called when the configuration has changed: has the device failed (§2.1.2)? Then it is broken now. */
bool virtio_needs_reset(struct virtio_device *dev);

/* Searches for a modern device of type; in the transports' files. */
int virtio_mmio_find(struct virtio_device *dev, enum virtio_type type);
int virtio_mmio_find_in_tree(struct virtio_device *dev, enum virtio_type type);
int virtio_pci_find(struct virtio_device *dev, enum virtio_type type);

/* -- addresses of MMIO devices: mmio_slots.c -- */

/* "size@base:interrupt": remembers a device. */
int virtio_mmio_option(const char *value, void *target);
/* Slots to search when the command line names no device: QEMU's microvm. */
void virtio_mmio_slots(uint64_t base, uint32_t count, uint32_t interrupt);

/* -- the same: mmio_tree.c -- */

/* To be called before any search. Borrows the tree. */
struct fdt;
void virtio_mmio_tree(const struct fdt *tree);

/* -- the drivers -- */

/* 0, -ENODEV: there is none, or it does not work. */
int virtio_rng_read(void *to, size_t n);
/* 0, -ENODEV, -ENOTSUP, -ENOMEM. */
int virtio_net_create(struct netdev **out);
/* The same, for the first block device found. */
int virtio_blk_create(struct blkdev **out);

#endif
