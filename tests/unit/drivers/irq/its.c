/* SPDX-License-Identifier: ISC */
/* GICv3's translation service, whose registers are memory, and which is simulated while the driver waits. */
#include <errno.h>
#include <string.h>

#include "arch/arch.h"
#include "drivers/irq/gic.h"
#include "drivers/irq/irq.h"
#include "drivers/pci/pci.h"
#include "kernel/page.h"
#include "tests/lib/tree.h"

enum { SERVICE = 0x8080000, CONTROL = 0x0, TYPE = 0x8, QUEUE = 0x80, QUEUE_WRITE = 0x88, QUEUE_READ = 0x90,
       TABLES = 0x100, LPI_CONTROL = 0x0, LPI_TYPE = 0x8, LPI_TABLE = 0x70, LPI_PENDING = 0x78 };
enum { SYNC = 5, MAP_DEVICE = 8, MAP_COLLECTION = 9, MAP_EVENT = 10, INVALIDATE = 12 };
#define VALID (UINT64_C(1) << 63)
#define ADDRESS UINT64_C(0xfffffffff000)
#define FUNCTION 0x800

static uint8_t service[0x20000] __attribute__((aligned(8)));
static uint8_t redistributor[0x20000] __attribute__((aligned(8)));
static struct blob blob;
static struct fdt tree;
static const char *named; /* the controller that the bridge names */
static struct {
	uint64_t words[4];
} commands[256];
static unsigned command_count;

volatile void *arch_map_device(uint64_t start, uint64_t bytes)
{
	return start == SERVICE && bytes == sizeof(service) ? service : NULL;
}

volatile uint8_t *gicv3_redistributor(void)
{
	return redistributor;
}

uint64_t gicv3_redistributor_address(void)
{
	return 0x80a0000;
}

bool pci_message_source(uint32_t function, struct fdt_node *controller, uint32_t *id)
{
	*id = function >> 8;
	return named && fdt_at(&tree, controller, named);
}

static volatile uint64_t *at(uint8_t *registers, uint32_t offset)
{
	return (volatile uint64_t *)(registers + offset);
}

/* Executes the queued commands in order, when the driver waits for them. */
static void play(void)
{
	for (uint64_t from; (from = *at(service, QUEUE_READ)) != *at(service, QUEUE_WRITE); command_count++) {
		cr_assert_eq(*(volatile uint32_t *)(service + CONTROL), 1);
		memcpy(&commands[command_count], (char *)(uintptr_t)(*at(service, QUEUE) & ADDRESS) + from, 32);
		*at(service, QUEUE_READ) = (from + 32) % PAGE_BYTES;
	}
}

static void stay_silent(void)
{
	clock_advance_ns(NS_PER_S / 10);
}

static void begin(void)
{
	blob = blob_compile("/ { #address-cells = <1>; #size-cells = <1>; gic { #address-cells = <1>; "
	                    "#size-cells = <1>; ranges;"
	                    "other { compatible = \"arm,gic-v3-its\"; reg = <0x9000000 4>; };"
	                    "its { compatible = \"arm,gic-v3-its\"; reg = <0x8080000 0x20000>; }; }; };");
	tree = tree_open(&blob);
	named = "/gic/its";
	*at(service, TABLES) = UINT64_C(1) << 56 | UINT64_C(7) << 48;
	*at(service, TABLES + 16) = UINT64_C(4) << 56;
	*at(redistributor, LPI_TYPE) = 1 | 3 << 8;
	clock_on_read = play;
}

/* The service keeps its tables for ever; keeps_no_memory_but_its_tables checks them. */
static void end(void)
{
	blob_free(&blob);
}

TestSuite(its, .init = begin, .fini = end, .timeout = 20);

static void find(void)
{
	struct fdt_node gic;

	cr_assert(fdt_at(&tree, &gic, "/gic"));
	its_find(&tree, &gic);
}

static int message(uint32_t function)
{
	struct irq_message message = { 0, 0 };
	int lpi = its_message(function, &message);

	cr_assert_eq(message.address, lpi < 0 ? 0 : SERVICE + 0x10040);
	return lpi;
}

static void expect(unsigned i, uint64_t first, uint64_t second, uint64_t third)
{
	cr_assert_lt(i, command_count);
	cr_assert_eq(commands[i].words[0], first, "%u: %llx", i, (unsigned long long)commands[i].words[0]);
	cr_assert_eq(commands[i].words[1], second, "%u: %llx", i, (unsigned long long)commands[i].words[1]);
	cr_assert_eq(commands[i].words[2], third, "%u: %llx", i, (unsigned long long)commands[i].words[2]);
	cr_assert_eq(commands[i].words[3], 0);
}

Test(its, message_becomes_an_interrupt_of_this_cpu)
{
	struct irq_message second;
	uint64_t events;

	find();
	cr_assert_eq(message(FUNCTION), 8192);
	cr_assert_eq(its_message(FUNCTION, &second), 8193);
	cr_assert_eq(second.data, 1, "the device's second event");
	cr_assert_eq(message(2 * FUNCTION), 8194);
	events = commands[2].words[2] & ADDRESS;
	expect(0, MAP_COLLECTION, 0, VALID | 3 << 16);
	expect(1, SYNC, 0, 3 << 16);
	expect(2, MAP_DEVICE | UINT64_C(8) << 32, 1, VALID | events);
	expect(3, MAP_EVENT | UINT64_C(8) << 32, UINT64_C(8192) << 32, 0);
	expect(4, INVALIDATE | UINT64_C(8) << 32, 0, 0);
	expect(5, SYNC, 0, 3 << 16);
	expect(6, MAP_EVENT | UINT64_C(8) << 32, UINT64_C(8193) << 32 | 1, 0);
	expect(9, MAP_DEVICE | UINT64_C(16) << 32, 1, VALID | (events + 256));
}

Test(its, gets_its_tables_zeroed_and_aligned)
{
	uint64_t lpis, pending;

	find();
	cr_assert_eq(message(FUNCTION), 8192);
	lpis = *at(redistributor, LPI_TABLE);
	pending = *at(redistributor, LPI_PENDING);
	cr_assert_eq(lpis & 31, 13, "numbers of 14 bits");
	cr_assert_eq(*(uint8_t *)(uintptr_t)(lpis & ADDRESS), 0xa3, "on, at the priority of the others; RES1");
	cr_assert_eq(((uint8_t *)(uintptr_t)(lpis & ADDRESS))[1], 0);
	cr_assert_eq(((uint8_t *)(uintptr_t)(lpis & ADDRESS))[8191], 0);
	cr_assert_eq((pending & ADDRESS) % 0x10000, 0);
	cr_assert_eq(*(uint64_t *)(uintptr_t)(pending & ADDRESS), 0);
	cr_assert_eq(*(uint32_t *)redistributor, 1);
	cr_assert(*at(service, QUEUE) & VALID);
	cr_assert_eq((*at(service, QUEUE) & ADDRESS) % 0x10000, 0);
	cr_assert(*at(service, TABLES) & VALID);
	cr_assert_eq((*at(service, TABLES) & ADDRESS) % 0x10000, 0);
	cr_assert_eq(*at(service, TABLES + 8), 0, "no table that it has not got");
	cr_assert(*at(service, TABLES + 16) & VALID);
}

Test(its, keeps_no_memory_but_its_tables)
{
	struct page_stats before, after;

	find();
	page_stats(&before);
	message(FUNCTION);
	page_stats(&after);
	cr_assert_eq(after.used - before.used, 1 + 1 + 2 + 1 + 1 + 1u, "each is a page, but for the priorities");
}

Test(its, names_cpus_by_address_where_it_says_so)
{
	*at(service, TYPE) = 1 << 19;
	find();
	message(FUNCTION);
	expect(0, MAP_COLLECTION, 0, VALID | 0x80a0000);
}

Test(its, refuses_more_than_it_has_room_for)
{
	find();
	for (unsigned i = 0; i < 4; i++)
		cr_assert_eq(message(FUNCTION), 8192 + (int)i);
	cr_assert_eq(message(FUNCTION), -ENOSPC, "events of a device");
	cr_assert_eq(message(4096 << 8), -ENOSPC, "its table has so many entries");
	for (uint32_t i = 2; i <= 16; i++)
		cr_assert_geq(message(i * FUNCTION), 8192);
	cr_assert_eq(message(17 * FUNCTION), -ENOSPC, "devices");
	cr_assert_eq(message(16 * FUNCTION), 8192 + 19, "those it knows go on");
}

Test(its, is_not_there_where_the_tree_has_none)
{
	struct fdt_node root;

	cr_assert_eq(message(FUNCTION), -ENODEV);
	cr_assert(fdt_at(&tree, &root, "/"));
	its_find(&tree, &root);
	cr_assert_eq(message(FUNCTION), -ENODEV);
}

Test(its, takes_the_messages_alone_that_are_sent_to_it)
{
	find();
	named = "/gic/other";
	cr_assert_eq(message(FUNCTION), -ENODEV);
	named = NULL;
	cr_assert_eq(message(FUNCTION), -ENODEV);
}

Test(its, that_does_not_answer_is_given_up)
{
	clock_on_read = stay_silent;
	find();
	cr_assert_eq(message(FUNCTION), -ENODEV);
	cr_assert_eq(message(FUNCTION), -ENODEV);
}

/* If a service is not coherent with the CPU, shareability that it does not support reads back as none. */
static volatile uint64_t *unshared;

static void play_unshared(void)
{
	play();
	*unshared &= ~(UINT64_C(3) << 10);
}

#define UNSHARED(name, base, offset) \
	Test(its, that_does_not_see_caches_is_none_##name) \
	{ \
		clock_on_read = play_unshared; \
		unshared = at(base, offset); \
		find(); \
		cr_assert_eq(message(FUNCTION), -ENODEV); \
		cr_assert_eq(message(FUNCTION), -ENODEV); \
	}
UNSHARED(queue, service, QUEUE)
UNSHARED(devices, service, TABLES)
UNSHARED(collections, service, TABLES + 16)
UNSHARED(lpis, redistributor, LPI_TABLE)
UNSHARED(pending, redistributor, LPI_PENDING)

Test(its, without_interrupts_of_messages_is_none)
{
	*at(redistributor, LPI_TYPE) = 0;
	find();
	cr_assert_eq(message(FUNCTION), -ENODEV);
}

/* Its pages are events, pending, priorities, devices, collections, queue. */
#define WITHOUT(n) \
	Test(its, without_its_pages_is_none_##n) \
	{ \
		find(); \
		test_alloc_fail_at(n); \
		cr_assert_eq(message(FUNCTION), -ENODEV); \
		cr_assert(test_alloc_failed()); \
		cr_assert_eq(message(FUNCTION), -ENODEV); \
	}
WITHOUT(1)
WITHOUT(2)
WITHOUT(3)
WITHOUT(4)
WITHOUT(5)
WITHOUT(6)
