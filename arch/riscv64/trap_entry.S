/* SPDX-License-Identifier: ISC */
/* The entry of traps (Privileged Architecture, "stvec"). sscratch holds the top of the interrupt stack, and
 * zero while an interrupt or a fault's report runs: the stack in use may be the broken one, so it is not
 * written to. Interrupts save the general registers that calls may change, and run with floating point off,
 * so that code using it is reported as a fault. Every exception ends the image, and is reported on the fault
 * stack. */

#define FRAME 288		/* struct trap_frame, of trap.h */
#define SAVED 144
#define FLOATING_POINT (3 << 13)	/* of sstatus: FS */
#define TIMER_INTERRUPT (1 << 5)	/* of sie: STIE */
#define CAUSE_TIMER 5

	.macro each_saved do
	\do ra, 0(sp)
	\do t1, 8(sp)
	\do t2, 16(sp)
	\do t3, 24(sp)
	\do t4, 32(sp)
	\do t5, 40(sp)
	\do t6, 48(sp)
	\do a0, 56(sp)
	\do a1, 64(sp)
	\do a2, 72(sp)
	\do a3, 80(sp)
	\do a4, 88(sp)
	\do a5, 96(sp)
	\do a6, 104(sp)
	\do a7, 112(sp)
	.endm

	.text
	.globl trap_entry
	.balign 4
trap_entry:
	csrrw sp, sscratch, sp
	beqz sp, fault
	sd t0, -8(sp)
	csrr t0, scause
	bltz t0, interrupt
	ld t0, -8(sp)

fault:
	lla sp, fault_stack_top
	addi sp, sp, -FRAME
	sd x1, 8(sp)
	.irp n, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17
	sd x\n, \n * 8(sp)
	.endr
	.irp n, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31
	sd x\n, \n * 8(sp)
	.endr
	csrrw t0, sscratch, zero
	sd t0, 16(sp)
	csrr t0, sepc
	sd t0, 0(sp)
	csrr t0, sstatus
	sd t0, 256(sp)
	csrr t0, scause
	sd t0, 264(sp)
	csrr t0, stval
	sd t0, 272(sp)
	li t0, FLOATING_POINT
	csrs sstatus, t0
	mv a0, sp
	call exception
	ebreak

/* t0, which now has the cause, is saved on top of the stack, where it is restored from. */
interrupt:
	addi sp, sp, -SAVED
	each_saved sd
	csrrw t1, sscratch, zero
	sd t1, 120(sp)
	addi t0, t0, -CAUSE_TIMER
	slli t0, t0, 1		/* without the interrupt bit */
	bnez t0, 1f
	/* The alarm has only to wake the CPU; alarm_set enables it again. */
	li t0, TIMER_INTERRUPT
	csrc sie, t0
	j 2f
1:	li t0, FLOATING_POINT
	csrc sstatus, t0
	call interrupt_dispatch
	li t0, FLOATING_POINT
	csrs sstatus, t0
2:	each_saved ld
	ld t0, 120(sp)
	addi sp, sp, SAVED
	csrw sscratch, sp
	mv sp, t0
	/* sp is the interrupted code's; t0 lies below the top of the interrupt stack, which sscratch holds. */
	csrr t0, sscratch
	ld t0, -8(t0)
	sret
