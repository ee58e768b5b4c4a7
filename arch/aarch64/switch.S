/* SPDX-License-Identifier: ISC */
/* arch_switch of arch/arch.h: x19 to x29, the low halves of v8 to v15 and the return address are the
 * callee's to keep (AAPCS64 §6.1). */
	.section .text.arch_switch, "ax"
	.globl arch_switch
arch_switch:
	bti c
	sub sp, sp, #160
	stp x29, x30, [sp]
	stp x19, x20, [sp, #16]
	stp x21, x22, [sp, #32]
	stp x23, x24, [sp, #48]
	stp x25, x26, [sp, #64]
	stp x27, x28, [sp, #80]
	stp d8, d9, [sp, #96]
	stp d10, d11, [sp, #112]
	stp d12, d13, [sp, #128]
	stp d14, d15, [sp, #144]
	mov x9, sp
	str x9, [x0]
	mov sp, x1
	ldp x29, x30, [sp]
	ldp x19, x20, [sp, #16]
	ldp x21, x22, [sp, #32]
	ldp x23, x24, [sp, #48]
	ldp x25, x26, [sp, #64]
	ldp x27, x28, [sp, #80]
	ldp d8, d9, [sp, #96]
	ldp d10, d11, [sp, #112]
	ldp d12, d13, [sp, #128]
	ldp d14, d15, [sp, #144]
	add sp, sp, #160
	ret

	/* A new stack, as if arch_switch had left it: x29 ends every backtrace. */
	.globl arch_switch_prepare
arch_switch_prepare:
	bti c
	and x0, x0, #-16
	sub x0, x0, #160
	adr x9, first
	stp xzr, x9, [x0]
	stp x1, x2, [x0, #16]
	ret

first:
	mov x0, x20
	blr x19
	brk #1
