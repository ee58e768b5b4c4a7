/* SPDX-License-Identifier: ISC */
/* The states of both sides, without a device's driver: every cell of the table, and failures between two
 * states. */
#include "drivers/xen/frontend.h"
#include "kernel/loop.h"
#include "tests/lib/test.h"
#include "tests/unit/drivers/xen/fake.h"

#include <errno.h>
#include <string.h>

#include <criterion/parameterized.h>

#define FRONT "device/vif/0"
#define BACK "/local/domain/0/backend/vif/1/0"

/* -- a driver under the test's control, which records its calls -- */

static struct {
	int offers, connects; /* their results */
	bool keeps_rings;     /* the backend does */
	bool stops_store;     /* when connecting */
	char told[64];        /* o: offer, c: connect, d: disconnect */
} driver;

static void remember(char what)
{
	size_t len = strlen(driver.told);

	if (len + 1 < sizeof(driver.told))
		driver.told[len] = what;
}

static int offer(struct frontend *f)
{
	remember('o');
	if (!driver.offers)
		frontend_key(f, "ring-ref", 8);
	return driver.offers;
}

static int connect(struct frontend *f)
{
	(void)f;
	remember('c');
	fake.store_is_deaf = driver.stops_store;
	return driver.connects;
}

static bool disconnect(struct frontend *f)
{
	(void)f;
	remember('d');
	return !driver.keeps_rings;
}

static const char *const names[] = { "state", "feature", NULL };
static const struct frontend_kind kind = {
	.folder = "device/vif", .names = names, .offered = 3, .offer = offer, .connect = connect,
	.disconnect = disconnect,
};
static struct frontend front;

/* NULL: it has none. */
static void backend_is(const char *state)
{
	fake_set(BACK "/state", state);
	test_settle();
}

/* The toolstack describes the device. */
static void plug(const char *state)
{
	fake_set(FRONT, "");
	fake_set(FRONT "/backend-id", "0");
	fake_set(FRONT "/backend", BACK);
	fake_set(FRONT "/state", "1");
	fake_set(BACK "/state", state);
}

static void begin_with(const char *state)
{
	fake_begin();
	plug(state);
	frontend_start(&front, &kind);
	test_settle();
}

/* Forgets the calls so far. */
static void forget(void)
{
	memset(driver.told, 0, sizeof(driver.told));
}

static void assert_is(const char *state, const char *told)
{
	cr_assert_str_eq(fake_get(FRONT "/state"), state, "state %s", fake_get(FRONT "/state"));
	cr_assert_str_eq(driver.told, told, "%s", driver.told);
	forget();
}

static void let_seconds_pass(unsigned seconds)
{
	while (seconds--) {
		clock_advance_ns(NS_PER_S);
		test_settle();
	}
}

static void begin(void)
{
	begin_with("2");
	backend_is("4");
	assert_is("4", "oc");
}

TestSuite(xen_frontend, .init = begin, .timeout = 60);
TestSuite(xen_frontend_table, .timeout = 60);

/* -- every cell: backend's state across; the driver's call, and our state after it -- */

static const char *const states[] = { NULL, "1", "2", "3", "4", "5", "6", "7", "8", "9", "four" };
enum { STATES = ARRAY_SIZE(states) };

static void to_waiting(void)
{
	begin_with("1");
	assert_is("1", "");
}

static void to_offered(void)
{
	begin_with("2");
	assert_is("3", "o");
}

static void to_connected(void)
{
	begin();
}

static void to_closed(void)
{
	begin();
	backend_is("5");
	assert_is("6", "d");
}

static void to_stale(void)
{
	begin_with("4");
	assert_is("6", "d");
}

static void to_stale_for_long(void)
{
	to_stale();
	driver.keeps_rings = true;
}

static void to_refused(void)
{
	to_waiting();
	driver.offers = -ENOTSUP;
	backend_is("2");
	assert_is("6", "od");
	driver.offers = 0;
}

static void to_gone(void)
{
	to_refused();
	backend_is("6");
	assert_is("6", "d");
}

/* A backend that is awaited anew, and is ready, gets an offer. */
static const struct {
	const char *name;
	void (*reach)(void);
	const char *after[STATES];
} table[] = {
	/*                              none  1    2     3    4     5    6     7    8    9   text */
	{ "waiting", to_waiting,       { "1", "1", "3o", "1", "6d", "6d", "1", "1", "1", "1", "1" } },
	{ "offered", to_offered,       { "6d", "3", "3", "3", "4c", "6d", "1d", "3", "3", "6d", "6d" } },
	{ "connected", to_connected,   { "6d", "1d", "3do", "4", "4", "6d", "1d", "4", "4", "6d", "6d" } },
	{ "closed", to_closed,         { "6", "1", "3o", "6", "6", "6", "1", "6", "6", "6", "6" } },
	{ "stale", to_stale,           { "6d", "6", "6", "6", "6", "6", "1d", "6", "6", "6d", "6d" } },
	{ "kept", to_stale_for_long,   { "6d", "6", "6", "6", "6", "6", "6d", "6", "6", "6d", "6d" } },
	{ "refused", to_refused,       { "6d", "6", "6", "6", "6", "6", "6d", "6", "6", "6d", "6d" } },
	{ "gone", to_gone,             { "6", "1", "3o", "6", "6", "6", "1", "6", "6", "6", "6" } },
};

struct cell {
	size_t phase, state;
};

ParameterizedTestParameters(xen_frontend_table, every_cell)
{
	static struct cell cells[ARRAY_SIZE(table) * STATES];

	for (size_t i = 0; i < ARRAY_SIZE(cells); i++)
		cells[i] = (struct cell){ .phase = i / STATES, .state = i % STATES };
	return cr_make_param_array(struct cell, cells, ARRAY_SIZE(cells));
}

ParameterizedTest(struct cell *cell, xen_frontend_table, every_cell)
{
	const char *after = table[cell->phase].after[cell->state], *own;

	table[cell->phase].reach();
	backend_is(states[cell->state]);
	own = fake_get(FRONT "/state");
	cr_assert(own[0] == after[0] && !strcmp(driver.told, after + 1), "%s, state %s: %s%s, not %s",
	          table[cell->phase].name, states[cell->state] ? states[cell->state] : "none", own, driver.told,
	          after);
}

/* Each state alone decides, not how often it is told. */
Test(xen_frontend_table, what_is_told_twice_is_done_once)
{
	to_offered();
	backend_is("4");
	backend_is("4");
	assert_is("4", "c");
	backend_is("5");
	backend_is("5");
	assert_is("6", "d");
}

/* -- between two states -- */

Test(xen_frontend, that_it_is_lost_is_reported)
{
	test_console_clear();
	backend_is("5");
	cr_assert_not_null(strstr(test_console_text(),
	                          "device=" FRONT " backend=" BACK " state=5 connected=false"));
}

/* Watch events may be lost, so the state is polled each second. */
Test(xen_frontend, who_comes_back_unseen_is_found)
{
	let_seconds_pass(2); /* connected, it is not looked at */
	backend_is("5");
	assert_is("6", "d");
	fake.loses_watches = true;
	backend_is("6");
	backend_is("2");
	assert_is("6", "");
	let_seconds_pass(2);
	assert_is("3", "o");
	backend_is("4");
	let_seconds_pass(1);
	assert_is("4", "c");
}

Test(xen_frontend_table, keys_that_cannot_be_written)
{
	to_waiting();
	fake.keeps_values = true;
	backend_is("2");
	assert_is("1", "od"); /* nor can the state */
	test_assert_error(&front.ready, -EACCES);
	fake.keeps_values = false;
	backend_is("6");
	backend_is("2");
	assert_is("3", "do");
	backend_is("4");
	assert_is("4", "c");
}

/* It goes while we say that we will not have it. */
Test(xen_frontend_table, who_goes_while_it_is_refused_may_come_again)
{
	char text[8];
	struct store_op op;

	to_offered();
	driver.connects = -ENOTSUP;
	driver.stops_store = true;
	backend_is("4");
	backend_is("6");
	assert_is("3", "cd");
	fake.store_is_deaf = false;
	store_read(&op, 0, "name", NULL, text, sizeof(text)); /* the store looks again */
	test_settle();
	assert_is("6", "d");
	driver.connects = 0;
	driver.stops_store = false;
	backend_is("2");
	assert_is("3", "o");
	backend_is("4");
	assert_is("4", "c");
}

/* A passing shortage is retried with the next offer, because the backend cannot help. */
Test(xen_frontend, memory_that_is_short_for_a_while)
{
	static const int errors[] = { -ENOMEM, -ENOSPC };

	for (size_t i = 0; i < ARRAY_SIZE(errors); i++) {
		backend_is("6");
		driver.offers = errors[i];
		forget();
		backend_is("2");
		assert_is("6", "od");
		driver.offers = 0;
		backend_is("6");
		assert_is("6", "");
		test_run_for_ns(NS_PER_S);
		assert_is("1", "d");
		backend_is("2");
		backend_is("4");
		assert_is("4", "oc");
	}
}

static unsigned times_told(const char *text)
{
	unsigned times = 0;

	for (const char *at = test_console_text(); (at = strstr(at, text)); at++)
		times++;
	return times;
}

/* The backend follows at once, whatever we do. */
Test(xen_frontend, memory_that_is_short_costs_one_try_a_second)
{
	driver.offers = -ENOMEM;
	backend_is("6");
	test_console_clear();
	for (unsigned second = 0; second < 5; second++) {
		for (unsigned i = 0; i < 40; i++) {
			forget();
			backend_is(!strcmp(fake_get(FRONT "/state"), "6") ? "6" : "2");
		}
		cr_assert_eq(times_told("connected=false"), second + 1);
		test_run_for_ns(NS_PER_S);
	}
	driver.offers = 0;
	backend_is("2");
	backend_is("4");
	cr_assert_str_eq(fake_get(FRONT "/state"), "4");
}

/* The store is silent for three times a request's time limit, and then answers the next. */
static void silence_store(void)
{
	fake.store_is_mute = true;
	test_run_for_ns(3 * CONFIG_XEN_STORE_TIMEOUT_SECONDS * NS_PER_S);
	fake.store_is_mute = false;
	test_run_for_ns(CONFIG_XEN_STORE_TIMEOUT_SECONDS * NS_PER_S);
}

Test(xen_frontend, a_store_that_is_silent_ends_nothing)
{
	fake_set(BACK "/state", "4");
	silence_store();
	assert_is("4", "");
	fake_set(BACK "/state", "5");
	silence_store();
	assert_is("6", "d");
}

Test(xen_frontend, a_state_that_the_store_did_not_hear_is_told_again)
{
	frontend_break(&front, "an id of nobody");
	silence_store();
	assert_is("6", "d");
}

/* The ring's rules are broken while the keys are on their way. */
Test(xen_frontend, who_breaks_the_rules_is_refused_once_it_has_answered)
{
	test_console_clear();
	frontend_break(&front, "an id of nobody");
	frontend_break(&front, "again");
	test_settle();
	assert_is("6", "d");
	cr_assert_not_null(strstr(test_console_text(), "device=" FRONT " broken=\"an id of nobody\""));
	backend_is("2");
	assert_is("6", "");
	backend_is("6");
	backend_is("2");
	assert_is("3", "do");
}

/* A backend that holds rings is awaited without a time limit. */
Test(xen_frontend, rings_that_are_let_go_of_late)
{
	backend_is("6");
	backend_is("4");
	assert_is("6", "dd");
	driver.keeps_rings = true;
	backend_is("6");
	let_seconds_pass(1000);
	driver.keeps_rings = false;
	forget();
	let_seconds_pass(1);
	assert_is("1", "d");
	backend_is("2");
	backend_is("4");
	assert_is("4", "oc");
}

/* Devices that go while they are connected are looked for once they are not. */
Test(xen_frontend, another_backend_takes_its_place_while_it_is_connected)
{
	fake_set(BACK "1/state", "2");
	fake_set(FRONT "/backend", BACK "1");
	frontend_seek();
	test_settle();
	assert_is("4", "");
	backend_is(NULL);
	fake_set(BACK "1/state", "4");
	test_settle();
	cr_assert_str_eq(fake_get(FRONT "/state"), "4");
	cr_assert_str_eq(front.backend, BACK "1");
}

static const char *const keys[] = {
	BACK "/state", FRONT, FRONT "/backend-id", FRONT "/backend", FRONT "/state",
};

static void unplug(void)
{
	for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
		fake_set(keys[i], NULL);
		test_settle();
	}
	frontend_seek();
	test_settle();
}

/* The toolstack takes the device away, and gives another of the same name. */
ParameterizedTestParameters(xen_frontend_table, the_folder_vanishes)
{
	static size_t phases[ARRAY_SIZE(table)];

	for (size_t i = 0; i < ARRAY_SIZE(table); i++)
		phases[i] = i;
	return cr_make_param_array(size_t, phases, ARRAY_SIZE(table));
}

ParameterizedTest(size_t *phase, xen_frontend_table, the_folder_vanishes)
{
	table[*phase].reach();
	unplug();
	cr_assert_not_null(strchr(driver.told, 'd'), "%s: %s", table[*phase].name, driver.told);
	cr_assert_null(fake_get(FRONT "/state"), "%s: %s", table[*phase].name, fake_get(FRONT "/state"));
	forget();
	plug("2");
	frontend_seek();
	test_settle();
	assert_is("3", "do");
	backend_is("4");
	assert_is("4", "c");
}
