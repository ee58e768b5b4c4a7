/* SPDX-License-Identifier: ISC */
/* Switching stacks on AArch64 (AAPCS64): x19 to x29, the low halves of v8 to v15 and the return
 * address are the callee's to keep. */

	.section .text.arch_switch, "ax"
	.globl arch_switch
	.type arch_switch, %function
/* x0: void **save, x1: void *to */
arch_switch:
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
	.size arch_switch, . - arch_switch

	.section .text.arch_switch_prepare, "ax"
	.globl arch_switch_prepare
	.type arch_switch_prepare, %function
/* x0: void *top, x1: entry, x2: arg. Lays out what arch_switch loads. */
arch_switch_prepare:
	and x0, x0, #-16
	sub x0, x0, #160
	adr x9, first
	stp xzr, x9, [x0]       /* x29: the end of every backtrace; x30 */
	stp x1, x2, [x0, #16]   /* x19: entry, x20: arg */
	ret
	.size arch_switch_prepare, . - arch_switch_prepare

	.type first, %function
first:
	mov x0, x20
	blr x19
	brk #1
	.size first, . - first

	.section .note.GNU-stack, "", %progbits
