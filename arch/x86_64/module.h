/* SPDX-License-Identifier: ISC */
/* Modules that the loader has put into memory besides the image: qemu -initrd. */
#ifndef ARCH_X86_64_MODULE_H
#define ARCH_X86_64_MODULE_H

#include "arch/x86_64/pvh.h"

/* The first module as a range in use; of 0 bytes if there is none, or its address or the list's is invalid.
 * To be called before memory is given away: a list must lie below mapped_end. */
struct ram_range module_first(const struct pvh_start *info, uint64_t mapped_end);

#endif
