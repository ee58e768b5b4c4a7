/* SPDX-License-Identifier: ISC */
/* What the loader has put into memory besides the image: qemu -initrd. */
#ifndef ARCH_X86_64_MODULE_H
#define ARCH_X86_64_MODULE_H

#include "arch/x86_64/pvh.h"

/* The first module as a range that is not for others; of 0 bytes where there is none, or where the list or
 * the module is at an address that cannot be. Before memory is given away: the list lies anywhere below
 * mapped_end, or is none. */
struct ram_range module_first(const struct pvh_start *info, uint64_t mapped_end);

#endif
