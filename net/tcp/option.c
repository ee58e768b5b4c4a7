/* SPDX-License-Identifier: ISC */
/* Options of one connection that an application may set, and its status (RFC 9293 §3.9.1: STATUS). An image
 * whose application does not use them contains nothing of this file; an option that is not set is zero. */
#include <errno.h>

#include "net/tcp/tcp_priv.h"
#include "net/wishes.h"

#define KEEPALIVE_IDLE_S 7200 /* at least: RFC 9293 §3.8.4 MUST-28 */
#define KEEPALIVE_INTERVAL_S 75
#define KEEPALIVE_PROBES 9
#define SECONDS_MAX INT16_MAX

/* A numeric option, kept in a field of 16 bits; 0: it is not set. */
struct number {
	uint16_t at;    /* the field's offset */
	uint16_t unit;  /* of the field */
	uint16_t usual; /* the value when it is not set, in units */
	uint16_t least; /* bounds of what can be set */
	int32_t most;
};

static const struct number numbers[STACK_MSS] = {
	[STACK_KEEPIDLE] = { offsetof(struct tcp_conn, keepalive_idle_s), 1, KEEPALIVE_IDLE_S, 1, SECONDS_MAX },
	[STACK_KEEPINTVL] = { offsetof(struct tcp_conn, keepalive_interval_s), 1, KEEPALIVE_INTERVAL_S, 1,
	                      SECONDS_MAX },
	[STACK_KEEPCNT] = { offsetof(struct tcp_conn, probes_max), 1, KEEPALIVE_PROBES, 1, INT8_MAX },
	[STACK_RCVBUF] = { offsetof(struct tcp_conn, receive_kib), 1024, 0, 0, INT32_MAX },
	[STACK_SNDBUF] = { offsetof(struct tcp_conn, send_kib), 1024, 0, 0, INT32_MAX },
	[STACK_USERTIMEOUT] = { offsetof(struct tcp_conn, user_timeout_ds), 100, 0, 0, INT32_MAX },
};

/* The options that are kept as wishes; the others before STACK_MSS are numbers. */
static const uint8_t wishes[STACK_MSS] = {
	[STACK_NODELAY] = CONN_NAGLE, /* inverted */
	[STACK_CORK] = CONN_CORKED,
	[STACK_KEEPALIVE] = CONN_KEEPALIVE,
	[STACK_LINGER] = CONN_LINGER,
};

static uint16_t *field_of(const struct tcp_conn *c, const struct number *n)
{
	return (uint16_t *)((uintptr_t)c + n->at);
}

static uint16_t chosen_or_usual(const struct tcp_conn *c, const struct number *n)
{
	uint16_t chosen = *field_of(c, n);

	return chosen ? chosen : n->usual;
}

/* -- setting -- */

/* Stores value in units, rounded up. */
static int set_number(struct tcp_conn *c, const struct number *n, int32_t value)
{
	if (value < n->least || value > n->most)
		return -EINVAL;
	*field_of(c, n) = (uint16_t)MIN(value / n->unit + (value % n->unit > 0), UINT16_MAX);
	return 0;
}

static int set_mss(struct tcp_conn *c, int32_t bytes)
{
	int32_t options = c->options & SEG_HAS_TIMESTAMPS ? SEGMENT_TIMESTAMPS_BYTES : 0;

	if (bytes < TCP_MSS_MIN || bytes > UINT16_MAX)
		return -EINVAL;
	c->peer_mss = (uint16_t)MIN(c->peer_mss, bytes + options); /* as if the peer took no more */
	mtu_follow(c);
	return 0;
}

static int set_wish(struct tcp_conn *c, enum stack_option option, int32_t value)
{
	bool on = option == STACK_NODELAY ? !value : value;

	if (option == STACK_LINGER) {
		if (value < -1 || value > SECONDS_MAX)
			return -EINVAL;
		on = value >= 0;
		/* more than 255 s would change little: FIN-WAIT-2 or the user timeout ends the wait about then */
		c->linger_s = (uint8_t)MIN(MAX(value, 0), UINT8_MAX);
	}
	c->wishes = (uint8_t)(on ? c->wishes | wishes[option] : c->wishes & ~wishes[option]);
	return 0;
}

static int set(struct tcp_conn *c, enum stack_option option, int32_t value)
{
	if (option > STACK_MSS)
		return ip_wish(&c->route.wishes, option, value);
	if (option == STACK_MSS)
		return set_mss(c, value);
	return wishes[option] ? set_wish(c, option, value) : set_number(c, &numbers[option], value);
}

/* Sets the keep-alive options that are not set to their usual values. */
static void choose_usual(struct tcp_conn *c)
{
	for (unsigned i = STACK_KEEPIDLE; i <= STACK_KEEPCNT; i++)
		*field_of(c, &numbers[i]) = chosen_or_usual(c, &numbers[i]);
}

/* The user timeout has been set: it replaces the peer's, and is to be announced unless it is 0. */
static void announce_timeout(struct tcp_conn *c)
{
	c->flags &= (uint16_t)~(CONN_PEERS_TIMEOUT | CONN_TELL_TIMEOUT);
	c->flags |= c->user_timeout_ds ? CONN_TELL_TIMEOUT : 0;
}

/* Starts to wait for the first probe, or stops. */
static void restart_keepalive(struct tcp_conn *c)
{
	c->probes = 0;
	conn_disarm(c, CONN_IDLE);
	if (c->wishes & CONN_KEEPALIVE)
		conn_arm(c, CONN_IDLE, c->keepalive_idle_s * 1000u);
}

int tcp_set(struct flow *flow, enum stack_option option, int32_t value)
{
	struct tcp_conn *c = conn_of(flow);
	int error = set(c, option, value);

	if (error < 0)
		return error;
	if (option == STACK_USERTIMEOUT)
		announce_timeout(c);
	if (option == STACK_KEEPALIVE)
		choose_usual(c);
	if (c->state < TCP_ESTABLISHED)
		return 0;
	tcp_update_clock(c->tcp);
	if (option >= STACK_KEEPALIVE && option <= STACK_KEEPCNT)
		restart_keepalive(c);
	conn_accept_writes(c); /* writes may have waited for this option */
	conn_output(c);
	return 0;
}

/* -- asking -- */

int tcp_get(const struct flow *flow, enum stack_option option, int32_t *value)
{
	const struct tcp_conn *c = conn_of(flow);

	if (option == STACK_MSS)
		*value = c->mss;
	else if (option == STACK_ERROR)
		*value = c->error;
	else if (option > STACK_MSS)
		return ip_wished(&c->route.wishes, option, value);
	else if (option == STACK_RCVBUF)
		*value = (int32_t)conn_receive_bytes(c);
	else if (option == STACK_SNDBUF && !c->send_kib)
		*value = INT32_MAX;
	else if (option == STACK_LINGER)
		*value = c->wishes & CONN_LINGER ? c->linger_s : -1;
	else if (wishes[option])
		*value = !(c->wishes & wishes[option]) == (option == STACK_NODELAY);
	else
		*value = chosen_or_usual(c, &numbers[option]) * numbers[option].unit;
	return 0;
}

void tcp_info(const struct flow *flow, struct stack_tcp_info *info)
{
	const struct tcp_conn *c = conn_of(flow);

	*info = (struct stack_tcp_info){
		.state = c->state,
		.timestamps = c->options & SEG_HAS_TIMESTAMPS,
		.sack = c->options & SEG_HAS_SACK_PERMITTED,
		.scale = c->options & SEG_HAS_SCALE,
		.ecn = c->options & SEG_HAS_ECN,
		.cur_mss = c->mss,
		.smoothed_rtt_us = c->rto.srtt8 * 125,
		.rtt_var_us = c->rto.rttvar4 * 250,
		.cur_rto_us = rto_ms(&c->rto) * 1000,
		.cur_cwnd = c->congestion.cwnd,
		.cur_ssthresh = c->congestion.ssthresh,
		.cur_rwin_rcvd = c->snd_wnd,
		.cur_rwin_sent = c->rcv_adv - c->rcv_nxt,
		.in_flight = c->snd_max - c->snd_una,
		.app_wqueue = (uint32_t)MIN(c->sendq.bytes, (size_t)UINT32_MAX),
		.app_rqueue = c->recvq.bytes,
		.segs_retrans = c->resent_segs,
	};
}

void tcp_peer(const struct flow *flow, struct endpoint *peer)
{
	const struct tcp_conn *c = conn_of(flow);

	peer->addr = c->route.dst;
	peer->port = c->remote_port;
}

void tcp_local(const struct flow *flow, struct endpoint *local)
{
	const struct tcp_conn *c = conn_of(flow);

	local->addr = c->route.src;
	local->port = c->local_port;
}
