/* SPDX-License-Identifier: ISC */
/* The connection state machine: state down, event across, next state and actions in the cells. No
 * effects here, every cell is filled, and a test asserts each. RFC 9293 §3.3.2, figure 5, with
 * RFC 5961's answer to a SYN inside a connection. TIME-WAIT entries have no control block of their
 * own but move by the same table. No connection is in LISTEN: listeners and half-open entries are
 * listen.c's, and that state's row is there to complete the figure. */
#include "net/tcp/state.h"

/*                              +---------+
 *                              |  CLOSED |<-----------------------------------+
 *                              +---------+                                    |
 *            passive OPEN        |     |   active OPEN, snd SYN               |
 *                   +------------+     +----------------+                     |
 *                   V                                   V                     |
 *              +---------+  rcv SYN, snd SYN,ACK   +---------+ CLOSE, ABORT   |
 *              |  LISTEN |--------+       +--------|SYN-SENT |-- GIVE UP, --->+
 *              +---------+        V       V rcv    +---------+ rcv RST        |
 *                            +---------+  SYN, snd      |                     |
 *            +-- CLOSE, -----|SYN-RECVD|  SYN,ACK       | rcv SYN,ACK         |
 *            |   snd FIN     +---------+                | snd ACK             |
 *            |                    | rcv ACK of SYN      |                     |
 *            |                    V                     V                     |
 *            |               +-------------------------------+                |
 *            |  CLOSE,       |          ESTABLISHED          |  rcv FIN,      |
 *            |  snd FIN +----|                               |- snd ACK --+   |
 *            V          V    +-------------------------------+            V   |
 *          +------------+  rcv FIN, snd ACK   +-----------+      +-----------+|
 *          | FIN-WAIT-1 |-------------------->|  CLOSING  |      |CLOSE-WAIT ||
 *          +------------+                     +-----------+      +-----------+|
 *                | rcv ACK of FIN                   | rcv ACK          | CLOSE,
 *                V                                  V of FIN           V snd FIN
 *          +------------+  rcv FIN, snd ACK   +-----------+      +-----------+|
 *          | FIN-WAIT-2 |-------------------->| TIME-WAIT |      | LAST-ACK  ||
 *          +------------+                     +-----------+      +-----------+|
 *                                                   | waited 2 MSL     | rcv ACK of FIN
 *                                                   +------------------+----->+
 * and from each state by RST, ABORT or GIVE UP to CLOSED. */

#define IMPOSSIBLE(state) { state, TCP_IMPOSSIBLE }
#define IGNORE(state) { state, 0 }
#define ENDS(actions) { TCP_CLOSED, (actions) | TCP_END }

const struct tcp_transition tcp_transitions[TCP_STATES][TCP_EVENTS] = {
	[TCP_CLOSED] = {
		[TCP_ACTIVE_OPEN] = { TCP_SYN_SENT, TCP_SEND_SYN },
		[TCP_GOT_SYN] = { TCP_CLOSED, TCP_SEND_RST },
		[TCP_GOT_SYN_ACK] = { TCP_CLOSED, TCP_SEND_RST },
		[TCP_GOT_ACK_OF_SYN] = { TCP_CLOSED, TCP_SEND_RST },
		[TCP_GOT_ACK_OF_FIN] = { TCP_CLOSED, TCP_SEND_RST },
		[TCP_GOT_FIN] = { TCP_CLOSED, TCP_SEND_RST },
		[TCP_GOT_RST] = IGNORE(TCP_CLOSED),
		[TCP_CLOSE] = IGNORE(TCP_CLOSED),
		[TCP_ABORT] = IGNORE(TCP_CLOSED),
		[TCP_GIVE_UP] = IMPOSSIBLE(TCP_CLOSED),
	},
	[TCP_LISTEN] = {
		[TCP_ACTIVE_OPEN] = { TCP_SYN_SENT, TCP_SEND_SYN },
		[TCP_GOT_SYN] = { TCP_SYN_RECEIVED, TCP_SEND_SYN_ACK },
		[TCP_GOT_SYN_ACK] = { TCP_LISTEN, TCP_SEND_RST },
		[TCP_GOT_ACK_OF_SYN] = { TCP_LISTEN, TCP_SEND_RST },
		[TCP_GOT_ACK_OF_FIN] = { TCP_LISTEN, TCP_SEND_RST },
		[TCP_GOT_FIN] = { TCP_LISTEN, TCP_SEND_RST },
		[TCP_GOT_RST] = IGNORE(TCP_LISTEN),
		[TCP_CLOSE] = ENDS(0),
		[TCP_ABORT] = ENDS(0),
		[TCP_GIVE_UP] = IMPOSSIBLE(TCP_LISTEN),
	},
	[TCP_SYN_SENT] = {
		[TCP_ACTIVE_OPEN] = IMPOSSIBLE(TCP_SYN_SENT),
		[TCP_GOT_SYN] = { TCP_SYN_RECEIVED, TCP_SEND_SYN_ACK },
		[TCP_GOT_SYN_ACK] = { TCP_ESTABLISHED, TCP_SEND_ACK },
		[TCP_GOT_ACK_OF_SYN] = IGNORE(TCP_SYN_SENT),
		[TCP_GOT_ACK_OF_FIN] = IMPOSSIBLE(TCP_SYN_SENT),
		[TCP_GOT_FIN] = IGNORE(TCP_SYN_SENT),
		[TCP_GOT_RST] = ENDS(0),
		[TCP_CLOSE] = ENDS(0),
		[TCP_ABORT] = ENDS(0),
		[TCP_GIVE_UP] = ENDS(0),
	},
	[TCP_SYN_RECEIVED] = {
		[TCP_ACTIVE_OPEN] = IMPOSSIBLE(TCP_SYN_RECEIVED),
		[TCP_GOT_SYN] = { TCP_SYN_RECEIVED, TCP_CHALLENGE },
		[TCP_GOT_SYN_ACK] = { TCP_SYN_RECEIVED, TCP_CHALLENGE },
		[TCP_GOT_ACK_OF_SYN] = { TCP_ESTABLISHED, 0 },
		[TCP_GOT_ACK_OF_FIN] = IMPOSSIBLE(TCP_SYN_RECEIVED),
		[TCP_GOT_FIN] = { TCP_CLOSE_WAIT, TCP_SEND_ACK },
		[TCP_GOT_RST] = ENDS(0),
		[TCP_CLOSE] = { TCP_FIN_WAIT_1, TCP_SEND_FIN },
		[TCP_ABORT] = ENDS(TCP_SEND_RST),
		[TCP_GIVE_UP] = ENDS(0),
	},
	[TCP_ESTABLISHED] = {
		[TCP_ACTIVE_OPEN] = IMPOSSIBLE(TCP_ESTABLISHED),
		[TCP_GOT_SYN] = { TCP_ESTABLISHED, TCP_CHALLENGE },
		[TCP_GOT_SYN_ACK] = { TCP_ESTABLISHED, TCP_CHALLENGE },
		[TCP_GOT_ACK_OF_SYN] = IMPOSSIBLE(TCP_ESTABLISHED),
		[TCP_GOT_ACK_OF_FIN] = IMPOSSIBLE(TCP_ESTABLISHED),
		[TCP_GOT_FIN] = { TCP_CLOSE_WAIT, TCP_SEND_ACK },
		[TCP_GOT_RST] = ENDS(0),
		[TCP_CLOSE] = { TCP_FIN_WAIT_1, TCP_SEND_FIN },
		[TCP_ABORT] = ENDS(TCP_SEND_RST),
		[TCP_GIVE_UP] = ENDS(TCP_SEND_RST),
	},
	[TCP_FIN_WAIT_1] = {
		[TCP_ACTIVE_OPEN] = IMPOSSIBLE(TCP_FIN_WAIT_1),
		[TCP_GOT_SYN] = { TCP_FIN_WAIT_1, TCP_CHALLENGE },
		[TCP_GOT_SYN_ACK] = { TCP_FIN_WAIT_1, TCP_CHALLENGE },
		[TCP_GOT_ACK_OF_SYN] = IMPOSSIBLE(TCP_FIN_WAIT_1),
		[TCP_GOT_ACK_OF_FIN] = { TCP_FIN_WAIT_2, 0 },
		[TCP_GOT_FIN] = { TCP_CLOSING, TCP_SEND_ACK },
		[TCP_GOT_RST] = ENDS(0),
		[TCP_CLOSE] = IGNORE(TCP_FIN_WAIT_1),
		[TCP_ABORT] = ENDS(TCP_SEND_RST),
		[TCP_GIVE_UP] = ENDS(TCP_SEND_RST),
	},
	[TCP_FIN_WAIT_2] = {
		[TCP_ACTIVE_OPEN] = IMPOSSIBLE(TCP_FIN_WAIT_2),
		[TCP_GOT_SYN] = { TCP_FIN_WAIT_2, TCP_CHALLENGE },
		[TCP_GOT_SYN_ACK] = { TCP_FIN_WAIT_2, TCP_CHALLENGE },
		[TCP_GOT_ACK_OF_SYN] = IMPOSSIBLE(TCP_FIN_WAIT_2),
		[TCP_GOT_ACK_OF_FIN] = IMPOSSIBLE(TCP_FIN_WAIT_2),
		[TCP_GOT_FIN] = { TCP_TIME_WAIT, TCP_SEND_ACK | TCP_START_WAIT },
		[TCP_GOT_RST] = ENDS(0),
		[TCP_CLOSE] = IGNORE(TCP_FIN_WAIT_2),
		[TCP_ABORT] = ENDS(TCP_SEND_RST),
		[TCP_GIVE_UP] = ENDS(0),
	},
	[TCP_CLOSE_WAIT] = {
		[TCP_ACTIVE_OPEN] = IMPOSSIBLE(TCP_CLOSE_WAIT),
		[TCP_GOT_SYN] = { TCP_CLOSE_WAIT, TCP_CHALLENGE },
		[TCP_GOT_SYN_ACK] = { TCP_CLOSE_WAIT, TCP_CHALLENGE },
		[TCP_GOT_ACK_OF_SYN] = IMPOSSIBLE(TCP_CLOSE_WAIT),
		[TCP_GOT_ACK_OF_FIN] = IMPOSSIBLE(TCP_CLOSE_WAIT),
		[TCP_GOT_FIN] = IGNORE(TCP_CLOSE_WAIT),
		[TCP_GOT_RST] = ENDS(0),
		[TCP_CLOSE] = { TCP_LAST_ACK, TCP_SEND_FIN },
		[TCP_ABORT] = ENDS(TCP_SEND_RST),
		[TCP_GIVE_UP] = ENDS(TCP_SEND_RST),
	},
	[TCP_CLOSING] = {
		[TCP_ACTIVE_OPEN] = IMPOSSIBLE(TCP_CLOSING),
		[TCP_GOT_SYN] = { TCP_CLOSING, TCP_CHALLENGE },
		[TCP_GOT_SYN_ACK] = { TCP_CLOSING, TCP_CHALLENGE },
		[TCP_GOT_ACK_OF_SYN] = IMPOSSIBLE(TCP_CLOSING),
		[TCP_GOT_ACK_OF_FIN] = { TCP_TIME_WAIT, TCP_START_WAIT },
		[TCP_GOT_FIN] = IGNORE(TCP_CLOSING),
		[TCP_GOT_RST] = ENDS(0),
		[TCP_CLOSE] = IGNORE(TCP_CLOSING),
		[TCP_ABORT] = ENDS(0),
		[TCP_GIVE_UP] = ENDS(0),
	},
	[TCP_LAST_ACK] = {
		[TCP_ACTIVE_OPEN] = IMPOSSIBLE(TCP_LAST_ACK),
		[TCP_GOT_SYN] = { TCP_LAST_ACK, TCP_CHALLENGE },
		[TCP_GOT_SYN_ACK] = { TCP_LAST_ACK, TCP_CHALLENGE },
		[TCP_GOT_ACK_OF_SYN] = IMPOSSIBLE(TCP_LAST_ACK),
		[TCP_GOT_ACK_OF_FIN] = ENDS(0),
		[TCP_GOT_FIN] = IGNORE(TCP_LAST_ACK),
		[TCP_GOT_RST] = ENDS(0),
		[TCP_CLOSE] = IGNORE(TCP_LAST_ACK),
		[TCP_ABORT] = ENDS(0),
		[TCP_GIVE_UP] = ENDS(0),
	},
	[TCP_TIME_WAIT] = {
		[TCP_ACTIVE_OPEN] = IMPOSSIBLE(TCP_TIME_WAIT),
		[TCP_GOT_SYN] = { TCP_TIME_WAIT, TCP_CHALLENGE },
		[TCP_GOT_SYN_ACK] = { TCP_TIME_WAIT, TCP_CHALLENGE },
		[TCP_GOT_ACK_OF_SYN] = IMPOSSIBLE(TCP_TIME_WAIT),
		[TCP_GOT_ACK_OF_FIN] = IMPOSSIBLE(TCP_TIME_WAIT),
		[TCP_GOT_FIN] = { TCP_TIME_WAIT, TCP_SEND_ACK | TCP_START_WAIT },
		[TCP_GOT_RST] = ENDS(0),
		[TCP_CLOSE] = IGNORE(TCP_TIME_WAIT),
		[TCP_ABORT] = ENDS(0),
		[TCP_GIVE_UP] = ENDS(0),
	},
};
