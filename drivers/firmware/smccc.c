/* SPDX-License-Identifier: ISC */
/* Firmware by ARM's SMC Calling Convention (DEN 0028): PSCI (DEN 0022), which powers the machine off, and the
 * true random number firmware interface (DEN 0098). An unknown call may fault, and PSCI before 1.0 cannot
 * tell which calls exist: each interface's version is asked for only if the one before allows that call. */
#include "drivers/firmware/firmware.h"
#include CONFIG_CPU_HEADER

#include <errno.h>
#include <string.h>

#define PSCI_VERSION 0x84000000
#define PSCI_SYSTEM_OFF 0x84000008
#define PSCI_FEATURES 0x8400000a /* since 1.0 */
#define SMCCC_VERSION 0x80000000
#define TRNG_VERSION 0x84000050 /* since SMCCC 1.1 */
#define TRNG_RANDOM 0x84000053  /* gives 96 bits, the last 32 first */
#define RANDOM_BITS 96
#define VERSION(major, minor) ((major) << 16 | (minor))
#define RETRIES 1000

static enum cpu_conduit conduit;
static unsigned long said[4]; /* the last call's result, and up to three more values */

static int32_t call(uint32_t function, uint32_t argument)
{
	said[0] = function;
	said[1] = argument;
	cpu_call(conduit, said);
	return (int32_t)said[0];
}

void firmware_init(const struct fdt *tree)
{
	struct fdt_node n;

	if (!fdt_find(tree, &n, "arm,psci-1.0"))
		fdt_find(tree, &n, "arm,psci-0.2");
	if (fdt_lists(tree, &n, "method", "hvc"))
		conduit = CPU_CONDUIT_HVC;
	else if (fdt_lists(tree, &n, "method", "smc"))
		conduit = CPU_CONDUIT_SMC;
}

void firmware_power_off(void)
{
	if (conduit != CPU_CONDUIT_NONE)
		call(PSCI_SYSTEM_OFF, 0);
}

static bool has_random(void)
{
	return conduit != CPU_CONDUIT_NONE && call(PSCI_VERSION, 0) >= VERSION(1, 0) &&
	       call(PSCI_FEATURES, SMCCC_VERSION) >= 0 && call(SMCCC_VERSION, 0) >= VERSION(1, 1) &&
	       call(TRNG_VERSION, 0) >= VERSION(1, 0);
}

int firmware_random(void *to, size_t n)
{
	uint8_t *at = to;
	uint32_t bits[3];
	unsigned retries = RETRIES;
	size_t part;

	if (!has_random())
		return -ENODEV;
	for (; n; n -= part, at += part) {
		while (call(TRNG_RANDOM, RANDOM_BITS))
			if (!--retries)
				return -ENODEV;
		for (unsigned i = 0; i < ARRAY_SIZE(bits); i++)
			bits[i] = (uint32_t)said[1 + i];
		part = MIN(n, sizeof(bits));
		memcpy(at, bits, part);
	}
	memset(said, 0, sizeof(said)); /* random numbers are not left in memory */
	return 0;
}
