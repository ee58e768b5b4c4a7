/* SPDX-License-Identifier: ISC */
/* Retransmission timeout and congestion window against the numbers of RFC 6298, RFC 5681, RFC 6582
 * and RFC 6928, worked out by hand. */
#include <criterion/criterion.h>

#include "net/tcp/congestion.h"
#include "net/tcp/rto.h"

#define FLOOR CONFIG_TCP_RTO_MIN_MS

Test(tcp_rto, initial)
{
	struct rto r;

	rto_init(&r, RTO_INITIAL_MS);
	cr_assert_eq(rto_ms(&r), 1000);
	rto_back_off(&r);
	cr_assert_eq(rto_ms(&r), 2000);
}

Test(tcp_rto, first_sample)
{
	struct rto r;

	rto_init(&r, RTO_INITIAL_MS);
	rto_sample(&r, 400);
	cr_assert_eq(rto_ms(&r), 400 + 4 * 200); /* SRTT = R, RTTVAR = R / 2 */
}

Test(tcp_rto, later_samples)
{
	struct rto r;
	double srtt = 400, rttvar = 200;
	static const uint32_t samples[] = { 500, 300, 800, 50, 400, 400, 400, 2000, 1 };

	rto_init(&r, RTO_INITIAL_MS);
	rto_sample(&r, 400);
	for (size_t i = 0; i < ARRAY_SIZE(samples); i++) {
		double error = srtt > samples[i] ? srtt - samples[i] : samples[i] - srtt;

		rttvar = 0.75 * rttvar + 0.25 * error;
		srtt = 0.875 * srtt + 0.125 * samples[i];
		rto_sample(&r, samples[i]);
		cr_assert(rto_ms(&r) > srtt + 4 * rttvar - 8 && rto_ms(&r) < srtt + 4 * rttvar + 8,
		          "%u, not %f", rto_ms(&r), srtt + 4 * rttvar);
	}
}

Test(tcp_rto, floor_ceiling_and_sample_that_ends_backing_off)
{
	struct rto r;

	rto_init(&r, RTO_INITIAL_MS);
	for (int i = 0; i < 100; i++)
		rto_sample(&r, 1);
	cr_assert_eq(rto_ms(&r), FLOOR);
	for (int i = 0; i < 1000; i++)
		rto_back_off(&r);
	cr_assert_eq(rto_ms(&r), RTO_MAX_MS);
	rto_sample(&r, 1);
	cr_assert_eq(rto_ms(&r), FLOOR);
	for (int i = 0; i < 100; i++)
		rto_sample(&r, UINT32_MAX);
	cr_assert_eq(rto_ms(&r), RTO_MAX_MS);
}

#define MSS 1000u

Test(tcp_congestion, initial_window)
{
	struct congestion c;

	congestion_init(&c, 1460, 1);
	cr_assert_eq(c.cwnd, 14600);
	congestion_init(&c, 536, 1);
	cr_assert_eq(c.cwnd, 5360);
	congestion_init(&c, 8960, 1);
	cr_assert_eq(c.cwnd, 17920);
}

Test(tcp_congestion, slow_start_then_one_segment_a_window)
{
	struct congestion c;
	uint32_t una = 1;

	congestion_init(&c, MSS, una);
	congestion_on_ack(&c, MSS, MSS, una += MSS, 9 * MSS, true);
	cr_assert_eq(c.cwnd, 11 * MSS);
	congestion_on_ack(&c, MSS, 5 * MSS, una += 5 * MSS, 5 * MSS, true); /* RFC 3465: two at most */
	cr_assert_eq(c.cwnd, 13 * MSS);
	congestion_on_ack(&c, MSS, MSS, una += MSS, 1, false); /* the window was not the limit */
	cr_assert_eq(c.cwnd, 13 * MSS);
	c.ssthresh = 13 * MSS;
	for (int i = 0; i < 12; i++)
		congestion_on_ack(&c, MSS, MSS, una += MSS, 12 * MSS, true);
	cr_assert_eq(c.cwnd, 13 * MSS);
	congestion_on_ack(&c, MSS, MSS, una += MSS, 12 * MSS, true);
	cr_assert_eq(c.cwnd, 14 * MSS);
}

Test(tcp_congestion, fast_recovery)
{
	struct congestion c;
	uint32_t una = 1, highest = una + 10 * MSS;

	congestion_init(&c, MSS, una);
	cr_assert_eq(congestion_on_duplicate(&c, MSS, una, highest, 10 * MSS, false), CONGESTION_OK);
	cr_assert_eq(congestion_on_duplicate(&c, MSS, una, highest, 10 * MSS, false), CONGESTION_OK);
	cr_assert_eq(congestion_on_duplicate(&c, MSS, una, highest, 10 * MSS, false), CONGESTION_RETRANSMIT);
	cr_assert_eq(c.ssthresh, 5 * MSS);
	cr_assert_eq(c.cwnd, 8 * MSS);
	cr_assert_eq(congestion_on_duplicate(&c, MSS, una, highest, 10 * MSS, false), CONGESTION_OK);
	cr_assert_eq(c.cwnd, 9 * MSS);
	una += 3 * MSS; /* partial: deflate by 3, inflate by 1 */
	cr_assert_eq(congestion_on_ack(&c, MSS, 3 * MSS, una, 7 * MSS, true), CONGESTION_RETRANSMIT);
	cr_assert_eq(c.cwnd, 7 * MSS);
	cr_assert_eq(congestion_on_ack(&c, MSS, 7 * MSS, highest, 2 * MSS, true), CONGESTION_OK);
	cr_assert_eq(c.cwnd, 3 * MSS); /* min(ssthresh, flight + MSS) */
	cr_assert_not(c.recovering);
}

Test(tcp_congestion, losses_of_before_the_recovery_do_not_start_another)
{
	struct congestion c;
	uint32_t una = 1, highest = una + 10 * MSS;

	congestion_init(&c, MSS, una);
	congestion_on_timeout(&c, MSS, highest, 10 * MSS, false);
	cr_assert_eq(c.cwnd, MSS);
	cr_assert_eq(c.ssthresh, 5 * MSS);
	congestion_on_timeout(&c, MSS, highest, MSS, true);
	cr_assert_eq(c.ssthresh, 5 * MSS); /* RFC 5681 §3.1: not halved again */
	for (int i = 0; i < 5; i++)
		cr_assert_eq(congestion_on_duplicate(&c, MSS, una + MSS, highest, 9 * MSS, false), CONGESTION_OK);
	c.duplicates = 0;
	una = highest + 1;
	for (int i = 0; i < 3; i++)
		cr_assert_eq(congestion_on_duplicate(&c, MSS, una, una + 4 * MSS, 4 * MSS, false),
		             i == 2 ? CONGESTION_RETRANSMIT : CONGESTION_OK);
	cr_assert_eq(c.ssthresh, 2 * MSS);
}

Test(tcp_congestion, loss_is_seen_after_more_than_half_the_circle_without_any)
{
	struct congestion c;
	uint32_t una = 1;

	congestion_init(&c, MSS, una);
	for (int i = 0; i < 3; i++)
		congestion_on_ack(&c, MSS, 1 << 30, una += 1 << 30, MSS, false);
	cr_assert_eq(congestion_on_duplicate(&c, MSS, una, una + MSS, MSS, true), CONGESTION_RETRANSMIT);
}

Test(tcp_congestion, never_overflows)
{
	struct congestion c;

	congestion_init(&c, 65000, 1);
	for (int i = 0; i < 100000; i++)
		congestion_on_ack(&c, 65000, 1 << 30, 1, 1 << 30, true);
	cr_assert_lt(c.cwnd, UINT32_MAX / 2);
	for (int i = 0; i < 100000; i++)
		congestion_on_duplicate(&c, 64, 1, 1000, 1000, false);
	cr_assert_eq(c.duplicates, 255);
}
