/* SPDX-License-Identifier: ISC */
/* How the report of an exception begins, whatever the CPU. */
#include "arch/common/fault.h"
#include "arch/arch.h"
#include "kernel/dev/console.h"

void fault_begin(void)
{
	static unsigned depth;

	/* A fault while a fault is reported: what is out is out. */
	if (depth++) {
		if (depth == 2)
			console_write("virga: fault inside the fault report\n", 37);
		arch_poweroff(1);
	}
	console_write("\n", 1);
}
