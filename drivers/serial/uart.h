/* SPDX-License-Identifier: ISC */
/* The device behind the serial console (serial.c). */
#ifndef DRIVERS_SERIAL_UART_H
#define DRIVERS_SERIAL_UART_H

#include "kernel/util.h"

struct poller;

/* Bytes that the transmitter takes now: 2 or more, or 0. */
unsigned uart_room(void);
void uart_put(uint8_t byte);
/* Acknowledges interrupts, before the look whether a byte has come. */
void uart_acknowledge(void);
bool uart_has_input(void);
uint8_t uart_get(void);
/* From now on input marks p. 0, or a negative errno: there is no interrupt, or no device. */
int uart_listen(struct poller *p);

#endif
