/* SPDX-License-Identifier: ISC */
/* The figures of a whole stack: a valid JSON object for any values of the counters, in bounded memory. */
#include "apps/deck/figures.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "net/direct.h"
#include "tests/lib/lan.h"
#include "tests/lib/test.h"

static struct lan lan;
static struct direct *direct;
static struct http_server *server;
static struct figures *figures;

static void begin(void)
{
	struct http_config http = HTTP_CONFIG_DEFAULTS;
	struct stack_config config = { .ip = { ip_v4(10, 0, 0, 2), 24 } };

	lan_prepare();
	lan_init(&lan, 0);
	cr_assert_eq(direct_create(&direct, &lan.dev, &config), 0);
	cr_assert_eq(http_server_create(&server, &http), 0);
	test_begin();
	cr_assert_eq(figures_create(&figures, (struct stack *)direct, server), 0);
}

static void end(void)
{
	figures_destroy(figures);
	test_end();
	http_server_destroy(server);
	direct_destroy(direct);
	lan_done(&lan);
}

TestSuite(figures, .init = begin, .fini = end);

/* Asserts that text is {"name":integer,…} of these figures in this order, and nothing else. */
static void expect_object(const char *text, size_t len, const struct figure *expected, size_t count)
{
	const char *at = text;
	char *after;

	cr_assert_eq(strlen(text), len);
	cr_assert_lt(len, FIGURES_TEXT_BYTES);
	for (size_t i = 0; i < count; i++) {
		cr_assert_eq(*at++, i ? ',' : '{');
		cr_assert_eq(*at++, '"');
		cr_assert(!strncmp(at, expected[i].name, strlen(expected[i].name)), "%s", at);
		at += strlen(expected[i].name);
		cr_assert(at[0] == '"' && at[1] == ':' && at[2] >= '0' && at[2] <= '9', "%s", at);
		cr_assert(at[2] != '0' || at[3] < '0' || at[3] > '9', "a number must not begin with 0: %s", at);
		cr_assert_eq(strtoull(at + 2, &after, 10), expected[i].value);
		at = after;
	}
	cr_assert_str_eq(at, count ? "}" : "{}");
}

static uint64_t value_of(const char *name)
{
	struct figure list[FIGURES_MOST];
	size_t count = figures_take(figures, list);

	for (size_t i = 0; i < count; i++)
		if (!strcmp(list[i].name, name))
			return list[i].value;
	cr_assert(false, "no figure is called %s", name);
	return 0;
}

Test(figures, are_an_object_at_their_least_and_largest)
{
	struct figure list[FIGURES_MOST];
	size_t count = figures_take(figures, list);
	char text[FIGURES_TEXT_BYTES];

	cr_assert(count > 0 && count <= FIGURES_MOST);
	for (size_t i = 0; i < count; i++) {
		cr_assert_lt(strlen(list[i].name), FIGURES_NAME_BYTES, "%s", list[i].name);
		cr_assert_eq(strspn(list[i].name, "abcdefghijklmnopqrstuvwxyz_"), strlen(list[i].name));
		for (size_t j = 0; j < i; j++)
			cr_assert_str_neq(list[i].name, list[j].name);
	}
	expect_object(text, figures_format(text, list, count), list, count);
	for (size_t i = 0; i < count; i++)
		list[i].value = UINT64_MAX;
	expect_object(text, figures_format(text, list, count), list, count);
	for (size_t i = 0; i < count; i++)
		list[i].value = 0;
	expect_object(text, figures_format(text, list, count), list, count);
	expect_object(text, figures_format(text, list, 0), list, 0);
}

Test(figures, have_room_for_as_many_as_there_may_be)
{
	static const char longest[] = "a_name_as_long_as_it_is";
	struct figure list[FIGURES_MOST];
	char text[FIGURES_TEXT_BYTES];

	cr_assert_eq(sizeof(longest), FIGURES_NAME_BYTES);
	for (size_t i = 0; i < FIGURES_MOST; i++)
		list[i] = (struct figure){ longest, UINT64_MAX };
	expect_object(text, figures_format(text, list, FIGURES_MOST), list, FIGURES_MOST);
}

Test(figures, count_what_happens)
{
	uint64_t uptime_us = value_of("uptime_us"), boot_us = value_of("boot_us");
	uint64_t received = value_of("packets_received"), sent = value_of("packets_sent");

	cr_assert_eq(uptime_us, clock_now_ns() / NS_PER_US);
	cr_assert_eq(boot_us, uptime_us);
	clock_advance_ns(2500 * NS_PER_US);
	lan.dev.stats.rx_frames += 3;
	lan.dev.stats.tx_frames = UINT64_MAX;
	lan.dev.stats.rx_dropped = 1;
	lan.dev.stats.tx_dropped = 2;
	cr_assert_eq(value_of("uptime_us"), uptime_us + 2500);
	cr_assert_eq(value_of("boot_us"), boot_us);
	cr_assert_eq(value_of("packets_received"), received + 3);
	cr_assert_neq(value_of("packets_sent"), sent);
	cr_assert_eq(value_of("packets_sent"), UINT64_MAX);
	cr_assert_eq(value_of("packets_dropped"), 3);
	cr_assert_geq(value_of("memory_peak_bytes"), value_of("memory_used_bytes"));
	cr_assert_geq(value_of("memory_bytes"), value_of("memory_used_bytes"));
}

static struct http_reply answer(void)
{
	struct http_request request = { .verb = HTTP_GET };
	struct http_reply reply = { .status = 200 };

	cr_assert_eq(figures_answer(figures, &request, &reply), 0);
	return reply;
}

static void expect_refused(void)
{
	struct http_reply reply = answer();

	cr_assert_eq(reply.status, 503);
	cr_assert_str_eq(reply.header, "Retry-After: 1\r\n");
	cr_assert_null(reply.body.storage);
	cr_assert_eq(reply.body.len, 0);
}

Test(figures, are_lent_to_so_many_at_a_time)
{
	struct http_reply replies[CONFIG_DECK_ANSWERS];
	int64_t live = test_alloc_live();

	for (int round = 0; round < 3; round++) {
		for (size_t i = 0; i < CONFIG_DECK_ANSWERS; i++) {
			replies[i] = answer();
			cr_assert_eq(replies[i].status, 200);
			cr_assert_str_eq(replies[i].type, "application/json");
			cr_assert_eq(((const char *)replies[i].body.data)[replies[i].body.len - 1], '}');
		}
		expect_refused();
		storage_put(replies[1].body.storage);
		replies[1] = answer();
		cr_assert_eq(replies[1].status, 200);
		expect_refused();
		for (size_t i = 0; i < CONFIG_DECK_ANSWERS; i++)
			storage_put(replies[i].body.storage);
		cr_assert_eq(test_alloc_live(), live);
	}
}

static void create_and_destroy(void *arg)
{
	struct figures *f = arg;

	if (figures_create(&f, (struct stack *)direct, server) == 0)
		figures_destroy(f);
	else
		cr_assert_null(f);
}

Test(figures, need_memory)
{
	cr_assert_geq(test_alloc_fail_each(create_and_destroy, NULL), 2);
}
