/* SPDX-License-Identifier: ISC */
/* Firmware by RISC-V's Supervisor Binary Interface (SBI 1.0), which needs nothing from the tree. It has no
 * call for random numbers. */
#include "drivers/firmware/firmware.h"
#include CONFIG_CPU_HEADER

#include <errno.h>

#define SHUTDOWN 0 /* of the system reset extension */
#define NO_REASON 0

void firmware_init(const struct fdt *tree)
{
	(void)tree;
}

/* Without this extension the call returns an error. */
void firmware_power_off(void)
{
	cpu_call(CPU_SBI_RESET, 0, SHUTDOWN, NO_REASON);
}

int firmware_random(void *to, size_t n)
{
	(void)to, (void)n;
	return -ENODEV;
}
