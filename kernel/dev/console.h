/* SPDX-License-Identifier: ISC */
/* The console: one per image, chosen by the linker. Output is synchronous (it must work in a
 * panic); input arrives by promise. */
#ifndef KERNEL_DEV_CONSOLE_H
#define KERNEL_DEV_CONSOLE_H

#include "kernel/promise.h"

/* Writes all bytes, as they are: the caller sends "\n", the driver adds what its wire needs. */
void console_write(const char *text, size_t len);
/* True if a person reads the console: the log then uses colours. A process finds out by itself; elsewhere,
 * and for a process behind a pipe, the start option color tells. Defined in kernel/log.c. */
extern bool console_is_terminal;

/* Fulfilled with the number of bytes put into to (> 0, <= max), or 0 at the end of input; fails
 * with -ENODEV where there is no input, -EBUSY while another read is pending. Borrows to. */
struct console_read {
	struct promise promise;
	char *to;
	size_t max;
};
void console_read(struct console_read *op, char *to, size_t max);

#endif
