/* SPDX-License-Identifier: ISC */
/* The machine that a device tree describes: QEMU's virt, Firecracker, Cloud Hypervisor, a guest of Xen, on
 * any CPU. Memory and start options come from the tree, and each driver finds its own node. Registers and
 * memory are mapped as they are needed, and memory only where the tree says that it is free. */
#define LOG_TAG "machine"
#include <errno.h>
#include <string.h>

#include "arch/arch.h"
#include "arch/common/devices.h"
#include "arch/common/image.h"
#include "arch/common/memory.h"
#include "arch/common/ram.h"
#include "arch/common/start_options.h"
#include "arch/devicetree/xen.h"
#include "drivers/clock/alarm.h"
#include "drivers/clock/rtc.h"
#include "drivers/fdt/fdt.h"
#include "drivers/firmware/firmware.h"
#include "drivers/irq/tree.h"
#include "drivers/pci/pci.h"
#include "drivers/serial/serial.h"
#include "drivers/virtio/virtio.h"
#include "drivers/xen/xen.h"
#include "init/init.h"
#include "kernel/dev/clock.h"
#include "kernel/dev/console.h"
#include "kernel/format.h"
#include "kernel/log.h"
#include "kernel/loop.h"
#include "kernel/page.h"
#include "kernel/panic.h"
#include "posix/posix.h"
#include CONFIG_CPU_HEADER

#define RANGES_MAX 64 /* as in other loaders' maps; trees of virtual machines have a few */
#define TREE_BYTES_MAX 0x200000 /* the boot protocols' limit */
#define GIB (UINT64_C(1) << 30)

#define CANARY_BYTES (sizeof(__stack_chk_guard) - 1)
#define SEED_BYTES 40 /* as many as spread uses */

void boot(uintptr_t tree_address) __attribute__((noreturn));

/* The key, and the function that installs it, are in arch/aarch64/start.S. */
extern uintptr_t __stack_chk_guard;
extern uint8_t pointer_key[16];
void sign_returns(void);

struct ram_range machine_initrd;

static uintptr_t tree_start;
static struct fdt tree;
static struct fdt_node chosen; /* the loader's node; without it, all its properties are absent */
static struct {
	struct ram_range list[RANGES_MAX];
	uint32_t count;
} ranges;

/* For a debugger in a stopped guest: the counts at the start and at the last halt, and the sum of all halts
 * before. */
volatile uint64_t machine_idle_ticks, machine_idle_since;

const struct option machine_options[] = {
	{ NULL, NULL, NULL, NULL },
};

/* Maps the tree's first words, which hold its length, then the rest. */
static const char *open_tree(void)
{
	static const char elsewhere[] = "it lies where no memory can be, or in the image";
	const uint32_t *blob = (const uint32_t *)tree_start;
	const char *why;
	uint32_t bytes;

	if (!tree_start || tree_start % 8)
		return "there is none at the address that the loader gives";
	if (memory_map_pages(tree_start, (uint64_t)tree_start + 8) < 0)
		return elsewhere;
	bytes = __builtin_bswap32(blob[1]);
	if (bytes > TREE_BYTES_MAX)
		return "it is not one, or has more than 2 MiB";
	if (memory_map_pages(tree_start, (uint64_t)tree_start + bytes) < 0)
		return elsewhere;
	return fdt_open(&tree, blob, bytes, &why) < 0 ? why : NULL;
}

static void tree_init(void)
{
	const char *why = open_tree();

	if (!why && !IS_ENABLED(CONFIG_TARGET_XEN))
		firmware_init(&tree); /* before anything that may fault */
	if (IS_ENABLED(CONFIG_CONSOLE_SERIAL))
		serial_init(why ? NULL : &tree);
	if (why)
		panic("the device tree cannot be used: %s", why);
	fdt_at(&tree, &chosen, "/chosen");
}

/* The first bytes go to malloc's seed, the next to the canary, whose lowest byte stays zero; the others to
 * the key that signs returns, or to the canary, too. */
__attribute__((no_stack_protector)) static void spread(const uint8_t *seed, uint32_t bytes)
{
	uint8_t *canary = (uint8_t *)&__stack_chk_guard + 1;

	for (uint32_t i = 0; i < bytes; i++)
		if (i < sizeof(posix_seed))
			posix_seed[i] ^= seed[i];
		else if (IS_ENABLED(CONFIG_BRANCH_PROTECTION) && i >= sizeof(posix_seed) + CANARY_BYTES)
			pointer_key[i % sizeof(pointer_key)] ^= seed[i];
		else
			canary[i % CANARY_BYTES] ^= seed[i];
}

/* Mixes in the loader's random seed, which is better than start.S's; or else the firmware's, whose cost only
 * an image with a key pays. The secrets that guard returns may change here, for the callers never return. */
__attribute__((no_stack_protector)) static void stir(void)
{
	uint8_t random[SEED_BYTES];
	struct fdt_value seed;

	if (fdt_property(&tree, &chosen, "rng-seed", &seed)) {
		spread(seed.at, seed.bytes);
		memset((void *)(uintptr_t)seed.at, 0, seed.bytes); /* so that nothing else reads it */
	} else if (IS_ENABLED(CONFIG_BRANCH_PROTECTION) && IS_ENABLED(CONFIG_SMCCC) &&
	           firmware_random(random, sizeof(random)) == 0) {
		spread(random, sizeof(random));
	}
}

void boot(uintptr_t tree_address)
{
	tree_start = tree_address;
	tree_init();
	stir();
	if (IS_ENABLED(CONFIG_BRANCH_PROTECTION))
		sign_returns();
	init_main();
}

static void add_range(uint64_t start, uint64_t bytes, uint32_t kind)
{
	if (ranges.count == RANGES_MAX)
		panic("the device tree has more than %u regions of memory", RANGES_MAX);
	ranges.list[ranges.count++] = (struct ram_range){ start, bytes, kind, 0 };
}

/* A malformed memory node is not used; a malformed reservation panics, for it might be of any memory. */
static void add_regs(const struct fdt_node *n, uint32_t kind)
{
	struct fdt_range at;
	uint32_t i = 0;
	int error;

	while (!(error = fdt_reg(&tree, n, i, &at))) {
		add_range(at.start, at.bytes, kind);
		i++;
	}
	if (kind == RAM_TAKEN && (!i || error == -ERANGE) && fdt_has(&tree, n, "reg"))
		panic("the device tree reserves memory, and %s does not say where", fdt_name(&tree, n));
}

/* Finds the loader's initial RAM disk. */
static void find_initrd(void)
{
	uint64_t start = fdt_number(&tree, &chosen, "linux,initrd-start", UINT64_MAX);
	uint64_t end = fdt_number(&tree, &chosen, "linux,initrd-end", 0);

	if (end <= start)
		return;
	add_range(start, end - start, RAM_TAKEN);
	if (IS_ENABLED(CONFIG_DISK_INITRD))
		machine_initrd = (struct ram_range){ start, end - start, RAM_TAKEN, 0 };
}

static void find_memory(void)
{
	struct fdt_node n = FDT_BEGIN, child = FDT_BEGIN;
	struct fdt_range at;

	while (fdt_next_with(&tree, &n, "device_type", "memory"))
		add_regs(&n, RAM_FREE);
	for (uint32_t i = 0; fdt_reservation(&tree, i, &at); i++)
		add_range(at.start, at.bytes, RAM_TAKEN);
	if (fdt_at(&tree, &n, "/reserved-memory"))
		while (fdt_next_child(&tree, &n, &child))
			add_regs(&child, RAM_TAKEN);
	find_initrd();
	add_range(image_physical, image_size_bytes, RAM_TAKEN);
	add_range(tree_start, tree.bytes, RAM_TAKEN);
	add_range(CONFIG_IMAGE_ADDRESS, UINT64_MAX, RAM_TAKEN);
	add_range(0, PAGE_BYTES, RAM_TAKEN); /* even where memory begins there, NULL is not mapped */
}

/* The page tables of a GiB come from memory below it. A GiB with registers in it is not used at all. */
static void add_memory(uint64_t start, uint64_t end)
{
	start = ALIGN_UP(start, (uint64_t)PAGE_BYTES);
	end = ALIGN_DOWN(end, (uint64_t)PAGE_BYTES);
	for (uint64_t next; start < end; start = next) {
		next = MIN(end, ALIGN_DOWN(start, GIB) + GIB);
		if (memory_map_pages(start, next) == 0)
			page_add_region((uintptr_t)start, (uintptr_t)next);
		else
			log_warn("memory start=0x%llx end=0x%llx unused=\"cannot be mapped\"", (unsigned long long)start,
			         (unsigned long long)next);
	}
}

static void memory_init(void)
{
	uint64_t start, end = 0;
	struct page_stats stats;

	find_memory();
	while (ram_next(ranges.list, ranges.count, &start, &end))
		add_memory(start, end);
	page_stats(&stats);
	if (!stats.total)
		panic("the device tree names no memory that is free");
}

void machine_init(char ***words, size_t *count)
{
	*count = start_options(fdt_string(&tree, &chosen, "bootargs"), words);
	memory_init();
	irq_init(&tree);
	alarm_init(&tree);
	if (IS_ENABLED(CONFIG_TARGET_XEN))
		xen_tree_init(&tree);
	else
		rtc_init(&tree);
	if (IS_ENABLED(CONFIG_VIRTIO_MMIO))
		virtio_mmio_tree(&tree);
	if (IS_ENABLED(CONFIG_VIRTIO_PCI))
		pci_tree(&tree);
	interrupts_on();
}

void arch_block(uint64_t deadline_ns)
{
	interrupts_off();
	if (!loop_attention && deadline_ns > clock_now_ns()) {
		alarm_set(deadline_ns);
		irq_rearm();
		machine_idle_since = cpu_timer_count();
		cpu_wait();
		cpu_timer_stop(); /* masks the timer, or it would interrupt at each irq_rearm until it is set */
		machine_idle_ticks += cpu_timer_count() - machine_idle_since;
	} else {
		irq_rearm();
	}
	interrupts_on();
}

/* The status is written to the console, unless that is what faults. */
void arch_poweroff(int status)
{
	static bool is_said;
	char line[40];

	interrupts_off();
	if (!is_said) {
		is_said = true;
		console_write(line, format(line, sizeof(line), "virga: exit status %d\n", status));
	}
	if (IS_ENABLED(CONFIG_TARGET_XEN))
		xen_tree_end(status);
	else
		firmware_power_off();
	for (;;)
		cpu_wait();
}
