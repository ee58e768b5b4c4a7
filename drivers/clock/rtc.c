/* SPDX-License-Identifier: ISC */
/* The wall clock of a machine that a device tree describes: its real-time clock at the first call, and the
 * monotonic clock since. ARM's PL031 (DDI 0224) counts seconds, the goldfish of riscv's virtual machines
 * (Linux rtc-goldfish) nanoseconds; both in UTC. */
#include "drivers/clock/rtc.h"
#include "kernel/dev/clock.h"

#define REGISTERS_BYTES 8

static const struct fdt *tree;

void rtc_init(const struct fdt *t)
{
	tree = t;
}

/* The registers of the first compatible device; NULL: there is none. */
static volatile uint32_t *find(const char *compatible)
{
	struct fdt_node n;

	return fdt_find(tree, &n, compatible) ? fdt_map(tree, &n, 0, REGISTERS_BYTES) : NULL;
}

/* Nanoseconds since 1970; 0: there is no clock. */
static uint64_t read_rtc(void)
{
	volatile uint32_t *r = IS_ENABLED(CONFIG_RISCV_MACHINE) ? NULL : find("arm,pl031");
	uint64_t low;

	if (r)
		return r[0] * NS_PER_S;
	r = IS_ENABLED(CONFIG_ARM_MACHINE) ? NULL : find("google,goldfish-rtc");
	if (!r)
		return 0;
	low = r[0]; /* latches the upper half */
	return (uint64_t)r[1] << 32 | low;
}

uint64_t clock_wall_ns(void)
{
	static uint64_t base_ns;
	static bool asked;
	uint64_t now = clock_now_ns(), said;

	if (!asked) {
		asked = true;
		said = read_rtc();
		base_ns = said > now ? said - now : 0;
	}
	return base_ns ? base_ns + now : 0;
}
