/* SPDX-License-Identifier: ISC */
/* Functions of x86's local APIC and I/O APIC beside drivers/irq/irq.h. */
#ifndef DRIVERS_IRQ_APIC_H
#define DRIVERS_IRQ_APIC_H

#include "drivers/irq/irq.h"

/* Takes over the local APIC and the I/O APIC and silences the 8259s; interrupts stay off. */
void irq_init(void);
/* Has an I/O APIC this line? */
bool irq_has_line(unsigned gsi);

/* -- the local APIC's timer -- */

/* Wakes the CPU at deadline_ns, or sooner: a running timer that expires before is left alone, because setting
 * it is an exit to the hypervisor, and the counter has only 32 bits. Called with interrupts off. */
void irq_timer_start(uint64_t now_ns, uint64_t deadline_ns);
/* The counter as a stopwatch: irq_timer_count starts it at its maximum, irq_timer_ticks gives the ticks since
 * then, UINT32_MAX once it has run out. */
void irq_timer_count(void);
uint32_t irq_timer_ticks(void);
/* Sets the counter's rate, if that is not the 1 GHz of QEMU and KVM. */
void irq_timer_set_rate(uint64_t hz);
/* Uses the TSC deadline mode instead, if the CPU has it; hz: the time stamp counter's rate. */
void irq_timer_set_tsc_rate(uint64_t hz);

#endif
