/* SPDX-License-Identifier: ISC */
/* Registers at addresses of the image or above, where memory_map maps nothing, or beyond the reach of
 * pointers, as QEMU's PCI host bridge on a 32-bit CPU, are mapped behind the stacks, in units of 2 MiB: at
 * the first place with room, or where they are mapped already. */
#include "arch/common/paging.h"
#include "arch/common/tables.h"

#define WINDOW_START ((uint64_t)WINDOW + WINDOW_BYTES)
#define WINDOW_END (WINDOW_START + UINT64_C(0x8000000))
#define PHYSICAL_END (UINT64_C(1) << (IS_ENABLED(CONFIG_ARCH_AARCH64) ? 48 : 40)) /* as entries have */

static bool is_free(uint64_t at, uint64_t start, uint64_t bytes)
{
	for (uint64_t i = 0; i < bytes; i += LARGE_BYTES) {
		uint64_t *entry = memory_entry(at + i, 1, true);

		if (!entry || (*entry && *entry != paging_leaf(start + i, true, true)))
			return false;
	}
	return true;
}

volatile void *memory_map_far(uint64_t start, uint64_t bytes)
{
	uint64_t low = ALIGN_DOWN(start, LARGE_BYTES), span, at = WINDOW_START;

	if (start < CONFIG_IMAGE_ADDRESS || start > PHYSICAL_END || bytes > PHYSICAL_END - start)
		return NULL;
	span = ALIGN_UP(start + bytes, LARGE_BYTES) - low;
	while (span <= WINDOW_END - at && !is_free(at, low, span))
		at += LARGE_BYTES;
	if (span > WINDOW_END - at)
		return NULL;
	for (uint64_t i = 0; i < span; i += LARGE_BYTES)
		*memory_entry(at + i, 1, true) = paging_leaf(low + i, true, true);
	paging_filled();
	return (volatile void *)(uintptr_t)(at + (start - low));
}
