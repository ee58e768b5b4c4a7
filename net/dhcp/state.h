/* SPDX-License-Identifier: ISC */
/* The DHCP client's state machine as a table without effects: it gives the next state and the actions, which
 * the engine and its caller perform. */
#ifndef NET_DHCP_STATE_H
#define NET_DHCP_STATE_H

#include "kernel/util.h"

enum dhcp_state {
	DHCP_INIT,       /* waits before it begins */
	DHCP_SELECTING,  /* has asked for offers */
	DHCP_REQUESTING, /* has asked for the offer of one server */
	DHCP_REBOOTING,  /* has asked for a known address; INIT-REBOOT itself takes no time */
	DHCP_PROBING,    /* has the address, and checks that no other host uses it */
	DHCP_BOUND,
	DHCP_RENEWING,   /* asks the server that lent the address */
	DHCP_REBINDING,  /* asks any server */
	DHCP_STATES
};

/* Events. Messages have passed all checks before. */
enum dhcp_event {
	DHCP_BEGIN,
	DHCP_BEGIN_KNOWN, /* begin with an address to ask for */
	DHCP_GOT_OFFER,
	DHCP_GOT_ACK,
	DHCP_GOT_NAK,
	DHCP_SILENCE,     /* time to ask again */
	DHCP_GIVE_UP,     /* asked in vain often enough */
	DHCP_IS_FREE,     /* no other host uses the address */
	DHCP_IS_TAKEN,    /* another host does, noticed by the probe or later */
	DHCP_RENEW_TIME,  /* T1 */
	DHCP_REBIND_TIME, /* T2 */
	DHCP_EXPIRED,
	DHCP_EVENTS
};

enum dhcp_action {
	/* for the caller */
	DHCP_SEND = 1 << 0,    /* send the state's message */
	DHCP_REFUSE = 1 << 1,  /* send a DECLINE; comes after LOSE */
	DHCP_PROBE = 1 << 2,   /* find out whether another host uses the address */
	DHCP_USE = 1 << 3,     /* use the lease as it is now */
	DHCP_LOSE = 1 << 4,    /* stop using the address */
	/* for the engine itself */
	DHCP_NEW = 1 << 5,     /* begin an exchange: a new xid */
	DHCP_TAKE = 1 << 6,    /* take the message's lease */
	DHCP_FORGET = 1 << 7,  /* forget the known address */
	DHCP_RESTART = 1 << 8, /* begin again, in a while */
	DHCP_IMPOSSIBLE = 1 << 9, /* our own bug: asserted */
};

struct dhcp_transition {
	uint16_t next : 3;     /* enum dhcp_state */
	uint16_t actions : 13; /* enum dhcp_action */
};
static_assert(sizeof(struct dhcp_transition) == 2, "two bytes a cell");

extern const struct dhcp_transition dhcp_transitions[DHCP_STATES][DHCP_EVENTS];

#endif
