/* SPDX-License-Identifier: ISC */
/* The floor on ARMv7's virt: writes one line to its PL011, then halts. Position-independent. */
	.arm
	.globl _start
_start:
	mov r1, #0x09000000
	adr r0, text
1:	ldrb r2, [r0], #1
	cmp r2, #0
	strne r2, [r1]
	bne 1b
2:	wfi
	b 2b
text:
	.asciz "null\n"
	.section .note.GNU-stack, "", %progbits
