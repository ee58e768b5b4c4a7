/* SPDX-License-Identifier: ISC */
/* The lines with pollers, in a table: they are few, and an interrupt may have several pollers. */
#include "drivers/irq/lines.h"

#include <errno.h>

#define LINES_MAX 48 /* 32 slots of virtio-mmio, the most that a machine has, and all others */

static struct line {
	struct poller *poller; /* NULL: the line only wakes the CPU */
	uint16_t id;
	volatile bool active;
} lines[LINES_MAX];
static unsigned line_count;
static volatile bool any_active;

int lines_add(unsigned id, struct poller *p)
{
	if (line_count == LINES_MAX)
		return -ENOSPC;
	lines[line_count++] = (struct line){ p, (uint16_t)id, false };
	return 0;
}

void lines_mark(unsigned id)
{
	for (struct line *l = lines; l < lines + line_count; l++)
		if (l->id == id) {
			l->active = any_active = true;
			if (l->poller)
				poller_mark(l->poller);
		}
}

void lines_rearm(void (*deactivate)(unsigned id))
{
	if (!any_active)
		return;
	any_active = false;
	for (struct line *l = lines; l < lines + line_count; l++)
		if (l->active) {
			l->active = false;
			deactivate(l->id);
		}
}
