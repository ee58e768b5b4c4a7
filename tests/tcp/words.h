/* SPDX-License-Identifier: ISC */
/* The effects of a script's lines. */
#ifndef TESTS_TCP_WORDS_H
#define TESTS_TCP_WORDS_H

#include "tests/tcp/script.h"

/* Does what l says. */
void words_run(const struct line *l);
/* After the last line: it must have expected something, and nothing may be left that no line expected. */
void words_end(void);

#endif
