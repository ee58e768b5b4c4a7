/* SPDX-License-Identifier: ISC */
/* The first slow start's end: round trips that get longer, jitter, and losses that come first. */
#include <criterion/criterion.h>

#include "net/tcp/congestion.h"

#define MSS 1000u

static struct congestion c;
static uint32_t una;

/* Ten segments are acknowledged after rtt_ms each. */
static void round_trip(uint32_t rtt_ms)
{
	uint32_t end = una + 10 * MSS;

	while (una != end) {
		una += MSS;
		hystart_on_ack(&c, una, end + (una == end ? 10 * MSS : 0), rtt_ms);
		if (!c.is_first)
			break;
	}
	una = end;
}

static void begin(void)
{
	una = 0xffffff00; /* goes round zero */
	congestion_init(&c, MSS, una);
	c.hystart.round_end = una + 10 * MSS;
	round_trip(40);
}

TestSuite(tcp_hystart, .init = begin);

Test(tcp_hystart, five_slower_rounds_and_it_is_over)
{
	round_trip(45);
	cr_expect_eq(c.hystart.slow_rounds, 2);
	for (int i = 0; i < 4; i++) {
		cr_expect(c.is_first && c.ssthresh == UINT32_MAX / 2);
		round_trip(46);
	}
	cr_expect_not(c.is_first);
	cr_expect_eq(c.ssthresh, c.cwnd);
	cr_expect(c.acked == 0 && c.epoch_ms == 0 && c.w_max == 0 && c.k_ms == 0);
}

Test(tcp_hystart, jitter_is_forgotten)
{
	round_trip(60);
	round_trip(41);
	cr_expect_eq(c.hystart.slow_rounds, 0);
	round_trip(43); /* 41 and less than an eighth, but 4 */
	cr_expect_eq(c.hystart.slow_rounds, 0);
	round_trip(48);
	cr_expect_neq(c.hystart.slow_rounds, 0);
}

Test(tcp_hystart, few_samples_prove_nothing)
{
	for (int i = 0; i < 7; i++)
		hystart_on_ack(&c, una + MSS, una + 10 * MSS, 500);
	cr_expect_eq(c.hystart.slow_rounds, 0);
	hystart_on_ack(&c, una + MSS, una + 10 * MSS, 500);
	cr_expect_eq(c.hystart.slow_rounds, 1);
}

Test(tcp_hystart, a_loss_comes_first)
{
	round_trip(40);
	c.cwnd = 50 * MSS;
	congestion_reduce(&c, MSS, 50 * MSS);
	cr_expect_not(c.is_first);
	cr_expect(c.w_max == 50 && c.k_ms == 0 && c.acked == 0 && c.ssthresh == 35 * MSS);
}

Test(tcp_hystart, any_round_trip_that_a_peer_claims)
{
	for (int i = 0; i < 1000; i++)
		round_trip(i % 2 ? UINT32_MAX : 0);
	cr_expect(c.cwnd > 0);
}
