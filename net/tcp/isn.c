/* SPDX-License-Identifier: ISC */
/* Numbers that an outsider must not guess: initial sequence numbers (RFC 6528: a clock of 4.096 µs
 * plus a keyed hash of the connection) and local ports (RFC 6056 §3.3.3: a counter plus a keyed
 * hash of the destination). */
#include <string.h>

#include "kernel/random.h"
#include "net/tcp/tcp_priv.h"

#define PORT_FIRST 49152u /* RFC 6335 §6 */
#define PORT_COUNT 16384u

/* remote_port 0 and local port 0 keep the two uses apart: no connection has such a port. */
static uint32_t keyed_hash(const struct tcp *tcp, const struct ip_addr *remote, uint16_t remote_port,
                           const struct ip_addr *local, uint16_t local_port)
{
	uint8_t text[36];

	memcpy(text, remote->bytes, 16);
	memcpy(text + 16, local->bytes, 16);
	memcpy(text + 32, &remote_port, 2);
	memcpy(text + 34, &local_port, 2);
	return (uint32_t)siphash(tcp->secret, text, sizeof(text));
}

uint32_t isn_choose(const struct tcp *tcp, const struct endpoint *remote, const struct endpoint *local)
{
	return (uint32_t)(tcp->now_ns >> 12) +
	       keyed_hash(tcp, &remote->addr, remote->port, &local->addr, local->port);
}

uint16_t isn_choose_port(struct tcp *tcp, const struct endpoint *remote, const struct ip_addr *local)
{
	uint32_t offset = keyed_hash(tcp, &remote->addr, remote->port, local, 0);

	for (unsigned tries = 0; tries < PORT_COUNT; tries++) {
		uint16_t port = (uint16_t)(PORT_FIRST + (offset + tcp->next_port++) % PORT_COUNT);
		uint32_t hash = tcp_hash(tcp, &remote->addr, remote->port, port);

		if (!conn_find(tcp, hash, &remote->addr, remote->port, local, port) &&
		    !half_find(tcp, hash, &remote->addr, remote->port, local, port) &&
		    !wait_find(tcp, hash, &remote->addr, remote->port, local, port))
			return port;
	}
	return 0;
}
