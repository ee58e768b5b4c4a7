/* SPDX-License-Identifier: ISC */
/* Entropy from the firmware, else from a virtio-rng device. The CPU's own source (Zkr) is the firmware's. */
#include "drivers/firmware/firmware.h"
#include "drivers/virtio/virtio.h"
#include "kernel/dev/entropy.h"

#include <errno.h>

int entropy_read(void *to, size_t n)
{
	if (firmware_random(to, n) == 0)
		return 0;
	return IS_ENABLED(CONFIG_VIRTIO_RNG) ? virtio_rng_read(to, n) : -ENODEV;
}
