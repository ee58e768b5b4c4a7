/* SPDX-License-Identifier: ISC */
/* arch_switch of arch/arch.h. The control words of x87 and SSE are callee-saved too by the ABI, but are never
 * changed here. A suspended stack holds, from its low end:
 *
 *   rbx  rbp  r12  r13  r14  r15  return address
 */
	.section .text.arch_switch, "ax"
	.globl arch_switch
arch_switch:
	push %r15
	push %r14
	push %r13
	push %r12
	push %rbp
	push %rbx
	mov %rsp, (%rdi)
	mov %rsi, %rsp
	pop %rbx
	pop %rbp
	pop %r12
	pop %r13
	pop %r14
	pop %r15
	ret

	/* The first code on a new stack: arch_switch_prepare left entry in rbx and its argument in r12. */
	.globl switch_entry
switch_entry:
	mov %r12, %rdi
	xor %ebp, %ebp
	call *%rbx
	ud2
