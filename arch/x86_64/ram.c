/* SPDX-License-Identifier: ISC */
/* A sweep over the addresses at which some range begins or ends: between two of them all memory is of
 * one kind. It takes the square of the number of ranges, of which there are few. */
#include "arch/x86_64/ram.h"

static uint64_t range_end(const struct pvh_range *r)
{
	return r->start + MIN(r->bytes, UINT64_MAX - r->start);
}

static uint64_t next_edge(const struct pvh_range *map, uint32_t count, uint64_t at)
{
	uint64_t edge = UINT64_MAX;

	for (const struct pvh_range *r = map; r < map + count; r++) {
		if (r->start > at)
			edge = MIN(edge, r->start);
		if (range_end(r) > at)
			edge = MIN(edge, range_end(r));
	}
	return edge;
}

static bool is_ram(const struct pvh_range *map, uint32_t count, uint64_t at)
{
	bool ram = false;

	for (const struct pvh_range *r = map; r < map + count; r++) {
		if (at < r->start || at >= range_end(r))
			continue;
		if (r->type != PVH_RAM)
			return false;
		ram = true;
	}
	return ram;
}

bool ram_next(const struct pvh_range *map, uint32_t count, uint64_t *start, uint64_t *end)
{
	while (*end != UINT64_MAX) {
		*start = *end;
		*end = next_edge(map, count, *start);
		if (is_ram(map, count, *start))
			return true;
	}
	return false;
}
