/* SPDX-License-Identifier: ISC */
/* The serial port named by a device tree, and its registers. */
#include <errno.h>
#include <string.h>

#include "arch/arch.h"
#include "drivers/irq/tree.h"
#include "drivers/serial/serial.h"
#include "drivers/serial/uart.h"
#include "kernel/loop.h"
#include "tests/lib/tree.h"

#define ROOT "/ { #address-cells = <1>; #size-cells = <1>; interrupt-parent = <&irq>;" \
	"irq: irq { interrupt-controller; #interrupt-cells = <1>; };"
#define PL011 "compatible = \"arm,pl011\", \"arm,primecell\"; interrupts = <33>; "
#define NS16550 "compatible = \"ns16550a\"; interrupts = <34>; "

static struct {
	uint64_t start;
	uint8_t registers[0x100];
} ports[2] __attribute__((aligned(8)));
static struct blob blob;
static struct fdt tree;
static unsigned attached, mapped;

volatile void *arch_map_device(uint64_t start, uint64_t bytes)
{
	mapped++;
	for (unsigned i = 0; i < ARRAY_SIZE(ports); i++)
		if (ports[i].start == start && bytes <= sizeof(ports[i].registers))
			return ports[i].registers;
	return NULL;
}

int irq_line(const struct fdt_interrupt *interrupt)
{
	return (int)interrupt->cells[0];
}

int irq_attach_line(unsigned line, struct poller *p)
{
	(void)p;
	attached = line;
	return 0;
}

static void begin(void)
{
	test_begin();
	ports[0].start = 0x9000000;
	ports[1].start = 0x9040000;
}

static void end(void)
{
	blob_free(&blob);
	test_end();
}

TestSuite(uart_tree, .init = begin, .fini = end, .timeout = 20);

static void start(const char *source)
{
	blob = blob_compile(source);
	tree = tree_open(&blob);
	serial_init(&tree);
}

static uint32_t *word(unsigned port, uint32_t offset)
{
	return (uint32_t *)(ports[port].registers + offset);
}

/* Expects a byte on this port, as a PL011 or as a 16550. */
static void expect_pl011(unsigned port)
{
	*word(port, 0x18) = 0x80;
	cr_assert_geq(uart_room(), 2u);
	uart_put('x');
	cr_assert_eq(*word(port, 0), 'x');
}

Test(uart_tree, is_the_one_that_is_chosen)
{
	start(ROOT "aliases { second = \"/b@9040000\"; }; chosen { stdout-path = \"second:115200n8\"; };"
	      "a@9000000 { " PL011 "reg = <0x9000000 0x1000>; };"
	      "b@9040000 { " PL011 "reg = <0x9040000 0x1000>; }; };");
	expect_pl011(1);
}

Test(uart_tree, is_else_the_first_that_is_known_and_there)
{
	start(ROOT "chosen { stdout-path = \"/strange\"; }; strange { compatible = \"strange\"; };"
	      "off@1 { " PL011 "reg = <1 1>; status = \"disabled\"; };"
	      "a@9040000 { " PL011 "reg = <0x9040000 0x1000>; };"
	      "b@9000000 { " PL011 "reg = <0x9000000 0x1000>; }; };");
	expect_pl011(1);
}

Test(uart_tree, pl011_is_set_up_and_asked_for_input)
{
	struct poller poller;

	start(ROOT "a@9000000 { " PL011 "reg = <0x9000000 0x1000>; }; };");
	cr_assert_eq(*word(0, 0x38), 0, "no interrupts");
	cr_assert_eq(*word(0, 0x2c), 0x70);
	cr_assert_eq(*word(0, 0x30), 0x301);
	*word(0, 0x18) = 0x20;
	cr_assert_eq(uart_room(), 0u, "full");
	*word(0, 0x18) = 0x10;
	cr_assert(!uart_has_input());
	*word(0, 0x18) = 0;
	*word(0, 0) = 'y';
	cr_assert(uart_has_input());
	cr_assert_eq(uart_get(), 'y');
	cr_assert_eq(uart_listen(&poller), 0);
	cr_assert_eq(attached, 33u);
	cr_assert_eq(*word(0, 0x38), 0x50);
	uart_acknowledge();
	cr_assert_eq(*word(0, 0x44), 0x50);
}

Test(uart_tree, sixteen_five_fifty_has_bytes)
{
	struct poller poller;
	uint8_t *at = ports[0].registers;

	start(ROOT "a@9000000 { " NS16550 "reg = <0x9000000 0x1000>; }; };");
	cr_assert_eq(at[3], 3);
	cr_assert_eq(at[2], 7);
	at[5] = 0;
	cr_assert(!uart_room() && !uart_has_input());
	at[5] = 0x21;
	cr_assert(uart_room() >= 2 && uart_has_input());
	uart_put('z');
	cr_assert_eq(at[0], 'z');
	cr_assert_eq(uart_listen(&poller), 0);
	cr_assert_eq(attached, 34u);
	cr_assert_eq(at[1], 1);
	memset(at, 0xee, 8);
	uart_acknowledge();
	cr_assert_eq(at[0], 0xee, "it acknowledges by itself");
}

Test(uart_tree, sixteen_five_fifty_may_have_words)
{
	start(ROOT "a@9000000 { " NS16550 "reg = <0x9000000 0x1000>; reg-shift = <2>; reg-io-width = <4>;"
	      "}; };");
	*word(0, 5 * 4) = 0x20;
	cr_assert(uart_room());
	uart_put('w');
	cr_assert_eq(*word(0, 0), 'w');
	cr_assert_eq(*word(0, 3 * 4), 3);
}

Test(uart_tree, that_makes_no_sense_is_passed_over)
{
	start(ROOT "a@9000000 { " NS16550 "reg = <0x9000000 0x1000>; reg-shift = <9>; };"
	      "b@9000001 { " PL011 "reg = <0x9000002 0x1000>; }; c@9000000 { " NS16550 "reg-io-width = <2>;"
	      "reg = <0x9000000 0x1000>; }; d { " PL011 "};"
	      "e@9040000 { " PL011 "reg = <0x9040000 0x1000>; }; };");
	expect_pl011(1);
}

Test(uart_tree, without_one_nothing_is_written)
{
	struct poller poller;

	start(ROOT "};");
	cr_assert_eq(uart_room(), 0u);
	cr_assert_eq(mapped, 0u);
	cr_assert_lt(uart_listen(&poller), 0);
}

static void expect_usual(void)
{
	*word(0, 0x18) = 0x80;
	cr_assert_geq(uart_room(), 2u);
	uart_put('!');
	cr_assert_eq(*word(0, 0), '!');
}

Test(uart_tree, before_the_tree_is_known_it_is_that_of_the_usual_machine)
{
	clock_set_ns(0);
	expect_usual();
}

/* A tree whose names or cells are wrong has neither what a boot needs nor a port to report that. */
Test(uart_tree, without_one_a_boot_that_fails_is_reported_to_the_usual_machines)
{
	struct poller poller;

	clock_set_ns(0);
	start(ROOT "};");
	cr_assert_eq(mapped, 0u);
	expect_usual();
	cr_assert_lt(uart_listen(&poller), 0);
}
