/* SPDX-License-Identifier: ISC */
/* The floor: the smallest guest that can be seen from outside. It writes one line to PORT, the serial
 * port or that of Xen's log, at its PVH entry and halts; the time until then is the VMM's, below which no
 * guest can get. */
	.section .note.Xen, "a", @note
	.balign 4
	.long 4, 8, 18 /* name bytes, value bytes, XEN_ELFNOTE_PHYS32_ENTRY */
	.asciz "Xen"
	.quad _start

	.text
	.code32
	.globl _start
_start:
	mov $text, %esi
	mov $PORT, %dx
1:	lodsb
	test %al, %al
	jz 2f
	outb %al, %dx
	jmp 1b
2:	cli
	hlt
	jmp 2b
text:
	.asciz "null\n"
	.section .note.GNU-stack, "", @progbits
