/* SPDX-License-Identifier: ISC */
/* The figures of the running image, as a JSON object (RFC 8259) of integers, for the slide of live figures.
 * Names end in their unit, _us or _bytes; a name without one is a count. Numbers have 64 bits, as the
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

/* The time of the call counts as the end of the image's start. Borrows stack and server until destroyed. 0;
 * -ENOMEM: no memory for DECK_ANSWERS answers. */
int figures_create(struct figures **out, struct stack *stack, const struct http_server *server);
/* All answers must have been acknowledged, or their connections be gone. */
void figures_destroy(struct figures *f);

/* A handler of net/http/server.h, with a struct figures as its argument. Allocates nothing: while
 * DECK_ANSWERS answers are unacknowledged it answers 503. */
int figures_answer(void *figures, const struct http_request *request, struct http_reply *reply);

/* Takes the present figures; gives their number. Figures that this stack does not count are left out. */
size_t figures_take(const struct figures *f, struct figure to[FIGURES_MOST]);
/* Gives the length; count is FIGURES_MOST at most. */
size_t figures_format(char to[FIGURES_TEXT_BYTES], const struct figure *figures, size_t count);

#endif
