/* SPDX-License-Identifier: ISC */
/* The contract that every CPU and machine fulfils. clock.h, console.h and entropy.h of kernel/dev
 * are fulfilled by the drivers that the machine chooses. */
#ifndef ARCH_ARCH_H
#define ARCH_ARCH_H

#include "kernel/option.h"
#include "kernel/util.h"

/* -- addresses -- */

/* The address of a symbol that may lie farther away than code reaches otherwise: the site, a disk in the
 * image, and the image's ends. */
#ifdef CONFIG_CODE_MODEL_TINY
#include "arch/aarch64/far.h"
#else
#define ARCH_FAR(symbol) (symbol)
#endif

/* -- idle -- */

/* Sleeps until an interrupt or deadline_ns (DEADLINE_NEVER: until an interrupt). Returns at once
 * when loop_attention is set, which it checks so that no interrupt can slip between. A deadline
 * that has passed (0) only looks: takes the interrupts or events that wait, and returns. */
void arch_block(uint64_t deadline_ns);

/* -- fibers -- */

/* Saves the callee-saved state on the current stack and its pointer to *save, then goes on at to. */
void arch_switch(void **save, void *to);
/* Prepares the stack that ends at top so that switching to the result calls entry(arg) on it. */
void *arch_switch_prepare(void *top, void (*entry)(void *arg), void *arg);
/* A stack of bytes (multiple of PAGE_BYTES) below which an access faults. Gives its low end; NULL
 * when none can be had. For good: kernel/fiber.c keeps it for the next fiber. At most as many as
 * the option FIBERS says. */
void *arch_stack_alloc(size_t bytes);

/* -- devices -- */

/* Makes a device's registers at [start, start + bytes) accessible, at the same address unless that is beyond
 * what can be mapped so. Gives where; NULL when that cannot be done. Machines without registers have no use
 * for it. */
volatile void *arch_map_device(uint64_t start, uint64_t bytes);
/* The same of memory that lies beside the machine's own, and that others write, too: by whole pages. */
volatile void *arch_map_memory(uint64_t start, uint64_t bytes);
/* Where a device finds the memory at p: the same address, except for stacks of fibers, and for the image
 * where it is not mapped to where it lies. What lies contiguous in one stack does so for devices too. */
uint64_t arch_device_address(const void *p);

/* -- the end -- */

/* Ends the image: QEMU and Unix exit with this status where they can tell it. Never returns. */
void arch_poweroff(int status) __attribute__((noreturn));
/* Return addresses of the callers, newest first; gives how many. Stops at the first bad frame. */
size_t arch_backtrace(uintptr_t *addresses, size_t max);

/* -- the machine: called by init/main.c in this order -- */

/* Memory, interrupts, clock, console. Gives start option words as the machine brought them. */
void machine_init(char ***words, size_t *count);
/* Start options of the machine's own, for init/main.c to join; ends with a NULL key. */
extern const struct option machine_options[];
/* Settles when whoever runs the machine asks it to end: xl, or a signal to a process. Called once; without
 * CONFIG_MACHINE_END by nobody. */
struct promise;
struct promise *machine_end(void);
/* The first network interface on the buses, or NULL after logging why. */
struct netdev;
struct netdev *machine_netdev(void);
/* The disk that the configuration names, or NULL after logging why. */
struct blkdev;
struct blkdev *machine_blkdev(void);

#endif
