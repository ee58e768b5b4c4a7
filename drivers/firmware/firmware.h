/* SPDX-License-Identifier: ISC */
/* The firmware or hypervisor below the image, as a device tree describes it. */
#ifndef DRIVERS_FIRMWARE_FIRMWARE_H
#define DRIVERS_FIRMWARE_FIRMWARE_H

#include "drivers/fdt/fdt.h"

/* Finds out how it is called. Without it the other calls do nothing. */
void firmware_init(const struct fdt *tree);
/* Ends the machine. Returns when it does not end. */
void firmware_power_off(void);
/* Fills to with n bytes of true randomness. 0, -ENODEV: it has none to give. */
int firmware_random(void *to, size_t n);

#endif
