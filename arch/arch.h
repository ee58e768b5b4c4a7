/* SPDX-License-Identifier: ISC */
/* The contract of every CPU and machine. clock.h, console.h and entropy.h of kernel/dev are implemented by
 * the drivers that the machine chooses. */
#ifndef ARCH_ARCH_H
#define ARCH_ARCH_H

#include "kernel/option.h"
#include "kernel/util.h"

/* -- addresses -- */

/* The address of a symbol that may be out of reach for ordinary code: the site, a disk in the image, and the
 * image's ends. */
#ifdef CONFIG_CODE_MODEL_TINY
#include "arch/aarch64/far.h"
#else
#define ARCH_FAR(symbol) (symbol)
#endif

/* -- idle -- */

/* Sleeps until an interrupt or deadline_ns (DEADLINE_NEVER: until an interrupt). Returns at once if
 * loop_attention is set; no interrupt can slip in after that check. A deadline that has passed (0) only
 * polls: pending interrupts or events are taken. */
void arch_block(uint64_t deadline_ns);

/* -- fibers -- */

/* Saves the callee-saved state on the current stack and its pointer to *save, then goes on at to. */
void arch_switch(void **save, void *to);
/* Prepares the stack that ends at top so that switching to the result calls entry(arg) on it. */
void *arch_switch_prepare(void *top, void (*entry)(void *arg), void *arg);
/* A stack of bytes (multiple of PAGE_BYTES) below which an access faults. Gives its low end; NULL: there is
 * none left, or no memory. For good: kernel/fiber.c keeps it for the next fiber. At most FIBERS (Kconfig) of
 * them. */
void *arch_stack_alloc(size_t bytes);

/* -- devices -- */

/* Maps a device's registers at [start, start + bytes), at the same address unless that is taken. Gives their
 * address; NULL: that failed. Machines without registers do not use it. */
volatile void *arch_map_device(uint64_t start, uint64_t bytes);
/* The same for memory beside the machine's own, which others write, too: in whole pages. */
volatile void *arch_map_memory(uint64_t start, uint64_t bytes);
/* The address by which devices reach the memory at p: the same one, except for stacks of fibers, and for the
 * image where it is not mapped at its physical address. Contiguous memory in one stack is contiguous for
 * devices, too. */
uint64_t arch_device_address(const void *p);

/* -- the end -- */

/* Ends the image: QEMU and Unix exit with this status where that is possible. Never returns. */
void arch_poweroff(int status) __attribute__((noreturn));
/* Collects return addresses of the callers, newest first, and gives their number. Stops at the first bad
 * frame. */
size_t arch_backtrace(uintptr_t *addresses, size_t max);

/* -- the machine: called by init/main.c in this order -- */

/* Sets up memory, interrupts, clock, console. Gives the words of start options from the machine. */
void machine_init(char ***words, size_t *count);
/* The machine's own start options, for init/main.c to join; ends with a NULL key. */
extern const struct option machine_options[];
/* Settles when the host asks the machine to end: by xl, or by a signal to the process. Called once; without
 * CONFIG_MACHINE_END never. */
struct promise;
struct promise *machine_end(void);
/* The first network interface on the buses, or NULL after logging why. */
struct netdev;
struct netdev *machine_netdev(void);
/* The disk that the configuration names, or NULL after logging why. */
struct blkdev;
struct blkdev *machine_blkdev(void);

#endif
