/* SPDX-License-Identifier: ISC */
/* The PLIC driver's input beside the tree. */
#ifndef DRIVERS_IRQ_PLIC_H
#define DRIVERS_IRQ_PLIC_H

#include "kernel/util.h"

/* The running CPU's number in the tree, noted by start.S, which also enables the controller's interrupts. */
extern uint64_t machine_hart;

#endif
