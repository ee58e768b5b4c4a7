/* SPDX-License-Identifier: ISC */
/* The words of a script that are about segments. */
#ifndef TESTS_TCP_EXCHANGE_H
#define TESTS_TCP_EXCHANGE_H

#include "tests/tcp/script.h"

/* "<": the words from at on are a segment of the peer's. */
void exchange_send(const struct line *l, unsigned at);
/* ">": they are what the stack has sent next. */
void exchange_expect(const struct line *l, unsigned at);
/* "open": a whole handshake. */
void exchange_open(const struct line *l, unsigned at);
/* Accepts all frames sent until now. */
void exchange_skip(void);
/* All that was sent has been expected. */
void exchange_expect_nothing(const struct line *l);
/* "after" counts from now on. */
void exchange_mark(void);

#endif
