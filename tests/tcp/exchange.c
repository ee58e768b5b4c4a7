/* SPDX-License-Identifier: ISC */
/* Segments in both directions, as lines have them: the peer's are sent, the stack's are held against what
 * is expected. Strict: whatever the stack sends must be expected before the next thing happens. */
#include "tests/tcp/exchange.h"

#include <string.h>

#include "kernel/dev/clock.h"
#include "tests/tcp/calls.h"
#include "tests/tcp/world.h"

static uint64_t last_ns; /* when the last segment or call was */

void exchange_mark(void)
{
	last_ns = clock_now_ns();
}

void exchange_expect_nothing(const struct line *l)
{
	const struct wire *w = world_next();
	char text[WIRE_TEXT];

	if (!w)
		return;
	wire_print(w, text);
	fail(l, "before this, and not expected: > %s", text);
}

/* -- the peer's -- */

/* Something to send is known exactly, but for the timestamp that it echoes. */
static void check_exact(const struct line *l, const struct wire *w)
{
	uint32_t ranges = w->given & ~WIRE_BIT(WIRE_TS_ECHO);

	if (w->any || !(wire_has(w, WIRE_SEQ)) || wire_has(w, WIRE_AFTER))
		fail(l, "a segment to send has a sequence number, and goes now");
	for (unsigned f = 0; f < WIRE_FIELDS; f++)
		if (ranges & WIRE_BIT(f) && w->value[f].least != w->value[f].most)
			fail(l, "a segment to send has no ranges");
}

/* The peer's clock stands still unless the line moves it, and it echoes what it has heard last. */
static void stamp(struct wire *w)
{
	struct range *echo = &w->value[WIRE_TS_ECHO];

	if (wire_has(w, WIRE_TS_VALUE)) {
		talk->stamps = true;
		talk->peer_clock = w->value[WIRE_TS_VALUE];
	} else if (talk->stamps && !(w->absent & WIRE_BIT(WIRE_TS_VALUE))) {
		w->value[WIRE_TS_VALUE] = talk->peer_clock;
		*echo = (struct range){ 0, UINT32_MAX };
		w->given |= WIRE_BIT(WIRE_TS_VALUE) | WIRE_BIT(WIRE_TS_ECHO);
	}
	if (echo->least != echo->most)
		echo->least = talk->heard_clock;
}

static void inject(const struct line *l, struct wire *w)
{
	struct frame f;

	check_exact(l, w);
	stamp(w);
	w->src_port = talk->peer_port;
	w->dst_port = talk->stack_port;
	for (uint32_t i = w->value[WIRE_TIMES].least; i > 0; i--) {
		wire_emit(w, &talk->bases, &f);
		exchange_mark();
		world_receive(&f);
		w->value[WIRE_SEQ].least += w->value[WIRE_DATA].least;
	}
}

void exchange_send(const struct line *l, unsigned at)
{
	struct wire w;

	wire_parse(&w, l, at);
	inject(l, &w);
}

/* -- the stack's -- */

/* Lets time pass until something is sent, when the line says how long that may take. */
static void wait_for(const struct wire *w)
{
	uint64_t gone_ms = (clock_now_ns() - last_ns) / NS_PER_MS, most_ms = w->value[WIRE_AFTER].most;

	if (wire_has(w, WIRE_AFTER) && gone_ms < most_ms)
		world_wait_ms(most_ms - gone_ms, true);
}

static const char *difference(const struct wire *w, const struct wire *got)
{
	if (!w->icmp && !got->icmp && (got->dst_port != talk->peer_port || got->src_port != talk->stack_port))
		return "port";
	return wire_mismatch(w, got);
}

/* One segment that was sent must be like w. */
static void expect_one(const struct line *l, const struct wire *w)
{
	const struct range *after = &w->value[WIRE_AFTER];
	const struct wire *got;
	const char *differs;
	uint64_t ms;
	char text[WIRE_TEXT];

	wait_for(w);
	got = world_next();
	if (!got)
		fail(l, "nothing is sent");
	wire_print(got, text);
	if (got->flags == WIRE_SYN && !got->icmp)
		talk->stack_port = got->src_port; /* of an active open */
	differs = difference(w, got);
	if (differs)
		fail(l, "sent is: > %s, which differs in %s", text, differs);
	ms = got->time_ns > last_ns ? (got->time_ns - last_ns) / NS_PER_MS : 0;
	if (wire_has(w, WIRE_AFTER) && (ms < after->least || ms > after->most))
		fail(l, "it is sent after %llu ms", (unsigned long long)ms);
	last_ns = got->time_ns;
}

void exchange_expect(const struct line *l, unsigned at)
{
	struct wire w;
	struct range *seq = &w.value[WIRE_SEQ];

	wire_parse(&w, l, at);
	if (w.src || w.dst || w.bad_checksum || w.options_bytes || w.header_words)
		fail(l, "that can be sent, and not expected");
	for (uint32_t i = w.value[WIRE_TIMES].least; i > 0; i--) {
		expect_one(l, &w);
		report_held();
		if (seq->least == seq->most)
			seq->least = seq->most = seq->least + w.value[WIRE_DATA].least;
	}
}

void exchange_skip(void)
{
	const struct wire *w;

	while ((w = world_next()))
		last_ns = w->time_ns;
}

/* -- the handshake in one line: "open win 1000 mss 536", "open active sackOK" -- */

static void answer(const struct line *l, uint8_t flags, uint32_t seq, const struct wire *options)
{
	struct wire w = *options;

	w.flags = flags;
	w.value[WIRE_SEQ] = (struct range){ seq, seq };
	w.value[WIRE_ACK] = (struct range){ 1, 1 };
	w.given |= WIRE_BIT(WIRE_SEQ) | WIRE_BIT(WIRE_ACK);
	if (!(flags & WIRE_SYN))
		w.given &= WIRE_BIT(WIRE_SEQ) | WIRE_BIT(WIRE_ACK) | WIRE_BIT(WIRE_DATA) | WIRE_BIT(WIRE_WINDOW) |
		           WIRE_BIT(WIRE_TIMES);
	inject(l, &w);
}

static void expect_words(const struct line *l, unsigned count, const char *const words[])
{
	struct line made = { .number = l->number, .count = count, .text = l->text };
	struct wire w;

	memcpy(made.words, words, count * sizeof(*words));
	wire_parse(&w, &made, 0);
	expect_one(l, &w);
}

/* The options of the peer's SYN: the words of l from at on. */
static void parse_options(const struct line *l, unsigned at, struct wire *w)
{
	struct line made = { .number = l->number, .count = 3, .text = l->text, .words = { "-", "seq", "0" } };

	for (; at < l->count; at++)
		made.words[made.count++] = l->words[at];
	wire_parse(w, &made, 0);
	w->value[WIRE_TIMES] = (struct range){ 1, 1 };
}

void exchange_open(const struct line *l, unsigned at)
{
	static const char *const syn[] = { "SYN", "seq", "0" }, *const ack[] = { "ACK", "seq", "1", "ack", "1" };
	static const char *const syn_ack[] = { "SYN,ACK", "seq", "0", "ack", "1" };
	bool active = line_takes(l, &at, "active");
	struct wire options;

	parse_options(l, at, &options);
	if (active) {
		calls_begin_connecting(l);
		expect_words(l, ARRAY_SIZE(syn), syn);
		answer(l, WIRE_SYN | WIRE_ACK_FLAG, 0, &options);
		expect_words(l, ARRAY_SIZE(ack), ack);
	} else {
		tcp_listen(world_tcp(), talk->stack_port, world_accept, NULL); /* or it listens already */
		answer(l, WIRE_SYN, 0, &options);
		expect_words(l, ARRAY_SIZE(syn_ack), syn_ack);
		answer(l, WIRE_ACK_FLAG, 1, &options);
		talk->accepted = false;
	}
	if (!talk_flow(talk))
		fail(l, "it does not open");
}
