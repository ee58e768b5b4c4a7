/* SPDX-License-Identifier: ISC */
/* The serial console; its calls are kernel/dev/console.h. */
#ifndef DRIVERS_SERIAL_SERIAL_H
#define DRIVERS_SERIAL_SERIAL_H

#include "kernel/util.h"

void serial_init(void);
/* What console_is_terminal answers: a port cannot know who listens. Target of a start option. */
extern bool serial_is_terminal;

#endif
