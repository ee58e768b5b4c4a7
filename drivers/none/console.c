/* SPDX-License-Identifier: ISC */
/* The console of an image without one: output is dropped, input never comes. */
#include "kernel/dev/console.h"

#include <errno.h>

void console_write(const char *text, size_t len)
{
	(void)text, (void)len;
}

void console_read(struct console_read *op, char *to, size_t max)
{
	(void)to, (void)max;
	promise_throw(&op->promise, -ENODEV);
}
