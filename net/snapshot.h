/* SPDX-License-Identifier: ISC */
/* What is written once and then lent: a capture file, counters as text. */
#ifndef NET_SNAPSHOT_H
#define NET_SNAPSHOT_H

#include "kernel/flow.h"

/* Room for len bytes, and one more for a terminator; out lends the len, whose storage has one count. NULL: no
 * memory. */
void *snapshot_create(struct slice *out, size_t len);

#endif
