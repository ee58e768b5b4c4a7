/* SPDX-License-Identifier: ISC */
/* One timer per connection for all its deadlines, re-armed lazily: a deadline that moves later or
 * goes away leaves the timer alone, which then fires once for nothing and finds the next one. So an
 * acknowledged segment costs no work in the sleep queue.
 *
 * RFC 6298 §5 (retransmission), RFC 9293 §3.8.3 (giving up), §3.8.4 (keep-alive), §3.8.6.1 (persist). */
#include <errno.h>

#include "net/tcp/tcp_priv.h"

#define R1 3 /* timeouts in a row: RFC 9293 §3.8.3 SHLD-10 */
#define SYN_TIMEOUT_S UINT32_C(180) /* at least: RFC 9293 §3.8.3 MUST-23 */

void tcp_start_timer(struct tcp *tcp, struct timer *t, uint32_t due_ms)
{
	int32_t in_ms = (int32_t)(due_ms - tcp->now_ms);
	uint64_t due_ns = tcp->now_ns + (uint64_t)MAX(in_ms, 0) * NS_PER_MS;

	if (!timer_is_running(t) || t->deadline_ns > due_ns)
		timer_start(t, due_ns);
}

void conn_arm(struct tcp_conn *c, enum conn_timer which, uint32_t in_ms)
{
	c->deadline_ms[which] = c->tcp->now_ms + in_ms;
	c->armed |= (uint8_t)(1u << which);
	tcp_start_timer(c->tcp, &c->timer, c->deadline_ms[which]);
}

OUT_OF_LINE void conn_resume_soon(struct tcp_conn *c)
{
	conn_arm(c, CONN_RESUME, TCP_NO_MEMORY_MS);
}

/* The part of limit_ms that is left, counted from progress_ms. */
static uint32_t left_ms(const struct tcp_conn *c, uint32_t limit_ms)
{
	uint32_t spent_ms = c->tcp->now_ms - c->progress_ms;

	return spent_ms < limit_ms ? limit_ms - spent_ms : 0;
}

/* in_ms, or less if the user timeout ends sooner. */
static uint32_t within_user_timeout(const struct tcp_conn *c, uint32_t in_ms)
{
	uint32_t left = c->snd_una != c->snd_max ? left_ms(c, c->user_timeout_ds * 100u) : 0;

	return left ? MIN(in_ms, left) : in_ms;
}

void conn_arm_retransmit(struct tcp_conn *c)
{
	uint32_t in_ms = rto_ms(&c->rto);

	if (conn_has_recovery(c) && recovery_is_waiting(c))
		return;
	c->flags &= (uint16_t)~CONN_TAIL_TIMER;
	if (IS_ENABLED(CONFIG_TCP_RECOVERY) && recovery_wants_probe(c)) {
		c->flags |= CONN_TAIL_TIMER;
		/* however often something is sent: the probe comes no later than the timeout would */
		in_ms = MIN(recovery_probe_ms(c), left_ms(c, in_ms));
	}
	conn_arm(c, CONN_RETRANSMIT, within_user_timeout(c, in_ms));
}

/* How long the peer may acknowledge nothing before it is given up. */
static uint32_t patience_ms(const struct tcp_conn *c)
{
	uint32_t limit_ms = c->user_timeout_ds * 100u;

	if (limit_ms == 0)
		limit_ms = CONFIG_TCP_USER_TIMEOUT_SECONDS * 1000u;
	return c->state < TCP_ESTABLISHED ? MAX(limit_ms, SYN_TIMEOUT_S * 1000) : limit_ms;
}

/* A window may stay zero, and a tail be held, as long as the peer answers probes, but not for an orphan. Each
 * probe that follows an answer begins the wait for the next answer. */
static bool is_given_up(struct tcp_conn *c, bool persist)
{
	if (persist && !(c->flags & CONN_ORPHAN) &&
	    (c->snd_una == c->snd_max || seq_le(c->progress_ms, c->heard_ms))) {
		c->progress_ms = c->tcp->now_ms;
		return false;
	}
	return left_ms(c, patience_ms(c)) == 0;
}

/* Takes all that is in flight for lost. false: the caller sends it again in order. */
static bool time_out(struct tcp_conn *c)
{
	bool again = c->flags & CONN_TIMED_OUT;

	c->flags |= CONN_TIMED_OUT;
	if (IS_ENABLED(CONFIG_TCP_RECOVERY))
		return recovery_on_timeout(c, again);
	congestion_on_timeout(&c->congestion, c->mss, c->snd_max, c->snd_max - c->snd_una, again);
	return false;
}

/* Data in flight was not acknowledged in time, or the window has been zero for a while. */
static bool on_retransmit(struct tcp_conn *c)
{
	uint32_t flight = c->snd_max - c->snd_una;
	bool persist = c->state >= TCP_ESTABLISHED && (flight == 0 || c->snd_wnd == 0);

	if (IS_ENABLED(CONFIG_TCP_RECOVERY) && recovery_on_timer(c))
		return true;
	if (IS_ENABLED(CONFIG_TCP_RECOVERY) && c->flags & CONN_TAIL_TIMER) {
		recovery_send_probe(c);
		return true;
	}
	if (is_given_up(c, persist))
		return conn_event(c, TCP_GIVE_UP, -ETIMEDOUT);
	rto_back_off(&c->rto);
	if (c->rto.backoff == R1)
		ip_doubt(&c->route); /* MUST-20 */
	c->flags &= (uint16_t)~CONN_TIMING;
	c->tcp->stats.timeouts += !persist;
	if (c->state < TCP_ESTABLISHED) {
		conn_send_syn(c);
		return true;
	}
	if (!persist)
		mtu_timed_out(c);
	if (persist || !time_out(c)) {
		c->snd_nxt = c->snd_una;
		c->flags |= CONN_FORCE;
	}
	conn_output(c);
	return true;
}

static bool on_idle(struct tcp_conn *c)
{
	uint32_t silent_ms = c->tcp->now_ms - c->heard_ms, limit_ms = c->keepalive_idle_s * 1000u;

	if (c->flags & CONN_ORPHAN) {
		if (c->state == TCP_FIN_WAIT_2)
			return conn_event(c, TCP_GIVE_UP, -ETIMEDOUT);
		return !(c->wishes & CONN_LINGER) || conn_event(c, TCP_ABORT, -ETIMEDOUT);
	}
	if (!(c->wishes & CONN_KEEPALIVE))
		return true;
	if (c->snd_una != c->snd_max)
		silent_ms = 0; /* data in flight probes the peer, and has its own timeout: §3.8.4 MUST-26 */
	if (silent_ms < limit_ms) {
		c->probes = 0;
		conn_arm(c, CONN_IDLE, limit_ms - silent_ms);
		return true;
	}
	if (c->probes >= c->probes_max)
		return conn_event(c, TCP_GIVE_UP, -ETIMEDOUT);
	c->probes++;
	conn_send_keepalive(c);
	conn_arm(c, CONN_IDLE, c->keepalive_interval_s * 1000u);
	return true;
}

static bool on_delayed_ack(struct tcp_conn *c)
{
	c->flags |= CONN_ACK_NOW;
	conn_output(c);
	return true;
}

/* Our own memory was short, which says nothing of the network: no timeout is counted, nothing backs off,
 * and the retransmission timer goes on for data in flight. */
static bool on_resume(struct tcp_conn *c)
{
	if (c->state == TCP_SYN_SENT || c->state == TCP_SYN_RECEIVED) {
		conn_send_syn(c);
		return true;
	}
	conn_feed_reader(c); /* also of a connection that has ended: data received is still to be read */
	if (c->state >= TCP_ESTABLISHED) {
		if (c->congestion.recovering && !conn_has_recovery(c))
			conn_retransmit(c, c->snd_una, c->mss); /* it may be what found no room */
		conn_output(c);
	}
	return true;
}

void tcp_retry(struct tcp *tcp)
{
	tcp_update_clock(tcp);
	for (uint32_t i = 0; i <= tcp->conn_mask; i++)
		for (struct tcp_conn *c = tcp->conn_hash[i]; c; c = c->hash_next)
			if (c->rto.backoff > 0 && conn_is_armed(c, CONN_RETRANSMIT)) {
				c->rto.backoff = 0;
				conn_arm(c, CONN_RETRANSMIT, 0);
			}
}

void conn_timer_fired(struct timer *t)
{
	static bool (*const handlers[CONN_TIMERS])(struct tcp_conn *c) = {
		[CONN_RETRANSMIT] = on_retransmit,
		[CONN_DELAYED_ACK] = on_delayed_ack,
		[CONN_RESUME] = on_resume,
		[CONN_IDLE] = on_idle,
	};
	struct tcp_conn *c = container_of(t, struct tcp_conn, timer);
	struct tcp *tcp = c->tcp;

	tcp_update_clock(tcp);
	for (unsigned i = 0; i < CONN_TIMERS; i++)
		if (conn_is_armed(c, i) && seq_le(c->deadline_ms[i], tcp->now_ms)) {
			conn_disarm(c, i);
			if (!handlers[i](c))
				return;
		}
	for (unsigned i = 0; i < CONN_TIMERS; i++)
		if (conn_is_armed(c, i))
			tcp_start_timer(tcp, &c->timer, c->deadline_ms[i]);
}
