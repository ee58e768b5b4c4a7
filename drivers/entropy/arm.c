/* SPDX-License-Identifier: ISC */
/* Entropy from the CPU (RNDR, ARM ARM D19.2.115), else from the firmware, else from a virtio-rng device, or
 * under Xen from the toolstack. The instruction may fail for a while, and a broken one may return the same
 * number for ever: such a source is not used. */
#include "drivers/firmware/firmware.h"
#include "drivers/virtio/virtio.h"
#include "drivers/xen/xen.h"
#include "kernel/dev/entropy.h"
#include CONFIG_CPU_HEADER

#include <errno.h>
#include <string.h>

#define RETRIES 1000

static bool draw(uint64_t *out)
{
	for (unsigned i = 0; i < RETRIES; i++) {
		if (cpu_random(out))
			return true;
		cpu_pause();
	}
	return false;
}

/* A repeated number has a chance of 2^-64: it is a fault. */
static bool fill(uint8_t *to, size_t n)
{
	uint64_t last, value;

	if (!cpu_has_random() || !draw(&last))
		return false;
	for (size_t part; n; n -= part, to += part) {
		if (!draw(&value) || value == last)
			return false;
		last = value;
		part = MIN(n, sizeof(value));
		memcpy(to, &value, part);
	}
	return true;
}

int entropy_read(void *to, size_t n)
{
	if (fill(to, n) || (IS_ENABLED(CONFIG_SMCCC) && firmware_random(to, n) == 0))
		return 0;
	if (IS_ENABLED(CONFIG_XEN_NET))
		return xen_seed_read(to, n);
	return IS_ENABLED(CONFIG_VIRTIO_RNG) ? virtio_rng_read(to, n) : -ENODEV;
}
