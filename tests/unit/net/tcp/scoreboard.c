/* SPDX-License-Identifier: ISC */
/* The engines of recovery by themselves: the scoreboard against a byte by byte model, RACK's judgement
 * (RFC 8985), PRR's rate (RFC 9937). */
#include <criterion/criterion.h>

#include "net/tcp/prr.h"
#include "net/tcp/rack.h"
#include "tests/lib/test.h"

#define BASE 0xffffff00u /* so that sequence numbers go round zero */
#define MSS 1000u

static struct scoreboard b;
static struct rack r;
static struct rack_ack ack;

static void begin(uint32_t sent)
{
	b = (struct scoreboard){ .start = BASE };
	r = (struct rack){ .highest = BASE };
	ack = (struct rack_ack){ .srtt = 100 };
	scoreboard_sent(&b, BASE, BASE + 10 * MSS, sent);
}

static uint32_t arrive(uint32_t from, uint32_t to, uint32_t now)
{
	uint32_t bytes;

	ack.now = now;
	bytes = rack_arrived(&r, &b, BASE + from * MSS, BASE + to * MSS, &ack);
	scoreboard_advance(&b, b.start);
	return bytes;
}

static enum run_state state_of(uint32_t segment)
{
	unsigned i = 0;

	while (i < b.count && (int32_t)(b.runs[i].end - (BASE + segment * MSS)) <= 0)
		i++;
	cr_assert_lt(i, b.count);
	return b.runs[i].state;
}

/* -- scoreboard -- */

#define BYTES 200u

/* For any input, a byte's state is true or cautious: never sacked if it has not arrived. */
static void check_model(const bool *arrived, uint32_t una, uint32_t max)
{
	uint32_t out = 0, lost = 0;

	cr_assert_leq(b.count, SCOREBOARD_RUNS);
	cr_assert_eq(b.start, BASE + una);
	cr_assert_eq(scoreboard_end(&b), BASE + max);
	for (unsigned i = 0; i < b.count; i++) {
		uint32_t from = scoreboard_begin(&b, i), len = b.runs[i].end - from;

		cr_assert(len > 0 && len <= max - una);
		for (uint32_t at = from; b.runs[i].state == RUN_SACKED && at != b.runs[i].end; at++)
			cr_assert(arrived[at - BASE]);
		out += b.runs[i].state >= RUN_LOST ? len : 0;
		lost += b.runs[i].state == RUN_LOST ? len : 0;
	}
	cr_assert_eq(b.out, out);
	cr_assert_eq(b.lost, lost);
	cr_assert_eq(scoreboard_pipe(&b), max - una - out);
}

Test(tcp_scoreboard, agrees_with_a_model)
{
	for (uint64_t seed = 1; seed <= 300; seed++) {
		bool arrived[BYTES] = { false };
		uint64_t dice = seed;
		uint32_t una = 0, max = 1;

		b = (struct scoreboard){ .start = BASE, .grain = (uint8_t)(seed % 4) };
		r = (struct rack){ .highest = BASE };
		scoreboard_sent(&b, BASE, BASE + 1, 0);
		for (uint32_t now = 1; una < BYTES; now++) {
			uint32_t from = una + (uint32_t)(test_random(&dice) % (max - una + 1));
			uint32_t to = MIN(from + 1 + (uint32_t)(test_random(&dice) % 9), max);

			ack.now = now;
			switch (test_random(&dice) % 5) {
			case 0:
				to = MIN(max + 7, BYTES);
				if (to > max)
					scoreboard_sent(&b, BASE + max, BASE + to, now);
				max = to;
				break;
			case 1:
				if (from < to)
					scoreboard_sent(&b, BASE + from, BASE + to, now);
				break;
			case 2:
				for (uint32_t i = from; i < to; i++)
					arrived[i] = true;
				if (from < to)
					rack_arrived(&r, &b, BASE + from, BASE + to, &ack);
				scoreboard_advance(&b, b.start);
				break;
			case 3:
				rack_detect(&r, &b, now, (uint32_t)(test_random(&dice) % 20));
				break;
			default:
				for (; una < from; una++)
					arrived[una] = true;
				rack_arrived(&r, &b, b.start, BASE + una, &ack);
				scoreboard_advance(&b, BASE + una);
				while (una < max && arrived[una])
					una++;
				scoreboard_advance(&b, BASE + una);
				break;
			}
			check_model(arrived, una, max);
			if (una == max && max < BYTES) {
				scoreboard_sent(&b, BASE + max, BASE + max + 1, now);
				max++;
			}
		}
	}
}

Test(tcp_scoreboard, full_forgets_what_costs_a_repetition_at_most)
{
	begin(1);
	scoreboard_sent(&b, BASE + 10 * MSS, BASE + 100 * MSS, 1);
	for (uint32_t i = 1; i < 99; i += 2)
		arrive(i, i + 1, 10);
	cr_assert_geq(b.count, SCOREBOARD_RUNS - 1);
	cr_assert_leq(b.out, 49 * MSS);
	for (uint32_t i = 100; i < 103; i++) { /* sent apart: the last run becomes theirs */
		scoreboard_sent(&b, BASE + i * MSS, BASE + (i + 1) * MSS, 20 * i);
		cr_assert_eq(scoreboard_end(&b), BASE + (i + 1) * MSS);
		cr_assert_eq(state_of(i), RUN_FLYING);
	}
	cr_assert_eq(b.count, SCOREBOARD_RUNS);
	scoreboard_lose_all(&b, true);
	cr_assert_eq(b.count, 1);
	cr_assert_eq(b.lost, 103 * MSS);
}

/* -- RACK -- */

Test(tcp_rack, what_was_sent_before_what_arrived_is_lost_after_the_window)
{
	begin(1000);
	scoreboard_sent(&b, BASE + 10 * MSS, BASE + 12 * MSS, 1050);
	cr_assert_eq(arrive(10, 11, 1200), MSS);
	cr_assert_eq(r.rtt, 150);
	cr_assert_eq(rack_detect(&r, &b, 1200, 60), 10); /* sent at 1000, back at 1150, given until 1210 */
	cr_assert_eq(b.lost, 0);
	cr_assert_eq(rack_detect(&r, &b, 1210, 60), 0);
	cr_assert_eq(b.lost, 10 * MSS);
	cr_assert_eq(state_of(11), RUN_FLYING); /* sent together, but later */
}

Test(tcp_rack, repetition_that_is_lost_is_noticed)
{
	begin(1000);
	arrive(1, 5, 1100);
	rack_detect(&r, &b, 1100, 0);
	cr_assert_eq(state_of(0), RUN_LOST);
	scoreboard_sent(&b, BASE, BASE + MSS, 1110);
	scoreboard_sent(&b, BASE + 10 * MSS, BASE + 11 * MSS, 1120);
	arrive(5, 10, 1130);
	cr_assert_eq(rack_detect(&r, &b, 1130, 0), 0);
	cr_assert_eq(state_of(0), RUN_RESENT); /* it was sent after all of these */
	arrive(10, 11, 1220);
	cr_assert_eq(rack_detect(&r, &b, 1220, 0), 0);
	cr_assert_eq(state_of(0), RUN_LOST);
}

Test(tcp_rack, overtaking_is_noticed_and_repetitions_are_not_taken_for_it)
{
	begin(1000);
	arrive(5, 6, 1100);
	cr_assert_not(ack.overtaken);
	scoreboard_sent(&b, BASE + 2 * MSS, BASE + 3 * MSS, 1110);
	arrive(2, 3, 1250);
	cr_assert_not(ack.overtaken);
	cr_assert(ack.resent);
	arrive(3, 4, 1260);
	cr_assert(ack.overtaken);
}

Test(tcp_rack, timestamp_tells_the_original_from_the_repetition)
{
	uint32_t ms = 1000000 / TICK_NS;

	begin(1000);
	ack.stamped = true;
	scoreboard_sent(&b, BASE, BASE + MSS, 1000 + 50 * ms);
	ack.echo_ms = 60; /* sent 60 ms ago; the repetition was 10 ms ago */
	arrive(0, 1, 1000 + 60 * ms);
	cr_assert(ack.original);
	cr_assert_not(ack.resent);
	cr_assert_not(r.known); /* RFC 8985 §6.2 step 2 */
	begin(1000);
	ack.stamped = true;
	scoreboard_sent(&b, BASE, BASE + MSS, 1000 + 50 * ms);
	ack.echo_ms = 10;
	arrive(0, 1, 1000 + 60 * ms);
	cr_assert(ack.resent);
	cr_assert_not(ack.original);
	begin(1000); /* without timestamps: too soon for the round trip */
	scoreboard_sent(&b, BASE, BASE + MSS, 1100);
	arrive(0, 1, 1140);
	cr_assert_not(ack.resent);
	cr_assert_not(r.known);
}

/* -- PRR -- */

Test(tcp_prr, sends_in_proportion_until_the_window_is_down)
{
	struct prr p = { .flight = 100 * MSS };
	uint32_t pipe = 99 * MSS, sent = 0, due;

	for (uint32_t acks = 1; pipe > 70 * MSS; acks++) {
		due = prr_allowance(&p, MSS, 70 * MSS, MSS, pipe, true);
		due -= due % MSS;
		p.out += due;
		sent += due;
		pipe = pipe - MSS + due;
		cr_assert_leq(sent, (acks * 7 + 9) / 10 * MSS);
		cr_assert_geq(sent + MSS, acks * 7 / 10 * MSS);
	}
}

Test(tcp_prr, below_the_window_it_grows_by_what_is_delivered_and_a_segment_if_that_is_safe)
{
	struct prr p = { .flight = 20 * MSS, .out = 5 * MSS, .delivered = 5 * MSS };

	cr_assert_eq(prr_allowance(&p, MSS, 10 * MSS, 2 * MSS, 4 * MSS, false), 2 * MSS);
	p.out += 2 * MSS;
	cr_assert_eq(prr_allowance(&p, MSS, 10 * MSS, 2 * MSS, 4 * MSS, true), 3 * MSS);
	p.out += 3 * MSS;
	cr_assert_eq(prr_allowance(&p, MSS, 10 * MSS, 9 * MSS, 8 * MSS, true), 2 * MSS); /* up to ssthresh */
}

Test(tcp_prr, first_segment_goes_out_at_once_and_none_waits_for_nothing)
{
	struct prr p = { .flight = 20 * MSS };

	cr_assert_eq(prr_allowance(&p, MSS, 10 * MSS, 0, 19 * MSS, false), MSS);
	p.out = 5 * MSS;
	cr_assert_eq(prr_allowance(&p, MSS, 10 * MSS, 10, 0, false), MSS);
}
