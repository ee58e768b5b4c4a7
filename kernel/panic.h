/* SPDX-License-Identifier: ISC */
/* The end: our own bug, or a fault at boot that the user can mend. Prints one line with the
 * reason, then the backtrace as "backtrace: 0x… 0x…", which the run scripts turn into function,
 * file and line; then powers off with status 1. */
#ifndef KERNEL_PANIC_H
#define KERNEL_PANIC_H

/* Say what is wrong and what to change: "no entropy: add -device virtio-rng-device". */
void panic(const char *format, ...) __attribute__((format(printf, 1, 2), noreturn, cold));

#endif
