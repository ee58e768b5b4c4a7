/* SPDX-License-Identifier: ISC */
/* Switching stacks on ARMv7-A (AAPCS32, Thumb-2): r4 to r11, d8 to d15 and the return address are the
 * callee's to keep. */
	.syntax unified
	.thumb

	.section .text.arch_switch, "ax", %progbits
	.globl arch_switch
	.type arch_switch, %function
/* r0: void **save, r1: void *to */
arch_switch:
	push {r3-r11, lr}       /* r3: so that sp stays a multiple of 8 */
	vpush {d8-d15}
	str sp, [r0]
	mov sp, r1
	vpop {d8-d15}
	pop {r3-r11, pc}
	.size arch_switch, . - arch_switch

	.globl arch_switch_prepare
	.type arch_switch_prepare, %function
/* r0: void *top, r1: entry, r2: arg. Lays out what arch_switch loads. */
arch_switch_prepare:
	bic r0, r0, #7
	sub r0, r0, #104
	str r1, [r0, #68]       /* r4: entry, r5: arg */
	str r2, [r0, #72]
	movs r3, #0
	str r3, [r0, #80]       /* r7, the frame: the end of every backtrace */
	str r3, [r0, #96]       /* r11, the same for code that is not Thumb */
	ldr r3, =first
	str r3, [r0, #100]      /* lr */
	bx lr
	.ltorg
	.size arch_switch_prepare, . - arch_switch_prepare

	.type first, %function
first:
	mov r0, r5
	blx r4
	udf #0
	.size first, . - first

	.section .note.GNU-stack, "", %progbits
