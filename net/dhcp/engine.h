/* SPDX-License-Identifier: ISC */
/* The DHCP client's engine (RFC 2131 §4.4): bytes, time and findings in, actions and bytes out. It sends
 * nothing and reads no clock: callers pass the time.
 *
 * Each call that feeds it gives bits of enum dhcp_action, DHCP_SEND to DHCP_LOSE, which the caller performs
 * at once: first LOSE, then the messages, then the rest. */
#ifndef NET_DHCP_ENGINE_H
#define NET_DHCP_ENGINE_H

#include "net/dhcp/message.h"
#include "net/dhcp/state.h"

struct dhcp_engine {
	uint8_t mac[6];
	uint8_t state;        /* enum dhcp_state */
	uint8_t tries;        /* messages sent in this state */
	bool failed;          /* since the last lease */
	bool is_doubtful;     /* nobody has confirmed the lease since the link came back */
	bool broadcast;       /* answers are to be broadcast, as others do not reach us */
	uint16_t reply_bytes; /* UDP payload that can be received */
	uint16_t secs;        /* age of the exchange when its last message was sent; in DHCP_INIT 0 */
	const char *hostname;
	struct ip_addr known; /* to ask for; IP_NONE: any */
	uint32_t xid;
	uint64_t asked_ns;              /* when this state's message was first sent */
	uint64_t next_ns;               /* when it is repeated; in DHCP_INIT, when to begin */
	uint64_t renew_ns, rebind_ns, expiry_ns; /* of the lease: T1, T2 and its end; DEADLINE_NEVER */
	struct dhcp_lease lease;        /* offered, or held */
};

/* Begins at now_ns. hostname (borrowed, or NULL) is told to servers; known (NULL or IP_NONE: none) is asked
 * for first; mtu: of the interface. */
void dhcp_engine_init(struct dhcp_engine *e, const uint8_t mac[6], uint16_t mtu, const char *hostname,
                      const struct ip_addr *known, uint64_t now_ns);

/* When dhcp_engine_timeout is to be called; DEADLINE_NEVER: not at all. */
uint64_t dhcp_engine_next_ns(const struct dhcp_engine *e);
unsigned dhcp_engine_timeout(struct dhcp_engine *e, uint64_t now_ns);
/* A datagram to the client's port. It changes nothing unless it answers the engine's message. */
unsigned dhcp_engine_input(struct dhcp_engine *e, const uint8_t *data, size_t len, uint64_t now_ns);
/* The result of DHCP_PROBE, or a later conflict: is_free false: another host uses the address. */
unsigned dhcp_engine_probed(struct dhcp_engine *e, bool is_free, uint64_t now_ns);

/* The link passes frames again, perhaps to another network: asks at once, and has a lease confirmed as by
 * rebinding (RFC 2131 §3.7). It is used meanwhile. */
unsigned dhcp_engine_returned(struct dhcp_engine *e, uint64_t now_ns);

/* Writes the message for action, DHCP_SEND or DHCP_REFUSE, as dhcp_write. destination is lent until the next
 * call. */
size_t dhcp_engine_write(const struct dhcp_engine *e, enum dhcp_action action, uint8_t *to,
                         const struct ip_addr **destination);

#endif
