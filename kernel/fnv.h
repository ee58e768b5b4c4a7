/* SPDX-License-Identifier: ISC */
/* FNV-1a of 32 bits (Fowler, Noll and Vo; draft-eastlake-fnv): quick and small, but anyone can choose
 * inputs that collide (kernel/siphash.h has a hash with a key). */
#ifndef KERNEL_FNV_H
#define KERNEL_FNV_H

#include <stdint.h>

#define FNV_BASIS UINT32_C(0x811c9dc5) /* where a hash begins */

static inline uint32_t fnv_add(uint32_t hash, uint32_t value)
{
	return (hash ^ value) * UINT32_C(0x01000193);
}

#endif
