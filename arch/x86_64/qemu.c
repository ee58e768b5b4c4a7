/* SPDX-License-Identifier: ISC */
/* The machine: QEMU's q35 and microvm and any other with a PVH entry and a local APIC
 * (Firecracker, Cloud Hypervisor). Memory comes from the start info, devices from the command
 * line and from PCI. */
#define LOG_TAG "machine"
#include <string.h>

#include "arch/arch.h"
#include "arch/common/devices.h"
#include "arch/common/image.h"
#include "arch/common/memory.h"
#include "arch/common/ram.h"
#include "arch/common/start_options.h"
#include "arch/x86_64/cpu.h"
#include "arch/x86_64/module.h"
#include "arch/x86_64/pvh.h"
#include "arch/x86_64/trap.h"
#include "drivers/clock/tsc.h"
#include "drivers/irq/apic.h"
#include "drivers/pci/pci.h"
#include "drivers/serial/serial.h"
#include "drivers/virtio/virtio.h"
#include "kernel/dev/clock.h"
#include "kernel/dev/console.h"
#include "kernel/format.h"
#include "kernel/log.h"
#include "kernel/loop.h"
#include "kernel/page.h"
#include "kernel/panic.h"

#define BIOS_AREA 0xa0000 /* of every PC, mapped read-only by start.S */
#define BIOS_AREA_END 0x100000
#define BIOS_DATE UINT64_C(0xffff5)
#define SEABIOS_KEPT UINT64_C(0x1000000)     /* with twice as much memory */
#define SEABIOS_KEPT_LEAST UINT64_C(0x40000) /* otherwise */
#define SEABIOS_BYTES 0x24000                /* of its own code */

#define DEBUG_EXIT_PORT 0xf4   /* -device isa-debug-exit,iobase=0xf4,iosize=4 */
#define Q35_PM1A_CONTROL 0x604 /* QEMU's ICH9 */
#define MICROVM_SLOTS UINT64_C(0xfeb00000)
#define PCI_ADDRESS 0xcf8
#define PCI_DATA 0xcfc
#define PCI_PLACE UINT64_C(0xfd000000) /* never RAM on QEMU's machines; where SeaBIOS puts BARs, too */
#define PCI_PLACE_END UINT64_C(0xfe000000)
#define MICROVM_SLEEP UINT64_C(0xfea00200)
#define KEYBOARD_COMMAND 0x64

extern const char data_end[];

struct ram_range machine_initrd;

/* For a debugger in a stopped guest: time stamps of the start and of the last halt, and the sum of all halts
 * before. */
volatile uint64_t machine_idle_ticks, machine_idle_since;

const struct option machine_options[] = {
#ifdef CONFIG_VIRTIO_MMIO
	{ "virtio_mmio.device", "size@base:interrupt, as 512@0xfeb00e00:23", virtio_mmio_option, NULL },
#endif
	{ NULL, NULL, NULL, NULL },
};

static bool has_pci(void)
{
	out32(PCI_ADDRESS, UINT32_C(1) << 31);
	return in32(PCI_DATA) != UINT32_MAX;
}

/* SeaBIOS moves itself to just below the area that it reserves at the top of memory, and may overwrite the
 * image, which -kernel has loaded before: better no site than a broken one. With .data overwritten, code
 * still runs up to here. SeaBIOS is known by its date below 1 MiB; other firmware does not move. */
static void check_firmware(const struct ram_range *ranges, uint32_t count)
{
	uint64_t low = 0, top = (uintptr_t)data_end, kept = SEABIOS_KEPT_LEAST;

	if (memcmp((const char *)BIOS_DATE, "06/23/99", 8))
		return;
	for (uint32_t i = 0; i < count; i++)
		if (ranges[i].start <= top && top - ranges[i].start < ranges[i].bytes) {
			low = low ? low : ranges[i].start;
			top = ranges[i].start + ranges[i].bytes;
		}
	if (top - low >= 2 * SEABIOS_KEPT)
		kept = SEABIOS_KEPT;
	if ((uintptr_t)data_end > top - kept - SEABIOS_BYTES && (uintptr_t)image_start < top - kept)
		panic("the firmware has overwritten this image: give the machine at least %u MiB of memory",
		      (unsigned)(((uintptr_t)data_end + kept + SEABIOS_BYTES) >> 20) + 1);
}

static void memory_init(void)
{
	const struct ram_range ours[] = {
		{ BIOS_AREA, BIOS_AREA_END - BIOS_AREA, RAM_TAKEN, 0 }, /* some loaders' maps forget it */
		{ (uintptr_t)image_start, (uintptr_t)image_end - (uintptr_t)image_start, RAM_TAKEN, 0 },
		{ CONFIG_STACK_WINDOW, UINT64_MAX, RAM_TAKEN, 0 },
	};
	struct ram_range ranges[PVH_RANGES_MAX + ARRAY_SIZE(ours) + 1];
	uint32_t count = pvh_map(ranges);

	if (IS_ENABLED(CONFIG_DISK_INITRD))
		machine_initrd = module_first(&pvh_start_info, PVH_MAPPED);
	memory_close_null(); /* the command line has been copied too */
	check_firmware(ranges, count);
	memcpy(&ranges[count], ours, sizeof(ours));
	count += ARRAY_SIZE(ours);
	if (IS_ENABLED(CONFIG_DISK_INITRD))
		ranges[count++] = machine_initrd;
	pvh_give_memory(ranges, count);
}

/* Places of devices when the command line names none. Microvm's slots have addresses that PCI machines may
 * use for anything; their interrupts are a second I/O APIC's, or, without it, the first one's upper lines,
 * or, without ACPI, its lower ones, shared. */
static void find_slots(void)
{
	if (has_pci())
		return;
	if (irq_has_line(24))
		virtio_mmio_slots(MICROVM_SLOTS, 24, 24);
	else
		virtio_mmio_slots(MICROVM_SLOTS, 8, pvh_start_info.rsdp ? 16 : 5);
}

void machine_init(char ***words, size_t *count)
{
	if (IS_ENABLED(CONFIG_CONSOLE_SERIAL))
		serial_init(NULL);
	trap_init();
	*count = start_options((const char *)(uintptr_t)pvh_start_info.command_line, words);
	memory_init();
	irq_init();
	clock_init();
	if (IS_ENABLED(CONFIG_VIRTIO_MMIO))
		find_slots();
	if (IS_ENABLED(CONFIG_VIRTIO_PCI))
		pci_place(PCI_PLACE, PCI_PLACE_END);
	interrupts_on();
}

void arch_block(uint64_t deadline_ns)
{
	uint64_t now;

	interrupts_off();
	if (!loop_attention && deadline_ns > (now = clock_now_ns())) {
		if (deadline_ns != DEADLINE_NEVER) {
			clock_refine();
			irq_timer_start(now, deadline_ns);
		}
		machine_idle_since = rdtsc();
		/* sti takes effect after the next instruction: no interrupt slips in before hlt. */
		__asm__ volatile("sti; hlt" : : : "memory");
		machine_idle_ticks += rdtsc() - machine_idle_since;
	}
	interrupts_on();
}

static void wait_for_the_end(void)
{
	uint64_t end = clock_now_ns() + 20 * NS_PER_MS;

	for (unsigned i = 0; i < 1000000 && clock_now_ns() < end; i++)
		cpu_pause();
}

/* Tries every machine's way of ending, gentlest first. Only the first passes the status on; otherwise it is
 * read from the console. */
void arch_poweroff(int status)
{
	volatile uint8_t *sleep;
	char line[40];

	interrupts_off();
	console_write(line, format(line, sizeof(line), "virga: exit status %d\n", status));
	out32(DEBUG_EXIT_PORT, (uint32_t)status);
	out16(Q35_PM1A_CONTROL, 1 << 13); /* sleep type 0 is S5 there */
	wait_for_the_end();
	sleep = (volatile uint8_t *)arch_map_device(MICROVM_SLEEP, 1);
	if (sleep)
		*sleep = 1 << 5 | 5 << 2;
	wait_for_the_end();
	out8(KEYBOARD_COMMAND, 0xfe); /* reset; with -no-reboot QEMU ends */
	wait_for_the_end();
	__asm__ volatile("lidt %0; ud2" : : "m"(*(const char (*)[10])"\0\0\0\0\0\0\0\0\0"));
	__builtin_unreachable();
}
