/* SPDX-License-Identifier: ISC */
/* Errors that ICMP, or our own link, reports about segments that we sent. An attacker who guesses what is in
 * flight can forge one, so none ends an established connection: an error may shrink segments, and end a
 * handshake (RFC 5927, RFC 5461). Only the loss of our own address ends the connections that use it. */
#include <errno.h>

#include "net/bytes.h"
#include "net/tcp/tcp_priv.h"

void tcp_error(void *arg, struct ip_error *error)
{
	struct tcp *tcp = arg;
	uint32_t seq = get_be32(error->quoted + 4);
	struct tcp_key k;
	struct tcp_conn *c;
	struct tcp_entry *e;

	tcp_update_clock(tcp);
	k.ends.local_port = get_be16(error->quoted);
	k.ends.remote_port = get_be16(error->quoted + 2);
	k.ends.remote = error->dst.addr;
	k.ends.local = error->src.addr;
	c = conn_find(tcp, &k);
	if (!c) {
		e = error->local ? entry_find(&tcp->halves, &k) : NULL;
		if (e)
			half_fail(&tcp->halves, e);
		return;
	}
	/* RFC 5927 §4: the segment quoted must be in flight */
	if (seq_lt(seq, c->snd_una) || !seq_lt(seq, c->snd_max))
		return;
	if (error->error == -EMSGSIZE) {
		if (c->state >= TCP_ESTABLISHED)
			mtu_too_big(c, error->mtu);
	} else if (c->state == TCP_SYN_SENT) {
		conn_event(c, TCP_GIVE_UP, error->error == -ECONNREFUSED ? -ECONNREFUSED : -EHOSTUNREACH);
	}
	/* an established connection outlives all other errors: RFC 1122 §4.2.3.9, RFC 5461 */
}

void tcp_gone(void *arg, const struct ip_addr *address)
{
	struct tcp *tcp = arg;
	struct tcp_conn *c, *next;

	tcp_update_clock(tcp);
	for (uint32_t i = 0; i <= tcp->conn_mask; i++)
		for (c = tcp->conn_hash[i]; c; c = next) {
			next = c->hash_next;
			if (!conn_is_over(c) && ip_equal(&c->route.src, address))
				conn_event(c, TCP_GIVE_UP, -EADDRNOTAVAIL);
		}
}
