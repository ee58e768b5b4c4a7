/* SPDX-License-Identifier: ISC */
/* A cell of a state machine's table, written a second time as text: "NEXT letters". NEXT is a state's name;
 * "=" stays without an action, "= letters" stays and acts, "!" is an impossible event. */
#ifndef TESTS_LIB_CELL_H
#define TESTS_LIB_CELL_H

#include <stddef.h>

struct cell_words {
	const char *const *names; /* of states */
	unsigned states;
	const char *letters;      /* of actions: the nth is 1 << n */
	unsigned impossible;      /* the actions of "!" */
};

struct cell {
	unsigned next, actions;
};

/* Reads text as a cell of state's column. Asserts that every word is known. */
struct cell cell_read(const struct cell_words *words, const char *text, unsigned state);

#endif
