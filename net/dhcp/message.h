/* SPDX-License-Identifier: ISC */
/* DHCP messages (RFC 2131 §2, options RFC 2132): writes those of a client, and parses a server's
 * answers, which are not trusted. */
#ifndef NET_DHCP_MESSAGE_H
#define NET_DHCP_MESSAGE_H

#include "net/dhcp/lease.h"

enum dhcp_type {
	DHCP_DISCOVER = 1,
	DHCP_OFFER,
	DHCP_REQUEST,
	DHCP_DECLINE,
	DHCP_ACK,
	DHCP_NAK,
	DHCP_RELEASE,
};

enum {
	DHCP_SERVER_PORT = 67,
	DHCP_CLIENT_PORT = 68,
	DHCP_QUERY_BYTES = 384,  /* of the longest query */
	DHCP_REPLY_BYTES = 1472, /* of the longest reply that we announce to take: a frame of 1500 bytes */
};

struct dhcp_query {
	uint8_t type; /* enum dhcp_type */
	bool broadcast; /* the answer is to be broadcast on the link */
	uint16_t secs; /* since the exchange began */
	uint16_t reply_bytes; /* option 57: UDP payload that we can take */
	uint32_t xid;
	const uint8_t *mac;
	const char *hostname;                    /* option 12; NULL or "": left out; 63 bytes at most are sent */
	const struct ip_addr *client;            /* the address that we have and answer at; NULL: none yet */
	const struct ip_addr *requested, *server; /* options 50 and 54; NULL: left out */
};

/* Writes q at `to`, which has room for DHCP_QUERY_BYTES. Gives its length in bytes. */
size_t dhcp_write(const struct dhcp_query *q, uint8_t *to);

struct dhcp_reply {
	uint8_t type; /* enum dhcp_type, or any other */
	uint32_t xid;
	uint32_t mask; /* as given, 0: none; lease.ip has its length */
	struct dhcp_lease lease; /* as the server sent it: without defaults, so seconds may be 0 */
};

/* Reads a server's message to the client with that mac: options by RFC 3396 (long ones), from the file and
 * sname fields too (52). Addresses that no host can have, and names with odd characters, are left out. The
 * number of bytes, or -EBADMSG: no reply, or not to us; an option that leaves its field; a netmask with
 * holes. */
int dhcp_parse(const uint8_t *data, size_t len, const uint8_t mac[6], struct dhcp_reply *out);

#endif
