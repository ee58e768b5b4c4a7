/* SPDX-License-Identifier: ISC */
/* The start of the report of an exception, on any CPU. */
#include "arch/common/fault.h"
#include "arch/arch.h"
#include "kernel/dev/console.h"

void fault_begin(void)
{
	static unsigned depth;

	/* On a fault inside the report of another the report ends here. */
	if (depth++) {
		if (depth == 2)
			console_write("virga: fault inside the fault report\n", 37);
		arch_poweroff(1);
	}
	console_write("\n", 1);
}
