/* SPDX-License-Identifier: ISC */
/* The instance: its pools, tables and limits, and the calls of tcp.h that concern it as a whole. All
 * memory is taken here, once. */
#include "net/tcp/tcp.h"

#include <errno.h>

#include "kernel/dev/clock.h"
#include "kernel/instance.h"
#include "kernel/random.h"
#include "net/capture.h"
#include "net/tcp/tcp_priv.h"

#define LOG_TAG "tcp"
#include "kernel/log.h"

#define CHALLENGE_MS 16    /* the unit of time of challenges */
#define CHALLENGE_PAUSE 32 /* such units between two answers to unacceptable segments */

static const struct tcp_limits default_limits = {
	.connections = CONFIG_TCP_CONNECTIONS,
	.half_open = CONFIG_TCP_HALF_OPEN,
	.time_wait = CONFIG_TCP_TIME_WAIT,
	.send_slices = CONFIG_TCP_SEND_SLICES,
	.receive_bytes = CONFIG_TCP_RECEIVE_BYTES,
	.receive_max_bytes = CONFIG_TCP_RECEIVE_MAX_BYTES,
	.receive_bufs = CONFIG_TCP_RECEIVE_BUFS,
	.recoveries = CONFIG_TCP_RECOVERIES,
};

static void release_pool(struct pool *p)
{
	if (p->memory)
		pool_destroy(p);
}

static void release(struct tcp *tcp)
{
	poller_remove(&tcp->owing);
	release_pool(&tcp->recoveries);
	release_pool(&tcp->slices);
	release_pool(&tcp->conns);
	table_destroy(&tcp->wait_table);
	table_destroy(&tcp->halves);
	heads_free(tcp->conn_hash, tcp->conn_mask);
	instance_free(tcp, sizeof(*tcp));
}

static int take_memory(struct tcp *tcp)
{
	const struct tcp_limits *l = &tcp->limits;

	tcp->conn_hash = heads_alloc(l->connections, &tcp->conn_mask);
	if (!tcp->conn_hash || (size_t)l->connections + l->send_slices < l->send_slices ||
	    pool_init(&tcp->conns, sizeof(struct tcp_conn), 8, l->connections) < 0 ||
	    table_init(&tcp->halves, tcp, sizeof(struct tcp_half), l->half_open, half_due) < 0 ||
	    table_init(&tcp->wait_table, tcp, sizeof(struct tcp_entry), l->time_wait, entry_drop) < 0 ||
	    pool_init(&tcp->slices, sizeof(struct send_slice), 8, (size_t)l->connections + l->send_slices) < 0 ||
	    (IS_ENABLED(CONFIG_TCP_RECOVERY) && recovery_init_all(tcp) < 0))
		return -ENOMEM;
	tcp->slices_spare = l->send_slices;
	return 0;
}

int tcp_create(struct tcp **out, struct ip *ip, const struct tcp_limits *limits)
{
	struct tcp *tcp = instance_alloc(sizeof(*tcp));
	int error;

	if (!tcp)
		return -ENOMEM;
	poller_add(&tcp->owing, tcp_pay);
	tcp->ip = ip;
	tcp->limits = limits ? *limits : default_limits;
	tcp->first_window = (uint16_t)MIN(tcp->limits.receive_bytes, (uint32_t)UINT16_MAX);
	while (MAX(tcp->limits.receive_bytes, tcp->limits.receive_max_bytes) >> tcp->rcv_scale > UINT16_MAX)
		tcp->rcv_scale++;
	random_bytes(tcp->secret, sizeof(tcp->secret));
	error = take_memory(tcp);
	if (error == 0) {
		tcp->handler = (struct ip_handler){ tcp_input, tcp_error, tcp_gone, tcp };
		error = ip_listen(ip, IP_TCP, &tcp->handler);
	}
	if (error < 0) {
		release(tcp);
		return error;
	}
	*out = tcp;
	return 0;
}

void tcp_destroy(struct tcp *tcp)
{
	ip_listen(tcp->ip, IP_TCP, NULL);
	conn_destroy_all(tcp);
	release(tcp);
}

/* Begins the handshake of op. 0, or a negative errno. */
static int connect_to(struct tcp *tcp, struct stack_connect *op, const struct endpoint *from,
                      const struct endpoint *to)
{
	struct ip_route route;
	struct tcp_key k;
	const struct ip_addr *src = from && from->addr.family != IP_NONE ? &from->addr : NULL;
	uint16_t from_port = from ? from->port : 0;
	struct tcp_conn *c;
	int error;

	if (to->port == 0)
		return -EINVAL;
	error = ip_route_init(tcp->ip, &route, src, &to->addr);
	/* not to a multicast or broadcast address: RFC 9293 §3.9.2.3 MUST-46 */
	if (error < 0 || route.to_group)
		return error == -EADDRNOTAVAIL ? error : -EHOSTUNREACH;
	k.ends.local_port = from_port;
	k.ends.remote_port = to->port;
	k.ends.remote = to->addr;
	k.ends.local = route.src;
	if (from_port && !isn_port_is_free(tcp, &k))
		return -EADDRINUSE;
	if (!from_port && !isn_choose_port(tcp, &k))
		return -ENOBUFS;
	c = conn_create(tcp, &route, &k);
	if (!c)
		return -ENOBUFS;
	c->route.wishes = tcp->opening;
	c->connector = op;
	c->flags |= CONN_ORPHAN; /* the application gets the flow once it is established */
	c->options = SEG_HAS_SCALE | SEG_HAS_TIMESTAMPS | SEG_HAS_SACK_PERMITTED;
	op->state = c;
	c->snd_una = isn_choose(tcp, &k.ends);
	c->snd_nxt = c->snd_max = c->snd_una + 1;
	tcp->stats.active_opens++;
	conn_event(c, TCP_ACTIVE_OPEN, 0);
	return 0;
}

static void cancel_connect(struct promise *p)
{
	struct stack_connect *op = container_of(p, struct stack_connect, promise);
	struct tcp_conn *c = op->state;

	tcp_update_clock(c->tcp);
	conn_event(c, TCP_ABORT, -ECANCELED);
}

void tcp_connect_from(struct tcp *tcp, struct stack_connect *op, const struct endpoint *from,
                      const struct endpoint *to)
{
	int error;

	tcp_update_clock(tcp);
	promise_init(&op->promise, cancel_connect);
	op->flow = NULL;
	error = connect_to(tcp, op, from, to);
	if (error < 0)
		promise_fail(&op->promise, error);
}

void tcp_update_clock(struct tcp *tcp)
{
	tcp->now_ns = clock_now_ns();
	tcp->now_ms = (uint32_t)(tcp->now_ns / NS_PER_MS);
}

/* The time wraps every 17 minutes, when one challenge may be held back, or one too many sent. */
OUT_OF_LINE bool tcp_may_challenge(struct tcp *tcp, uint16_t *last)
{
	uint16_t now = (uint16_t)(tcp->now_ms / CHALLENGE_MS);

	if (*last && (uint16_t)(now - *last) < CHALLENGE_PAUSE)
		return false;
	*last = now;
	tcp->stats.challenges++;
	return true;
}

void tcp_refused(struct tcp *tcp, const char *reason)
{
	tcp->stats.in_drops++;
	log_debug("drop reason=\"%s\"", reason);
	capture_drop(tcp->ip->dev, reason);
}

const struct tcp_stats *tcp_stats(struct tcp *tcp)
{
	struct tcp_stats *s = &tcp->stats;

	s->connections = (uint32_t)tcp->conns.used;
	s->half_open = (uint32_t)tcp->halves.pool.used;
	s->time_wait = (uint32_t)tcp->wait_table.pool.used;
	s->send_slices = (uint32_t)tcp->slices.used;
	s->recoveries = (uint32_t)tcp->recoveries.used;
	return s;
}
