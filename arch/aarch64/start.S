/* SPDX-License-Identifier: ISC */
/* From the entry of Linux's Image format (Documentation/arch/arm64/booting.rst: MMU off, x0 = device tree,
 * loaded at any address that suits the header) to C. The page tables are complete and strict before the first
 * instruction of C: the image at its link address, text read-execute, rodata read-only, all else no-execute,
 * the page below each stack not mapped. The rest is mapped by arch/common/memory.c.
 *
 * Code runs with SP_EL0, and the CPU takes exceptions on SP_EL1, so they need no room on any other stack. */

#define TEXT_OFFSET 0x1000	/* the least that QEMU leaves as it is, without 2 MiB for its own few bytes */
#define HEADER_FLAGS 0xa	/* little endian, 4 KiB pages, anywhere in memory */

/* Page table entries (ARM ARM D8.3). */
#define TABLE 0x3
#define BLOCK 0x1
#define MEMORY (0x3 | 3 << 8 | 1 << 10)	/* attributes 0, inner shareable, accessed */
#define READ_ONLY (1 << 7)
#define NO_EXECUTE (3 << 53)
#define USER_NO_EXECUTE (1 << 54)
#ifdef CONFIG_BRANCH_PROTECTION
#define GUARDED (1 << 50)
#define SCTLR_BTI (1 << 36)
#else
#define GUARDED 0
#define SCTLR_BTI 0
#endif

#define ATTRIBUTES 0x04ff	/* MAIR_EL1: 0: memory, write-back; 1: device, nGnRE */
/* TCR_EL1: 512 GiB by TTBR0, tables write-back and inner shareable; no TTBR1. */
#define TRANSLATION (25 | 1 << 8 | 1 << 10 | 3 << 12 | 1 << 23)
#define SCTLR_OFF 0x30d00800	/* only the bits that must be one */
/* With MMU, caches, stack alignment, write-implies-no-execute. */
#define SCTLR_ON (SCTLR_OFF | 1 << 0 | 1 << 2 | 1 << 3 | 1 << 12 | 1 << 19 | SCTLR_BTI)
#define SCTLR_PAC 0x80000000

/* EL2 traps nothing from EL1 (ARM ARM D19.2) but SVE and SME, which are not used. */
#define HCR_E2H 34
#define HCR (1 << 31 | 1 << 41 | 1 << 40)	/* 64 bits; pointer authentication: its instructions, its keys */
#define CNTHCTL 0x3	/* EL1 gets the physical counter and timer, too */
#define CPTR 0x33ff	/* the bits that must be one; no trap of floating point */
/* The same on CPUs whose E2H is always set. */
#define CNTHCTL_E2H (CNTHCTL << 10)
#define CPTR_E2H (3 << 20)
#define MDCR_COUNTERS 0x1f	/* the number of counters for EL1 */
#define SPSR_EL1 0x3c5	/* EL1, its own stack pointer, all interrupts masked */

	.section .head, "ax"
	.globl start
start:
	b 1f
	.long 0
	.quad TEXT_OFFSET
	.quad image_bytes
	.quad HEADER_FLAGS
	.quad 0, 0, 0
	.ascii "ARM\x64"
	.long 0

1:	adrp x16, entry
	add x16, x16, :lo12:entry
	br x16

	.section .entry, "ax"
entry:
	msr daifset, #15
	mov x19, x0
	adrp x20, image_start
	mrs x0, CurrentEL
	cmp x0, #2 << 2
	b.ne at_el1

	/* EL2: nothing is kept from EL1, which gets the virtual timer without an offset. */
	ldr x0, =HCR
	msr hcr_el2, x0
	isb
	ldr x2, =SCTLR_OFF
	mov x0, #CNTHCTL
	mov x1, #CPTR
	mrs x3, hcr_el2
	tbz x3, #HCR_E2H, 1f
	msr s3_5_c1_c0_0, x2	/* SCTLR_EL12: EL1's, while sctlr_el1 is EL2's own */
	mov x0, #CNTHCTL_E2H
	mov x1, #CPTR_E2H
1:	msr sctlr_el1, x2
	msr cnthctl_el2, x0
	msr cntvoff_el2, xzr
	msr cptr_el2, x1
	msr hstr_el2, xzr
	mrs x0, id_aa64mmfr0_el1
	tst x0, #0xf << 56
	b.eq 1f
	msr s3_4_c1_c1_4, xzr	/* fine-grained traps: HFGRTR_EL2, */
	msr s3_4_c1_c1_5, xzr	/* HFGWTR_EL2, */
	msr s3_4_c1_c1_6, xzr	/* HFGITR_EL2, */
	msr s3_4_c3_c1_4, xzr	/* HDFGRTR_EL2, */
	msr s3_4_c3_c1_5, xzr	/* HDFGWTR_EL2 */
1:	mrs x0, mdcr_el2	/* no debug exception is taken to EL2 */
	and x0, x0, #MDCR_COUNTERS
	msr mdcr_el2, x0
	mrs x0, midr_el1
	msr vpidr_el2, x0
	mrs x0, mpidr_el1
	msr vmpidr_el2, x0
	mrs x0, id_aa64pfr0_el1
	tst x0, #0xf << 24
	b.eq 1f
	mrs x0, s3_4_c12_c9_5	/* ICC_SRE_EL2: GICv3 by system registers */
	mov x1, #1 << 3 | 1
	orr x0, x0, x1
	msr s3_4_c12_c9_5, x0
	isb
	msr s3_4_c12_c11_0, xzr	/* ICH_HCR_EL2 */
1:	mov x0, #SPSR_EL1
	msr spsr_el2, x0
	adr x0, at_el1
	msr elr_el2, x0
	eret

at_el1:
	mrs x21, cntvct_el0	/* read now that CNTVOFF_EL2 is zero */
	/* The image must lie below its link address and the stacks. */
	ldr x0, =CONFIG_IMAGE_ADDRESS - 0x40000000
	cmp x20, x0
	b.hs refuse

	/* Page tables: cleared, with no line in any cache that could be written back over them. */
	adrp x0, page_map
	adrp x1, page_tables_end
	bl clean_tables
	mov x2, x0
1:	stp xzr, xzr, [x2], #16
	cmp x2, x1
	b.lo 1b

	/* Root, directory, tables. */
	adrp x2, page_directory
	adrp x3, page_tables
	orr x4, x2, #TABLE
	str x4, [x0, #((CONFIG_IMAGE_ADDRESS >> 30) & 511) * 8]
	mov x4, x2
	mov x5, x3
1:	orr x6, x5, #TABLE
	str x6, [x4], #8
	add x5, x5, #4096
	cmp x5, x1
	b.lo 1b

	/* Walk the table of (end, attributes) below, page by page. */
	adr x4, layout
	mov x6, x20
next_part:
	ldp w7, w8, [x4], #8
	add x7, x4, w7, sxtw
	lsr x9, x8, #12
	and x8, x8, #0xfff
	orr x8, x8, x9, lsl #44
1:	cmp x6, x7
	b.hs 2f
	orr x9, x6, x8
	cmp x8, #0
	csel x9, x9, xzr, ne
	str x9, [x3], #8
	add x6, x6, #4096
	b 1b
2:	adr x8, layout_end
	cmp x4, x8
	b.lo next_part

	/* The code's own GiB, by one read-only entry, while the MMU is turned on. A long site may lie between the
	 * image's start and this code. */
	adr x22, .
	lsr x22, x22, #30
	lsl x2, x22, #30
	ldr x3, =(MEMORY & ~TABLE) | BLOCK | READ_ONLY | USER_NO_EXECUTE
	orr x2, x2, x3
	str x2, [x0, x22, lsl #3]
	dsb sy
	bl clean_tables

	mov x2, #ATTRIBUTES
	msr mair_el1, x2
	ldr x2, =TRANSLATION
	mrs x3, id_aa64mmfr0_el1
	and x3, x3, #7		/* physical addresses as wide as the CPU's, at most 48 bits */
	cmp x3, #5
	mov x4, #5
	csel x3, x3, x4, ls
	orr x2, x2, x3, lsl #32
	msr tcr_el1, x2
	msr ttbr0_el1, x0
	isb
	tlbi vmalle1
	ic iallu
	dsb nsh
	isb
	ldr x2, =SCTLR_ON
	msr sctlr_el1, x2
	isb
	ldr x2, =1f
	br x2

1:	bti j
	adrp x0, page_map
	str xzr, [x0, x22, lsl #3]
	dsb ishst
	tlbi vmalle1
	dsb nsh
	isb

	adrp x0, interrupt_stack_top
	msr spsel, #1
	mov sp, x0
	msr spsel, #0
	adrp x0, boot_stack_top
	mov sp, x0
	adrp x0, exception_vectors
	add x0, x0, :lo12:exception_vectors
	msr vbar_el1, x0
	mov x0, #3 << 20	/* floating point and vectors */
	msr cpacr_el1, x0
	isb
	msr fpcr, xzr		/* rounds to nearest, whatever firmware has set */

	adrp x0, bss_start
	add x0, x0, :lo12:bss_start
	adrp x1, fault_guard
1:	stp xzr, xzr, [x0], #16
	cmp x0, x1
	b.lo 1b
	adrp x0, machine_boot_ticks
	str x21, [x0, :lo12:machine_boot_ticks]
	adrp x0, image_physical
	str x20, [x0, :lo12:image_physical]

	/* musl's thread pointer. */
	bl posix_thread_pointer
	msr tpidr_el0, x0

	/* The canary and malloc's seed: time, mixed, and RNDR if the CPU has it. The canary's lowest byte is
	 * zero, so that no string runs over it. machine.c mixes in the device tree's seed. */
	ldr x1, =0x9e3779b97f4a7c15
	mrs x0, cntvct_el0
	eor x0, x0, x21, ror #32
	mul x1, x1, x0
	mrs x0, id_aa64isar0_el1
	lsr x0, x0, #60
	cbz x0, 1f
	mrs x0, s3_3_c2_c4_0	/* RNDR */
	eor x1, x1, x0
1:	adrp x2, posix_seed
	add x2, x2, :lo12:posix_seed
	rev x0, x1
	mul x0, x0, x1
	stp x1, x0, [x2]
	eor x0, x0, x1, ror #17
	and x1, x0, #~0xff
	adrp x2, __stack_chk_guard
	str x1, [x2, :lo12:__stack_chk_guard]

	mov x29, #0		/* the end of every backtrace */
	mov x30, #0
	msr daifclr, #4		/* faults can be reported from here on: system errors are let through */
	bl posix_start
	mov x0, x19
	bl boot
	brk #1

	/* The tree has not been read, so QEMU's port, a PL011 that takes all at once, gets the message. Xen's
	 * loader puts no image there. */
refuse:
#ifdef CONFIG_CONSOLE_SERIAL
	ldr x0, =CONFIG_SERIAL_FALLBACK
	adr x1, refusal
1:	ldrb w2, [x1], #1
	cbz w2, 2f
	str w2, [x0]
	b 1b
#endif
2:	wfi
	b 2b

#ifdef CONFIG_CONSOLE_SERIAL
refusal:
	.asciz "panic: load the image at a lower address\n"
	.balign 4
#endif

	.ltorg

#ifdef CONFIG_BRANCH_PROTECTION
/* Signs returns from here on, if the CPU can: functions called before must not return. The key shares only
 * time with the canary and is erased: a leak of the canary, or of memory, reveals nothing else of it. */
	.section .text.sign_returns, "ax"
	.globl sign_returns
sign_returns:
	mrs x0, id_aa64isar1_el1
	ubfx x0, x0, #4, #8
	mrs x1, s3_0_c0_c6_2	/* ID_AA64ISAR2_EL1, which has the newest algorithm's field */
	ubfx x1, x1, #12, #4
	orr x0, x0, x1
	cbz x0, 2f
	adrp x2, pointer_key
	add x2, x2, :lo12:pointer_key
	ldp x0, x1, [x2]
	stp xzr, xzr, [x2]
	mrs x3, cntvct_el0
	eor x0, x0, x3
	mrs x3, id_aa64isar0_el1
	lsr x3, x3, #60
	cbz x3, 1f
	mrs x3, s3_3_c2_c4_0	/* RNDR */
	eor x0, x0, x3
	mrs x3, s3_3_c2_c4_0
	eor x1, x1, x3
1:	msr s3_0_c2_c1_0, x0	/* APIAKeyLo_EL1 */
	msr s3_0_c2_c1_1, x1	/* APIAKeyHi_EL1 */
	mrs x0, sctlr_el1
	orr x0, x0, #SCTLR_PAC
	msr sctlr_el1, x0
	isb
2:	ret
#endif

/* Invalidates [x0, x1) in the caches; keeps both. */
	.section .entry.caches, "ax"
clean_tables:
	mrs x9, ctr_el0
	ubfx x9, x9, #16, #4
	mov x10, #4
	lsl x9, x10, x9		/* bytes of the smallest line */
	mov x10, x0
1:	dc ivac, x10
	add x10, x10, x9
	cmp x10, x1
	b.lo 1b
	dsb sy
	ret

/* The end, relative to the next entry; attributes, the highest ones moved down by 32 bits. */
	.macro part end, attributes
	.word \end - . - 8, (\attributes) & 0xfff | (\attributes) >> 32
	.endm

	.section .entry.layout, "ax"
	.balign 4
layout:
	part text_start, MEMORY | READ_ONLY | NO_EXECUTE
	part text_end, MEMORY | READ_ONLY | USER_NO_EXECUTE | GUARDED
	part rodata_end, MEMORY | READ_ONLY | NO_EXECUTE
	part fault_guard, MEMORY | NO_EXECUTE
	part fault_guard + 0x1000, 0
	part interrupt_guard, MEMORY | NO_EXECUTE
	part interrupt_guard + 0x1000, 0
	part boot_guard, MEMORY | NO_EXECUTE
	part boot_guard + 0x1000, 0
	part image_end, MEMORY | NO_EXECUTE
layout_end:

	.section .rodata.image, "a"
	.balign 8
	.globl image_size_bytes
image_size_bytes:
	.quad image_bytes

	.section .bss.boot, "aw", @nobits
	.balign 16
	.globl machine_boot_ticks, image_physical, __stack_chk_guard, pointer_key
machine_boot_ticks:
	.skip 8
image_physical:
	.skip 8
__stack_chk_guard:
	.skip 8
#ifdef CONFIG_BRANCH_PROTECTION
	.balign 16
pointer_key:
	.skip 16
#endif
