/* SPDX-License-Identifier: ISC */
/* CUBIC's integers against the formulas of RFC 9438 in double precision, at each acknowledgement. */
#include <criterion/criterion.h>
#include <math.h>

#include "net/tcp/congestion.h"

#define MSS 1448u
#define C 0.4
#define BETA 0.7

/* Segments and seconds. */
struct model {
	double cwnd, w_max, w_est, k, epoch;
};

static void model_begin(struct model *m, double now)
{
	m->epoch = now;
	m->w_est = m->cwnd;
	m->k = m->w_max > m->cwnd ? cbrt((m->w_max - m->cwnd) / C) : 0;
	m->w_max = fmax(m->w_max, m->cwnd);
}

static double model_window(const struct model *m, double t)
{
	return C * pow(t - m->k, 3) + m->w_max;
}

/* §4.2 to §4.5 */
static void model_ack(struct model *m, double acked, double now, double rtt)
{
	double t = now - m->epoch, alpha = m->w_est >= m->w_max ? 1 : 3 * (1 - BETA) / (1 + BETA), target;

	m->w_est += alpha * acked / m->cwnd;
	if (model_window(m, t) < m->w_est) {
		m->cwnd = fmax(m->cwnd, m->w_est);
		return;
	}
	target = fmin(fmax(model_window(m, t + rtt), m->cwnd), 1.5 * m->cwnd);
	m->cwnd += (target - m->cwnd) * acked / m->cwnd;
}

static struct congestion c;
static struct model m;
static uint32_t now_ms;

/* A loss with segments in flight. */
static void lose(uint32_t segments)
{
	congestion_init(&c, MSS, 1);
	c.cwnd = segments * MSS;
	congestion_reduce(&c, MSS, c.cwnd);
	m.w_max = segments;
	m.cwnd = fmax(segments * BETA, 2);
	model_begin(&m, now_ms / 1e3);
}

/* A round trip in which all of the window is acknowledged, two segments at a time. */
static void round_trip(uint32_t rtt_ms)
{
	uint32_t acks = c.cwnd / MSS / 2 + 1, begun_ms = now_ms;

	for (uint32_t i = 0; i < acks; i++) {
		now_ms = begun_ms + rtt_ms * i / acks;
		congestion_grow(&c, MSS, 2 * MSS, 1000, now_ms, rtt_ms);
		model_ack(&m, 2, now_ms / 1e3, rtt_ms / 1e3);
	}
	now_ms = begun_ms + rtt_ms;
}

static void follow(uint32_t segments, uint32_t rtt_ms, uint32_t for_ms)
{
	uint32_t end_ms = now_ms + for_ms;

	lose(segments);
	while (now_ms < end_ms && m.cwnd < 2 * segments + 5000) { /* beyond, small pieces are rounded off */
		round_trip(rtt_ms);
		cr_assert_lt(fabs(c.cwnd / (double)MSS - m.cwnd), 0.02 * m.cwnd + 1,
		             "loss at %u, round trip %u ms: after %u ms %f segments, not %f", segments, rtt_ms,
		             now_ms, c.cwnd / (double)MSS, m.cwnd);
	}
}

Test(tcp_cubic, follows_the_formulas)
{
	static const uint32_t windows[] = { 4, 10, 30, 100, 1000, 20000 }, rtts_ms[] = { 1, 10, 50, 200 };

	for (size_t i = 0; i < ARRAY_SIZE(windows); i++)
		for (size_t k = 0; k < ARRAY_SIZE(rtts_ms); k++)
			if (windows[i] < 10000 || rtts_ms[k] > 10)
				follow(windows[i], rtts_ms[k], 30000);
}

Test(tcp_cubic, is_concave_up_to_the_old_window_and_convex_beyond)
{
	uint32_t before, grown, last = UINT32_MAX, turns = 0;

	lose(1000); /* K = (300 / 0.4)^(1/3) = 9.09 s */
	cr_assert_eq(c.cwnd, 700 * MSS);
	for (int i = 0; i < 180; i++) {
		before = c.cwnd;
		round_trip(100);
		grown = c.cwnd - before;
		if (i == 90)
			cr_assert(c.cwnd > 998 * MSS && c.cwnd < 1002 * MSS, "%u segments at K", c.cwnd / MSS);
		if (i > 0 && (turns ? grown + MSS / 4 < last : grown > last + MSS / 4))
			turns++;
		last = grown;
	}
	cr_assert_eq(turns, 1);
	cr_assert_gt(c.cwnd, 1200 * MSS);
}

Test(tcp_cubic, is_never_slower_than_reno)
{
	uint32_t reno;

	lose(20); /* a short round trip: the curve would take K = 2.5 s */
	reno = c.cwnd;
	for (int i = 0; i < 20; i++)
		round_trip(1);
	cr_assert_gt(c.cwnd, reno + 10 * MSS); /* 9/17 of a segment a round trip, a whole one beyond 20 */
	cr_assert_lt(c.cwnd, reno + 20 * MSS);
}

Test(tcp_cubic, gives_way_when_losses_come_sooner)
{
	congestion_init(&c, MSS, 1);
	c.cwnd = 100 * MSS;
	congestion_reduce(&c, MSS, c.cwnd);
	cr_assert_eq(c.w_max, 100);
	c.cwnd = 80 * MSS;
	congestion_reduce(&c, MSS, c.cwnd);
	cr_assert_eq(c.w_max, 68); /* 80 * (1 + 0.7) / 2 */
	cr_assert_eq(c.ssthresh, 56 * MSS);
	congestion_reduce(&c, MSS, 0);
	cr_assert_eq(c.ssthresh, 2 * MSS);
}

Test(tcp_cubic, time_without_need_of_the_window_does_not_count)
{
	uint32_t before;

	lose(100);
	for (int i = 0; i < 100; i++)
		round_trip(100);
	before = c.cwnd;
	c.in_epoch = false; /* as the application sends little for a while */
	now_ms += 1000000;
	round_trip(100);
	cr_assert_leq(c.cwnd, before + 2 * MSS);
}

Test(tcp_cubic, hour_long_epochs_and_huge_windows_do_not_overflow)
{
	congestion_init(&c, 9000, 1);
	c.cwnd = UINT32_MAX / 4 - 1;
	congestion_reduce(&c, 9000, c.cwnd);
	for (uint32_t i = 0; i < 4000; i++) {
		congestion_grow(&c, 9000, 1 << 30, 1, i * 1000000, 60000);
		cr_assert_lt(c.cwnd, UINT32_MAX / 2);
	}
	cr_assert_gt(c.cwnd, UINT32_MAX / 8);
}
