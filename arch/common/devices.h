/* SPDX-License-Identifier: ISC */
/* Provided by a machine file for machine_netdev and machine_blkdev of arch/arch.h. */
#ifndef ARCH_COMMON_DEVICES_H
#define ARCH_COMMON_DEVICES_H

#include "arch/common/ram.h"

/* The initial RAM disk, which the page allocator does not get; 0 bytes: there is none. DISK_INITRD. */
extern struct ram_range machine_initrd;

#endif
