/* SPDX-License-Identifier: ISC */
/* Memory that is written once and then lent: a capture file, counters as text. */
#ifndef NET_SNAPSHOT_H
#define NET_SNAPSHOT_H

#include "kernel/flow.h"

/* Room for len bytes and a terminator, as zeros; out lends the len bytes, with one count on their storage.
 * NULL: no memory. */
void *snapshot_create(struct slice *out, size_t len);

#endif
