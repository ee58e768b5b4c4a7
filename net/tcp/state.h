/* SPDX-License-Identifier: ISC */
/* The connection state machine as a table without effects: it gives the next state and the actions,
 * which the callers perform. */
#ifndef NET_TCP_STATE_H
#define NET_TCP_STATE_H

#include "kernel/util.h"

enum tcp_state {
	TCP_CLOSED,
	TCP_TIME_WAIT, /* up to here a control block has done its work */
	TCP_LISTEN,
	TCP_SYN_SENT,
	TCP_SYN_RECEIVED,
	TCP_ESTABLISHED,
	TCP_FIN_WAIT_1,
	TCP_FIN_WAIT_2,
	TCP_CLOSE_WAIT,
	TCP_CLOSING,
	TCP_LAST_ACK,
	TCP_STATES
};

/* Events of a connection. Segments have passed the checks of RFC 9293 §3.10.7 before. */
enum tcp_event {
	TCP_ACTIVE_OPEN,
	TCP_GOT_SYN,        /* SYN without an ACK */
	TCP_GOT_SYN_ACK,    /* SYN with an ACK that is acceptable */
	TCP_GOT_ACK_OF_SYN, /* of ours; the peer's SYN came before */
	TCP_GOT_ACK_OF_FIN,
	TCP_GOT_FIN,        /* and everything before it */
	TCP_GOT_RST,
	TCP_CLOSE,          /* the application's data is out: time for our FIN */
	TCP_ABORT,          /* the application drops the connection */
	TCP_GIVE_UP,        /* the peer is silent */
	TCP_EVENTS
};

enum tcp_action {
	TCP_SEND_SYN = 1 << 0,
	TCP_SEND_SYN_ACK = 1 << 1,
	TCP_SEND_ACK = 1 << 2,
	TCP_SEND_FIN = 1 << 3,
	TCP_SEND_RST = 1 << 4,
	TCP_CHALLENGE = 1 << 5, /* an ACK under the rate limit (RFC 5961) */
	TCP_START_WAIT = 1 << 6, /* start, or start again, the TIME-WAIT timer */
	TCP_END = 1 << 7,       /* the connection ends */
	TCP_IMPOSSIBLE = 1 << 8, /* our own bug: asserted */
};

struct tcp_transition {
	uint16_t next : 4;     /* enum tcp_state */
	uint16_t actions : 12; /* enum tcp_action */
};

static_assert(sizeof(struct tcp_transition) == 2, "two bytes a cell");
static_assert(TCP_STATES <= 1 << 4 && TCP_IMPOSSIBLE < 1 << 12, "what fits a cell");

extern const struct tcp_transition tcp_transitions[TCP_STATES][TCP_EVENTS];

#endif
