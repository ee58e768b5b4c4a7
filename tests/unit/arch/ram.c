/* SPDX-License-Identifier: ISC */
/* Memory maps: as machines give them, and invalid ones. */
#include "arch/common/ram.h"
#include "tests/lib/test.h"

TestSuite(ram, .init = test_begin, .fini = test_end, .timeout = 20);

enum { MAX = 64, SMALL = 40 };

static struct ram_range map[MAX];
static uint32_t count;

static void add(uint64_t start, uint64_t end, uint32_t type)
{
	map[count++] = (struct ram_range){ start, end - start, type, 0 };
}

/* Asserts that memory is these pairs of start and end, with neighbours joined; 0, 0 ends the list. */
static void expect(const uint64_t *pairs)
{
	uint64_t start, end = 0, from = 0, to = 0;
	bool more;

	do {
		more = ram_next(map, count, &start, &end);
		if (more && start == to) {
			to = end;
			continue;
		}
		if (to) {
			cr_assert(from == pairs[0] && to == pairs[1], "%#lx-%#lx, not %#lx-%#lx", (long)from, (long)to,
			          (long)pairs[0], (long)pairs[1]);
			pairs += 2;
		}
		from = start;
		to = end;
	} while (more);
	cr_assert_eq(pairs[1], 0, "nothing at %#lx", (long)pairs[0]);
}

#define EXPECT(...) expect((const uint64_t[]){ __VA_ARGS__, 0, 0 })

Test(ram, is_what_the_map_of_q35_says)
{
	add(0, 0x9fc00, RAM_FREE);
	add(0x9fc00, 0xa0000, RAM_TAKEN);
	add(0xf0000, 0x100000, RAM_TAKEN);
	add(0x100000, 0x7ffe0000, RAM_FREE);
	add(0x7ffe0000, 0x80000000, RAM_TAKEN);
	add(0xb0000000, 0xc0000000, RAM_TAKEN);
	add(0x100000000, 0x1c0000000, RAM_FREE);
	EXPECT(0, 0x9fc00, 0x100000, 0x7ffe0000, 0x100000000, 0x1c0000000);
}

Test(ram, is_not_what_anybody_else_claims)
{
	add(0, 0x800000, RAM_FREE);
	add(0xa0000, 0x100000, RAM_TAKEN);
	add(0x100000, 0x180000, RAM_TAKEN);
	add(0x7ff000, 0x900000, 3);
	EXPECT(0, 0xa0000, 0x180000, 0x7ff000);
}

Test(ram, comes_in_order_and_once)
{
	add(0x500000, 0x600000, RAM_FREE);
	add(0x100000, 0x300000, RAM_FREE);
	add(0x200000, 0x400000, RAM_FREE);
	add(0x100000, 0x300000, RAM_FREE);
	add(0x250000, 0x250000, RAM_FREE);
	add(0x280000, 0x280000, RAM_TAKEN);
	EXPECT(0x100000, 0x400000, 0x500000, 0x600000);
}

Test(ram, ends_where_addresses_do)
{
	map[count++] = (struct ram_range){ 0x100000, UINT64_MAX, RAM_FREE, 0 };
	map[count++] = (struct ram_range){ 0x200000, UINT64_MAX - 0x100000, RAM_TAKEN, 0 };
	map[count++] = (struct ram_range){ UINT64_MAX, UINT64_MAX, RAM_FREE, 0 };
	EXPECT(0x100000, 0x200000);
}

Test(ram, is_none_in_an_empty_map)
{
	EXPECT(0, 0);
	add(0, UINT64_MAX, RAM_TAKEN);
	EXPECT(0, 0);
}

/* Compares random maps with a model of each byte of a small memory. */
Test(ram, agrees_with_a_picture_of_random_maps)
{
	uint64_t state = 1;

	for (unsigned round = 0; round < 20000; round++) {
		uint8_t picture[SMALL] = { 0 }, seen[SMALL] = { 0 };
		uint64_t start, end = 0, last = 0;

		count = (uint32_t)(test_random(&state) % 9);
		for (uint32_t i = 0; i < count; i++) {
			uint32_t from = (uint32_t)(test_random(&state) % SMALL), type = 1 + test_random(&state) % 5 / 3;
			uint32_t bytes = (uint32_t)(test_random(&state) % (SMALL - from + 1));

			map[i] = (struct ram_range){ from, bytes, type, 0 };
			for (uint32_t at = from; at < from + bytes; at++)
				picture[at] |= type;
		}
		while (ram_next(map, count, &start, &end)) {
			cr_assert(start >= last && end > start && end <= SMALL);
			for (last = start; last < end; last++)
				seen[last] = 1;
		}
		for (unsigned at = 0; at < SMALL; at++)
			cr_assert_eq(seen[at], picture[at] == RAM_FREE, "round %u, byte %u", round, at);
	}
}
