/* SPDX-License-Identifier: ISC */
/* Exceptions (Intel SDM volume 3 chapter 6). Each is named as exactly as the CPU allows, and panics.
 * Exceptions run on the fault stack, interrupts on the interrupt stack, both by IST, so that a fault on a
 * full stack can still be reported. */
#include <string.h>

#include "arch/x86_64/trap.h"
#include "arch/arch.h"
#include "arch/common/fault.h"
#include "arch/common/memory.h"
#include "arch/x86_64/cpu.h"
#include "kernel/dev/console.h"
#include "kernel/log.h"
#include "kernel/panic.h"

#define GATE_BYTES 4 /* between the entries of trap_entry.S */
#define GATE UINT64_C(0x8e00)
#define IST_INTERRUPT 1
#define IST_FAULT 2

struct tss {
	uint32_t reserved;
	uint64_t rsp[3];
	uint64_t reserved_2;
	uint64_t ist[7];
	uint64_t reserved_3;
	uint16_t reserved_4, io_map;
} __attribute__((packed));
static_assert(sizeof(struct tss) == 104, "task state segment");

extern const uint64_t boot_gdt[3];
extern const char exception_entries[], interrupt_entries[], fault_stack_top[], interrupt_stack_top[];
void exception(const struct trap_frame *frame) __attribute__((noreturn));

/* The operand of lidt and lgdt. */
struct table {
	uint16_t limit;
	uint64_t base;
} __attribute__((packed));

static uint64_t idt[VECTOR_FIRST + VECTOR_COUNT][2];
static uint64_t gdt[5]; /* null, code, data, and the TSS, which takes two */
static struct tss tss;
const struct trap_frame *trap_current;

/* By vector. */
static const char names[] =
	"divide error\0debug\0non-maskable interrupt\0breakpoint\0overflow\0bound range\0invalid opcode\0"
	"no FPU\0double fault\0coprocessor\0invalid TSS\0segment not present\0stack segment\0"
	"general protection\0page fault\0reserved\0x87 error\0alignment check\0machine check\0SIMD error\0"
	"virtualisation\0control protection\0";

void trap_init(void)
{
	const struct table interrupts = { sizeof(idt) - 1, (uintptr_t)idt };
	const struct table segments = { sizeof(gdt) - 1, (uintptr_t)gdt };
	uint64_t base = (uintptr_t)&tss;

	for (unsigned i = 0; i < ARRAY_SIZE(idt); i++) {
		bool fault = i < VECTOR_FIRST;
		uintptr_t entry = fault ? (uintptr_t)exception_entries + i * GATE_BYTES
		                        : (uintptr_t)interrupt_entries + (i - VECTOR_FIRST) * GATE_BYTES;

		idt[i][0] = (entry & 0xffff) | 8 << 16 | (uint64_t)(fault ? IST_FAULT : IST_INTERRUPT) << 32 |
		            GATE << 32 | (uint64_t)(entry >> 16 & 0xffff) << 48;
		idt[i][1] = entry >> 32;
	}
	tss.ist[IST_INTERRUPT - 1] = (uintptr_t)interrupt_stack_top;
	tss.ist[IST_FAULT - 1] = (uintptr_t)fault_stack_top;
	tss.io_map = sizeof(tss);
	gdt[1] = boot_gdt[1];
	gdt[2] = boot_gdt[2];
	gdt[3] = (sizeof(tss) - 1) | (base & 0xffffff) << 16 | UINT64_C(0x89) << 40 | (base >> 24 & 0xff) << 56;
	gdt[4] = base >> 32;
	__asm__ volatile("lidt %0" : : "m"(interrupts));
	__asm__ volatile("lgdt %0" : : "m"(segments));
	__asm__ volatile("ltr %w0" : : "r"(24));
}

static const char *name_of(uint64_t vector)
{
	const char *name = names;

	for (; vector && *name; vector--)
		name += strlen(name) + 1;
	return *name ? name : "reserved";
}

static void dump_registers(const struct trap_frame *f)
{
	static const char order[][4] = { "r15", "r14", "r13", "r12", "r11", "r10", "r9", "r8", "rdi", "rsi",
		"rbp", "rbx", "rdx", "rcx", "rax" };
	const uint64_t *values = &f->r15;
	char line[96];
	size_t len;

	for (size_t i = 0; i < ARRAY_SIZE(order); i++) {
		len = format(line, sizeof(line), "%s=%016lx%s", order[i], (unsigned long)values[i],
		             i % 3 == 2 ? "\n" : " ");
		console_write(line, MIN(len, sizeof(line) - 1));
	}
	len = format(line, sizeof(line), "rip=%016lx rsp=%016lx rflags=%lx error=%lx\n", (unsigned long)f->rip,
	             (unsigned long)f->rsp, (unsigned long)f->rflags, (unsigned long)f->error);
	console_write(line, MIN(len, sizeof(line) - 1));
}

static const char *page_fault_kind(uint64_t error)
{
	if (error & 8)
		return "broken page table";
	if (error & 16)
		return "execution of a no-execute page";
	if (!(error & 1))
		return error & 2 ? "write where no page is" : "read where no page is";
	return error & 2 ? "write to read-only page" : "read";
}

void exception(const struct trap_frame *frame)
{
	uint64_t address;

	__asm__ volatile("mov %%cr2, %0" : "=r"(address));
	fault_begin();
	trap_current = frame;
	dump_registers(frame);
	if (frame->vector == 14)
		panic("page fault: %s (%s): address 0x%lx rip 0x%lx", page_fault_kind(frame->error),
		      memory_describe(address), (unsigned long)address, (unsigned long)frame->rip);
	panic("exception %u: %s: rip 0x%lx error 0x%lx", (unsigned)frame->vector, name_of(frame->vector),
	      (unsigned long)frame->rip, (unsigned long)frame->error);
}
