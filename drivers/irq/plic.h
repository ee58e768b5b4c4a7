/* SPDX-License-Identifier: ISC */
/* What RISC-V's interrupt controller must be told besides the tree. */
#ifndef DRIVERS_IRQ_PLIC_H
#define DRIVERS_IRQ_PLIC_H

#include "kernel/util.h"

/* The number of the CPU that runs, as the tree has it: start.S notes it, and lets through what the controller
 * sends. */
extern uint64_t machine_hart;

#endif
