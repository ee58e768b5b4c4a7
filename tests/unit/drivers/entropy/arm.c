/* SPDX-License-Identifier: ISC */
/* Sources of entropy: the CPU, else the firmware, else a device. */
#include <string.h>

#include "tests/lib/test.h"

#undef CONFIG_CPU_HEADER
#define CONFIG_CPU_HEADER "tests/unit/drivers/entropy/cpu.h"
#define CONFIG_SMCCC 1
#undef CONFIG_VIRTIO_RNG
#define CONFIG_VIRTIO_RNG 1
#define entropy_read arm_entropy_read /* tests/lib has one, too */
#include "drivers/entropy/arm.c"

enum { FIRMWARE = 0xf1, DEVICE = 0xde, FOREVER = 1 << 30 };

static bool cpu_has, firmware_has, device_has, stuck;
static unsigned busy; /* times that the instruction still fails */
static uint64_t number;

bool cpu_has_random(void)
{
	return cpu_has;
}

bool cpu_random(uint64_t *out)
{
	cr_assert(cpu_has, "an instruction that the CPU does not have");
	if (busy && busy--)
		return false;
	number += stuck ? 0 : UINT64_C(0x0101010101010101);
	*out = number;
	return true;
}

static int fill_with(uint8_t byte, bool has, void *to, size_t n)
{
	if (!has)
		return -ENODEV;
	memset(to, byte, n);
	return 0;
}

int firmware_random(void *to, size_t n)
{
	return fill_with(FIRMWARE, firmware_has, to, n);
}

int virtio_rng_read(void *to, size_t n)
{
	return fill_with(DEVICE, device_has, to, n);
}

static void begin(void)
{
	test_begin();
	cpu_has = firmware_has = device_has = true;
	number = 0;
}

TestSuite(entropy, .init = begin, .fini = test_end, .timeout = 20);

/* The source of the bytes, all 40 of which must have come from it. */
static uint8_t source(void)
{
	uint8_t bytes[41];

	memset(bytes, 0, sizeof(bytes));
	cr_assert_eq(arm_entropy_read(bytes, 40), 0);
	cr_assert(bytes[39] && !bytes[40]);
	return bytes[39];
}

Test(entropy, is_the_cpus_where_it_has_some)
{
	cr_assert_eq(source(), 6, "five numbers, after one that they are held against");
	busy = 900;
	cr_assert_eq(source(), 12, "it may take a while");
}

Test(entropy, of_a_cpu_that_fails_is_not_used)
{
	busy = FOREVER;
	cr_assert_eq(source(), FIRMWARE);
	busy = 0;
	stuck = true;
	cr_assert_eq(source(), FIRMWARE, "the same number for ever");
}

Test(entropy, is_the_firmwares_else_the_devices)
{
	cpu_has = false;
	cr_assert_eq(source(), FIRMWARE);
	firmware_has = false;
	cr_assert_eq(source(), DEVICE);
}

Test(entropy, may_be_nowhere)
{
	uint8_t bytes[8];

	cpu_has = firmware_has = device_has = false;
	cr_assert_eq(arm_entropy_read(bytes, sizeof(bytes)), -ENODEV);
}

Test(entropy, is_as_long_as_is_asked_for)
{
	for (size_t n = 0; n < 20; n++) {
		uint8_t bytes[21];

		memset(bytes, 0, sizeof(bytes));
		cr_assert_eq(arm_entropy_read(bytes, n), 0);
		cr_assert(!bytes[n] && (!n || bytes[n - 1]));
	}
}
