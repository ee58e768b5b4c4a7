/* SPDX-License-Identifier: ISC */
/* Two whole stacks on one cable, 10.0.0.1 and 10.0.0.2. The clock moves from event to event, so that a minute
 * of silence costs no time. */
#ifndef TESTS_LIB_PAIR_H
#define TESTS_LIB_PAIR_H

#include "net/direct.h"
#include "net/tcp/tcp.h"
#include "tests/lib/cable.h"

struct pair {
	struct cable *cable;
	struct direct *stacks[2];
	struct flow *accepted; /* the last one */
};

void pair_create(struct pair *p, const struct cable_config *config);
/* Connects stack 0 to port 80 of stack 1, and sets p->accepted to the latter's flow. NULL: failed with
 * *error. */
struct flow *pair_connect(struct pair *p, int *error);
const struct tcp_stats *pair_stats(struct pair *p, int end);
/* Lets five minutes pass, and asserts that no connection, packet or memory of the stacks is left. */
void pair_destroy(struct pair *p);

#endif
