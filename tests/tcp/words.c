/* SPDX-License-Identifier: ISC */
/* The words that begin a line: segments in either direction, the application's calls, time, and what is
 * expected of them. Strict: whatever the stack sends must be expected before the next thing happens. */
#include "tests/tcp/words.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kernel/dev/clock.h"
#include "tests/tcp/world.h"

static bool created;
static struct talk *talk;  /* the one that lines are about */
static uint64_t last_ns;   /* when the last segment or call was */
static unsigned expectations;

static void happened(void)
{
	last_ns = clock_now_ns();
}

static void expect_no_more(const struct line *l)
{
	const struct wire *w = world_next();
	char text[256];

	if (!w)
		return;
	wire_print(w, text, sizeof(text));
	fail(l, "before this, and not expected: > %s", text);
}

/* -- segments -- */

static void inject(const struct line *l, struct wire *w)
{
	static const uint32_t stamps = 1u << WIRE_TS_VALUE | 1u << WIRE_TS_ECHO;
	struct frame f;

	if (w->any || (w->icmp && !(w->given & 1u << WIRE_SEQ)))
		fail(l, "a segment to send has a sequence number and all else");
	if (w->given & 1u << WIRE_TS_VALUE) {
		talk->stamps = true;
		talk->peer_clock = w->value[WIRE_TS_VALUE];
	} else if (talk->stamps && !(w->absent & 1u << WIRE_TS_VALUE)) {
		w->value[WIRE_TS_VALUE] = talk->peer_clock;
		w->value[WIRE_TS_ECHO] = (struct range){ 0, UINT32_MAX };
		w->given |= stamps;
	}
	if (w->value[WIRE_TS_ECHO].most != w->value[WIRE_TS_ECHO].least)
		w->value[WIRE_TS_ECHO].least = talk->heard_clock;
	w->src_port = talk->peer_port;
	w->dst_port = talk->stack_port;
	for (uint32_t i = w->value[WIRE_TIMES].least; i > 0; i--) {
		wire_emit(w, &talk->bases, &f);
		happened();
		world_receive(&f);
		w->value[WIRE_SEQ].least += w->value[WIRE_DATA].least;
	}
}

static void send_segment(const struct line *l, unsigned at)
{
	struct wire w;

	wire_parse(&w, l, at);
	inject(l, &w);
}

/* One segment that was sent must be like w. */
static void expect_one(const struct line *l, const struct wire *w)
{
	struct range after = { 0, UINT32_MAX };
	const struct wire *got;
	const char *difference;
	uint64_t ms;
	char text[256];

	if (w->given & 1u << WIRE_AFTER)
		after = w->value[WIRE_AFTER];
	if (after.least > 0 || after.most < UINT32_MAX)
		world_wait_ms(after.most - MIN((clock_now_ns() - last_ns) / NS_PER_MS, (uint64_t)after.most), true);
	got = world_next();
	if (!got)
		fail(l, "nothing is sent");
	wire_print(got, text, sizeof(text));
	if (got->dst_port != talk->peer_port)
		fail(l, "sent is: > %s, to port %u", text, got->dst_port);
	if (!w->icmp && got->flags == WIRE_SYN)
		talk->stack_port = got->src_port;
	difference = got->src_port != talk->stack_port && !w->icmp ? "port" : wire_mismatch(w, got);
	if (difference)
		fail(l, "sent is: > %s, which differs in %s", text, difference);
	ms = (got->time_ns - last_ns) / NS_PER_MS;
	if (got->time_ns < last_ns)
		ms = 0;
	if (ms < after.least || ms > after.most)
		fail(l, "it is sent after %llu ms", (unsigned long long)ms);
	last_ns = got->time_ns;
}

static void expect_segment(const struct line *l, unsigned at)
{
	struct wire w;

	wire_parse(&w, l, at);
	for (uint32_t i = w.value[WIRE_TIMES].least; i > 0; i--) {
		struct range *seq = &w.value[WIRE_SEQ];

		expect_one(l, &w);
		if (seq->least == seq->most)
			seq->least = seq->most = seq->least + w.value[WIRE_DATA].least;
		expectations++;
	}
}

/* -- results: "= 5", "= ok", "= pending", "= ECONNRESET" -- */

#define PENDING 1000000000

static intptr_t parse_result(const struct line *l, const char *word)
{
	static const struct { const char *name; int value; } all[] = {
		{ "ok", 0 }, { "pending", PENDING }, { "ECONNRESET", -ECONNRESET }, { "ECONNREFUSED", -ECONNREFUSED },
		{ "ETIMEDOUT", -ETIMEDOUT }, { "EHOSTUNREACH", -EHOSTUNREACH }, { "ECANCELED", -ECANCELED },
		{ "EPIPE", -EPIPE }, { "ENOBUFS", -ENOBUFS }, { "EBUSY", -EBUSY }, { "EINVAL", -EINVAL },
		{ "EADDRINUSE", -EADDRINUSE },
	};

	for (size_t i = 0; i < ARRAY_SIZE(all); i++)
		if (strcmp(all[i].name, word) == 0)
			return all[i].value;
	return (intptr_t)line_number(l, word);
}

static void expect_result(const struct line *l, unsigned at, intptr_t got)
{
	intptr_t want = parse_result(l, line_take(l, &at, "a result"));

	if (at < l->count)
		fail(l, "too many words");
	if (got == PENDING && want != PENDING)
		fail(l, "it is still pending");
	if (got != want)
		fail(l, "the result is %ld%s%s", (long)got, got < 0 ? ", " : "", got < 0 ? strerror((int)-got) : "");
	expectations++;
}

/* The rest of a call's line. */
static void take_result(const struct line *l, unsigned at, intptr_t got)
{
	if (line_takes(l, &at, "="))
		expect_result(l, at, got);
	else if (at < l->count)
		fail(l, "unknown word: %s", l->words[at]);
}

static intptr_t result_of(const struct promise *p)
{
	return promise_is_settled(p) ? promise_result(p) : PENDING;
}

/* What a read has brought must be what the peer has sent. */
static void check_read(const struct line *l)
{
	struct buf *bufs = talk->reading.bufs;
	uint32_t len = bufs ? buf_length(bufs) : 0;
	uint8_t *bytes = malloc(len + 1);

	if (!promise_is_settled(&talk->reading.promise) || !bufs || !bytes) {
		free(bytes);
		return;
	}
	buf_copy_out(bufs, 0, bytes, len);
	buf_free(bufs);
	talk->reading.bufs = NULL;
	if (memcmp(bytes, pattern_at(FROM_PEER, talk->read_bytes), len) != 0)
		fail(l, "what was read is not what the peer has sent");
	talk->read_bytes += len;
	free(bytes);
}

/* -- calls -- */

static struct flow *flow_of(const struct line *l)
{
	if (!talk_flow(talk))
		fail(l, "there is no connection that the application holds");
	return talk->flow;
}

static void call_listen(const struct line *l, unsigned at)
{
	uint16_t port = (uint16_t)line_number(l, line_take(l, &at, "a port"));
	bool declines = line_takes(l, &at, "declining");

	talk->stack_port = port;
	take_result(l, at, tcp_listen(world_tcp(), port, declines ? world_decline : world_accept, NULL));
}

static void call_unlisten(const struct line *l, unsigned at)
{
	tcp_unlisten(world_tcp(), (uint16_t)line_number(l, line_take(l, &at, "a port")));
	take_result(l, at, 0);
}

static void call_accept(const struct line *l, unsigned at)
{
	bool accepted = talk->accepted;

	talk->accepted = false;
	if (at == l->count && !accepted)
		fail(l, "no connection was accepted");
	expectations++;
	take_result(l, at, accepted ? 0 : PENDING);
}

static void begin_connecting(const struct line *l)
{
	struct endpoint to = { ip_v4(10, 0, 0, 9), talk->peer_port };

	if (talk_flow(talk) || !promise_is_settled(&talk->connecting.promise))
		fail(l, "there is a connection already");
	talk->bases.stack_known = false;
	talk->read_bytes = talk->written_bytes = 0;
	tcp_connect(world_tcp(), &talk->connecting, &to);
	world_run();
}

static void call_connect(const struct line *l, unsigned at)
{
	begin_connecting(l);
	take_result(l, at, result_of(&talk->connecting.promise));
}

static void call_read(const struct line *l, unsigned at)
{
	uint32_t max = line_number(l, line_take(l, &at, "how many bytes at most"));

	if (!promise_is_settled(&talk->reading.promise))
		fail(l, "a read is pending");
	flow_read(flow_of(l), &talk->reading, max);
	world_run();
	check_read(l);
	take_result(l, at, result_of(&talk->reading.promise));
}

static void call_write(const struct line *l, unsigned at)
{
	uint32_t len = line_number(l, line_take(l, &at, "how many bytes"));

	if (!promise_is_settled(&talk->writing.promise))
		fail(l, "a write is pending");
	talk->slice = (struct slice){ pattern_at(FROM_STACK, talk->written_bytes), len, NULL };
	talk->written_bytes += len;
	flow_write(flow_of(l), &talk->writing, &talk->slice, 1);
	world_run();
	take_result(l, at, result_of(&talk->writing.promise));
}

static void call_shutdown(const struct line *l, unsigned at)
{
	int result = flow_shutdown(flow_of(l));

	world_run();
	take_result(l, at, result);
}

static void call_close(const struct line *l, unsigned at)
{
	flow_close(flow_of(l));
	talk->flow = NULL;
	world_run();
	take_result(l, at, 0);
}

static void call_abort(const struct line *l, unsigned at)
{
	flow_abort(flow_of(l));
	talk->flow = NULL;
	world_run();
	take_result(l, at, 0);
}

static void call_keepalive(const struct line *l, unsigned at)
{
	struct range every = line_range(l, line_take(l, &at, "a time"), true);
	int32_t seconds = (int32_t)(every.least / 1000);

	tcp_set(flow_of(l), STACK_KEEPIDLE, seconds);
	tcp_set(flow_of(l), STACK_KEEPINTVL, seconds);
	take_result(l, at, tcp_set(flow_of(l), STACK_KEEPALIVE, 1));
}

static struct promise *promise_named(const struct line *l, const char *word)
{
	if (strcmp(word, "connect") == 0)
		return &talk->connecting.promise;
	if (strcmp(word, "read") == 0)
		return &talk->reading.promise;
	if (strcmp(word, "write") == 0)
		return &talk->writing.promise;
	fail(l, "no call that may be pending: %s", word);
}

static void call_cancel(const struct line *l, unsigned at)
{
	promise_cancel(promise_named(l, line_take(l, &at, "a call")));
	world_run();
	take_result(l, at, 0);
}

/* -- the handshake in one line: "open win 1000 mss 536", "open active sackOK" -- */

static void answer(const struct line *l, uint8_t flags, uint32_t seq, const struct wire *options)
{
	struct wire w = *options;

	w.flags = flags;
	w.value[WIRE_SEQ] = (struct range){ seq, seq };
	w.value[WIRE_ACK] = (struct range){ 1, 1 };
	w.given |= 1u << WIRE_SEQ | 1u << WIRE_ACK;
	if (!(flags & WIRE_SYN))
		w.given &= 1u << WIRE_SEQ | 1u << WIRE_ACK | 1u << WIRE_DATA | 1u << WIRE_WINDOW;
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

static void call_open(const struct line *l, unsigned at)
{
	static const char *const syn[] = { "SYN", "seq", "0" }, *const ack[] = { "ACK", "seq", "1", "ack", "1" };
	static const char *const syn_ack[] = { "SYN,ACK", "seq", "0", "ack", "1" };
	bool active = line_takes(l, &at, "active");
	struct wire options;

	parse_options(l, at, &options);
	if (active) {
		begin_connecting(l);
		expect_words(l, ARRAY_SIZE(syn), syn);
		answer(l, WIRE_SYN | WIRE_ACK_FLAG, 0, &options);
		expect_words(l, ARRAY_SIZE(ack), ack);
	} else {
		tcp_listen(world_tcp(), talk->stack_port, world_accept, NULL);
		answer(l, WIRE_SYN, 0, &options);
		expect_words(l, ARRAY_SIZE(syn_ack), syn_ack);
		answer(l, WIRE_ACK_FLAG, 1, &options);
		talk->accepted = false;
	}
	flow_of(l);
}

/* -- the rest -- */

static void set_limit(const struct line *l, unsigned at)
{
	const char *name = line_take(l, &at, "a limit's name");

	if (created)
		fail(l, "limits come first");
	if (world_limit(name, line_number(l, line_take(l, &at, "a number"))) < 0)
		fail(l, "no such limit: %s", name);
}

/* Another of the peer's ports; each has a connection of its own. */
static void choose_peer(const struct line *l, unsigned at)
{
	talk = world_talk((uint16_t)line_number(l, line_take(l, &at, "a port")));
}

/* The next connection of this port begins with that number. */
static void set_iss(const struct line *l, unsigned at)
{
	talk->bases.peer = line_number(l, line_take(l, &at, "a number"));
	talk->bases.stack_known = false;
	talk->read_bytes = talk->written_bytes = 0;
}

static void let_time_pass(const struct line *l, unsigned at)
{
	world_wait_ms(line_range(l, line_take(l, &at, "a time"), true).least, false);
}

static void silence(const struct line *l, unsigned at)
{
	(void)l;
	(void)at;
	world_silence();
}

/* What was sent does not matter here. */
static void skip(const struct line *l, unsigned at)
{
	(void)l;
	(void)at;
	while (world_next())
		;
}

/* How many of the stack's entries are in use. */
static void expect_in_use(const struct line *l, const char *name, uint32_t want)
{
	const struct tcp_stats *s = tcp_stats(world_tcp());
	const struct { const char *name; uint32_t value; } all[] = {
		{ "connections", s->connections }, { "half_open", s->half_open }, { "time_wait", s->time_wait },
	};

	for (size_t i = 0; i < ARRAY_SIZE(all); i++)
		if (strcmp(all[i].name, name) == 0) {
			if (all[i].value != want)
				fail(l, "there are %u", all[i].value);
			return;
		}
	fail(l, "nothing that is counted: %s", name);
}

static void expect(const struct line *l, unsigned at)
{
	const char *what = line_take(l, &at, "what is expected");
	const char *want;
	struct range r;

	if (strcmp(what, "nothing") == 0) {
		expect_no_more(l);
	} else if (strcmp(what, "state") == 0) {
		want = line_take(l, &at, "a state");
		if (strcmp(want, world_state(talk)) != 0)
			fail(l, "the state is %s", world_state(talk));
	} else if (strcmp(what, "used") == 0) {
		want = line_take(l, &at, "what is counted");
		expect_in_use(l, want, line_number(l, line_take(l, &at, "a number")));
	} else if (strcmp(what, "port") == 0) {
		r = line_range(l, line_take(l, &at, "a port"), false);
		if (talk->stack_port < r.least || talk->stack_port > r.most)
			fail(l, "the port is %u", talk->stack_port);
	} else {
		const struct promise *p = promise_named(l, what);

		check_read(l);
		if (!line_takes(l, &at, "="))
			fail(l, "no result: = pending, if that it is");
		expect_result(l, at, result_of(p));
		return;
	}
	if (at < l->count)
		fail(l, "unknown word: %s", l->words[at]);
	expectations++;
}

/* -- all together -- */

static const struct word {
	const char *name;
	void (*run)(const struct line *l, unsigned at);
	bool is_event; /* nothing unexpected may have been sent before it, and the clock of "after" begins */
} all[] = {
	{ "<", send_segment, true },
	{ ">", expect_segment, false },
	{ "limit", set_limit, false },
	{ "peer", choose_peer, false },
	{ "iss", set_iss, false },
	{ "open", call_open, true },
	{ "listen", call_listen, true },
	{ "unlisten", call_unlisten, true },
	{ "accept", call_accept, false },
	{ "connect", call_connect, true },
	{ "read", call_read, true },
	{ "write", call_write, true },
	{ "shutdown", call_shutdown, true },
	{ "close", call_close, true },
	{ "abort", call_abort, true },
	{ "keepalive", call_keepalive, true },
	{ "cancel", call_cancel, true },
	{ "wait", let_time_pass, false },
	{ "silence", silence, false },
	{ "skip", skip, false },
	{ "expect", expect, false },
};

unsigned words_run(const struct line *l)
{
	const struct word *w = all;

	while (w < all + ARRAY_SIZE(all) && strcmp(w->name, l->words[0]) != 0)
		w++;
	if (w == all + ARRAY_SIZE(all))
		fail(l, "unknown word: %s", l->words[0]);
	if (!created && w->run != set_limit) {
		world_create();
		created = true;
		talk = world_talk(40000);
	}
	if (w->run == let_time_pass)
		expect_no_more(l);
	if (w->is_event) {
		expect_no_more(l);
		happened();
	}
	if (w->run != expect_segment)
		report_add(clock_now_ns(), "%s", l->text);
	expectations = 0;
	w->run(l, 1);
	return expectations;
}

void words_end(void)
{
	expect_no_more(NULL);
}
