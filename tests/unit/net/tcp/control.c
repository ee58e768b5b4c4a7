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

static void grow(struct congestion *c, uint32_t acked, uint32_t una)
{
	cr_assert_eq(congestion_on_ack(c, MSS, acked, una, 0), CONGESTION_OK);
	congestion_grow(c, MSS, acked, una, 0, 0);
}

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

Test(tcp_congestion, slow_start_grows_by_what_is_acknowledged)
{
	struct congestion c;
	uint32_t una = 1;

	congestion_init(&c, MSS, una);
	grow(&c, MSS, una += MSS);
	cr_assert_eq(c.cwnd, 11 * MSS);
	grow(&c, 5 * MSS, una += 5 * MSS); /* one acknowledgement, five segments */
	cr_assert_eq(c.cwnd, 16 * MSS);
	grow(&c, 20 * MSS, una += 20 * MSS); /* RFC 9406: eight at most */
	cr_assert_eq(c.cwnd, 24 * MSS);
	for (int i = 0; i < 10; i++) /* RFC 3465: an acknowledgement split in ten is worth no more */
		grow(&c, MSS / 10, una += MSS / 10);
	cr_assert_eq(c.cwnd, 25 * MSS);
}

Test(tcp_congestion, slow_start_after_a_timeout_takes_a_segment_an_acknowledgement)
{
	struct congestion c;
	uint32_t una = 1, highest = una + 20 * MSS;

	congestion_init(&c, MSS, una);
	congestion_on_timeout(&c, MSS, highest, 20 * MSS, false);
	grow(&c, 15 * MSS, una += 15 * MSS); /* most of that had come before: RFC 3465 2.3 */
	cr_assert_eq(c.cwnd, 2 * MSS);
	grow(&c, 5 * MSS, una = highest);
	cr_assert_eq(c.cwnd, 3 * MSS);
	grow(&c, 2 * MSS, una += 2 * MSS);
	cr_assert_eq(c.cwnd, 5 * MSS);
}

Test(tcp_congestion, reno_takes_half_and_a_segment_more_each_window)
{
	struct congestion c;

	congestion_init(&c, MSS, 1);
	cr_assert_eq(reno_back_off(&c, MSS, 26 * MSS), 13 * MSS);
	cr_assert_eq(reno_back_off(&c, MSS, 3 * MSS), 2 * MSS);
	c.cwnd = 13 * MSS;
	for (int i = 0; i < 12; i++)
		reno_grow(&c, MSS, MSS);
	cr_assert_eq(c.cwnd, 13 * MSS);
	reno_grow(&c, MSS, MSS);
	cr_assert_eq(c.cwnd, 14 * MSS);
}

Test(tcp_congestion, fast_recovery)
{
	struct congestion c;
	uint32_t una = 1, highest = una + 10 * MSS;

	congestion_init(&c, MSS, una);
	cr_assert_eq(congestion_on_duplicate(&c, MSS, una, highest, 10 * MSS), CONGESTION_OK);
	cr_assert_eq(congestion_on_duplicate(&c, MSS, una, highest, 10 * MSS), CONGESTION_OK);
	cr_assert_eq(congestion_on_duplicate(&c, MSS, una, highest, 10 * MSS), CONGESTION_RETRANSMIT);
	cr_assert_eq(c.ssthresh, 7 * MSS); /* CUBIC's */
	cr_assert_eq(c.cwnd, 10 * MSS);
	cr_assert_eq(congestion_on_duplicate(&c, MSS, una, highest, 10 * MSS), CONGESTION_OK);
	cr_assert_eq(c.cwnd, 11 * MSS);
	una += 3 * MSS; /* partial: deflate by 3, inflate by 1 */
	cr_assert_eq(congestion_on_ack(&c, MSS, 3 * MSS, una, 7 * MSS), CONGESTION_RETRANSMIT);
	cr_assert_eq(c.cwnd, 9 * MSS);
	cr_assert_eq(congestion_on_ack(&c, MSS, 7 * MSS, highest, 2 * MSS), CONGESTION_OK);
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
	cr_assert_eq(c.ssthresh, 7 * MSS);
	congestion_on_timeout(&c, MSS, highest, MSS, true);
	cr_assert_eq(c.ssthresh, 7 * MSS); /* RFC 5681 §3.1: not reduced again */
	for (int i = 0; i < 5; i++)
		cr_assert_eq(congestion_on_duplicate(&c, MSS, una + MSS, highest, 9 * MSS), CONGESTION_OK);
	c.duplicates = 0;
	una = highest + 1;
	for (int i = 0; i < 3; i++)
		cr_assert_eq(congestion_on_duplicate(&c, MSS, una, una + 4 * MSS, 4 * MSS),
		             i == 2 ? CONGESTION_RETRANSMIT : CONGESTION_OK);
	cr_assert_eq(c.ssthresh, 2 * MSS);
}

Test(tcp_congestion, loss_is_seen_after_more_than_half_the_circle_without_any)
{
	struct congestion c;
	uint32_t una = 1;

	congestion_init(&c, MSS, una);
	for (int i = 0; i < 3; i++)
		congestion_on_ack(&c, MSS, 1 << 30, una += 1 << 30, MSS);
	for (int i = 0; i < 3; i++)
		cr_assert_eq(congestion_on_duplicate(&c, MSS, una, una + MSS, MSS),
		             i == 2 ? CONGESTION_RETRANSMIT : CONGESTION_OK);
}

Test(tcp_congestion, never_overflows)
{
	struct congestion c;

	congestion_init(&c, 65000, 1);
	for (int i = 0; i < 100000; i++)
		congestion_grow(&c, 65000, 1 << 30, 1, 0, 0);
	cr_assert_lt(c.cwnd, UINT32_MAX / 2);
	for (int i = 0; i < 100000; i++)
		congestion_on_duplicate(&c, 64, 1, 1000, 1000);
	cr_assert_eq(c.duplicates, 255);
}
