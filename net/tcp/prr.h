/* SPDX-License-Identifier: ISC */
/* Proportional Rate Reduction (RFC 6937, RFC 9937): how much may be sent during a recovery, so that the
 * window comes down to ssthresh evenly over a round trip instead of with a pause. Bytes. */
#ifndef NET_TCP_PRR_H
#define NET_TCP_PRR_H

#include "kernel/util.h"

struct prr {
	uint32_t delivered; /* since the recovery began */
	uint32_t out;       /* sent since then, again or for the first time: kept by the sender */
	uint32_t flight;    /* in the network when it began; not 0 */
};

/* An acknowledgement reported delivered more bytes; pipe: bytes in the network now; safe: it acknowledged new
 * data, and no further loss was detected. Gives how many bytes may be sent. */
uint32_t prr_allowance(struct prr *p, uint32_t mss, uint32_t ssthresh, uint32_t delivered, uint32_t pipe,
                       bool safe);

#endif
