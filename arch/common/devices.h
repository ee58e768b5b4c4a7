/* SPDX-License-Identifier: ISC */
/* What a machine file brings for machine_netdev and machine_blkdev of arch/arch.h. */
#ifndef ARCH_COMMON_DEVICES_H
#define ARCH_COMMON_DEVICES_H

#include "arch/common/ram.h"

/* The initial RAM disk, kept from the page allocator; of 0 bytes where there is none. DISK_INITRD. */
extern struct ram_range machine_initrd;

#endif
