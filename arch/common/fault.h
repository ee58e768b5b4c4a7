/* SPDX-License-Identifier: ISC */
/* The report of an exception, which ends the image: the part common to all CPUs. */
#ifndef ARCH_COMMON_FAULT_H
#define ARCH_COMMON_FAULT_H

#include "kernel/util.h"

/* To be called first. Does not return if another fault is being reported. */
void fault_begin(void);
/* The name of ARM's abort by its status in the long format (ARM ARM for ARMv8 D19.2.37, for ARMv7 B4.1.52),
 * of which the lowest six bits count. */
const char *fault_abort_kind(uint32_t status, bool write, bool execution);

#endif
