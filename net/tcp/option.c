/* SPDX-License-Identifier: ISC */
/* What an application may set of one connection, and ask about it (RFC 9293 §3.9.1: STATUS). Nothing of this
 * is in an image whose application does not use it; a connection of which nothing is set has zeros. */
#include <errno.h>

#include "net/tcp/tcp_priv.h"

#define KEEPALIVE_IDLE_S 7200 /* at least: RFC 9293 §3.8.4 MUST-28 */
#define KEEPALIVE_INTERVAL_S 75
#define KEEPALIVE_PROBES 9
#define SECONDS_MAX INT16_MAX

static struct tcp_conn *conn_of(const struct flow *f)
{
	return container_of(f, struct tcp_conn, flow);
}

static uint16_t or_else(uint16_t chosen, uint16_t usual)
{
	return chosen ? chosen : usual;
}

/* -- setting -- */

static int set_wish(struct tcp_conn *c, enum conn_wishes wish, bool on)
{
	c->wishes = (uint8_t)(on ? c->wishes | wish : c->wishes & ~wish);
	return 0;
}

/* What was not chosen is as usual. */
static int set_keepalive(struct tcp_conn *c, bool on)
{
	c->keepalive_idle_s = or_else(c->keepalive_idle_s, KEEPALIVE_IDLE_S);
	c->keepalive_interval_s = or_else(c->keepalive_interval_s, KEEPALIVE_INTERVAL_S);
	c->probes_max = (uint8_t)or_else(c->probes_max, KEEPALIVE_PROBES);
	return set_wish(c, CONN_KEEPALIVE, on);
}

static OUT_OF_LINE int set_number(uint16_t *to, int32_t value, int32_t max)
{
	if (value < 1 || value > max)
		return -EINVAL;
	*to = (uint16_t)value;
	return 0;
}

/* In units, rounded up. */
static OUT_OF_LINE int set_amount(uint16_t *to, int32_t value, int32_t unit)
{
	if (value < 0)
		return -EINVAL;
	*to = (uint16_t)MIN(value / unit + (value % unit > 0), UINT16_MAX);
	return 0;
}

static int set_linger(struct tcp_conn *c, int32_t seconds)
{
	if (seconds < -1 || seconds > SECONDS_MAX)
		return -EINVAL;
	c->linger_s = (uint8_t)MIN(MAX(seconds, 0), UINT8_MAX); /* FIN-WAIT-2 and the user timeout are not far */
	return set_wish(c, CONN_LINGER, seconds >= 0);
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

static int set_user_timeout(struct tcp_conn *c, int32_t ms)
{
	int error = set_amount(&c->user_timeout_ds, ms, 100);

	if (error == 0) {
		c->flags &= (uint16_t)~(CONN_PEERS_TIMEOUT | CONN_TELL_TIMEOUT);
		c->flags |= c->user_timeout_ds ? CONN_TELL_TIMEOUT : 0;
	}
	return error;
}

static int set(struct tcp_conn *c, enum stack_option option, int32_t value)
{
	switch (option) {
	case STACK_NODELAY:
		return set_wish(c, CONN_NAGLE, !value);
	case STACK_CORK:
		return set_wish(c, CONN_CORKED, value);
	case STACK_KEEPALIVE:
		return set_keepalive(c, value);
	case STACK_KEEPIDLE:
		return set_number(&c->keepalive_idle_s, value, SECONDS_MAX);
	case STACK_KEEPINTVL:
		return set_number(&c->keepalive_interval_s, value, SECONDS_MAX);
	case STACK_KEEPCNT:
		if (value < 1 || value > INT8_MAX)
			return -EINVAL;
		c->probes_max = (uint8_t)value;
		return 0;
	case STACK_LINGER:
		return set_linger(c, value);
	case STACK_RCVBUF:
		return set_amount(&c->receive_kib, value, 1024);
	case STACK_SNDBUF:
		return set_amount(&c->send_kib, value, 1024);
	case STACK_USERTIMEOUT:
		return set_user_timeout(c, value);
	case STACK_MSS:
		return set_mss(c, value);
	default:
		return -ENOPROTOOPT;
	}
}

/* Starts to wait for the first probe, or for none. */
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

	if (error < 0 || c->state < TCP_ESTABLISHED)
		return error;
	tcp_update_clock(c->tcp);
	if (option >= STACK_KEEPALIVE && option <= STACK_KEEPCNT)
		restart_keepalive(c);
	conn_accept_writes(c); /* what waited for it may go now */
	conn_output(c);
	return 0;
}

/* -- asking -- */

int tcp_get(const struct flow *flow, enum stack_option option, int32_t *value)
{
	const struct tcp_conn *c = conn_of(flow);
	const int32_t values[STACK_OPTIONS] = {
		[STACK_NODELAY] = !(c->wishes & CONN_NAGLE),
		[STACK_CORK] = !!(c->wishes & CONN_CORKED),
		[STACK_KEEPALIVE] = !!(c->wishes & CONN_KEEPALIVE),
		[STACK_KEEPIDLE] = or_else(c->keepalive_idle_s, KEEPALIVE_IDLE_S),
		[STACK_KEEPINTVL] = or_else(c->keepalive_interval_s, KEEPALIVE_INTERVAL_S),
		[STACK_KEEPCNT] = or_else(c->probes_max, KEEPALIVE_PROBES),
		[STACK_LINGER] = c->wishes & CONN_LINGER ? c->linger_s : -1,
		[STACK_RCVBUF] = (int32_t)conn_receive_bytes(c),
		[STACK_SNDBUF] = c->send_kib ? c->send_kib * 1024 : INT32_MAX,
		[STACK_USERTIMEOUT] = c->user_timeout_ds * 100,
		[STACK_MSS] = c->mss,
		[STACK_ERROR] = c->error,
	};

	if (option >= STACK_OPTIONS)
		return -ENOPROTOOPT;
	*value = values[option];
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
