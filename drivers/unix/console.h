/* SPDX-License-Identifier: ISC */
/* The console of a process; its calls are kernel/dev/console.h. */
#ifndef DRIVERS_UNIX_CONSOLE_H
#define DRIVERS_UNIX_CONSOLE_H

#include "kernel/util.h"

/* Checks whether standard output is a terminal: before the start options, which may override it. */
void unix_console_init(void);

#endif
