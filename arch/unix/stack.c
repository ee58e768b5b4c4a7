/* SPDX-License-Identifier: ISC */
/* Stacks of fibers: a mapping whose lower end is left without access, so that an overflow faults.
 * The guard is 64 KiB because some hosts have pages as large as that; it is address space only. */
#include "arch/arch.h"
#include "arch/unix/host.h"

#define GUARD_BYTES 65536

void *arch_stack_alloc(size_t bytes)
{
	char *guard = host_map(GUARD_BYTES + bytes, false);

	if (!guard)
		return NULL;
	if (host_make_accessible(guard + GUARD_BYTES, bytes) < 0) {
		host_unmap(guard, GUARD_BYTES + bytes);
		return NULL;
	}
	return guard + GUARD_BYTES;
}
