/* SPDX-License-Identifier: ISC */
/* From the PVH entry (Xen's public/arch-x86/hvm/start_info.h: 32-bit, flat, paging off, EBX = start info) to
 * C in long mode. The page tables are complete and strict before the first instruction of C: text
 * read-execute, rodata read-only, all else no-execute, the page below each stack not mapped. Every
 * instruction here adds to the boot time: keep it short. */

#define PRESENT 0x1
#define WRITE 0x2
#define LARGE 0x80
#define USED 0x60		/* accessed and dirty: spares the CPU the writes */
#define NO_EXECUTE 0x80000000	/* in the high half of an entry */

#ifdef CONFIG_TARGET_XEN
#define LOW_END text_start	/* a guest of type pvh has no firmware */
#else
#define LOW_END 0xa0000
#endif

	.section .note.Xen, "a", @note
	.balign 4
	.long 4, 4, 18		/* XEN_ELFNOTE_PHYS32_ENTRY */
	.asciz "Xen"
	.long pvh_start

	.section .text.start, "ax"
	.code32
	.globl pvh_start
pvh_start:
	cld
	rdtsc
	mov $boot_stack_top, %esp
	push %edx		/* machine_boot_ticks, once .bss is clean */
	push %eax
	mov %ebx, %ebp		/* cpuid destroys ebx */

	/* Requires all memory that the image is linked to, long mode and NX; otherwise prints why not. */
	mov %eax, page_tables_end - 4
	cmp %eax, page_tables_end - 4
	jne refuse
	mov $0x80000000, %eax
	cpuid
	cmp $0x80000001, %eax
	jb refuse
	mov $0x80000001, %eax
	cpuid
	and $(1 << 29 | 1 << 20), %edx
	cmp $(1 << 29 | 1 << 20), %edx
	jne refuse

	/* The loader zeroes .bss, but firmware may run over it afterwards where memory is scarce. Stacks and the
	 * lower tables need not be zero. */
	xor %eax, %eax
	mov $bss_start, %edi
	mov $fault_guard, %ecx
	sub %edi, %ecx
	shr $2, %ecx
	rep stosl
	mov $page_map, %edi
	mov $2048, %ecx
	rep stosl
	pop machine_boot_ticks
	pop machine_boot_ticks + 4

	/* Maps the first GiB by 2 MiB pages, then the part with the image by 4 KiB pages. */
	movl $page_directories + PRESENT + WRITE, page_map
	movl $page_directory + PRESENT + WRITE, page_directories
	mov $page_directory, %edi
	mov $PRESENT + WRITE + LARGE + USED, %eax
1:	mov %eax, (%edi)
	movl $NO_EXECUTE, 4(%edi)
	add $8, %edi
	add $0x200000, %eax
	test $0x40000000, %eax
	jz 1b
	mov $page_directory, %edi
	mov $page_tables + PRESENT + WRITE, %eax
1:	mov %eax, (%edi)
	movl $0, 4(%edi)
	add $8, %edi
	add $4096, %eax
	cmp $page_tables_end, %eax
	jb 1b

	/* Walk the table of (end, low bits, high bits) below, page by page. */
	mov $layout, %esi
	mov $page_tables, %edi
	xor %ecx, %ecx		/* address */
next_part:
	mov 4(%esi), %eax
	or %ecx, %eax
	mov 8(%esi), %edx
	mov (%esi), %ebx
	add $12, %esi
	jmp 2f
1:	mov %eax, (%edi)
	mov %edx, 4(%edi)
	add $8, %edi
	add $4096, %eax
	add $4096, %ecx
2:	cmp %ebx, %ecx
	jb 1b
	cmp $page_tables_end, %edi
	jb next_part

	/* PAE, SSE; NX; paging with write protection for the supervisor too. */
	mov $(1 << 5 | 1 << 9 | 1 << 10), %eax
	mov %eax, %cr4
	mov $page_map, %eax
	mov %eax, %cr3
	mov $0xc0000080, %ecx
	rdmsr
	or $(1 << 8 | 1 << 11), %eax
	wrmsr
	mov $(1 << 31 | 1 << 16 | 1 << 5 | 1 << 4 | 1 << 1 | 1), %eax
	mov %eax, %cr0
	lgdt gdt_pointer
	ljmp $8, $long_mode

refuse:
	mov $refusal, %esi
1:	lodsb
	test %al, %al
	jz 2f
	mov $0x3f8, %dx
	outb %al, %dx
	jmp 1b
2:	cli
	hlt
	jmp 2b

	.code64
long_mode:
	xor %eax, %eax
	mov %eax, %ds
	mov %eax, %es
	mov %eax, %ss
	mov %eax, %fs
	mov %eax, %gs

	/* musl's thread pointer (posix/posix.h). */
	mov $0xc0000100, %ecx
	mov $posix_thread, %eax
	xor %edx, %edx
	wrmsr

	/* The canary and malloc's seed: time, mixed, and RDRAND if the CPU has it. The canary's lowest byte is
	 * zero, so that no string runs over it. */
	rdtsc
	shl $32, %rdx
	or %rdx, %rax
	movabs $0x9e3779b97f4a7c15, %rdi
	xor machine_boot_ticks, %rdi
	imul %rax, %rdi
	mov $1, %eax
	cpuid
	bt $30, %ecx
	jnc 2f
	mov $10, %ecx
1:	rdrand %rax
	jc 1f
	dec %ecx
	jnz 1b
	inc %eax		/* a failed rdrand leaves 0, which must not be multiplied by */
1:	xor %rax, %rdi
2:	mov %rdi, posix_seed
	bswap %rdi
	imul %rax, %rdi
	mov %rdi, posix_seed + 8
	xor posix_seed, %rdi
	xor %dil, %dil
	mov %rdi, __stack_chk_guard

	mov %ebp, %ebx
	xor %ebp, %ebp		/* the end of every backtrace */
	push %rbp
	push %rbp
	mov %rsp, %rbp
	call posix_start
	mov %ebx, %edi
	call boot
	ud2

	.section .rodata.start, "a"
	.balign 8
layout:
	.long 0x1000, PRESENT + USED, NO_EXECUTE	/* loaders leave data here: memory_close_null */
	.long LOW_END, PRESENT + WRITE + USED, NO_EXECUTE
	.long text_start, PRESENT + USED, NO_EXECUTE	/* firmware, where start info may lie */
	.long text_end, PRESENT + USED, 0
	.long rodata_end, PRESENT + USED, NO_EXECUTE
	.long fault_guard, PRESENT + WRITE + USED, NO_EXECUTE
	.long fault_guard + 0x1000, 0, 0
	.long interrupt_guard, PRESENT + WRITE + USED, NO_EXECUTE
	.long interrupt_guard + 0x1000, 0, 0
	.long boot_guard, PRESENT + WRITE + USED, NO_EXECUTE
	.long boot_guard + 0x1000, 0, 0
	.long mapped_end, PRESENT + WRITE + USED, NO_EXECUTE
refusal:
	.asciz "virga: no long mode or NX bit (use -cpu qemu64 or newer), or too little memory\r\n"

	/* For the switch to long mode. trap.c makes the one with the TSS. */
	.section .rodata.gdt, "a"
	.balign 8
	.globl boot_gdt
boot_gdt:
	.quad 0
	.quad 0x00af9b000000ffff	/* 8: code */
	.quad 0x00cf93000000ffff	/* 16: data */
gdt_pointer:
	.short 23
	.long boot_gdt

	.section .rodata.image, "a"
	.balign 8
	.globl image_size_bytes
image_size_bytes:
	.quad image_bytes

	.section .bss.boot, "aw", @nobits
	.balign 16
	.globl machine_boot_ticks, __stack_chk_guard
__stack_chk_guard:
	.skip 8
machine_boot_ticks:
	.skip 8
