/* SPDX-License-Identifier: ISC */
/* Firmware that ends the machine and has randomness, of several ages; a call that it does not know is a
 * fault. */
#include <string.h>

#include "tests/lib/tree.h"

#undef CONFIG_CPU_HEADER
#define CONFIG_CPU_HEADER "tests/unit/drivers/firmware/cpu.h"
#include "drivers/firmware/smccc.c"

enum { NOT_SUPPORTED = -1, NO_ENTROPY = -3, FOREVER = 1 << 30 };

/* The firmware's answers; 0: the call is a fault. */
static struct {
	enum cpu_conduit conduit;
	uint32_t psci, features, smccc, trng;
	unsigned empty; /* times that it still has no entropy */
} firmware;
static unsigned ended, drawn;
static struct blob blob;
static struct fdt tree;

static void answer(unsigned long *values, uint32_t status)
{
	cr_assert(status, "a call that this firmware does not know: 0x%lx", values[0]);
	values[0] = status;
}

/* Gives 96 bits (DEN 0098 §2.3.3), whose bytes are all different. */
static void draw(unsigned long values[4])
{
	uint32_t base = 12 * drawn;

	cr_assert_eq(values[1], 96);
	if (firmware.empty) {
		firmware.empty--;
		values[0] = (uint32_t)NO_ENTROPY;
		return;
	}
	drawn++;
	values[0] = 0;
	for (uint32_t i = 0; i < 3; i++)
		values[1 + i] = (base + 4 * i) | (base + 4 * i + 1) << 8 | (base + 4 * i + 2) << 16 |
		                (base + 4 * i + 3) << 24;
}

void cpu_call(enum cpu_conduit how, unsigned long values[4])
{
	cr_assert_eq(how, firmware.conduit);
	switch (values[0]) {
	case 0x84000000:
		answer(values, firmware.psci);
		break;
	case 0x84000008:
		ended++;
		break;
	case 0x8400000a:
		cr_assert_eq(values[1], 0x80000000);
		answer(values, firmware.features);
		break;
	case 0x80000000:
		answer(values, firmware.smccc);
		break;
	case 0x84000050:
		answer(values, firmware.trng);
		break;
	case 0x84000053:
		draw(values);
		break;
	default:
		cr_assert_fail("0x%lx", values[0]);
	}
}

static void start(const char *node)
{
	blob = blob_compile(node);
	tree = tree_open(&blob);
	firmware_init(&tree);
}

static void start_new(void)
{
	firmware.conduit = CPU_CONDUIT_SMC;
	firmware.psci = 0x10001;
	firmware.features = 0x7fffffff;
	firmware.smccc = 0x10001;
	firmware.trng = 0x10000;
	start("/ { psci { compatible = \"arm,psci-1.0\", \"arm,psci-0.2\"; method = \"smc\"; }; };");
}

static void end(void)
{
	blob_free(&blob);
	test_end();
}

TestSuite(smccc, .init = test_begin, .fini = end, .timeout = 20);

Test(smccc, is_called_as_the_tree_says)
{
	start_new();
	firmware_power_off();
	cr_assert_eq(ended, 1);
	firmware.conduit = CPU_CONDUIT_HVC;
	blob_free(&blob);
	start("/ { psci { compatible = \"arm,psci-0.2\"; method = \"hvc\"; }; };");
	firmware_power_off();
	cr_assert_eq(ended, 2);
}

Test(smccc, is_never_called_where_the_tree_does_not_say_how)
{
	uint8_t bytes[12];

	start("/ { psci { compatible = \"arm,psci-1.0\"; method = \"fax\"; }; };");
	firmware_power_off();
	cr_assert_eq(firmware_random(bytes, sizeof(bytes)), -ENODEV);
	blob_free(&blob);
	start("/ { psci { compatible = \"arm,psci-1.0\"; }; };");
	firmware_power_off();
	blob_free(&blob);
	start("/ { psci { compatible = \"arm,psci\"; method = \"smc\"; }; };"); /* whose numbers the tree has */
	firmware_power_off();
	cr_assert_eq(ended, 0);
}

Test(smccc, gives_as_many_bytes_as_are_asked_for_each_once)
{
	for (size_t n = 0; n < 40; n++) {
		uint8_t bytes[41];
		bool seen[256] = { false };

		drawn = 0;
		memset(bytes, 0xee, sizeof(bytes));
		start_new();
		cr_assert_eq(firmware_random(bytes, n), 0);
		for (size_t i = 0; i < n; i++) {
			cr_assert(bytes[i] < 12 * drawn && !seen[bytes[i]]);
			seen[bytes[i]] = true;
		}
		cr_assert_eq(bytes[n], 0xee);
		cr_assert_eq(drawn, (n + 11) / 12);
		for (size_t i = 0; i < ARRAY_SIZE(said); i++)
			cr_assert_eq(said[i], 0, "memory still tells the last of them");
		blob_free(&blob);
	}
	start_new();
}

Test(smccc, is_asked_again_while_it_has_none)
{
	uint8_t bytes[24];

	start_new();
	firmware.empty = 700;
	cr_assert_eq(firmware_random(bytes, sizeof(bytes)), 0);
	firmware.empty = FOREVER;
	cr_assert_eq(firmware_random(bytes, sizeof(bytes)), -ENODEV);
	cr_assert_geq(firmware.empty, FOREVER - 2000);
}

/* A version's calls are made only after an older call has told that version, because an unknown call
 * faults. */
Test(smccc, is_not_asked_for_what_its_version_does_not_have)
{
	uint8_t bytes[12];

	start_new();
	firmware.trng = (uint32_t)NOT_SUPPORTED;
	cr_assert_eq(firmware_random(bytes, sizeof(bytes)), -ENODEV);
	firmware.smccc = 0x10000;
	firmware.trng = 0;
	cr_assert_eq(firmware_random(bytes, sizeof(bytes)), -ENODEV);
	firmware.features = (uint32_t)NOT_SUPPORTED;
	firmware.smccc = 0;
	cr_assert_eq(firmware_random(bytes, sizeof(bytes)), -ENODEV);
	firmware.psci = 0x00002;
	firmware.features = 0;
	cr_assert_eq(firmware_random(bytes, sizeof(bytes)), -ENODEV);
	cr_assert_eq(drawn, 0);
}
