/* SPDX-License-Identifier: ISC */
/* The options of a handle, by name. */
#include "apps/agent/agent_priv.h"

#include <errno.h>

#include "apps/agent/names.h"

int option_set(struct handle *h, const struct word *name, int64_t value)
{
	(void)h;
	(void)name;
	(void)value;
	return -ENOPROTOOPT;
}

/* What ended the connection, or the attempt to connect; asking forgets it (as SO_ERROR). */
static int get_error(struct handle *h, const struct command *c)
{
	answer_begin(c->id.at, c->id.len, 0);
	answer_text(h->error ? " -%s" : " 0", error_name(h->error));
	answer_end();
	if (h->state == HANDLE_NEW)
		h->error = 0;
	return PENDING;
}

int option_get(struct handle *h, const struct command *c)
{
	return word_is(&c->option, "error") ? get_error(h, c) : -ENOPROTOOPT;
}
