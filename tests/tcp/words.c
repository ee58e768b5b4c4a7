/* SPDX-License-Identifier: ISC */
/* The words that begin a line, and those of them that are neither segments nor calls. */
#include "tests/tcp/words.h"

#include <string.h>

#include "kernel/dev/clock.h"
#include "tests/tcp/calls.h"
#include "tests/tcp/exchange.h"
#include "tests/tcp/world.h"

static bool created;

static void set_limit(const struct line *l, unsigned at)
{
	const char *name = line_take(l, &at, "a limit's name");

	if (created)
		fail(l, "limits come first");
	if (world_limit(name, line_number(l, line_take(l, &at, "a number"))) < 0)
		fail(l, "no such limit: %s", name);
	line_ends(l, at);
}

/* Another of the peer's ports; each has a connection of its own. */
static void choose_peer(const struct line *l, unsigned at)
{
	world_choose((uint16_t)line_number(l, line_take(l, &at, "a port")));
	line_ends(l, at);
}

/* The next connection of this port begins with that number. */
static void set_iss(const struct line *l, unsigned at)
{
	talk->bases.peer = line_number(l, line_take(l, &at, "a number"));
	talk->bases.stack_known = false;
	talk->read_bytes = talk->written_bytes = 0;
	line_ends(l, at);
}

static void let_time_pass(const struct line *l, unsigned at)
{
	uint32_t ms = line_range(l, line_take(l, &at, "a time"), true).least;

	line_ends(l, at);
	world_wait_ms(ms, false);
}

static void skip(const struct line *l, unsigned at)
{
	line_ends(l, at);
	exchange_skip();
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
	const char *what = line_take(l, &at, "what is expected"), *want;
	struct range r;

	if (strcmp(what, "nothing") == 0) {
		exchange_expect_nothing(l);
	} else if (strcmp(what, "state") == 0) {
		want = line_take(l, &at, "a state");
		if (strcmp(want, world_state(talk)) != 0)
			fail(l, "the state is %s", world_state(talk));
	} else if (strcmp(what, "used") == 0) {
		want = line_take(l, &at, "what is counted");
		expect_in_use(l, want, line_number(l, line_take(l, &at, "a number")));
	} else if (strcmp(what, "clocks") == 0) {
		if (strcmp(line_take(l, &at, "apart"), "apart") != 0)
			fail(l, "clocks can only be apart");
		if (!world_clocks_are_apart())
			fail(l, "they are not");
	} else if (strcmp(what, "port") == 0) {
		r = line_range(l, line_take(l, &at, "a port"), false);
		if (talk->stack_port < r.least || talk->stack_port > r.most)
			fail(l, "the port is %u", talk->stack_port);
	} else {
		calls_expect(l, at, what);
		return;
	}
	line_ends(l, at);
	report_held();
}

static const struct word {
	const char *name;
	void (*run)(const struct line *l, unsigned at);
	bool is_event; /* nothing unexpected may have been sent before it, and what "after" counts from */
} all[] = {
	{ "<", exchange_send, true },
	{ ">", exchange_expect, false },
	{ "open", exchange_open, true },
	{ "listen", call_listen, true },
	{ "unlisten", call_unlisten, true },
	{ "accept", call_accept, false },
	{ "connect", call_connect, true },
	{ "read", call_read, true },
	{ "write", call_write, true },
	{ "shutdown", call_shutdown, true },
	{ "close", call_close, true },
	{ "abort", call_abort, true },
	{ "set", call_set, true },
	{ "preset", call_preset, true },
	{ "get", call_get, false },
	{ "cancel", call_cancel, true },
	{ "expect", expect, false },
	{ "wait", let_time_pass, false },
	{ "skip", skip, false },
	{ "peer", choose_peer, false },
	{ "iss", set_iss, false },
	{ "limit", set_limit, false },
};

void words_run(const struct line *l)
{
	const struct word *w = all;

	while (w < all + ARRAY_SIZE(all) && strcmp(w->name, l->words[0]) != 0)
		w++;
	if (w == all + ARRAY_SIZE(all))
		fail(l, "unknown word: %s", l->words[0]);
	if (!created && w->run != set_limit) {
		world_create();
		created = true;
	}
	if (w->is_event || w->run == let_time_pass)
		exchange_expect_nothing(l);
	if (w->is_event)
		exchange_mark();
	if (w->run != exchange_expect) /* what was sent has been reported then */
		report_add(clock_now_ns(), "%s", l->text);
	w->run(l, 1);
}

void words_end(void)
{
	if (report_count_held() == 0)
		fail(NULL, "it expects nothing, and so cannot fail");
	exchange_expect_nothing(NULL);
}
