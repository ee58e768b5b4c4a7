/* SPDX-License-Identifier: ISC */
/* The words of a script that are the application's calls: each takes the rest of its line, with what it
 * should result in. */
#ifndef TESTS_TCP_CALLS_H
#define TESTS_TCP_CALLS_H

#include "tests/tcp/script.h"

void call_listen(const struct line *l, unsigned at);
void call_unlisten(const struct line *l, unsigned at);
void call_accept(const struct line *l, unsigned at);
void call_connect(const struct line *l, unsigned at);
void call_read(const struct line *l, unsigned at);
void call_write(const struct line *l, unsigned at);
void call_shutdown(const struct line *l, unsigned at);
void call_close(const struct line *l, unsigned at);
void call_abort(const struct line *l, unsigned at);
void call_set(const struct line *l, unsigned at);
void call_preset(const struct line *l, unsigned at);
void call_get(const struct line *l, unsigned at);
void call_cancel(const struct line *l, unsigned at);

/* Whether call, whose name the line has just said, has settled as the rest of the line says. */
void calls_expect(const struct line *l, unsigned at, const char *call);
void calls_begin_connecting(const struct line *l);

#endif
