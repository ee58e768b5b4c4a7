/* SPDX-License-Identifier: ISC */
/* The user timeout option (RFC 5482): each end announces how long it waits for an acknowledgement, so that
 * the other does not give up sooner. The peer's value counts if the application has set none, and within
 * bounds: less would end healthy connections, more would hold memory at any peer's request. */
#include "net/tcp/tcp_priv.h"

#define LEAST_S CONFIG_TCP_USER_TIMEOUT_SECONDS
#define MOST_S MAX(LEAST_S, 600) /* L_LIMIT and U_LIMIT of RFC 5482 §3.1 */
#define IN_MINUTES 0x8000u

void user_timeout_receive(struct tcp_conn *c, const struct segment *s)
{
	uint32_t seconds = s->user_timeout & ~IN_MINUTES;

	if (!(s->options & SEG_HAS_USER_TIMEOUT) || seconds == 0 ||
	    (c->user_timeout_ds && !(c->flags & CONN_PEERS_TIMEOUT)))
		return;
	if (s->user_timeout & IN_MINUTES)
		seconds *= 60;
	c->user_timeout_ds = (uint16_t)(MIN(MAX(seconds, (uint32_t)LEAST_S), (uint32_t)MOST_S) * 10);
	c->flags |= CONN_PEERS_TIMEOUT;
}

OUT_OF_LINE void user_timeout_tell(const struct tcp_conn *c, struct segment *s)
{
	if (!(c->flags & CONN_TELL_TIMEOUT))
		return;
	s->options |= SEG_HAS_USER_TIMEOUT;
	s->user_timeout = (uint16_t)((c->user_timeout_ds + 9) / 10); /* UINT16_MAX tenths are less than 15 bits */
}
