/* SPDX-License-Identifier: ISC */
/* The serial console; its calls are kernel/dev/console.h. */
#ifndef DRIVERS_SERIAL_SERIAL_H
#define DRIVERS_SERIAL_SERIAL_H

#include "kernel/util.h"

struct fdt;

/* Starts the port that the device tree names; if tree is NULL, that of QEMU's machine; on a PC, which has no
 * tree, COM1. Earlier output is lost. Borrows tree. */
void serial_init(const struct fdt *tree);

#endif
