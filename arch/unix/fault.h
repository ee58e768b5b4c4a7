/* SPDX-License-Identifier: ISC */
/* The report of a fault of the CPU. */
#ifndef ARCH_UNIX_FAULT_H
#define ARCH_UNIX_FAULT_H

struct host_fault; /* arch/unix/host.h */

/* Ends backtraces at frame: main's callers keep no frame pointers. */
void backtrace_set_outermost(const void *frame);
/* Panics with the name of the fault; the backtrace starts at its pc. */
void fault_panic(const struct host_fault *f) __attribute__((noreturn));

#endif
