/* SPDX-License-Identifier: ISC */
/* Entropy from the CPU (RDSEED, else RDRAND: Intel SDM volume 1 §7.3.17), else from a virtio-rng device, or
 * under Xen from the toolstack. The instructions may fail for a while, and broken ones are known that return
 * the same number for ever: such a source is not used. */
#include "arch/x86_64/cpu.h"
#include "drivers/virtio/virtio.h"
#include "drivers/xen/xen.h"
#include "kernel/dev/entropy.h"

#include <errno.h>
#include <string.h>

#define RETRIES 1000

static bool rdrand(uint64_t *out)
{
	bool ok;

	__asm__ volatile("rdrand %0" : "=r"(*out), "=@ccc"(ok));
	return ok;
}

static bool rdseed(uint64_t *out)
{
	bool ok;

	__asm__ volatile("rdseed %0" : "=r"(*out), "=@ccc"(ok));
	return ok;
}

static bool draw(bool (*source)(uint64_t *), uint64_t *out)
{
	for (unsigned i = 0; i < RETRIES; i++) {
		if (source(out))
			return true;
		cpu_pause();
	}
	return false;
}

/* A repeated number has a chance of 2^-64: it is a fault. */
static bool fill(bool (*source)(uint64_t *), uint8_t *to, size_t n)
{
	uint64_t last, value;

	if (!draw(source, &last))
		return false;
	for (size_t part; n; n -= part, to += part) {
		if (!draw(source, &value) || value == last)
			return false;
		last = value;
		part = MIN(n, sizeof(value));
		memcpy(to, &value, part);
	}
	return true;
}

int entropy_read_cpu(void *to, size_t n)
{
	bool has_rdseed = cpuid(0, 0).eax >= 7 && (cpuid(7, 0).ebx & 1 << 18);
	bool has_rdrand = cpuid(1, 0).ecx & 1 << 30;

	return (has_rdseed && fill(rdseed, to, n)) || (has_rdrand && fill(rdrand, to, n)) ? 0 : -ENODEV;
}

int entropy_read(void *to, size_t n)
{
	if (entropy_read_cpu(to, n) == 0)
		return 0;
	if (IS_ENABLED(CONFIG_XEN_NET))
		return xen_seed_read(to, n);
	return IS_ENABLED(CONFIG_VIRTIO_RNG) ? virtio_rng_read(to, n) : -ENODEV;
}
