/* SPDX-License-Identifier: ISC */
/* The firmware or hypervisor below the image, as a device tree describes it. */
#ifndef DRIVERS_FIRMWARE_FIRMWARE_H
#define DRIVERS_FIRMWARE_FIRMWARE_H

#include "drivers/fdt/fdt.h"

/* Finds out how firmware is called. Without it the other calls do nothing. */
void firmware_init(const struct fdt *tree);
/* Powers the machine off. Returns if that fails. */
void firmware_power_off(void);
/* Fills to with n bytes of true randomness. 0, -ENODEV: firmware has none. */
int firmware_random(void *to, size_t n);

#endif
