/* SPDX-License-Identifier: ISC */
/* Opens a virtio-mmio device whose address is known. */
#ifndef DRIVERS_VIRTIO_MMIO_H
#define DRIVERS_VIRTIO_MMIO_H

#include "drivers/virtio/virtio.h"

#define VIRTIO_MMIO_CONFIG 0x100 /* bytes of the registers that every device has (§4.2.2) */

/* Makes dev the device at base, of more than VIRTIO_MMIO_CONFIG bytes, if it is a modern one of type. Logs
 * that a legacy device is refused. interrupt: as irq_attach_line takes it. */
bool virtio_mmio_probe(struct virtio_device *dev, enum virtio_type type, uint64_t base, uint32_t bytes,
                       uint32_t interrupt);
/* The type of the device at base; 0: an empty place, VIRTIO_MMIO_NONE: something else. */
#define VIRTIO_MMIO_NONE UINT32_MAX
uint32_t virtio_mmio_type(uint64_t base, uint32_t bytes);

#endif
