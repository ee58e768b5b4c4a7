/* SPDX-License-Identifier: ISC */
/* COM1, a 16550 (National Semiconductor PC16550D), which every PC has. */
#include "arch/x86_64/cpu.h"
#include "drivers/irq/irq.h"
#include "drivers/serial/serial.h"
#include "drivers/serial/uart.h"

#include <errno.h>

#define PORT 0x3f8
#define GSI 4
#define DATA (PORT + 0)
#define IER (PORT + 1)
#define FCR (PORT + 2)
#define LCR (PORT + 3)
#define MCR (PORT + 4)
#define LSR (PORT + 5)
#define LSR_DATA_READY 0x01
#define LSR_THR_EMPTY 0x20
#define FIFO_BYTES 16

void serial_init(const struct fdt *tree)
{
	(void)tree;
	out8(IER, 0);
	out8(LCR, 0x80); /* divisor: 115200 */
	out8(DATA, 1);
	out8(IER, 0);
	out8(LCR, 0x03); /* 8N1 */
	out8(FCR, 0x07); /* FIFOs on, empty */
	out8(MCR, 0x0b); /* DTR, RTS, and OUT2, which lets the interrupt through */
}

unsigned uart_room(void)
{
	return in8(LSR) & LSR_THR_EMPTY ? FIFO_BYTES : 0;
}

void uart_put(uint8_t byte)
{
	out8(DATA, byte);
}

/* The line is edge triggered, and needs no acknowledgement. */
void uart_acknowledge(void)
{
}

bool uart_has_input(void)
{
	return in8(LSR) & LSR_DATA_READY;
}

uint8_t uart_get(void)
{
	return in8(DATA);
}

int uart_listen(struct poller *p)
{
	int error = irq_attach_line(GSI, p);

	out8(IER, 1);
	return in8(LSR) == 0xff ? -ENODEV : error;
}
