/* SPDX-License-Identifier: ISC */
/* The counters of a direct stack as text: the exposition format of Prometheus, version 0.0.4. The names are
 * those of the structs, which are after RFC 4022, 4113, 4293 and 4898. DHCP's are there when it is used.
 * Frames, packets and segments are counted in 64 bits; the rest in 32, as RFC 4022 does, and may wrap. */
#ifndef NET_METRICS_H
#define NET_METRICS_H

#include "kernel/flow.h"
#include "net/direct.h"

#define METRICS_TYPE "text/plain; version=0.0.4"

/* Their values now, in memory of their own: gives a slice with one count on its storage. 0, -ENOMEM. */
int metrics_snapshot(struct direct *d, struct slice *out);

#endif
