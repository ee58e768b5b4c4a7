/* SPDX-License-Identifier: ISC */
/* Switching stacks on x86-64 (System V ABI): rbx, rbp, r12 to r15 are the callee's to keep. The
 * floating-point control words need not be saved: they are never changed. */

	.section .text.arch_switch, "ax"
	.globl arch_switch
	.type arch_switch, @function
/* rdi: void **save, rsi: void *to */
arch_switch:
	push %rbp
	push %rbx
	push %r12
	push %r13
	push %r14
	push %r15
	mov %rsp, (%rdi)
	mov %rsi, %rsp
	pop %r15
	pop %r14
	pop %r13
	pop %r12
	pop %rbx
	pop %rbp
	ret
	.size arch_switch, . - arch_switch

	.globl arch_switch_prepare
	.type arch_switch_prepare, @function
/* rdi: void *top, rsi: entry, rdx: arg. Lays out what arch_switch pops. */
arch_switch_prepare:
	and $-16, %rdi
	lea first(%rip), %rax
	mov %rax, -8(%rdi)
	movq $0, -16(%rdi)      /* rbp: the end of every backtrace */
	mov %rsi, -24(%rdi)     /* rbx: entry */
	mov %rdx, -32(%rdi)     /* r12: arg */
	lea -56(%rdi), %rax
	ret
	.size arch_switch_prepare, . - arch_switch_prepare

	.type first, @function
first:
	.cfi_startproc
	.cfi_undefined rip
	mov %r12, %rdi
	call *%rbx
	ud2
	.cfi_endproc
	.size first, . - first

	.section .note.GNU-stack, "", @progbits
