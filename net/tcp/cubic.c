/* SPDX-License-Identifier: ISC */
/* CUBIC (RFC 9438): beyond ssthresh the window follows W(t) = C (t - K)^3 + W_max, t since the epoch began,
 * so that it comes back fast to where congestion was last met, lingers there, and then looks further; but
 * never less than Reno would have. In integers: windows in bytes, W_max in segments, times in milliseconds,
 * C = 0.4 segments/s^3, beta = 0.7. An epoch begins anew when the window has not been the limit for a
 * while (idling, RFC 9438 §5.8), with ssthresh as the window that it begins with. */
#include "net/tcp/congestion.h"

#define FAR_MS INT64_C(100000)  /* from K: beyond, the curve is steeper than any clamp */
#define WINDOW_MAX (UINT32_MAX / 4)

uint32_t cubic_back_off(struct congestion *c, uint32_t mss, uint32_t flight)
{
	uint32_t w = MIN(flight / mss, (uint32_t)UINT16_MAX);

	c->in_epoch = false;
	c->w_max = (uint16_t)(w < c->w_max ? w * 17 / 20 : w); /* §4.7: fast convergence, (1 + beta) / 2 */
	return MAX((uint32_t)(flight * UINT64_C(7) / 10), 2 * mss);
}

/* Rounded down, at most 65535. */
static uint16_t cube_root(uint64_t x)
{
	uint64_t root = 0;

	for (uint64_t bit = 1u << 15; bit; bit >>= 1) {
		uint64_t next = root | bit;

		if (next * next * next <= x)
			root = next;
	}
	return (uint16_t)root;
}

static void begin_epoch(struct congestion *c, uint32_t mss, uint32_t now_ms)
{
	uint64_t top = (uint64_t)c->w_max * mss;

	if (top <= c->cwnd) {
		c->w_max = (uint16_t)MIN(c->cwnd / mss, (uint32_t)UINT16_MAX);
		c->k_ms = 0;
	} else {
		/* K^3 = (W_max - cwnd) / C, with 1000 ms a second */
		c->k_ms = cube_root((top - c->cwnd) * UINT64_C(2500000000) / mss);
	}
	c->ssthresh = c->cwnd;
	c->acked = 0;
	c->epoch_ms = now_ms;
	c->in_epoch = true;
}

/* W(t), in bytes. */
static OUT_OF_LINE uint32_t cubic_window(const struct congestion *c, uint32_t mss, uint32_t t_ms)
{
	int64_t d = MIN((int64_t)t_ms - c->k_ms, FAR_MS), w;

	w = (int64_t)c->w_max * mss + d * d * d / 1000000 * 4 * mss / 10000;
	return (uint32_t)MIN(MAX(w, INT64_C(0)), (int64_t)WINDOW_MAX);
}

/* W_est (§4.3): Reno's window now, had it begun the epoch with the same window and lost as often;
 * it grows by alpha = 9/17 segments a window, and by a whole one beyond W_max. */
static uint32_t reno_window(struct congestion *c, uint32_t mss, uint32_t acked)
{
	uint64_t w, top = MAX((uint64_t)c->w_max * mss, (uint64_t)c->ssthresh);

	c->acked += (uint32_t)MIN(((uint64_t)acked << 16) / c->cwnd, (uint64_t)(UINT32_MAX - c->acked));
	w = c->ssthresh + ((uint64_t)c->acked * mss * 9 / 17 >> 16);
	if (w > top)
		w += (w - top) * 8 / 9;
	return (uint32_t)MIN(w, (uint64_t)WINDOW_MAX);
}

void cubic_grow(struct congestion *c, uint32_t mss, uint32_t acked, uint32_t now_ms, uint32_t rtt_ms)
{
	uint32_t t_ms, reno, target;

	if (!c->in_epoch)
		begin_epoch(c, mss, now_ms);
	t_ms = now_ms - c->epoch_ms;
	reno = reno_window(c, mss, acked);
	if (cubic_window(c, mss, t_ms) < reno) {
		c->cwnd = MAX(c->cwnd, reno);
		return;
	}
	target = MIN(cubic_window(c, mss, t_ms + rtt_ms), c->cwnd + c->cwnd / 2);
	if (target > c->cwnd)
		c->cwnd += (uint32_t)((uint64_t)(target - c->cwnd) * MIN(acked, c->cwnd) / c->cwnd);
}
