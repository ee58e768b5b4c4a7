/* SPDX-License-Identifier: ISC */
/* A sweep over the addresses at which ranges begin or end: between two of them all memory is of one kind. It
 * takes the square of the number of ranges, of which there are few. */
#include "arch/common/ram.h"

enum { RAM = 1, OTHER = 2 };

bool ram_next(const struct ram_range *map, uint32_t count, uint64_t *start, uint64_t *end)
{
	unsigned kinds = 0;

	while (kinds != RAM && *end != UINT64_MAX) {
		kinds = 0;
		*start = *end;
		*end = UINT64_MAX;
		for (const struct ram_range *r = map; r < map + count; r++) {
			uint64_t last = r->start + MIN(r->bytes, UINT64_MAX - r->start);

			if (r->start > *start) {
				*end = MIN(*end, r->start);
			} else if (last > *start) {
				*end = MIN(*end, last);
				kinds |= r->kind == RAM_FREE ? RAM : OTHER;
			}
		}
	}
	return kinds == RAM;
}
