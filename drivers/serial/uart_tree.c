/* SPDX-License-Identifier: ISC */
/* The serial port that a device tree names as stdout-path (Devicetree Specification §3.6), or else the first
 * that is known: ARM's PL011 (DDI 0183), or a 16550 whose registers lie in memory. They differ only in the
 * places of registers and bits. The speed stays as firmware has set it. If the tree cannot be used, or lacks
 * both a port and what a boot needs, the port of QEMU's machine is used to report that. */
#include "arch/arch.h"
#include "drivers/irq/tree.h"
#include "drivers/serial/serial.h"
#include "drivers/serial/uart.h"
#include "kernel/dev/clock.h"

#include <errno.h>
#include <string.h>

#define WRITES_MAX 4

#define DATA 0x00     /* of all kinds */
#define FIFO_BYTES 16 /* as many as an empty transmitter takes */

/* A kind of port. Registers by number; 0: it has none. */
struct kind {
	const char *compatible;
	uint8_t shift; /* overridden by reg-shift; its power of two is the width, overridden by reg-io-width */
	uint8_t status;
	uint8_t room;               /* status bit: the transmitter is empty */
	uint8_t input, input_value; /* status bits, and their value when a byte has come */
	uint8_t enable, enable_value, acknowledge;
	struct {
		uint8_t reg;
		uint16_t value;
	} init[WRITES_MAX];
};

#define NS16550 \
	.shift = 0, .status = 0x05, .room = 0x20, .input = 0x01, .input_value = 0x01, \
	.enable = 0x01, .enable_value = 0x01, .acknowledge = 0x00, .init = { \
		{ .reg = 0x01, .value = 0x00 }, /* interrupts: none */ \
		{ .reg = 0x03, .value = 0x03 }, /* 8N1 */ \
		{ .reg = 0x02, .value = 0x07 }, /* FIFOs on, empty */ \
		{ .reg = 0x04, .value = 0x0b }, /* DTR, RTS, and OUT2, which lets the interrupt through */ \
	}

static const struct kind kinds[] = {
	{
		.compatible = "arm,pl011",
		.shift = 2, .status = 0x06, .room = 0x80, .input = 0x10, .input_value = 0x00,
		.enable = 0x0e, .enable_value = 0x50, .acknowledge = 0x11, .init = {
			{ .reg = 0x0e, .value = 0x000 }, /* interrupts: none */
			{ .reg = 0x0b, .value = 0x070 }, /* 8N1, FIFOs */
			{ .reg = 0x0c, .value = 0x301 }, /* on, both ways */
		},
	},
	{ .compatible = "ns16550a", NS16550 },
	{ .compatible = "ns16550", NS16550 },
};

static const struct kind *kind;
static volatile uint8_t *base;
static uint32_t shift, width;
static const struct fdt *tree; /* NULL: there is none */
static struct fdt_node node;   /* the port's; its interrupt is looked up later */

static void write(uint8_t reg, uint32_t value)
{
	if (width == 4)
		*(volatile uint32_t *)(base + (reg << shift)) = value;
	else
		base[reg << shift] = (uint8_t)value;
}

static uint32_t read(uint8_t reg)
{
	return width == 4 ? *(volatile uint32_t *)(base + (reg << shift)) : base[reg << shift];
}

static bool start(const struct kind *k, uint64_t at)
{
	uint64_t own_shift = fdt_number(tree, &node, "reg-shift", k->shift);
	uint64_t own_width = fdt_number(tree, &node, "reg-io-width", 1u << k->shift);

	if (own_shift > 3 || (own_width != 1 && own_width != 4) || (own_width == 4 && at % 4))
		return false;
	base = arch_map_device(at, 0x20u << own_shift);
	if (!base)
		return false;
	kind = k;
	shift = (uint32_t)own_shift;
	width = (uint32_t)own_width;
	for (unsigned i = 0; i < WRITES_MAX && k->init[i].reg; i++)
		write(k->init[i].reg, k->init[i].value);
	return true;
}

static bool start_node(void)
{
	struct fdt_range at;

	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
		if (fdt_lists(tree, &node, "compatible", kinds[i].compatible) &&
		    fdt_reg(tree, &node, 0, &at) == 0 && start(&kinds[i], at.start))
			return true;
	return false;
}

void serial_init(const struct fdt *t)
{
	const char *path;

	for (size_t i = 0; !t && i < ARRAY_SIZE(kinds); i++)
		if (!strcmp(kinds[i].compatible, CONFIG_SERIAL_FALLBACK_KIND)) {
			start(&kinds[i], CONFIG_SERIAL_FALLBACK);
			return;
		}
	tree = t;
	fdt_at(tree, &node, "/chosen");
	path = fdt_string(tree, &node, "stdout-path");
	if (path && fdt_at(tree, &node, path) && start_node())
		return;
	node.depth = 0;
	while (fdt_next(tree, &node))
		if (start_node())
			return;
}

/* Output before the clock runs, the last that a boot needs, tells that it fails. */
unsigned uart_room(void)
{
	if (!kind && !clock_now_ns())
		serial_init(NULL);
	return kind && read(kind->status) & kind->room ? FIFO_BYTES : 0;
}

void uart_put(uint8_t byte)
{
	write(DATA, byte);
}

void uart_acknowledge(void)
{
	if (kind->acknowledge)
		write(kind->acknowledge, kind->enable_value);
}

bool uart_has_input(void)
{
	return (read(kind->status) & kind->input) == kind->input_value;
}

uint8_t uart_get(void)
{
	return (uint8_t)read(DATA);
}

int uart_listen(struct poller *p)
{
	int line = irq_line_of(tree, &node, 0);
	int error = line < 0 ? line : irq_attach_line((unsigned)line, p);

	if (!error)
		write(kind->enable, kind->enable_value);
	return error;
}
