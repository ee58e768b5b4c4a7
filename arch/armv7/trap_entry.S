/* SPDX-License-Identifier: ISC */
/* The vectors (ARM ARM B1.8.1), in Thumb code. Each mode has its own stack pointer: interrupts run on that of
 * IRQ mode, and save the registers that calls may change: functions called are compiled to use no others. Any
 * other exception ends the image, reported on the fault stack in the mode it is taken to. */

#define FRAME 80		/* struct trap_frame, of trap.h */
#define THUMB 0x20		/* of a saved status */
#define MASKED 0xc0		/* IRQ, FIQ */

	.syntax unified
	.thumb
	.section .vectors, "ax", %progbits
	.balign 32
	.globl exception_vectors
exception_vectors:
	b.w vector_0
	b.w vector_1
	b.w vector_2
	b.w vector_3
	b.w vector_4
	b.w vector_5
	b.w interrupt
	b.w vector_7

interrupt:
	push {r0-r3, r12, lr}
	bl interrupt_dispatch
	pop {r0-r3, r12, lr}
	subs pc, lr, #4

	/* The return address is four bytes behind the instruction. */
	.macro fault vector
vector_\vector:
	ldr sp, =fault_stack_top - FRAME
	stm sp, {r0-r12}
	movs r0, #\vector
	b fault_common
	.endm

	fault 0
	fault 1
	fault 2
	fault 3
	fault 5
	fault 7

	/* A data abort's is eight bytes behind it. */
vector_4:
	ldr sp, =fault_stack_top - FRAME
	stm sp, {r0-r12}
	movs r0, #4
	subs lr, lr, #4

	/* In Thumb code the instruction of an undefined or call exception is two bytes nearer. The stack pointer
	 * and return address are read in the mode that it came from. */
fault_common:
	subs lr, lr, #4
	mrs r1, spsr
	cmp r0, #2
	itt ls
	andls r3, r1, #THUMB
	addls lr, lr, r3, lsr #4
	mov r2, sp
	str lr, [r2, #60]
	str r1, [r2, #64]
	str r0, [r2, #68]
	mrs r3, cpsr
	and r1, r1, #0x1f
	orr r1, r1, #MASKED
	msr cpsr_c, r1
	mov r4, sp
	mov r5, lr
	msr cpsr_c, r3
	str r4, [r2, #52]
	str r5, [r2, #56]
	mrc p15, 0, r4, c5, c0, 0
	mrc p15, 0, r5, c6, c0, 0
	cmp r0, #3
	bne 1f			/* QEMU 7.2 goes wrong behind conditional MRCs */
	mrc p15, 0, r4, c5, c0, 1
	mrc p15, 0, r5, c6, c0, 2
1:	str r4, [r2, #72]
	str r5, [r2, #76]
	mov r0, r2
	b exception
	.ltorg
