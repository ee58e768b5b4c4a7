/* SPDX-License-Identifier: ISC */
/* The console's rings with a daemon that reads, that does not, and that lies. tests/lib has a console too. */
#define console_write xen_console_write
#define console_read xen_console_read
#include "drivers/xen/console.c"

#include <string.h>

#include "tests/lib/test.h"
#include "tests/unit/drivers/xen/fake.h"

enum { PORT_USED = 2 };
static _Alignas(PAGE_BYTES) struct xencons_interface page;
static char out[65536];
static size_t out_bytes;

static void begin(void)
{
	fake_begin();
	fake.parameters[HVM_PARAM_CONSOLE_PFN] = (uintptr_t)&page / PAGE_BYTES;
	fake.parameters[HVM_PARAM_CONSOLE_EVTCHN] = PORT_USED;
	xen_console_init();
}

TestSuite(xen_console, .init = begin, .timeout = 60);
TestSuite(xen_console_none, .init = fake_begin, .timeout = 60);

static void drain(void)
{
	while (page.out_cons != page.out_prod)
		out[out_bytes++] = page.out[page.out_cons++ % sizeof(page.out)];
}

Test(xen_console, lines_end_as_terminals_want)
{
	xen_console_write("one\ntwo\n", 8);
	drain();
	cr_assert(out_bytes == 10 && !memcmp(out, "one\r\ntwo\r\n", 10));
	cr_assert_gt(fake.sent[PORT_USED], 0);
}

Test(xen_console, a_daemon_that_reads_slowly_gets_all)
{
	static char text[10000];

	clock_on_read = drain; /* the fake's clock moves while the console waits */
	for (size_t i = 0; i < sizeof(text); i++)
		text[i] = (char)('a' + i % 26);
	xen_console_write(text, sizeof(text));
	drain();
	cr_assert(out_bytes == sizeof(text) && !memcmp(out, text, sizeof(text)));
}

/* The console takes a little at a time, and sends its event while we do not look. */
static void sip(void)
{
	for (unsigned i = 0; i < 40 && page.out_cons != page.out_prod; i++)
		out[out_bytes++] = page.out[page.out_cons++ % sizeof(page.out)];
	fake_raise(PORT_USED);
}

Test(xen_console, a_daemon_that_says_what_it_has_read_gets_all)
{
	static char text[10000];

	clock_on_read = sip;
	memset(text, 'x', sizeof(text));
	xen_console_write(text, sizeof(text));
	xen_console_drain();
	cr_assert_eq(out_bytes, sizeof(text), "of %zu bytes %zu came", sizeof(text), out_bytes);
}

Test(xen_console, input_that_comes_while_output_waits)
{
	static char text[5000];
	struct console_read op;
	char to[4];

	xen_console_read(&op, to, sizeof(to));
	test_settle();
	memcpy(page.in, "!", 1);
	page.in_prod = 1;
	clock_on_read = sip;
	memset(text, 'x', sizeof(text));
	xen_console_write(text, sizeof(text));
	test_settle();
	test_assert_value(&op.promise, 1);
}

Test(xen_console, a_daemon_that_does_not_read_holds_nobody_up)
{
	static char text[5000];
	unsigned calls;

	memset(text, 'x', sizeof(text));
	xen_console_write(text, sizeof(text));
	calls = fake.calls;
	xen_console_write(text, sizeof(text));
	xen_console_drain();
	cr_assert_lt(fake.calls, calls + 10, "it waits again for one that was given up");
	cr_assert_eq(page.out_prod - page.out_cons, sizeof(page.out));
	drain();
	xen_console_write("again", 5);
	drain();
	cr_assert(!memcmp(out + out_bytes - 5, "again", 5));
}

Test(xen_console, input_waits_for_its_reader)
{
	struct console_read op, second;
	char text[4];

	memcpy(page.in, "hello", 5);
	page.in_prod = 5;
	fake_raise(PORT_USED);
	test_settle();
	cr_assert_eq(page.in_cons, 0);
	xen_console_read(&op, text, sizeof(text));
	xen_console_read(&second, text, sizeof(text));
	test_assert_error(&second.promise, -EBUSY);
	test_settle();
	test_assert_value(&op.promise, 4);
	cr_assert(!memcmp(text, "hell", 4) && page.in_cons == 4);
	xen_console_read(&op, text, sizeof(text));
	test_settle();
	test_assert_value(&op.promise, 1);
	xen_console_read(&op, text, sizeof(text));
	test_settle();
	test_assert_pending(&op.promise);
	page.in[5] = '!';
	page.in_prod = 6;
	fake_raise(PORT_USED);
	test_settle();
	test_assert_value(&op.promise, 1);
	xen_console_read(&op, text, sizeof(text));
	promise_cancel(&op.promise);
	test_assert_error(&op.promise, -ECANCELED);
}

Test(xen_console, an_index_that_cannot_be)
{
	struct console_read op;
	char text[4];

	page.in_prod = 70000;
	xen_console_read(&op, text, sizeof(text));
	test_settle();
	test_assert_pending(&op.promise);
	cr_assert_eq(page.in_cons, 70000);
}

Test(xen_console, nobody_waits_for_an_index_that_cannot_be)
{
	static const uint32_t ahead[] = { 1, 5, 70000, UINT32_MAX - sizeof(page.out) };
	uint64_t now = clock_now_ns();

	for (size_t i = 0; i < ARRAY_SIZE(ahead); i++) {
		page.out_cons = page.out_prod + ahead[i];
		xen_console_write("x", 1);
		xen_console_drain();
		cr_assert_eq(page.out[(page.out_prod - 1) % sizeof(page.out)], 'x');
	}
	cr_assert_eq(clock_now_ns(), now);
}

Test(xen_console_none, without_a_ring)
{
	struct console_read op;
	char text[4];

	xen_console_init();
	xen_console_write("x", 1);
	xen_console_drain();
	xen_console_read(&op, text, sizeof(text));
	test_assert_error(&op.promise, -ENODEV);
}

/* The ring is a new, empty one; a pending read goes on waiting for input. */
Test(xen_console, another_domain_has_its_own)
{
	static _Alignas(PAGE_BYTES) struct xencons_interface next;
	struct console_read op;
	char text[4];

	xen_console_write("old\n", 4);
	xen_console_read(&op, text, sizeof(text));
	test_settle();
	fake_restore();
	fake.parameters[HVM_PARAM_CONSOLE_PFN] = (uintptr_t)&next / PAGE_BYTES;
	fake.parameters[HVM_PARAM_CONSOLE_EVTCHN] = PORT_USED + 1;
	xen_attach();
	xen_console_resume();
	test_assert_pending(&op.promise);
	xen_console_write("new", 3);
	cr_assert(next.out_prod == 3 && !memcmp(next.out, "new", 3) && page.out_prod == 5);
	next.in[0] = '!';
	next.in_prod = 1;
	fake_raise(PORT_USED + 1);
	test_settle();
	test_assert_value(&op.promise, 1);
}

Test(xen_console, another_domain_has_none)
{
	struct console_read op;
	char text[4];

	xen_console_read(&op, text, sizeof(text));
	fake_restore();
	fake.parameters[HVM_PARAM_CONSOLE_PFN] = 0;
	fake.parameters[HVM_PARAM_CONSOLE_EVTCHN] = CONFIG_XEN_EVENTS;
	xen_attach();
	xen_console_resume();
	test_settle();
	test_assert_pending(&op.promise);
	xen_console_write("x", 1);
}
