/* SPDX-License-Identifier: ISC */
/* RACK (RFC 8985 §6): a segment is lost when one that was sent after it has arrived, and it has had time
 * to be overtaken. Works on a scoreboard and an acknowledgement; touches nothing else. */
#ifndef NET_TCP_RACK_H
#define NET_TCP_RACK_H

#include "net/tcp/scoreboard.h"

struct rack {
	uint32_t sent, end, rtt; /* of the run sent last among all that arrived, if known; times in ticks */
	uint32_t highest;        /* sequence number behind all that has arrived (RACK.fack) */
	bool known, resent;
};

/* An acknowledgement, and the findings of rack_arrived from it. */
struct rack_ack {
	uint32_t now;      /* ticks */
	uint32_t srtt;     /* ticks */
	uint32_t echo_ms;  /* age of the timestamp that it echoes, if stamped */
	bool stamped;
	bool overtaken;    /* a segment sent once has arrived after one sent later */
	bool resent;       /* a retransmission has arrived */
	bool original;     /* of a retransmitted segment the original has arrived, by its timestamp */
};

/* [from, to) has arrived. Gives how many bytes of it are new. Then call scoreboard_advance. */
uint32_t rack_arrived(struct rack *r, struct scoreboard *b, uint32_t from, uint32_t to, struct rack_ack *ack);
/* Marks the runs that are lost by now, if reordering takes up to window ticks. Gives the ticks until more may
 * be lost, 0: no run waits for that. */
uint32_t rack_detect(const struct rack *r, struct scoreboard *b, uint32_t now, uint32_t window);

#endif
