/* SPDX-License-Identifier: ISC */
/* A cell of a state machine's table, written a second time as text: "NEXT letters". NEXT is a state's name,
 * "=" for the same and no action, "!" for what cannot be; "= letters" stays and acts. */
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

/* Of text in state's column. Asserts that every word is known. */
struct cell cell_read(const struct cell_words *words, const char *text, unsigned state);

#endif
