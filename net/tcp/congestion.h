/* SPDX-License-Identifier: ISC */
/* Congestion control of one connection: how much may be in flight, and when a segment counts as
 * lost. Another algorithm is another file with these functions. */
#ifndef NET_TCP_CONGESTION_H
#define NET_TCP_CONGESTION_H

#include "kernel/util.h"

struct congestion {
	uint32_t cwnd, ssthresh; /* bytes */
	uint32_t recover;        /* sequence number: highest sent when the loss was noticed */
	uint32_t acked;          /* bytes acknowledged since cwnd last grew in congestion avoidance */
	uint8_t duplicates;      /* duplicate acknowledgements in a row, at most 255 */
	bool recovering;
};

enum congestion_verdict {
	CONGESTION_OK,         /* nothing, or more may be sent now: look at cwnd */
	CONGESTION_RETRANSMIT, /* send the first unacknowledged segment again */
};

/* una: where loss recovery may first apply. */
void congestion_init(struct congestion *c, uint32_t mss, uint32_t una);
/* acked new bytes up to una; flight: bytes still in flight; limited: cwnd was what held us back. */
enum congestion_verdict congestion_on_ack(struct congestion *c, uint32_t mss, uint32_t acked, uint32_t una,
                                          uint32_t flight, bool limited);
/* A duplicate of the acknowledgement of una; highest: next sequence number never sent; lost: there is
 * better proof of loss than the number of duplicates. */
enum congestion_verdict congestion_on_duplicate(struct congestion *c, uint32_t mss, uint32_t una,
                                                uint32_t highest, uint32_t flight, bool lost);
/* The retransmission timer ran out; again: not for the first time for the same segment. */
void congestion_on_timeout(struct congestion *c, uint32_t mss, uint32_t highest, uint32_t flight, bool again);
/* Nothing was sent for longer than a retransmission timeout. */
void congestion_on_idle(struct congestion *c, uint32_t mss);

#endif
