/* SPDX-License-Identifier: ISC */
/* Switching stacks on RISC-V (LP64D): s0 to s11, fs0 to fs11 and the return address are the callee's
 * to keep. */
	.macro each_register do, float
	\do ra, 0(sp)
	\do s0, 8(sp)
	\do s1, 16(sp)
	\do s2, 24(sp)
	\do s3, 32(sp)
	\do s4, 40(sp)
	\do s5, 48(sp)
	\do s6, 56(sp)
	\do s7, 64(sp)
	\do s8, 72(sp)
	\do s9, 80(sp)
	\do s10, 88(sp)
	\do s11, 96(sp)
	\float fs0, 104(sp)
	\float fs1, 112(sp)
	\float fs2, 120(sp)
	\float fs3, 128(sp)
	\float fs4, 136(sp)
	\float fs5, 144(sp)
	\float fs6, 152(sp)
	\float fs7, 160(sp)
	\float fs8, 168(sp)
	\float fs9, 176(sp)
	\float fs10, 184(sp)
	\float fs11, 192(sp)
	.endm

	.section .text.arch_switch, "ax", %progbits
	.globl arch_switch
	.type arch_switch, %function
/* a0: void **save, a1: void *to */
arch_switch:
	addi sp, sp, -208
	each_register sd, fsd
	sd sp, 0(a0)
	mv sp, a1
	each_register ld, fld
	addi sp, sp, 208
	ret
	.size arch_switch, . - arch_switch

	.globl arch_switch_prepare
	.type arch_switch_prepare, %function
/* a0: void *top, a1: entry, a2: arg. Lays out what arch_switch loads. */
arch_switch_prepare:
	andi a0, a0, -16
	addi a0, a0, -208
	la t0, first
	sd t0, 0(a0)            /* ra */
	sd zero, 8(a0)          /* s0, the frame: the end of every backtrace */
	sd a1, 16(a0)           /* s1: entry, s2: arg */
	sd a2, 24(a0)
	ret
	.size arch_switch_prepare, . - arch_switch_prepare

	.type first, %function
first:
	mv a0, s2
	jalr s1
	ebreak
	.size first, . - first

	.section .note.GNU-stack, "", %progbits
