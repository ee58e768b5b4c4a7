/* SPDX-License-Identifier: ISC */
/* The entries of exceptions and interrupts. Both run on stacks of their own (IST), so code may use the red
 * zone, and a fiber's stack needs no room for them. Interrupts save the general registers that calls may
 * change: the functions called are compiled to use no others. */

	.text

	/* Four bytes per entry (trap.c relies on it): a push and a short jump, whose targets are just within
	 * reach. The push is given as bytes, for an operand would get the symbol's last value. */
	.globl exception_entries
exception_entries:
	.set vector, 0
	.rept 32
	.byte 0x6a, vector
	.if (vector == 8) || (vector >= 10 && vector <= 14) || (vector == 17) || (vector == 21)
	jmp exception_common
	.else
	jmp exception_without_error
	.endif
	.set vector, vector + 1
	.endr

	/* The order is that of struct trap_frame. This does not return: an exception ends the image. */
	.org exception_entries + 32 * 4 /* an error if they are longer */
exception_without_error:
	push (%rsp)
	movq $0, 8(%rsp)
exception_common:
	push %rax
	push %rcx
	push %rdx
	push %rbx
	push %rbp
	push %rsi
	push %rdi
	push %r8
	push %r9
	push %r10
	push %r11
	push %r12
	push %r13
	push %r14
	push %r15
	cld
	mov %rsp, %rdi
	and $-16, %rsp
	call exception
	ud2

	.globl interrupt_entries
interrupt_entries:
	.set vector, 0
	.rept 16
	.byte 0x6a, vector
	jmp interrupt_common
	.set vector, vector + 1
	.endr

	.org interrupt_entries + 16 * 4
interrupt_common:
	push %rax
	push %rcx
	push %rdx
	push %rsi
	push %rdi
	push %r8
	push %r9
	push %r10
	push %r11
	cld
	mov 72(%rsp), %edi
	call interrupt_dispatch
	pop %r11
	pop %r10
	pop %r9
	pop %r8
	pop %rdi
	pop %rsi
	pop %rdx
	pop %rcx
	pop %rax
	add $8, %rsp
	iretq
