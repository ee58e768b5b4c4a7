/* SPDX-License-Identifier: ISC */
/* From the entry of Linux's Image format (Documentation/arch/riscv/boot.rst and boot-image-header.rst:
 * supervisor mode, MMU off, a0 = this CPU, a1 = device tree, loaded at any 2 MiB) to C. The page tables are
 * complete and strict before the first instruction of C: the image at its link address, text read-execute,
 * rodata read-only, all else no-execute, the page below each stack not mapped. The rest is mapped by
 * arch/common/memory.c. */

#define TEXT_OFFSET 0x200000
#define HEADER_VERSION 2

/* Page table entries (Privileged Architecture, "Sv39"). */
#define TABLE 0x01
#define READ_ONLY 0x43		/* valid, readable, accessed */
#define READ_EXECUTE 0x4b
#define READ_WRITE 0xc7		/* valid, readable, writable, accessed, dirty */

#define SV39 8			/* in satp's highest bits */
#define CONTROLLER_INTERRUPT (1 << 9)	/* of sie: SEIE; alarm_set enables the timer's */
#define FLOATING_POINT (3 << 13)	/* of sstatus: FS */

	/* gp is not set yet, and addresses are physical until the MMU is on. */
	.option norelax
	.section .head, "ax"
	.globl start
start:
	.option push
	.option norvc
	j 1f
	nop
	.option pop
	.quad TEXT_OFFSET
	.quad image_bytes
	.quad 0
	.long HEADER_VERSION
	.long 0
	.quad 0
	.ascii "RISCV\0\0\0"
	.ascii "RSC\x05"
	.long 0

1:	csrci sstatus, 2
	li t0, CONTROLLER_INTERRUPT
	csrw sie, t0
	rdtime s2
	mv s3, a0
	mv s4, a1
	lla s5, image_start

	/* The image must lie below its link address and the stacks. */
	li t0, CONFIG_IMAGE_ADDRESS - 0x40000000
	bgeu s5, t0, refuse

	/* Page tables: cleared, then root, directory, tables. */
	lla a0, page_map
	lla a1, page_tables_end
	mv t0, a0
1:	sd zero, 0(t0)
	addi t0, t0, 8
	bltu t0, a1, 1b
	lla a2, page_directory
	lla a3, page_tables
	srli t0, a2, 2
	ori t0, t0, TABLE
	li t1, ((CONFIG_IMAGE_ADDRESS >> 30) & 511) * 8
	add t1, a0, t1
	sd t0, 0(t1)
	mv t1, a3
1:	srli t0, t1, 2
	ori t0, t0, TABLE
	sd t0, 0(a2)
	addi a2, a2, 8
	li t0, 4096
	add t1, t1, t0
	bltu t1, a1, 1b

	/* Walk the table of (end, attributes) below, page by page. */
	lla a4, layout
	lla a5, layout_end
	li a6, CONFIG_IMAGE_ADDRESS
	srli a7, s5, 2
next_part:
	ld t0, 0(a4)
	ld t1, 8(a4)
	addi a4, a4, 16
1:	bgeu a6, t0, 3f
	beqz t1, 2f
	or t2, a7, t1
	sd t2, 0(a3)
2:	addi a3, a3, 8
	li t3, 4096
	add a6, a6, t3
	addi a7, a7, 1024
	j 1b
3:	bltu a4, a5, next_part

	/* The physical address is not mapped any more: the next instruction traps, to the link address. */
	lla t0, 1f
	sub t0, t0, s5
	li t1, CONFIG_IMAGE_ADDRESS
	add t0, t0, t1
	csrw stvec, t0
	srli a0, a0, 12
	li t1, SV39
	slli t1, t1, 60
	or a0, a0, t1
	sfence.vma
	csrw satp, a0
refuse:
	j refuse

	.balign 4
1:	lla t0, trap_entry
	csrw stvec, t0
	lla t0, interrupt_stack_top
	csrw sscratch, t0
	lla sp, boot_stack_top
	lla gp, __global_pointer$

	lla t0, bss_start
	lla t1, fault_guard
1:	sd zero, 0(t0)
	addi t0, t0, 8
	bltu t0, t1, 1b
	lla t0, machine_boot_ticks
	sd s2, 0(t0)
	lla t0, machine_hart
	sd s3, 0(t0)
	lla t0, image_physical
	sd s5, 0(t0)

	/* A CPU without floating point is reported: the port can be mapped now. */
	li t0, FLOATING_POINT
	csrs sstatus, t0
	csrw fcsr, zero

	/* musl's thread pointer. */
	call posix_thread_pointer
	mv tp, a0

	/* The canary and malloc's seed: time, mixed. The canary's lowest byte is zero, so that no string runs
	 * over it. machine.c mixes in the device tree's seed. */
	rdtime t0
	slli t1, s2, 32
	xor t0, t0, t1
	li t1, 0x9e3779b97f4a7c15
	mul t1, t1, t0
	srli t0, t1, 29
	xor t0, t0, t1
	mul t0, t0, t1
	lla t2, posix_seed
	sd t1, 0(t2)
	sd t0, 8(t2)
	srli t1, t1, 17
	xor t0, t0, t1
	andi t0, t0, ~0xff
	lla t2, __stack_chk_guard
	sd t0, 0(t2)

	li s0, 0		/* the end of every backtrace */
	call posix_start
	mv a0, s4
	call boot
	ebreak

	.balign 8
layout:
	.quad text_end, READ_EXECUTE
	.quad rodata_end, READ_ONLY
	.quad fault_guard, READ_WRITE
	.quad fault_guard + 0x1000, 0
	.quad interrupt_guard, READ_WRITE
	.quad interrupt_guard + 0x1000, 0
	.quad boot_guard, READ_WRITE
	.quad boot_guard + 0x1000, 0
	.quad image_end, READ_WRITE
layout_end:

	.section .rodata.image, "a"
	.balign 8
	.globl image_size_bytes
image_size_bytes:
	.quad image_bytes

	.section .bss.boot, "aw", @nobits
	.balign 16
	.globl machine_boot_ticks, machine_hart, image_physical, __stack_chk_guard
machine_boot_ticks:
	.skip 8
machine_hart:
	.skip 8
image_physical:
	.skip 8
__stack_chk_guard:
	.skip 8
