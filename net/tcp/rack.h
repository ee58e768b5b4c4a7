/* SPDX-License-Identifier: ISC */
/* RACK (RFC 8985 §6): a segment is lost when one that was sent after it has arrived, and it has had time
 * to be overtaken. Works on a scoreboard and what an acknowledgement says; touches nothing else. */
#ifndef NET_TCP_RACK_H
#define NET_TCP_RACK_H

#include "net/tcp/scoreboard.h"

struct rack {
	uint32_t sent, end, rtt; /* of what was sent last among all that has arrived, if known; ticks */
	uint32_t highest;        /* sequence number behind all that has arrived (RACK.fack) */
	bool known, resent;
};

/* An acknowledgement, and what it turns out to tell. */
struct rack_ack {
	uint32_t now;      /* ticks */
	uint32_t srtt;     /* ticks */
	uint32_t echo_ms;  /* age of the timestamp that it echoes, if stamped */
	bool stamped;
	bool overtaken;    /* what was sent once has arrived after what was sent later */
	bool resent;       /* what was sent again has arrived, and it was the repetition */
	bool original;     /* it was the original, by its timestamp */
};

/* [from, to) has arrived. Gives how many bytes of it were not known to. Then call scoreboard_advance. */
uint32_t rack_arrived(struct rack *r, struct scoreboard *b, uint32_t from, uint32_t to, struct rack_ack *ack);
/* Marks what is lost by now, when reordering takes up to window ticks. Gives the ticks until more may be,
 * 0: nothing waits for that. */
uint32_t rack_detect(const struct rack *r, struct scoreboard *b, uint32_t now, uint32_t window);

#endif
