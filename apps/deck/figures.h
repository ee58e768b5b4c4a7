/* SPDX-License-Identifier: ISC */
/* The figures of the running image, as a JSON object (RFC 8259) of integers: what a slide shows as live.
 * Names end in their unit, _us or _bytes; what has none is a count. The numbers have 64 bits, as the
 * counters have. */
#ifndef APPS_DECK_FIGURES_H
#define APPS_DECK_FIGURES_H

#include "net/http/server.h"

#define FIGURES_MOST 24        /* figures */
#define FIGURES_NAME_BYTES 24  /* of a name at most, its zero included */
#define FIGURES_TEXT_BYTES 1152 /* of the object at most, its zero included */

struct figures;
struct stack;

struct figure {
	const char *name;
	uint64_t value;
};

/* Now is when the image is up. Borrows stack and server until destroyed. 0; -ENOMEM: none for DECK_ANSWERS
 * answers. */
int figures_create(struct figures **out, struct stack *stack, const struct http_server *server);
/* All answers must have been acknowledged, or their connections be gone. */
void figures_destroy(struct figures *f);

/* A handler of net/http/server.h, with a struct figures as its argument. Allocates nothing: when DECK_ANSWERS
 * are on their way it answers 503. */
int figures_answer(void *figures, const struct http_request *request, struct http_reply *reply);

/* What the figures are now; gives how many. Those that this stack does not count are not among them. */
size_t figures_take(const struct figures *f, struct figure to[FIGURES_MOST]);
/* Gives the length; count is FIGURES_MOST at most. */
size_t figures_format(char to[FIGURES_TEXT_BYTES], const struct figure *figures, size_t count);

#endif
