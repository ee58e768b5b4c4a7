/* SPDX-License-Identifier: ISC */
/* From the entry of Linux's zImage format (Documentation/arch/arm/booting.rst: MMU off, r2 = device tree,
 * loaded at any page of memory, with room behind for what the file leaves out) to C. The page tables are
 * complete and strict before the first instruction of C: the image at its link address, text read-execute,
 * rodata read-only, all else no-execute, the page below each stack not mapped. The rest is mapped by
 * arch/common/memory.c.
 *
 * Code runs in supervisor mode; interrupts and faults have stacks of their own. */

#define MODE_HYPERVISOR 0x1a
#define MODE_SUPERVISOR 0x13
#define MODE_INTERRUPT 0x12
#define MASKED 0x1c0		/* asynchronous aborts, IRQ, FIQ */
#define THUMB 0x20

/* Page table entries (ARM ARM B3.6): their low halves, and NO_EXECUTE for the high ones, where the low ones
 * have an address. */
#define TABLE 0x3
#define BLOCK 0x1
#define MEMORY (0x3 | 3 << 8 | 1 << 10)	/* attributes 0, inner shareable, accessed */
#define READ_ONLY (1 << 7)
#define NO_EXECUTE (3 << 21)

#define ATTRIBUTES 0x04ff	/* MAIR0: 0: memory, write-back; 1: device */
/* TTBCR: long descriptors; 4 GiB by TTBR0, tables write-back and inner shareable; no TTBR1. */
#define TRANSLATION (1 << 31 | 1 << 8 | 1 << 10 | 3 << 12 | 1 << 23)
#define SCTLR_OFF 0x00c50078	/* only the bits that must be one */
/* With MMU, caches, branch prediction, write-implies-no-execute, exceptions in Thumb code. */
#define SCTLR_ON (SCTLR_OFF | 1 << 0 | 1 << 2 | 1 << 11 | 1 << 12 | 1 << 19 | 1 << 30)
#define COPROCESSORS (0xf << 20)	/* VFP, for all */
#define FPEXC_ON (1 << 30)

/* Hypervisor mode traps nothing (ARM ARM B4.1). */
#define HDCR_COUNTERS 0x1f	/* the number of counters for lower modes */
#define CNTHCTL 0x3		/* lower modes get the physical counter and timer, too */
#define HCPTR 0x33ff		/* the bits that must be one; no trap of VFP */

	.syntax unified
	.section .head, "ax", %progbits
	.arm
	.globl start
start:
	adr r12, entry + 1
	bx r12
	.org 0x24
	.word 0x016f2818
	.word 0			/* load address: any */
	.word file_bytes
	.word 0x04030201	/* little endian */

	.thumb
entry:
	cpsid aif
	mov r8, r2
	adr r9, start
	b.w begin		/* past the vectors */

	.section .entry, "ax", %progbits
begin:
	ldr r4, =start
	sub r4, r9, r4		/* load address minus link address */
	mrs r0, cpsr
	and r0, r0, #0x1f
	cmp r0, #MODE_HYPERVISOR
	beq at_hypervisor
	cps #MODE_SUPERVISOR
	ldr r0, =SCTLR_OFF
	mcr p15, 0, r0, c1, c0, 0
	isb

at_supervisor:
	mrrc p15, 1, r10, r11, c14	/* CNTVCT */
	/* The image must be page-aligned, and not in the GiB of its link address. */
	lsls r0, r9, #20
	bne refuse
	lsrs r0, r9, #30
	cmp r0, #CONFIG_IMAGE_ADDRESS >> 30
	beq refuse

	/* Page tables: cleared, with no line in any cache that could be written back over them. */
	ldr r0, =page_map
	add r0, r0, r4
	ldr r1, =page_tables_end
	add r1, r1, r4
	bl clean_tables
	mov r2, r0
	movs r6, #0
	movs r7, #0
1:	strd r6, r7, [r2], #8
	cmp r2, r1
	blo 1b

	/* Root, directory, tables. */
	ldr r2, =page_directory
	add r2, r2, r4
	ldr r3, =page_tables
	add r3, r3, r4
	add r6, r2, #TABLE
	str r6, [r0, #(CONFIG_IMAGE_ADDRESS >> 30) * 8]
	add r2, r2, #((CONFIG_IMAGE_ADDRESS >> 21) & 511) * 8
	mov r5, r3
1:	add r6, r5, #TABLE
	str r6, [r2], #8
	add r5, r5, #4096
	cmp r5, r1
	blo 1b

	/* Walk the table of (end, attributes) below, page by page: link address r2 is mapped to r5. */
	adr r12, layout
	ldr r2, =image_start
	mov r5, r9
next_part:
	ldm r12!, {r6, r7}
	and lr, r7, #NO_EXECUTE
	bic r7, r7, #NO_EXECUTE
1:	cmp r2, r6
	bhs 2f
	cmp r7, #0
	itt ne
	orrne r4, r5, r7
	strdne r4, lr, [r3]
	adds r3, r3, #8
	add r2, r2, #4096
	add r5, r5, #4096
	b 1b
2:	adr r6, layout_end
	cmp r12, r6
	blo next_part

	/* The code's own GiB, by one read-only entry, while the MMU is turned on. */
	lsrs r2, r9, #30
	lsls r3, r2, #30
	ldr r5, =(MEMORY & ~TABLE) | BLOCK | READ_ONLY
	orrs r3, r3, r5
	str r3, [r0, r2, lsl #3]
	dsb sy
	bl clean_tables

	ldr r2, =ATTRIBUTES
	mcr p15, 0, r2, c10, c2, 0	/* MAIR0 */
	ldr r2, =TRANSLATION
	mcr p15, 0, r2, c2, c0, 2	/* TTBCR */
	isb
	movs r2, #0
	mcrr p15, 0, r0, r2, c2		/* TTBR0 */
	bl forget_translations
	ldr r2, =SCTLR_ON
	mcr p15, 0, r2, c1, c0, 0
	isb
	ldr r2, =at_link_address + 1
	bx r2

at_link_address:
	ldr r0, =page_map
	lsrs r2, r9, #30
	movs r3, #0
	str r3, [r0, r2, lsl #3]
	bl forget_translations

	cps #MODE_INTERRUPT
	ldr sp, =interrupt_stack_top
	cps #MODE_SUPERVISOR
	ldr sp, =boot_stack_top
	ldr r0, =exception_vectors
	mcr p15, 0, r0, c12, c0, 0	/* VBAR */

	ldr r0, =bss_start
	ldr r1, =fault_guard
	movs r2, #0
	movs r3, #0
1:	strd r2, r3, [r0], #8
	cmp r0, r1
	blo 1b
	ldr r0, =machine_boot_ticks
	strd r10, r11, [r0]
	ldr r0, =image_physical
	strd r9, r3, [r0]

	/* A CPU without VFP is reported: the port can be mapped now. */
	mov r0, #COPROCESSORS
	mcr p15, 0, r0, c1, c0, 2	/* CPACR */
	isb
	mov r0, #FPEXC_ON
	vmsr fpexc, r0
	vmsr fpscr, r2			/* rounds to nearest, whatever firmware has set */

	/* musl's thread pointer. */
	bl posix_thread_pointer
	mcr p15, 0, r0, c13, c0, 3	/* TPIDRURO */

	/* The canary and malloc's seed: time, mixed. The canary's lowest byte is zero, so that no string runs
	 * over it. machine.c mixes in the device tree's seed. */
	mrrc p15, 1, r0, r1, c14
	eor r0, r0, r10, ror #16
	ldr r1, =0x9e3779b9
	ldr r2, =posix_seed
	movs r3, #4
1:	umull r0, r5, r0, r1
	eors r0, r0, r5
	add r0, r0, r3
	str r0, [r2], #4
	subs r3, r3, #1
	bne 1b
	umull r0, r5, r0, r1
	eors r0, r0, r5
	bic r0, r0, #0xff
	ldr r2, =__stack_chk_guard
	str r0, [r2]

	cpsie a				/* faults can be reported from here on: late aborts are let through */
	bl posix_start
	mov r0, r8
	movs r7, #0
	bl boot
	udf #0

	/* Hypervisor mode: nothing is kept from supervisor mode, which gets the virtual timer without an
	 * offset. */
at_hypervisor:
	movs r0, #0
	mcr p15, 4, r0, c1, c1, 0	/* HCR */
	mcr p15, 4, r0, c1, c1, 3	/* HSTR */
	mcrr p15, 4, r0, r0, c14	/* CNTVOFF */
	mrc p15, 4, r0, c1, c1, 1	/* HDCR */
	and r0, r0, #HDCR_COUNTERS
	mcr p15, 4, r0, c1, c1, 1
	movs r0, #CNTHCTL
	mcr p15, 4, r0, c14, c1, 0	/* CNTHCTL */
	movw r0, #HCPTR
	mcr p15, 4, r0, c1, c1, 2	/* HCPTR */
	mrc p15, 0, r0, c0, c0, 0	/* MIDR, VPIDR */
	mcr p15, 4, r0, c0, c0, 0
	mrc p15, 0, r0, c0, c0, 5	/* MPIDR, VMPIDR */
	mcr p15, 4, r0, c0, c0, 5
	ldr r0, =SCTLR_OFF
	mcr p15, 0, r0, c1, c0, 0
	ldr r0, =MODE_SUPERVISOR | MASKED | THUMB
	msr spsr_cxsf, r0
	adr r0, at_supervisor
	msr elr_hyp, r0
	eret

	/* Invalidates [r0, r1) in the caches; keeps both. */
clean_tables:
	mrc p15, 0, r2, c0, c0, 1	/* CTR */
	ubfx r2, r2, #16, #4
	movs r3, #4
	lsls r2, r3, r2			/* bytes of the smallest line */
	mov r3, r0
1:	mcr p15, 0, r3, c7, c6, 1	/* DCIMVAC */
	add r3, r3, r2
	cmp r3, r1
	blo 1b
	dsb sy
	bx lr

forget_translations:
	dsb sy
	mcr p15, 0, r2, c8, c7, 0	/* TLBIALL */
	mcr p15, 0, r2, c7, c5, 0	/* ICIALLU */
	mcr p15, 0, r2, c7, c5, 6	/* BPIALL */
	dsb nsh
	isb
	bx lr

	/* The tree has not been read, so QEMU's port, a PL011 that takes all at once, gets the message. Xen's
	 * loader puts no image there. */
refuse:
#ifdef CONFIG_CONSOLE_SERIAL
	ldr r0, =CONFIG_SERIAL_FALLBACK
	adr r1, refusal
1:	ldrb r2, [r1], #1
	cbz r2, 2f
	str r2, [r0]
	b 1b
#endif
2:	wfi
	b 2b

#ifdef CONFIG_CONSOLE_SERIAL
	.balign 4
refusal:
	.asciz "panic: load the image at a page below 0xc0000000\n"
	.balign 2
#endif

	.ltorg
	.balign 4
layout:
	.word text_end, MEMORY | READ_ONLY
	.word rodata_end, MEMORY | READ_ONLY | NO_EXECUTE
	.word fault_guard, MEMORY | NO_EXECUTE
	.word fault_guard + 0x1000, 0
	.word interrupt_guard, MEMORY | NO_EXECUTE
	.word interrupt_guard + 0x1000, 0
	.word boot_guard, MEMORY | NO_EXECUTE
	.word boot_guard + 0x1000, 0
	.word image_end, MEMORY | NO_EXECUTE
layout_end:

	.section .rodata.image, "a"
	.balign 8
	.globl image_size_bytes
image_size_bytes:
	.word image_bytes, 0

	.section .bss.boot, "aw", %nobits
	.balign 8
	.globl machine_boot_ticks, image_physical, __stack_chk_guard
machine_boot_ticks:
	.skip 8
image_physical:
	.skip 8
__stack_chk_guard:
	.skip 4
