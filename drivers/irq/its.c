/* SPDX-License-Identifier: ISC */
/* GICv3's interrupt translation service (IHI 0069 §5), which turns writes of PCI functions into interrupts of
 * this CPU: a command maps each event of a device to an LPI. It is set up when the first message is asked
 * for; each command is waited for. */
#include "arch/arch.h"
#include "drivers/irq/gic.h"
#include "drivers/irq/irq.h"
#include "drivers/pci/pci.h"
#include "kernel/dev/clock.h"
#include "kernel/page.h"

#include <errno.h>

/* Registers (§12.19) of the first frame and, behind it, the second. */
enum {
	CONTROL = 0x0, TYPE = 0x8, QUEUE = 0x80, QUEUE_WRITE = 0x88, QUEUE_READ = 0x90, TABLES = 0x100,
	TRANSLATE = 0x10040, ITS_BYTES = 0x20000,
};
enum { TABLES_MAX = 8, TABLE_DEVICES = 1, TABLE_COLLECTIONS = 4 };
/* A redistributor's first frame (§12.11). */
enum { LPI_CONTROL = 0x0, LPI_TYPE = 0x8, LPI_TABLE = 0x70, LPI_PENDING = 0x78 };
#define TARGET_BY_ADDRESS (UINT64_C(1) << 19)
#define VALID (UINT64_C(1) << 63)
#define CACHED (UINT64_C(7) << 59 | UINT64_C(1) << 10)    /* QUEUE, TABLES: write-back, inner shareable */
#define LPI_CACHED (UINT64_C(7) << 7 | UINT64_C(1) << 10) /* the same for LPI_TABLE, LPI_PENDING */
#define PENDING_NONE (UINT64_C(1) << 62)
#define LPI_BITS 14 /* width of an LPI's number: the smallest allowed */
#define LPI_PAGES (((1 << LPI_BITS) - GIC_LPI) / PAGE_BYTES) /* a byte each */
#define LPI_CONFIGURATION (GIC_PRIORITY | 3) /* of an enabled LPI; the second bit is always one */
#define SHARED (UINT64_C(1) << 10) /* of QUEUE, TABLES, LPI_TABLE, LPI_PENDING: stays if caches are seen */
#define TABLE_ALIGNMENT 0x10000
#define PATIENCE_NS NS_PER_S

/* Commands (§5.3): four words each. */
enum { SYNC = 0x05, MAP_DEVICE = 0x08, MAP_COLLECTION = 0x09, MAP_EVENT = 0x0a, INVALIDATE = 0x0c };
#define COMMANDS (PAGE_BYTES / sizeof(struct command))

#define DEVICES_MAX 16
#define EVENT_BITS 2 /* of a device's event numbers; virtio has two: of its queues and its configuration */
#define EVENTS_BYTES (PAGE_BYTES / DEVICES_MAX) /* four events of at most 16 bytes; aligned to 256 */

struct command {
	uint64_t words[4];
};

static struct {
	struct fdt_node node;
	uint64_t translate;         /* the address that devices write to */
	volatile uint8_t *base;     /* NULL: not set up */
	volatile uint8_t *lpis;     /* the table of priorities */
	struct command *queue;
	uint8_t *events;            /* EVENTS_BYTES for each device, the service's own */
	uint64_t target;            /* this CPU, as commands take it */
	uint64_t ids;               /* number of device ids that its table has room for */
	uint32_t next, lpi_count, device_count;
	struct {
		uint32_t id, events;
	} devices[DEVICES_MAX];
} its;

static volatile uint64_t *reg(volatile uint8_t *base, uint32_t offset)
{
	return (volatile uint64_t *)(base + offset);
}

/* Allocates zeroed pages at a multiple of 64 KiB, as registers want them; never freed. NULL: no memory. */
static void *table_alloc(size_t pages)
{
	size_t spare = TABLE_ALIGNMENT / PAGE_BYTES - 1, before;
	uint8_t *all = page_alloc(pages + spare, true);

	if (!all)
		return NULL;
	before = -(uintptr_t)all % TABLE_ALIGNMENT / PAGE_BYTES;
	if (before)
		page_free(all, before);
	if (before < spare)
		page_free(all + (before + pages) * PAGE_BYTES, spare - before);
	return all + before * PAGE_BYTES;
}

/* Gives the service its tables of devices and collections, one page each, of the size that it chooses. */
static bool place_tables(void)
{
	for (uint32_t i = 0; i < TABLES_MAX; i++) {
		volatile uint64_t *table = reg(its.base, TABLES + 8 * i);
		uint64_t type = *table >> 56 & 7, page;
		size_t bytes;
		void *at;

		if (type != TABLE_DEVICES && type != TABLE_COLLECTIONS)
			continue;
		*table = CACHED; /* asks for pages of 4 KiB */
		page = *table >> 8 & 3;
		bytes = (size_t)PAGE_BYTES << 2 * page;
		at = page < 3 ? table_alloc(bytes / PAGE_BYTES) : NULL;
		if (!at)
			return false;
		*table = VALID | CACHED | (uintptr_t)at | page << 8;
		if (type == TABLE_DEVICES)
			its.ids = bytes / ((*table >> 48 & 31) + 1);
	}
	return true;
}

/* Makes the tables of this CPU's LPIs: all disabled, none pending. */
static bool start_lpis(volatile uint8_t *redistributor)
{
	void *pending = table_alloc(1);

	its.lpis = table_alloc(LPI_PAGES);
	if (!(*reg(redistributor, LPI_TYPE) & 1) || !its.lpis || !pending)
		return false;
	*reg(redistributor, LPI_TABLE) = (uintptr_t)its.lpis | LPI_CACHED | (LPI_BITS - 1);
	*reg(redistributor, LPI_PENDING) = (uintptr_t)pending | LPI_CACHED | PENDING_NONE;
	*(volatile uint32_t *)(redistributor + LPI_CONTROL) |= 1;
	return true;
}

static bool command(uint64_t first, uint64_t second, uint64_t third)
{
	its.queue[its.next] = (struct command){ { first, second, third } };
	its.next = (its.next + 1) % COMMANDS;
	__atomic_thread_fence(__ATOMIC_SEQ_CST); /* the command is written before the index */
	*reg(its.base, QUEUE_WRITE) = its.next * sizeof(struct command);
	for (uint64_t end = clock_now_ns() + PATIENCE_NS; clock_now_ns() < end;)
		if (*reg(its.base, QUEUE_READ) == its.next * sizeof(struct command))
			return true;
	return false;
}

static bool start_queue(void)
{
	its.queue = table_alloc(1);
	if (!its.queue)
		return false;
	*reg(its.base, QUEUE) = VALID | CACHED | (uintptr_t)its.queue;
	*reg(its.base, QUEUE_WRITE) = 0;
	*(volatile uint32_t *)(its.base + CONTROL) |= 1;
	return command(MAP_COLLECTION, 0, VALID | its.target) && command(SYNC, 0, its.target);
}

/* Does the service see our caches (§12.19, GITS_BASER, GITS_CBASER; §12.11)? Then the registers keep the
 * shareability that was written. */
static bool is_coherent(volatile uint8_t *redistributor)
{
	uint64_t all = *reg(its.base, QUEUE) & *reg(redistributor, LPI_TABLE) & *reg(redistributor, LPI_PENDING);

	for (uint32_t i = 0; i < TABLES_MAX; i++)
		if (*reg(its.base, TABLES + 8 * i) & VALID)
			all &= *reg(its.base, TABLES + 8 * i);
	return all & SHARED;
}

static int start(void)
{
	volatile uint8_t *redistributor = gicv3_redistributor();
	uint64_t number = *reg(redistributor, LPI_TYPE) >> 8 & 0xffff;

	its.target = *reg(its.base, TYPE) & TARGET_BY_ADDRESS ? gicv3_redistributor_address() : number << 16;
	its.events = page_alloc(1, true);
	return its.events && start_lpis(redistributor) && place_tables() && start_queue() &&
	       is_coherent(redistributor) ? 0 : -ENODEV;
}

void its_find(const struct fdt *tree, const struct fdt_node *gic)
{
	struct fdt_node n = FDT_BEGIN;
	struct fdt_range at;

	while (fdt_next_child(tree, gic, &n))
		if (fdt_lists(tree, &n, "compatible", "arm,gic-v3-its") && fdt_reg(tree, &n, 0, &at) == 0 &&
		    at.bytes >= ITS_BYTES) {
			its.node = n;
			its.translate = at.start + TRANSLATE;
			return;
		}
}

/* Sets the service up, if that has not been done. */
static int need_service(void)
{
	int error;

	if (its.base)
		return 0;
	its.base = arch_map_device(its.translate - TRANSLATE, ITS_BYTES);
	error = its.base ? start() : -ENODEV;
	if (error)
		its.translate = 0;
	return error;
}

/* Maps device id, if that has not been done. Gives its index in devices, or a negative errno. */
static int find_device(uint32_t id)
{
	uint32_t i = 0;

	while (i < its.device_count && its.devices[i].id != id)
		i++;
	if (i < its.device_count)
		return (int)i;
	if (i == DEVICES_MAX || id >= its.ids)
		return -ENOSPC;
	if (!command(MAP_DEVICE | (uint64_t)id << 32, EVENT_BITS - 1,
	             VALID | (uintptr_t)(its.events + i * EVENTS_BYTES)))
		return -ENODEV;
	its.devices[its.device_count++].id = id;
	return (int)i;
}

/* Maps event of device id to the next LPI. */
static bool map_event(uint32_t id, uint32_t event)
{
	uint64_t device = (uint64_t)id << 32, lpi = GIC_LPI + its.lpi_count;

	its.lpis[its.lpi_count] = LPI_CONFIGURATION;
	return command(MAP_EVENT | device, event | lpi << 32, 0) && command(INVALIDATE | device, event, 0) &&
	       command(SYNC, 0, its.target);
}

int its_message(uint32_t function, struct irq_message *message)
{
	struct fdt_node controller;
	uint32_t id, event;
	int i, error;

	if (!its.translate || !pci_message_source(function, &controller, &id) ||
	    !fdt_same(&controller, &its.node))
		return -ENODEV;
	error = need_service();
	i = error ? error : find_device(id);
	if (i < 0)
		return i;
	event = its.devices[i].events;
	if (event == 1 << EVENT_BITS)
		return -ENOSPC;
	if (!map_event(id, event))
		return -ENODEV;
	its.devices[i].events++;
	*message = (struct irq_message){ its.translate, event };
	return (int)(GIC_LPI + its.lpi_count++);
}
