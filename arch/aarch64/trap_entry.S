/* SPDX-License-Identifier: ISC */
/* The vectors (ARM ARM D1.3.1). The first four are for normal code, with SP_EL0; the next four for faults
 * within an interrupt or a fault's report; the others, for code below EL1, are not needed and left out.
 * Interrupts run on the stack of SP_EL1 and save the general registers that calls may change: the functions
 * called are compiled to use no others. Every other exception ends the image, and is reported on the fault
 * stack. A vector has 128 bytes, of which a fault needs 12: image.lds fills the room with small functions. */

#define FRAME 304		/* struct trap_frame, of trap.h */

	.macro fault number
	.section .vectors.\number, "ax"
	msr tpidr_el1, x0
	mov x0, #\number
	b exception_common
	.endm

	fault 0
	fault 2
	fault 3
	fault 4
	fault 5
	fault 6
	fault 7

	.section .vectors.1, "ax"
	sub sp, sp, #176
	stp x0, x1, [sp]
	stp x2, x3, [sp, #16]
	stp x4, x5, [sp, #32]
	stp x6, x7, [sp, #48]
	stp x8, x9, [sp, #64]
	stp x10, x11, [sp, #80]
	stp x12, x13, [sp, #96]
	stp x14, x15, [sp, #112]
	stp x16, x17, [sp, #128]
	stp x18, x29, [sp, #144]
	str x30, [sp, #160]
	bl interrupt_dispatch
	ldp x0, x1, [sp]
	ldp x2, x3, [sp, #16]
	ldp x4, x5, [sp, #32]
	ldp x6, x7, [sp, #48]
	ldp x8, x9, [sp, #64]
	ldp x10, x11, [sp, #80]
	ldp x12, x13, [sp, #96]
	ldp x14, x15, [sp, #112]
	ldp x16, x17, [sp, #128]
	ldp x18, x29, [sp, #144]
	ldr x30, [sp, #160]
	add sp, sp, #176
	eret

	/* The vector's number is kept in the lowest bits of the stack pointer, which are zero. */
	.section .vectors.common, "ax"
exception_common:
	msr tpidrro_el0, x1
	mov x1, sp
	orr x0, x0, x1
	adrp x1, fault_stack_top
	sub sp, x1, #FRAME
	stp x2, x3, [sp, #16]
	stp x4, x5, [sp, #32]
	stp x6, x7, [sp, #48]
	stp x8, x9, [sp, #64]
	stp x10, x11, [sp, #80]
	stp x12, x13, [sp, #96]
	stp x14, x15, [sp, #112]
	stp x16, x17, [sp, #128]
	stp x18, x19, [sp, #144]
	stp x20, x21, [sp, #160]
	stp x22, x23, [sp, #176]
	stp x24, x25, [sp, #192]
	stp x26, x27, [sp, #208]
	stp x28, x29, [sp, #224]
	b exception_rest

	.section .vectors.rest, "ax"
exception_rest:
	mrs x2, tpidr_el1
	mrs x3, tpidrro_el0
	stp x2, x3, [sp]
	and x4, x0, #15
	bic x3, x0, #15
	mrs x2, sp_el0
	cmp x4, #4
	csel x2, x2, x3, lo
	stp x30, x2, [sp, #240]
	mrs x2, elr_el1
	mrs x3, spsr_el1
	stp x2, x3, [sp, #256]
	mrs x2, esr_el1
	mrs x3, far_el1
	stp x2, x3, [sp, #272]
	str x4, [sp, #288]
	mov x0, sp
	bl exception
	brk #1
