/* SPDX-License-Identifier: ISC */
/* Both ends of a vchan against peers that behave as libxenvchan, that leave or die in the middle, and that
 * lie. */
#include <errno.h>
#include <string.h>

#include "drivers/xen/event.h"
#include "drivers/xen/grant.h"
#include "drivers/xen/xen.h"
#include "kernel/dev/vchan.h"
#include "tests/lib/test.h"
#include "tests/unit/drivers/xen/fake.h"

#include <criterion/parameterized.h>
#include <xen/io/libxenvchan.h>

#define PATH "data/vchan"
#define SERVER_PATH "/local/domain/9/data/vchan"
enum { CLIENT = 5, SERVER = 9, REF = 500, FIRST_REF = 600, OFFERED = 77 };
enum { IN_BYTES = 2048, OUT_BYTES = 8192 };

/* -- the peer -- */

static struct {
	struct vchan_interface *page;
	struct ring_shared *in, *out; /* that it reads, and writes */
	uint8_t *from, *to;
	uint32_t in_bytes, out_bytes;
	uint8_t *live, *wanted, *other_wants;
	uint32_t port; /* at which the guest hears of it */
} peer;

static void peer_tell(uint8_t kind)
{
	if (*peer.other_wants & kind) {
		*peer.other_wants &= (uint8_t)~kind;
		fake_raise(peer.port);
	}
}

static uint8_t pattern(uint32_t at)
{
	return (uint8_t)(at * 7 + at / 251);
}

/* n bytes of the pattern, each by its place in the stream. */
static void peer_send(uint32_t n)
{
	uint32_t start = peer.out->prod;

	cr_assert_leq(start - peer.out->cons + n, peer.out_bytes, "there is no room");
	for (uint32_t i = 0; i < n; i++)
		peer.to[(start + i) % peer.out_bytes] = pattern(start + i);
	peer.out->prod += n;
	peer_tell(VCHAN_NOTIFY_WRITE);
}

/* Takes all received bytes, which must be the pattern; gives their number. */
static uint32_t peer_receive(void)
{
	uint32_t start = peer.in->cons, n = peer.in->prod - start;

	cr_assert_leq(n, peer.in_bytes);
	for (uint32_t i = 0; i < n; i++)
		cr_assert_eq(peer.from[(start + i) % peer.in_bytes], pattern(start + i), "byte %u", start + i);
	peer.in->cons += n;
	if (n)
		peer_tell(VCHAN_NOTIFY_READ);
	return n;
}

static void peer_leave(void)
{
	*peer.live = 0;
	fake_raise(peer.port);
	test_settle();
}

/* -- the application -- */

static struct flow *flow;
static unsigned accepted;
static bool refuses;
static struct flow_read reading;
static struct flow_write writing;
static uint8_t text[3 * OUT_BYTES];
static struct slice slices[3];

static int take(void *arg, struct flow *f)
{
	cr_assert_eq(arg, &accepted);
	accepted++;
	flow = f;
	return refuses ? -ENOBUFS : 0;
}

/* Reads, and asserts that the bytes are the pattern from start on; gives their number. */
static intptr_t read_from(uint32_t start, uint32_t max)
{
	intptr_t n;

	flow_read(flow, &reading, max);
	test_settle();
	n = promise_result(&reading.promise);
	for (intptr_t i = 0; i < n; i++)
		cr_assert_eq(reading.bufs->data[i], pattern(start + (uint32_t)i), "byte %u", start + (uint32_t)i);
	if (n > 0)
		cr_assert_eq(buf_length(reading.bufs), n);
	return n;
}

/* Writes n bytes of the pattern from start on, in three slices. */
static void write_from(uint32_t start, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++)
		text[i] = pattern(start + i);
	slices[0] = (struct slice){ text, n / 3, NULL };
	slices[1] = (struct slice){ text + n / 3, 0, NULL };
	slices[2] = (struct slice){ text + n / 3, n - n / 3, NULL };
	flow_write(flow, &writing, slices, 3);
	test_settle();
}

static void start(void)
{
	fake_begin();
	cr_assert_eq(buf_init(16, 16), 0);
	cr_assert_eq(grant_init(), 0);
	fake_set("domid", "7");
	flow = NULL;
}

/* -- as a server -- */

static void find_page(void)
{
	struct vchan_interface *page;

	peer.port = (uint32_t)fake_get_number(PATH "/event-channel");
	page = peer.page = (void *)fake_granted((uint32_t)fake_get_number(PATH "/ring-ref"), false);
	cr_assert(page->left_order == 11 && page->right_order == 13, "orders %u, %u", page->left_order,
	          page->right_order);
	peer.in = &page->right;
	peer.out = &page->left;
	peer.to = (uint8_t *)page + IN_BYTES;
	peer.from = fake_granted(page->grants[0], false);
	cr_assert_eq(fake_granted(page->grants[1], false), peer.from + PAGE_BYTES);
	peer.in_bytes = OUT_BYTES;
	peer.out_bytes = IN_BYTES;
	peer.live = &page->cli_live;
	peer.other_wants = &page->cli_notify;
	peer.wanted = &page->srv_notify;
}

static void listen_at_path(void)
{
	start();
	cr_assert_eq(vchan_listen(CLIENT, PATH, take, &accepted), 0);
	test_settle();
	find_page();
}

static void client_comes(void)
{
	fake.connected[peer.port] = true;
	peer.page->cli_live = 1;
	peer.page->srv_notify = VCHAN_NOTIFY_WRITE;
	fake_raise(peer.port);
	test_settle();
}

static void begin_server(void)
{
	listen_at_path();
	client_comes();
	cr_assert_eq(accepted, 1);
}

static bool is_offered(void)
{
	return fake_get(PATH "/ring-ref") && peer.page->srv_live == 1 && peer.page->cli_live == 2 &&
	       peer.page->cli_notify == VCHAN_NOTIFY_WRITE && !peer.page->left.prod && !peer.page->right.prod;
}

TestSuite(xen_vchan_offer, .init = listen_at_path, .timeout = 60);
TestSuite(xen_vchan_server, .init = begin_server, .timeout = 60);
TestSuite(xen_vchan_none, .init = start, .timeout = 60);

Test(xen_vchan_offer, is_what_libxenvchan_looks_for)
{
	cr_assert(is_offered());
	cr_assert_str_eq(fake.permissions, "n7 r5");
	cr_assert_eq(fake.grants[fake_get_number(PATH "/ring-ref")].domid, CLIENT);
	cr_assert_eq(fake.grants[peer.page->grants[0]].domid, CLIENT);
	cr_assert_eq(fake_grants_out(), 3);
	fake_raise(peer.port);
	test_settle();
	cr_assert_eq(accepted, 0, "nobody has come");
	client_comes();
	cr_assert_eq(accepted, 1);
	cr_assert_null(fake_get(PATH "/ring-ref"), "a second client would find it");
}

/* -- a server in another domain, whose number is another -- */

static void saved_in_place(void)
{
}

static void restore_server(void)
{
	fake_restore();
	fake_set("domid", "8");
	fake_set(PATH "/ring-ref", NULL);
	fake_set(PATH "/event-channel", NULL);
	*fake.permissions = '\0';
}

static void move(void)
{
	fake.saved = restore_server;
	xen_suspend();
}

static void assert_serves(void)
{
	unsigned before = accepted;

	find_page();
	cr_assert(is_offered());
	cr_assert_str_eq(fake.permissions, "n8 r5");
	cr_assert_eq(fake_grants_out(), 3);
	client_comes();
	cr_assert_eq(accepted, before + 1);
	peer_send(10);
	cr_assert_eq(read_from(0, 100), 10);
	buf_free(reading.bufs);
}

Test(xen_vchan_offer, is_made_again_in_another_domain)
{
	for (unsigned i = 0; i < 3; i++) {
		move();
		test_settle();
		find_page();
		cr_assert(is_offered());
	}
	assert_serves();
}

/* Keys that were being written for the old domain are not written in the new one. */
/* The client's domain may not be on the host migrated to. */
Test(xen_vchan_offer, is_not_made_where_the_client_is_not)
{
	fake.offer_error = -ESRCH;
	move();
	test_settle();
	cr_assert(!is_offered());
}

static void move_after(unsigned turns)
{
	start();
	cr_assert_eq(vchan_listen(CLIENT, PATH, take, &accepted), 0);
	for (unsigned i = 0; i < turns; i++)
		loop_turn();
	move();
	test_settle();
	assert_serves();
}

ParameterizedTestParameters(xen_vchan_moved, while_it_is_offered)
{
	static unsigned turns[12];

	for (unsigned i = 0; i < ARRAY_SIZE(turns); i++)
		turns[i] = i;
	return cr_make_param_array(unsigned, turns, ARRAY_SIZE(turns));
}

ParameterizedTest(unsigned *turns, xen_vchan_moved, while_it_is_offered, .timeout = 60)
{
	move_after(*turns);
}

Test(xen_vchan_server, fails_in_another_domain_and_serves_the_next_client)
{
	peer_send(100);
	flow_read(flow, &reading, 50);
	test_assert_value(&reading.promise, 50);
	buf_free(reading.bufs);
	write_from(0, sizeof(text));
	move();
	test_settle();
	test_assert_error(&writing.promise, -ECONNRESET);
	cr_assert_eq(read_from(50, 100), -ECONNRESET);
	cr_assert_null(fake_get(PATH "/ring-ref"), "somebody still has the flow");
	flow_close(flow);
	test_settle();
	assert_serves();
}

Test(xen_vchan_server, goes_on_in_the_same_domain)
{
	fake.saved = saved_in_place;
	peer_send(100);
	xen_suspend();
	test_settle();
	cr_assert_eq(read_from(0, 100), 100);
	buf_free(reading.bufs);
}

Test(xen_vchan_offer, one_that_has_left_again_is_heard)
{
	peer_send(10);
	peer.page->cli_live = 0;
	fake_raise(peer.port);
	test_settle();
	cr_assert_eq(accepted, 1);
	cr_assert_eq(read_from(0, 100), 10);
	buf_free(reading.bufs);
	cr_assert_eq(read_from(10, 100), 0);
	flow_close(flow);
	test_settle();
	cr_assert(is_offered());
}

Test(xen_vchan_offer, refused_by_the_application)
{
	refuses = true;
	client_comes();
	cr_assert(accepted == 1 && peer.page->srv_live == 0);
	peer_leave();
	cr_assert(is_offered());
	refuses = false;
	client_comes();
	cr_assert_eq(accepted, 2);
}

Test(xen_vchan_offer, again_for_a_domain_that_did_not_exist)
{
	*fake.permissions = '\0';
	fake_set(PATH "/ring-ref", NULL);
	test_run_for_ns(6 * NS_PER_S);
	cr_assert(is_offered());
	cr_assert_str_eq(fake.permissions, "n7 r5");
	client_comes();
	cr_assert_eq(accepted, 1);
	*fake.permissions = '\0';
	test_run_for_ns(60 * NS_PER_S);
	cr_assert(!fake_get(PATH "/ring-ref") && !*fake.permissions);
}

Test(xen_vchan_none, dom0_exists)
{
	unsigned calls;

	cr_assert_eq(vchan_listen(0, PATH, take, &accepted), 0);
	test_settle();
	cr_assert_str_eq(fake.permissions, "n7 r0");
	calls = fake.calls;
	test_run_for_ns(60 * NS_PER_S);
	cr_assert_eq(fake.calls, calls, "an image that nobody uses does not sleep");
}

Test(xen_vchan_offer, without_the_key_that_somebody_has_taken_away)
{
	fake_set(PATH "/ring-ref", NULL);
	client_comes();
	cr_assert_eq(accepted, 1);
}

Test(xen_vchan_server, reads_what_comes)
{
	uint32_t at = 0;

	flow_read(flow, &reading, 100);
	test_settle();
	test_assert_pending(&reading.promise);
	peer_send(10);
	test_settle();
	test_assert_value(&reading.promise, 10);
	buf_free(reading.bufs);
	for (at = 10; at < 10 * IN_BYTES; at += 1500) {
		peer_send(1500);
		cr_assert_eq(read_from(at, 1000), 1000);
		buf_free(reading.bufs);
		cr_assert_eq(read_from(at + 1000, 1000), 500);
		buf_free(reading.bufs);
		cr_assert_eq(peer.out->cons, peer.out->prod, "not the writer's again");
	}
}

Test(xen_vchan_server, is_told_only_what_it_asked_for_and_tells_so)
{
	unsigned sent = fake.sent[peer.port];

	flow_read(flow, &reading, 100);
	cr_assert(*peer.other_wants & VCHAN_NOTIFY_WRITE);
	*peer.wanted = 0;
	peer_send(10);
	test_settle();
	test_assert_value(&reading.promise, 10);
	cr_assert_eq(fake.sent[peer.port], sent, "an event that nobody wanted");
	buf_free(reading.bufs);
	*peer.wanted = VCHAN_NOTIFY_READ | VCHAN_NOTIFY_WRITE;
	peer_send(10);
	cr_assert_eq(read_from(10, 100), 10);
	cr_assert(fake.sent[peer.port] == sent + 1 && *peer.wanted == VCHAN_NOTIFY_WRITE);
	buf_free(reading.bufs);
	write_from(0, 10);
	cr_assert(fake.sent[peer.port] == sent + 2 && *peer.wanted == 0);
	peer_receive();
	write_from(10, 10);
	cr_assert_eq(fake.sent[peer.port], sent + 2);
}

Test(xen_vchan_server, what_was_read_stays_as_it_was)
{
	struct buf *first;

	peer_send(100);
	cr_assert_eq(read_from(0, 60), 60);
	first = reading.bufs;
	memset(peer.to, 0xff, 60); /* its memory: it may */
	flow_read(flow, &reading, 100);
	test_settle();
	test_assert_pending(&reading.promise);
	for (uint32_t i = 0; i < 60; i++)
		cr_assert_eq(first->data[i], pattern(i));
	buf_free(first);
	test_settle();
	test_assert_value(&reading.promise, 40);
	cr_assert_eq(reading.bufs->data[0], pattern(60));
	buf_free(reading.bufs);
}

Test(xen_vchan_server, without_memory_it_reads_later)
{
	struct buf *all[17];
	unsigned count = 0;

	while ((all[count] = buf_alloc_slice(NULL, text, 1)))
		count++;
	peer_send(10);
	cr_assert_eq(read_from(0, 100), -EAGAIN);
	while (count)
		buf_free(all[--count]);
	test_run_for_ns(20 * NS_PER_MS);
	test_assert_value(&reading.promise, 10);
	buf_free(reading.bufs);
}

Test(xen_vchan_server, writes_as_there_is_room)
{
	uint32_t received = 0;

	for (uint32_t at = 0, n = 1; at < 20 * OUT_BYTES; at += n, n = n * 3 % 20000 + 1) {
		write_from(at, n);
		cr_assert_eq(promise_is_settled(&writing.promise), n <= OUT_BYTES);
		while (!promise_is_settled(&writing.promise)) {
			received += peer_receive();
			test_settle();
		}
		test_assert_value(&writing.promise, n);
		received += peer_receive();
		cr_assert_eq(received, at + n);
		test_settle();
	}
}

struct counted {
	struct storage storage;
	unsigned freed;
};

static void count_free(struct storage *s)
{
	container_of(s, struct counted, storage)->freed++;
}

Test(xen_vchan_server, writes_are_in_order_and_let_go_of)
{
	struct counted stored = { .storage = { 1, count_free } };
	const struct slice one = { text, OUT_BYTES, NULL }, two = { text, 10, &stored.storage };
	struct flow_write first, second, third;

	memset(text, 0, sizeof(text));
	flow_write(flow, &first, &one, 1);
	flow_write(flow, &second, &two, 1);
	flow_write(flow, &third, &two, 1);
	storage_put(&stored.storage);
	test_settle();
	test_assert_value(&first.promise, OUT_BYTES);
	test_assert_pending(&second.promise);
	promise_cancel(&third.promise);
	test_assert_error(&third.promise, -ECANCELED);
	cr_assert(stored.freed == 0 && stored.storage.refs == 1);
	peer.in->cons = peer.in->prod;
	peer_tell(VCHAN_NOTIFY_READ);
	test_settle();
	test_assert_value(&second.promise, 10);
	cr_assert_eq(stored.freed, 1);
	cr_assert_eq(peer.in->prod, OUT_BYTES + 10);
}

Test(xen_vchan_server, calls_that_cannot_be)
{
	struct flow_read second;

	flow_read(flow, &reading, 100);
	flow_read(flow, &second, 100);
	test_assert_error(&second.promise, -EBUSY);
	promise_cancel(&reading.promise);
	test_assert_error(&reading.promise, -ECANCELED);
	flow_read(flow, &second, 0);
	test_assert_error(&second.promise, -EINVAL);
	peer_send(10);
	cr_assert_eq(read_from(0, 100), 10);
	buf_free(reading.bufs);
	cr_assert_eq(flow_shutdown(flow), 0);
	write_from(0, 10);
	test_assert_error(&writing.promise, -EPIPE);
	cr_assert_eq(flow_shutdown(flow), 0);
	peer_leave();
	cr_assert_eq(read_from(10, 100), 0);
}

Test(xen_vchan_server, hears_the_last_of_one_that_leaves)
{
	write_from(0, 2 * OUT_BYTES);
	peer_send(100);
	peer_leave();
	test_assert_error(&writing.promise, -ECONNRESET);
	cr_assert_eq(read_from(0, 60), 60);
	buf_free(reading.bufs);
	cr_assert_eq(read_from(60, 60), 40);
	buf_free(reading.bufs);
	cr_assert_eq(read_from(100, 60), 0);
	write_from(0, 10);
	test_assert_error(&writing.promise, -ECONNRESET);
	cr_assert(!fake_get(PATH "/ring-ref"), "offered while somebody has the flow");
	flow_close(flow);
	test_settle();
	cr_assert(is_offered());
}

Test(xen_vchan_server, all_is_taken_before_the_end_is_told)
{
	unsigned sent;

	write_from(0, 5000);
	cr_assert_eq(flow_shutdown(flow), 0);
	flow_read(flow, &reading, 100);
	test_settle();
	cr_assert_eq(peer.page->srv_live, 1, "its client would throw away what it has not read");
	sent = fake.sent[peer.port];
	cr_assert_eq(peer_receive(), 5000);
	test_settle();
	cr_assert(peer.page->srv_live == 0 && fake.sent[peer.port] == sent + 1);
	flow_close(flow);
	test_assert_error(&reading.promise, -ECANCELED);
	test_settle();
	cr_assert(!fake_get(PATH "/ring-ref"), "its client is still there");
	peer_leave();
	cr_assert(is_offered());
	client_comes();
	cr_assert_eq(accepted, 2);
	peer_send(10);
	cr_assert_eq(read_from(0, 100), 10);
	buf_free(reading.bufs);
}

Test(xen_vchan_server, closed_with_what_is_not_accepted)
{
	write_from(0, OUT_BYTES + 1000);
	flow_close(flow);
	test_assert_error(&writing.promise, -ECANCELED);
	test_settle();
	cr_assert_eq(peer.page->srv_live, 1);
	cr_assert_eq(peer_receive(), OUT_BYTES);
	test_settle();
	cr_assert_eq(peer.page->srv_live, 0);
}

Test(xen_vchan_server, is_not_offered_while_its_input_is_read)
{
	struct buf *held;

	peer_send(10);
	cr_assert_eq(read_from(0, 100), 10);
	held = reading.bufs;
	flow_close(flow);
	peer_leave();
	cr_assert(!fake_get(PATH "/ring-ref"));
	cr_assert_eq(held->data[9], pattern(9));
	buf_free(held);
	test_settle();
	cr_assert(is_offered());
}

Test(xen_vchan_server, aborted)
{
	write_from(0, 2 * OUT_BYTES);
	flow_read(flow, &reading, 100);
	flow_abort(flow);
	test_assert_error(&writing.promise, -ECANCELED);
	test_assert_error(&reading.promise, -ECANCELED);
	test_settle();
	cr_assert_eq(peer.page->srv_live, 0, "at once");
	peer_leave();
	cr_assert(is_offered());
}

Test(xen_vchan_server, clients_that_die_silently)
{
	for (unsigned i = 1; i <= 100; i++) {
		cr_assert_eq(accepted, i);
		write_from(0, 10);
		flow_read(flow, &reading, 100);
		fake.connected[peer.port] = false;
		test_settle();
		test_assert_pending(&reading.promise);
		test_run_for_ns(6 * NS_PER_S);
		test_assert_value(&reading.promise, 0);
		flow_close(flow);
		test_settle();
		cr_assert(is_offered());
		cr_assert_eq(fake_grants_out(), 3);
		client_comes();
	}
	cr_assert_eq(fake.next_port, peer.port + 1, "it has taken other ports");
}

Test(xen_vchan_server, a_client_that_dies_after_the_end)
{
	write_from(0, 10);
	flow_close(flow);
	test_run_for_ns(60 * NS_PER_S);
	cr_assert(!fake_get(PATH "/ring-ref") && peer.page->srv_live == 1, "it is there, and has not read all");
	fake.connected[peer.port] = false;
	test_run_for_ns(6 * NS_PER_S);
	cr_assert(is_offered());
}

struct lie {
	uint32_t at, value; /* of the page */
};

ParameterizedTestParameters(xen_vchan_server, indices_that_lie)
{
	/* left.prod, right.cons */
	static struct lie lies[] = {
		{ 4, IN_BYTES + 1 }, { 4, UINT32_MAX }, { 4, 1u << 31 }, { 8, 11 }, { 8, 1u << 31 },
		{ 8, 10 - OUT_BYTES - 1u },
	};

	return cr_make_param_array(struct lie, lies, ARRAY_SIZE(lies));
}

ParameterizedTest(struct lie *lie, xen_vchan_server, indices_that_lie)
{
	write_from(0, 10);
	flow_read(flow, &reading, 100);
	memcpy((uint8_t *)peer.page + lie->at, &lie->value, 4);
	write_from(10, OUT_BYTES);
	test_assert_error(&writing.promise, -ECONNRESET);
	test_assert_error(&reading.promise, -ECONNRESET);
	cr_assert(strstr(test_console_text(), "an index beyond the ring"));
	write_from(0, 10);
	test_assert_error(&writing.promise, -ECONNRESET);
	cr_assert_eq(read_from(0, 10), -ECONNRESET);
	cr_assert_eq(flow_shutdown(flow), -ECONNRESET);
	test_console_clear();
	flow_close(flow);
	peer_leave();
	cr_assert(is_offered(), "the next one may have reason to be trusted");
	client_comes();
	cr_assert_eq(accepted, 2);
	peer.page->left.prod = UINT32_MAX;
	cr_assert_eq(read_from(0, 100), -ECONNRESET);
	cr_assert_str_eq(test_console_text(), "", "a console that a client can fill");
}

Test(xen_vchan_server, all_else_in_the_page_is_its_own_business)
{
	struct vchan_interface *page = peer.page;

	page->left_order = page->right_order = 31;
	memset(page->grants, 0xff, 256);
	page->left.cons = page->right.prod = 12345; /* our indices */
	page->cli_notify = page->srv_notify = 0xff;
	page->srv_live = 77;
	page->cli_live = 77;
	peer.out->cons = 0;
	peer_send(10);
	page->left.prod = 10;
	cr_assert_eq(read_from(0, 100), 10);
	buf_free(reading.bufs);
	write_from(0, 10);
	test_assert_value(&writing.promise, 10);
	flow_abort(flow);
	peer_leave();
	cr_assert(is_offered());
	cr_assert_eq(fake_grants_out(), 3);
}

static void try_listen(void *made)
{
	if (vchan_listen(CLIENT, PATH, take, &accepted) == 0)
		*(bool *)made = true;
	else
		cr_assert_eq(fake_grants_out(), 0);
}

/* Memory of a server that was made stays: servers are never destroyed. */
Test(xen_vchan_none, no_memory)
{
	bool made = false;
	uint64_t n = 0;

	while (!made) {
		int64_t live = test_alloc_live();

		cr_assert_lt(n, 10);
		test_alloc_fail_at(++n);
		try_listen(&made);
		cr_assert(made || test_alloc_live() == live);
	}
	test_alloc_fail_at(0);
	cr_assert_eq(n, 5, "the server, three runs of pages, and then none");
}

Test(xen_vchan_none, no_ports)
{
	int64_t live = test_alloc_live();

	fake.next_port = CONFIG_XEN_EVENTS;
	cr_assert_eq(vchan_listen(CLIENT, PATH, take, &accepted), -ENOSPC);
	cr_assert_eq(fake_grants_out(), 0);
	cr_assert(!fake.open[CONFIG_XEN_EVENTS]);
	cr_assert_eq(test_alloc_live(), live);
}

Test(xen_vchan_none, too_few_grants)
{
	unsigned left = 2;
	int64_t live;

	while (grant_page(0, text, true) >= 0)
		;
	for (uint32_t ref = GNTTAB_NR_RESERVED_ENTRIES; left; left--)
		cr_assert(grant_end(ref++));
	live = test_alloc_live();
	cr_assert_eq(vchan_listen(CLIENT, PATH, take, &accepted), -ENOSPC);
	cr_assert_eq(fake_grants_out(), FAKE_GRANTS - GNTTAB_NR_RESERVED_ENTRIES - 2);
	cr_assert_eq(test_alloc_live(), live);
}

static void assert_given_up(void)
{
	cr_assert_eq(vchan_listen(CLIENT, PATH, take, &accepted), 0);
	test_settle();
	cr_assert_null(fake_get(PATH "/ring-ref"));
	cr_assert(strstr(test_console_text(), "given_up="), "%s", test_console_text());
}

Test(xen_vchan_none, no_number_of_our_own)
{
	fake_set("domid", "seven");
	assert_given_up();
}

Test(xen_vchan_none, no_domid)
{
	fake_set("domid", NULL);
	assert_given_up();
}

Test(xen_vchan_none, a_store_that_is_silent)
{
	fake.store_is_mute = true;
	cr_assert_eq(vchan_listen(CLIENT, PATH, take, &accepted), 0);
	test_run_for_ns(61 * NS_PER_S);
	cr_assert(strstr(test_console_text(), "given_up="));
}

/* -- as a client -- */

static struct vchan_connect op;
static uint16_t left_order, right_order;
static unsigned refused_map; /* the nth page is not to be had */
static uint32_t indices;     /* where the last client has stopped */

static int16_t map(uint16_t domain, uint32_t ref, uint8_t *page)
{
	struct vchan_interface *shared = (void *)page;

	cr_assert_eq(domain, SERVER);
	if (refused_map && --refused_map == 0)
		return GNTST_permission_denied;
	memset(page, 0, PAGE_BYTES);
	if (ref != REF)
		return GNTST_okay;
	shared->left_order = left_order;
	shared->right_order = right_order;
	shared->left = shared->right = (struct ring_shared){ indices, indices };
	shared->cli_live = 2;
	shared->srv_live = 1;
	shared->cli_notify = VCHAN_NOTIFY_WRITE;
	for (uint32_t i = 0; i < FAKE_PLACES; i++)
		shared->grants[i] = FIRST_REF + i;
	return GNTST_okay;
}

static void offer(void)
{
	fake_set(SERVER_PATH "/ring-ref", "500");
	fake_set(SERVER_PATH "/event-channel", "77");
	fake.map = map;
	fake.offered = OFFERED;
	left_order = 11;
	right_order = 13;
}

static void begin_offer(void)
{
	start();
	offer();
}

static uint8_t *pages_at(uint32_t ref)
{
	uint32_t i = 0;

	while (i < FAKE_PLACES && fake.mapped[i] != ref)
		i++;
	cr_assert_lt(i, FAKE_PLACES, "%u is not mapped", ref);
	return fake_places[i];
}

static uint8_t *ring_at(struct vchan_interface *page, uint32_t order, uint32_t ref)
{
	return order < 12 ? (uint8_t *)page + (1u << order) : pages_at(ref);
}

static void connect_to(const char *path)
{
	struct vchan_interface *page;
	uint32_t port = fake.next_port;

	vchan_connect(&op, SERVER, path);
	test_settle();
	if (!op.flow)
		return;
	test_assert_value(&op.promise, 0);
	flow = op.flow;
	page = peer.page = (void *)pages_at(REF);
	peer.port = port;
	peer.in = &page->left;
	peer.out = &page->right;
	peer.from = ring_at(page, left_order, FIRST_REF);
	peer.to = ring_at(page, right_order, left_order < 12 ? FIRST_REF : FIRST_REF + (1u << (left_order - 12)));
	peer.in_bytes = 1u << left_order;
	peer.out_bytes = 1u << right_order;
	peer.live = &page->srv_live;
	peer.other_wants = &page->srv_notify;
	peer.wanted = &page->cli_notify;
}

static void begin_client(void)
{
	begin_offer();
	connect_to(PATH);
}

static void assert_refused(int error)
{
	int64_t live = test_alloc_live();

	connect_to(PATH);
	test_assert_error(&op.promise, error);
	cr_assert_eq(fake_mapped(), 0);
	for (uint32_t port = 3; port < FAKE_PORTS; port++)
		cr_assert(!fake.open[port], "port %u", port);
	cr_assert_eq(test_alloc_live(), live);
}

TestSuite(xen_vchan_connect, .init = begin_offer, .timeout = 60);
TestSuite(xen_vchan_client, .init = begin_client, .timeout = 60);

Test(xen_vchan_client, comes_as_libxenvchan_does)
{
	cr_assert(peer.page->cli_live == 1 && peer.page->srv_notify == VCHAN_NOTIFY_WRITE);
	cr_assert_eq(fake.sent[peer.port], 1, "the server has not been told");
	cr_assert_eq(fake_mapped(), 3);
}

Test(xen_vchan_client, leaves_nothing)
{
	int64_t live;

	flow_close(flow);
	test_settle();
	live = test_alloc_live();
	for (unsigned i = 0; i < 100; i++) {
		fake.next_port = 3;
		connect_to(PATH);
		cr_assert(op.flow);
		peer_send(10);
		cr_assert_eq(read_from(0, 100), 10);
		buf_free(reading.bufs);
		flow_close(flow);
		test_settle();
		cr_assert(peer.page->cli_live == 0 && fake.sent[3] >= 2, "the server has not been told");
		cr_assert(fake_mapped() == 0 && !fake.open[3]);
	}
	cr_assert_eq(test_alloc_live(), live);
}

Test(xen_vchan_client, stays_until_the_server_has_read)
{
	write_from(0, 100);
	flow_close(flow);
	test_settle();
	cr_assert(fake_mapped() == 3 && peer.page->cli_live == 1);
	cr_assert_eq(peer_receive(), 100);
	test_settle();
	cr_assert(fake_mapped() == 0 && !fake.open[peer.port]);
}

Test(xen_vchan_client, stays_while_what_it_read_is_held)
{
	struct buf *held;

	peer_send(100);
	cr_assert_eq(read_from(0, 100), 100);
	held = reading.bufs;
	flow_close(flow);
	test_settle();
	cr_assert(peer.page->cli_live == 0 && held->data[99] == pattern(99));
	buf_free(held);
	test_settle();
	cr_assert_eq(fake_mapped(), 0);
}

Test(xen_vchan_client, a_server_that_dies)
{
	flow_read(flow, &reading, 100);
	fake.connected[peer.port] = false;
	test_run_for_ns(6 * NS_PER_S);
	test_assert_value(&reading.promise, 0);
	write_from(0, 10);
	test_assert_error(&writing.promise, -ECONNRESET);
	flow_close(flow);
	test_settle();
	cr_assert_eq(fake_mapped(), 0, "the dead domain's memory is kept from others");
}

static void saved_without_pages(void)
{
	cr_assert_eq(fake_mapped(), 0, "pages of another domain cannot be saved");
}

static void saved_and_restored(void)
{
	saved_without_pages();
	fake_restore();
}

/* In the same domain or another, the server is told of the end, and so is the flow. */
static void assert_ends_when_saved(void (*saved)(void))
{
	unsigned sent = fake.sent[peer.port];

	flow_read(flow, &reading, 100);
	write_from(0, sizeof(text));
	fake.saved = saved;
	xen_suspend();
	cr_assert(peer.page->cli_live == 0 && fake.sent[peer.port] > sent);
	test_settle();
	test_assert_error(&reading.promise, -ECONNRESET);
	test_assert_error(&writing.promise, -ECONNRESET);
	test_run_for_ns(6 * NS_PER_S);
	write_from(0, 10);
	test_assert_error(&writing.promise, -ECONNRESET);
	flow_close(flow);
	test_settle();
	for (unsigned i = 0; i < 2; i++) {
		connect_to(PATH);
		cr_assert(op.flow, "its places are not free");
	}
}

Test(xen_vchan_client, ends_when_the_domain_is_saved)
{
	assert_ends_when_saved(saved_without_pages);
}

Test(xen_vchan_client, ends_in_another_domain)
{
	assert_ends_when_saved(saved_and_restored);
}

Test(xen_vchan_client, a_server_that_ends)
{
	peer_send(100);
	peer_leave();
	cr_assert_eq(read_from(0, 1000), 100);
	buf_free(reading.bufs);
	cr_assert_eq(read_from(100, 1000), 0);
}

Test(xen_vchan_client, what_was_looked_at_is_not_looked_at_again)
{
	peer.page->left_order = peer.page->right_order = 31;
	memset(peer.page->grants, 0xff, 256);
	peer_send(8000);
	for (uint32_t at = 0; at < 8000; at += 4000) {
		cr_assert_eq(read_from(at, 4000), 4000);
		buf_free(reading.bufs);
	}
	flow_close(flow);
	test_settle();
	cr_assert_eq(fake_mapped(), 0);
}

Test(xen_vchan_client, a_page_that_cannot_be_unmapped_keeps_its_place)
{
	fake.unmaps_nothing = true;
	flow_close(flow);
	test_settle();
	cr_assert_eq(fake_mapped(), 3);
	fake.unmaps_nothing = false;
	memset(fake.mapped, 0, sizeof(fake.mapped));
	connect_to(PATH);
	cr_assert(op.flow && !fake.mapped[0] && !fake.mapped[1] && !fake.mapped[2]);
	vchan_connect(&op, SERVER, PATH);
	test_settle();
	test_assert_error(&op.promise, -ENOSPC);
}

struct orders {
	uint16_t left, right;
};

ParameterizedTestParameters(xen_vchan_connect, rings_of_all_kinds)
{
	static struct orders kinds[] = {
		{ 10, 11 }, { 11, 10 }, { 10, 12 }, { 11, 14 }, { 12, 11 }, { 13, 10 }, { 12, 13 },
	};

	return cr_make_param_array(struct orders, kinds, ARRAY_SIZE(kinds));
}

ParameterizedTest(struct orders *orders, xen_vchan_connect, rings_of_all_kinds)
{
	left_order = orders->left;
	right_order = orders->right;
	indices = UINT32_MAX - 1000; /* and over their end */
	connect_to(PATH);
	cr_assert(op.flow);
	for (uint32_t i = 0, at = indices; i < 50; i++, at += 700) {
		peer_send(700);
		cr_assert_eq(read_from(at, 1000), 700);
		buf_free(reading.bufs);
		write_from(at, 700);
		test_assert_value(&writing.promise, 700);
		cr_assert_eq(peer_receive(), 700);
	}
}

ParameterizedTestParameters(xen_vchan_connect, orders_that_lie)
{
	static struct orders lies[] = {
		{ 0, 12 }, { 9, 12 }, { 12, 9 }, { 21, 12 }, { 12, 21 }, { 11, 32 }, { 32, 11 }, { 11, UINT16_MAX },
		{ UINT16_MAX, UINT16_MAX }, { 10, 10 }, { 11, 11 }, { 20, 11 }, { 10, 20 }, { 19, 20 }, { 20, 20 },
		{ 16, 11 }, /* more than there is room for */
	};

	return cr_make_param_array(struct orders, lies, ARRAY_SIZE(lies));
}

ParameterizedTest(struct orders *orders, xen_vchan_connect, orders_that_lie)
{
	left_order = orders->left;
	right_order = orders->right;
	assert_refused(-EBADMSG);
}

Test(xen_vchan_connect, more_than_is_left)
{
	left_order = 14;
	right_order = 14;
	assert_refused(-ENOSPC);
}

Test(xen_vchan_connect, pages_that_are_not_to_be_had)
{
	left_order = right_order = 13;
	for (unsigned i = 1; i <= 5; i++) {
		refused_map = i;
		assert_refused(-EBADMSG);
	}
	connect_to(PATH);
	cr_assert(op.flow);
}

Test(xen_vchan_connect, indices_that_lie_from_the_start)
{
	connect_to(PATH);
	flow_close(flow);
	test_settle();
	indices = 0;
	connect_to(PATH);
	peer.out->prod = peer.out_bytes + 1;
	cr_assert_eq(read_from(0, 100), -ECONNRESET);
	flow_close(flow);
	test_settle();
	cr_assert_eq(fake_mapped(), 0);
}

Test(xen_vchan_connect, is_not_offered)
{
	fake_set(SERVER_PATH "/ring-ref", NULL);
	assert_refused(-ENOENT);
	offer();
	fake_set(SERVER_PATH "/event-channel", NULL);
	assert_refused(-ENOENT);
}

Test(xen_vchan_connect, has_a_client)
{
	fake.offered = 0;
	assert_refused(-EBUSY);
}

Test(xen_vchan_connect, ports_and_refs_that_are_none)
{
	static const char *const wrong[] = { "", "-1", "4294967296", "5 5", "0x1f4" };

	for (size_t i = 0; i < ARRAY_SIZE(wrong); i++) {
		fake_set(SERVER_PATH "/ring-ref", wrong[i]);
		assert_refused(-EBADMSG);
		offer();
		fake_set(SERVER_PATH "/event-channel", wrong[i]);
		assert_refused(-EBADMSG);
	}
	fake_set(SERVER_PATH "/event-channel", "0000000000000000000000000000077");
	assert_refused(-E2BIG);
}

static int16_t map_of_one_that_leaves(uint16_t domain, uint32_t ref, uint8_t *page)
{
	int16_t status = map(domain, ref, page);

	if (ref == REF)
		((struct vchan_interface *)page)->srv_live = 0;
	return status;
}

Test(xen_vchan_connect, to_a_server_that_is_leaving)
{
	fake.map = map_of_one_that_leaves;
	assert_refused(-ENOENT);
}

Test(xen_vchan_connect, no_ports)
{
	fake.next_port = CONFIG_XEN_EVENTS;
	assert_refused(-ENOSPC);
}

Test(xen_vchan_connect, by_the_whole_path)
{
	connect_to(SERVER_PATH);
	cr_assert(op.flow);
}

Test(xen_vchan_connect, paths_that_are_too_long)
{
	char path[200];

	memset(path, 'p', sizeof(path) - 1);
	path[sizeof(path) - 1] = '\0';
	for (; *path; path[strlen(path) - 1] = '\0') {
		vchan_connect(&op, SERVER, path);
		test_settle();
		test_assert_error(&op.promise, strlen(path) > 102 ? -ENAMETOOLONG : -ENOENT);
	}
}

static void try_connect(void *arg)
{
	vchan_connect(&op, SERVER, PATH);
	test_settle();
	*(bool *)arg = op.flow;
	if (op.flow)
		flow_close(op.flow);
	else
		test_assert_error(&op.promise, -ENOMEM);
	test_settle();
}

Test(xen_vchan_connect, no_memory)
{
	bool connected;

	cr_assert_eq(test_alloc_fail_each(try_connect, &connected), 2);
	cr_assert(connected);
}

Test(xen_vchan_connect, given_up_by_who_asked)
{
	int64_t live = test_alloc_live();

	fake.store_is_mute = true;
	connect_to(PATH);
	test_assert_pending(&op.promise);
	promise_cancel(&op.promise);
	test_settle();
	test_assert_error(&op.promise, -ECANCELED);
	cr_assert_eq(test_alloc_live(), live);
	connect_to(PATH);
	test_run_for_ns(61 * NS_PER_S);
	test_assert_error(&op.promise, -ETIMEDOUT);
}
