/* SPDX-License-Identifier: ISC */
/* Numbers that an outsider must not guess: initial sequence numbers (RFC 6528: a clock of 4.096 µs
 * plus a keyed hash of the connection), offsets of timestamps (RFC 7323 §7.1), and local ports
 * (RFC 6056 §3.3.3: a counter plus a keyed hash of the destination). */
#include <string.h>

#include "kernel/siphash.h"
#include "net/tcp/tcp_priv.h"

#define PORT_FIRST 49152u /* RFC 6335 §6 */
#define PORT_COUNT 16384u

uint64_t isn_hash(const struct tcp *tcp, const struct tcp_ends *ends, uint32_t a, uint32_t b,
                  uint32_t use)
{
	struct {
		struct tcp_ends ends;
		uint16_t zero;
		uint32_t a, b, use;
	} text = { *ends, 0, a, b, use };

	static_assert(sizeof(text) == sizeof(*ends) + 14, "no padding, which would be hashed, too");
	return siphash(tcp->secret, &text, sizeof(text));
}

uint32_t isn_choose(const struct tcp *tcp, const struct tcp_ends *ends)
{
	return (uint32_t)((tcp->now_ns >> 12) + isn_hash(tcp, ends, 0, 0, ISN_NUMBER));
}

uint32_t isn_ts_offset(const struct tcp *tcp, const struct tcp_ends *ends)
{
	/* the half of the hash that isn_choose does not use */
	return (uint32_t)(isn_hash(tcp, ends, 0, 0, ISN_NUMBER) >> 32);
}

bool isn_port_is_free(struct tcp *tcp, struct tcp_key *k)
{
	return !conn_find(tcp, k) && !entry_find(&tcp->halves, k) && !entry_find(&tcp->wait_table, k);
}

bool isn_choose_port(struct tcp *tcp, struct tcp_key *k)
{
	uint32_t offset;

	k->ends.local_port = 0;
	offset = (uint32_t)isn_hash(tcp, &k->ends, 0, 0, ISN_PORT);
	for (unsigned tries = 0; tries < PORT_COUNT; tries++) {
		k->ends.local_port = (uint16_t)(PORT_FIRST + (offset + tcp->next_port++) % PORT_COUNT);
		if (isn_port_is_free(tcp, k))
			return true;
	}
	return false;
}
