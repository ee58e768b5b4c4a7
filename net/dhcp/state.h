/* SPDX-License-Identifier: ISC */
/* The DHCP client's state machine as a table without effects: it says what comes next and what is to be
 * done; others do it. */
#ifndef NET_DHCP_STATE_H
#define NET_DHCP_STATE_H

#include "kernel/util.h"

enum dhcp_state {
	DHCP_INIT,       /* waits before it begins */
	DHCP_SELECTING,  /* has asked for offers */
	DHCP_REQUESTING, /* has asked for what one server offered */
	DHCP_REBOOTING,  /* has asked for an address that it was told of: INIT-REBOOT is over at once */
	DHCP_PROBING,    /* has the address, and looks whether somebody else uses it */
	DHCP_BOUND,
	DHCP_RENEWING,   /* asks the server that lent it */
	DHCP_REBINDING,  /* asks any server */
	DHCP_STATES
};

/* What happens. Messages have passed all checks before. */
enum dhcp_event {
	DHCP_BEGIN,
	DHCP_BEGIN_KNOWN, /* and there is an address to ask for */
	DHCP_GOT_OFFER,
	DHCP_GOT_ACK,
	DHCP_GOT_NAK,
	DHCP_SILENCE,     /* time to ask again */
	DHCP_GIVE_UP,     /* asked in vain often enough */
	DHCP_IS_FREE,     /* nobody else uses the address */
	DHCP_IS_TAKEN,    /* somebody does, seen now or later */
	DHCP_RENEW_TIME,  /* T1 */
	DHCP_REBIND_TIME, /* T2 */
	DHCP_EXPIRED,
	DHCP_EVENTS
};

enum dhcp_action {
	/* for the caller */
	DHCP_SEND = 1 << 0,    /* the state's message */
	DHCP_REFUSE = 1 << 1,  /* send a DECLINE; comes after LOSE */
	DHCP_PROBE = 1 << 2,   /* does somebody use the address? */
	DHCP_USE = 1 << 3,     /* the lease is ours, as it now is */
	DHCP_LOSE = 1 << 4,    /* the address is no longer ours */
	/* for the engine itself */
	DHCP_NEW = 1 << 5,     /* an exchange begins */
	DHCP_TAKE = 1 << 6,    /* what the message lends */
	DHCP_FORGET = 1 << 7,  /* the address that it was told of */
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
