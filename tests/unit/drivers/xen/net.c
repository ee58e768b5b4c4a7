/* SPDX-License-Identifier: ISC */
/* The network driver against a backend in memory: transmission, reception, ownership of pages, backends that
 * leave and come back, and backends that lie. */
#include <errno.h>
#include <string.h>

#include "drivers/xen/ring.h"
#include "drivers/xen/xen.h"
#include "kernel/buf.h"
#include "kernel/dev/netdev.h"
#include "kernel/format.h"
#include "kernel/loop.h"
#include "tests/lib/test.h"
#include "tests/unit/drivers/xen/fake.h"

#include <criterion/parameterized.h>
#include <xen/io/netif.h>

#define FRONT "device/vif/3"
#define BACK "/local/domain/0/backend/vif/1/3"
#define WAIT "2"
#define CONNECTED "4"
#define CLOSED "6"
enum { FRAMES = 600, RING = 256, TURNS = 7 };

static struct netdev *net;
static struct buf *got[FRAMES];
static unsigned got_count;
static unsigned returns;

/* -- the backend -- */

static struct {
	struct xen_ring_page *tx, *rx;
	uint32_t tx_seen, rx_seen, port; /* requests that were taken */
	bool replies;                    /* follows the front end's state */
} back;

static struct netif_tx_request tx_request(void)
{
	struct netif_tx_request r;

	cr_assert_lt(back.tx_seen, back.tx->req_prod, "nothing was sent");
	memcpy(&r, back.tx->entries + back.tx_seen++ % RING * sizeof(r), sizeof(r));
	return r;
}

static void tx_answer(uint16_t id, int16_t status)
{
	struct netif_tx_response r = { id, status };

	memcpy(back.tx->entries + back.tx->rsp_prod++ % RING * sizeof(struct netif_tx_request), &r, sizeof(r));
}

static struct netif_rx_request rx_request(void)
{
	struct netif_rx_request r;

	cr_assert_lt(back.rx_seen, back.rx->req_prod, "no page was posted");
	memcpy(&r, back.rx->entries + back.rx_seen++ % RING * sizeof(r), sizeof(r));
	return r;
}

static void rx_answer(struct netif_rx_response r)
{
	memcpy(back.rx->entries + back.rx->rsp_prod++ % RING * sizeof(r), &r, sizeof(r));
}

/* Writes len bytes of value into the next page and answers. */
static void put(uint8_t value, uint16_t offset, uint16_t len, uint16_t flags)
{
	struct netif_rx_request r = rx_request();

	memset(fake_granted(r.gref, false) + offset, value, len);
	rx_answer((struct netif_rx_response){ r.id, offset, flags, (int16_t)len });
}

static void tell(void)
{
	fake_raise(back.port);
	test_settle();
}

/* The backend's reaction to changes: called whenever the loop would block. */
static void follow(uint64_t deadline_ns)
{
	const char *state = fake_get(FRONT "/state"), *own = fake_get(BACK "/state");

	if (back.replies && state && !strcmp(state, CONNECTED) && own && !strcmp(own, WAIT)) {
		back.tx = fake_map_ring(FRONT "/tx-ring-ref");
		back.rx = fake_map_ring(FRONT "/rx-ring-ref");
		back.port = (uint32_t)fake_get_number(FRONT "/event-channel");
		back.tx_seen = back.rx_seen = 0;
		fake_set(BACK "/state", CONNECTED);
	} else if (deadline_ns != DEADLINE_NEVER) {
		clock_advance_ns(NS_PER_S);
	}
}

/* -- the front end -- */

static void input(void *arg, struct buf *b)
{
	(void)arg;
	cr_assert_lt(got_count, FRAMES);
	got[got_count++] = b;
}

/* It can be sent from there. */
static void returned(void *arg)
{
	cr_assert_eq(arg, &returns);
	cr_assert_eq(netdev_send(net, buf_alloc_header()), -EMSGSIZE);
	returns++;
}

static void describe(const char *sg)
{
	fake_begin();
	fake_set(FRONT, "");
	fake_set(FRONT "/backend", BACK);
	fake_set(FRONT "/backend-id", "0");
	fake_set(FRONT "/mac", "00:16:3e:01:02:aF");
	fake_set(FRONT "/state", "1");
	fake_set(BACK "/feature-rx-copy", "1");
	fake_set(BACK "/feature-sg", sg);
	fake_set(BACK "/feature-gso-tcpv4", sg);
	fake_set(BACK "/state", WAIT);
	back.replies = true;
	clock_on_block = follow;
	returns = 0;
	cr_assert_eq(buf_init(512, 1024), 0);
}

static void begin(void)
{
	describe("1");
	cr_assert_eq(xen_net_create(&net), 0, "%s", test_console_text());
	netdev_listen(net, input, NULL);
	netdev_listen_returned(net, returned, &returns);
	test_settle();
	cr_assert_eq(returns, 0);
}

TestSuite(xen_net, .init = begin, .timeout = 60);
TestSuite(xen_net_start, .timeout = 60);

static void free_all(void)
{
	while (got_count)
		buf_free(got[--got_count]);
	test_settle();
}

Test(xen_net, begins_as_the_backend_offers)
{
	static const uint8_t mac[] = { 0, 0x16, 0x3e, 1, 2, 0xaf };

	cr_assert(!memcmp(net->mac, mac, sizeof(mac)) && net->mtu == 1500);
	cr_assert_eq(net->features, NETDEV_RX_CSUM | NETDEV_TX_CSUM | NETDEV_TSO4);
	cr_assert_eq(fake_get_number(FRONT "/request-rx-copy"), 1);
	cr_assert_eq(back.rx->req_prod, CONFIG_XEN_NET_RX_RING);
	cr_assert_eq(fake_grants_out(), CONFIG_XEN_NET_RX_RING + 2);
}

/* Each turn is a wait for another domain: listing the devices, finding the backend, setting the watch,
 * reading the backend's keys, writing ours all at once, reading the keys again, and the address. */
Test(xen_net_start, the_store_has_few_turns)
{
	describe("1");
	cr_assert_eq(xen_net_create(&net), 0, "%s", test_console_text());
	cr_assert_leq(fake.sent[FAKE_STORE_PORT], TURNS, "%u", fake.sent[FAKE_STORE_PORT]);
}

Test(xen_net, a_frame_comes_up_where_it_was_written_and_the_grant_has_ended)
{
	uint32_t ref = ((struct netif_rx_request *)back.rx->entries)->gref;
	uint8_t *page = fake_granted(ref, false);

	put(7, 100, 60, NETRXF_data_validated);
	tell();
	cr_assert_eq(got_count, 1);
	cr_assert(got[0]->len == 60 && got[0]->data == page + 100 && got[0]->data[59] == 7);
	cr_assert_eq(got[0]->flags, BUF_CSUM_VALID);
	for (uint32_t i = 0; i < FAKE_GRANTS; i++)
		cr_assert(!fake.grants[i].flags || fake_granted(i, false) != page, "the backend still has the page");
	free_all();
	cr_assert_eq(fake_grants_out(), CONFIG_XEN_NET_RX_RING + 2);
}

Test(xen_net, a_frame_in_pieces_with_extras)
{
	struct netif_extra_info extra = { .type = XEN_NETIF_EXTRA_TYPE_GSO };

	put(1, 0, 4096, NETRXF_csum_blank | NETRXF_more_data | NETRXF_extra_info);
	rx_request();
	memcpy(back.rx->entries + back.rx->rsp_prod++ % RING * sizeof(extra), &extra, sizeof(extra));
	put(2, 0, 4096, NETRXF_more_data);
	put(3, 10, 50, 0);
	put(4, 0, 60, 0);
	tell();
	cr_assert_eq(got_count, 2);
	cr_assert(buf_length(got[0]) == 8242 && got[0]->flags == BUF_CSUM_PARTIAL);
	cr_assert(got[0]->data[0] == 1 && got[0]->next->data[0] == 2 && got[0]->next->next->data[49] == 3);
	cr_assert(buf_length(got[1]) == 60 && got[1]->flags == 0);
	free_all();
	cr_assert_eq(fake_grants_out(), CONFIG_XEN_NET_RX_RING + 2);
}

Test(xen_net, thousands_of_frames_go_round_the_ring)
{
	for (unsigned i = 0; i < 5000; i++) {
		put((uint8_t)i, 0, 64, 0);
		tell();
		cr_assert(got_count == 1 && got[0]->data[63] == (uint8_t)i);
		free_all();
	}
	cr_assert_eq(net->stats.rx_frames, 5000);
}

Test(xen_net, readers_take_what_has_come_before_more_is_taken)
{
	for (unsigned frame = 0; frame < 10; frame++)
		for (unsigned page = 0; page < 3; page++)
			put(1, 0, 4096, page < 2 ? NETRXF_more_data : 0);
	fake_raise(back.port);
	loop_turn();
	cr_assert_eq(got_count, 8);
	test_settle();
	cr_assert_eq(got_count, 10);
	free_all();
}

/* As many as Linux's backend wants for the longest frame: it keeps all others behind one without room. */
Test(xen_net, what_is_held_above_leaves_some_for_the_ring)
{
	for (unsigned i = 0; i < 3 * CONFIG_XEN_NET_BUFFERS; i++) {
		put(1, 0, i % 2 ? 64 : 1000, 0);
		tell();
		cr_assert_geq(back.rx->req_prod - back.rx->rsp_prod, (14 + 65535) / PAGE_BYTES + 3);
	}
	cr_assert(net->stats.rx_dropped > 0 && got_count > CONFIG_XEN_NET_BUFFERS);
	free_all();
	put(9, 0, 1000, 0);
	tell();
	cr_assert_eq(got_count, 1);
	free_all();
}

Test(xen_net, an_error_of_the_backend_drops_the_frame)
{
	struct netif_rx_request r = rx_request();

	rx_answer((struct netif_rx_response){ r.id, 0, 0, NETIF_RSP_ERROR });
	put(1, 0, 60, 0);
	tell();
	cr_assert(got_count == 1 && net->stats.rx_dropped == 1);
	free_all();
}

Test(xen_net, a_page_that_is_not_let_go_of_is_set_apart)
{
	uint32_t ref = ((struct netif_rx_request *)back.rx->entries)->gref;
	uint8_t *page = fake_granted(ref, false);

	fake_hold(ref, true);
	put(1, 0, 60, 0);
	put(2, 0, 60, 0);
	tell();
	cr_assert(got_count == 1 && got[0]->data[0] == 2 && net->stats.rx_dropped == 1);
	free_all();
	for (unsigned i = 0; i < 2 * CONFIG_XEN_NET_BUFFERS; i++) {
		put(1, 0, 60, 0);
		tell();
		cr_assert(got_count == 1 && got[0]->data != page, "a page that another domain has was used again");
		free_all();
	}
}

static struct buf *frame_of(uint32_t header, const uint8_t *data, uint32_t bytes)
{
	struct buf *b = buf_alloc_header();

	memset(buf_push(b, header), 0xee, header);
	if (bytes)
		buf_append(b, buf_alloc_slice(NULL, data, bytes));
	return b;
}

static _Alignas(PAGE_BYTES) uint8_t memory[32 * PAGE_BYTES];

/* Takes a frame's requests and joins their bytes. Gives the number of requests. */
static unsigned take_frame(uint8_t *to, uint32_t *bytes, struct netif_tx_request *first)
{
	unsigned count = 0;
	uint32_t left = 0;

	*bytes = 0;
	for (;; count++) {
		struct netif_tx_request r = tx_request();
		uint32_t n = r.size;

		if (!count) {
			*first = r;
			left = r.size;
			if (r.flags & NETTXF_extra_info)
				back.tx_seen++;
			/* The first request's own size is the rest that the others leave. */
			for (uint32_t at = back.tx_seen, more = r.flags & NETTXF_more_data; more; at++) {
				struct netif_tx_request next;

				memcpy(&next, back.tx->entries + at % RING * sizeof(next), sizeof(next));
				n -= next.size;
				more = next.flags & NETTXF_more_data;
			}
		}
		cr_assert(r.offset + n <= PAGE_BYTES, "a request over the end of its page");
		memcpy(to + *bytes, fake_granted(r.gref, true) + r.offset, n);
		*bytes += n;
		tx_answer(r.id, NETIF_RSP_OKAY);
		if (!count && (r.flags & NETTXF_extra_info))
			tx_answer(0, NETIF_RSP_NULL);
		if (!(r.flags & NETTXF_more_data)) {
			cr_assert_eq(*bytes, left);
			return count + 1;
		}
		if (!count)
			cr_assert_geq(n, 14, "Linux's netback drops a frame whose first request has no whole header");
	}
}

static uint8_t seen[70000];

Test(xen_net, a_frame_goes_out_in_one_grant_for_each_page)
{
	struct netif_tx_request first;
	uint32_t bytes;

	for (size_t i = 0; i < sizeof(memory); i++)
		memory[i] = (uint8_t)(i * 7);
	cr_assert_eq(netdev_send(net, frame_of(54, memory + 4000, 1400)), 0);
	test_settle();
	cr_assert_eq(take_frame(seen, &bytes, &first), 3, "a header, and a slice over a page's end");
	cr_assert(bytes == 1454 && seen[53] == 0xee && !memcmp(seen + 54, memory + 4000, 1400));
	cr_assert_eq(first.flags, NETTXF_more_data);
	tell();
	cr_assert_eq(fake_grants_out(), CONFIG_XEN_NET_RX_RING + 2, "grants are still out");
}

Test(xen_net, checksum_and_segmentation_are_asked_for)
{
	struct buf *b = frame_of(54, memory, 60000);
	struct netif_tx_request first;
	struct netif_extra_info extra;
	uint32_t bytes;

	b->flags = BUF_CSUM_PARTIAL | BUF_TSO4;
	b->gso_size = 1460;
	cr_assert_eq(netdev_send(net, b), 0);
	test_settle();
	memcpy(&extra, back.tx->entries + sizeof(first), sizeof(extra));
	cr_assert(extra.type == XEN_NETIF_EXTRA_TYPE_GSO && !extra.flags && extra.u.gso.size == 1460 &&
	          extra.u.gso.type == XEN_NETIF_GSO_TYPE_TCPV4);
	cr_assert_leq(take_frame(seen, &bytes, &first), 18);
	cr_assert_eq(bytes, 60054);
	cr_assert_eq(first.flags & (NETTXF_csum_blank | NETTXF_data_validated | NETTXF_extra_info),
	             NETTXF_csum_blank | NETTXF_data_validated | NETTXF_extra_info);
	b = frame_of(54, memory, 100);
	b->flags = BUF_CSUM_PARTIAL;
	netdev_send(net, b);
	test_settle();
	take_frame(seen, &bytes, &first);
	cr_assert(bytes == 154 && !(first.flags & NETTXF_extra_info) && (first.flags & NETTXF_csum_blank));
	tell();
}

Test(xen_net, a_header_over_a_pages_end_is_put_together)
{
	for (uint32_t before = 1; before < 60; before++) {
		struct netif_tx_request first;
		uint32_t bytes;

		memset(memory, (int)before, sizeof(memory));
		cr_assert_eq(netdev_send(net, buf_alloc_slice(NULL, memory + PAGE_BYTES - before, 60)), 0);
		test_settle();
		cr_assert_eq(take_frame(seen, &bytes, &first), before < 14 ? 1 : 2);
		cr_assert(bytes == 60 && seen[0] == before && seen[59] == before);
		tell();
	}
	cr_assert_eq(net->stats.tx_dropped, 0);
}

Test(xen_net, a_frame_that_the_backend_drops_is_counted)
{
	cr_assert_eq(netdev_send(net, frame_of(54, memory + 4000, 1400)), 0);
	test_settle();
	for (unsigned i = 0; i < 3; i++)
		tx_answer(tx_request().id, NETIF_RSP_ERROR);
	tell();
	cr_assert_eq(net->stats.tx_dropped, 1);
}

Test(xen_net, a_frame_in_too_many_pieces_is_put_together)
{
	struct buf *b = frame_of(54, NULL, 0);
	struct netif_tx_request first;
	uint32_t bytes;

	for (unsigned i = 0; i < 14; i++)
		buf_append(b, buf_alloc_slice(NULL, memory + 4096 * (2 * i + 1) - 50, 100));
	memset(memory, 5, sizeof(memory));
	cr_assert_eq(netdev_send(net, b), 0);
	test_settle();
	cr_assert_leq(take_frame(seen, &bytes, &first), 18);
	cr_assert(bytes == 1454 && seen[0] == 0xee && seen[1453] == 5);
	tell();
	cr_assert_eq(fake_grants_out(), CONFIG_XEN_NET_RX_RING + 2);
}

Test(xen_net, a_full_ring_drops_and_goes_on)
{
	struct netif_tx_request first;
	unsigned sent = 0;
	uint32_t bytes;

	while (netdev_send(net, frame_of(60, NULL, 0)) == 0)
		sent++;
	cr_assert(sent > 200 && net->stats.tx_dropped == 1);
	test_settle();
	for (unsigned i = 0; i < sent; i++)
		take_frame(seen, &bytes, &first);
	tell();
	cr_assert_eq(netdev_send(net, frame_of(60, NULL, 0)), 0);
	test_settle();
	take_frame(seen, &bytes, &first);
	tell();
}

static bool is_let_go;

static void let_go(struct storage *s)
{
	(void)s;
	is_let_go = true;
}

/* Sends b; gives whether the backend is to tell that it has been sent. */
static bool is_told_after(struct buf *b)
{
	uint32_t before = back.tx->rsp_prod, bytes;
	struct netif_tx_request first;

	cr_assert_eq(netdev_send(net, b), 0);
	test_settle();
	take_frame(seen, &bytes, &first);
	return back.tx->rsp_prod - back.tx->rsp_event < back.tx->rsp_prod - before;
}

/* Without other events, storage is released at the backend's event. Constants have no count to release. */
Test(xen_net, memory_that_somebody_counts_is_let_go_of_once_it_is_sent)
{
	struct storage counted = { .refs = 1, .free = let_go };
	struct buf *b = frame_of(54, NULL, 0);

	is_let_go = false;
	is_told_after(frame_of(54, memory, 1000)); /* the first event is wanted in any case */
	tell();
	buf_append(b, buf_alloc_slice(&counted, memory, 1000));
	storage_put(&counted);
	cr_assert(is_told_after(b));
	tell();
	cr_assert(is_let_go);
	cr_assert_not(is_told_after(frame_of(54, memory, 1000)));
	tell();
}

Test(xen_net, what_cannot_be_sent_is_refused)
{
	struct buf *b = frame_of(54, memory, 2000);

	cr_assert_eq(netdev_send(net, b), -EMSGSIZE);
	cr_assert_eq(netdev_send(net, frame_of(10, NULL, 0)), -EMSGSIZE);
	b = frame_of(54, memory, 65500);
	b->flags = BUF_TSO4;
	cr_assert_eq(netdev_send(net, b), -EMSGSIZE);
	test_settle();
	cr_assert(back.tx->req_prod == 0 && net->stats.tx_dropped == 3);
}

Test(xen_net, memory_that_the_backend_keeps_is_not_used_again)
{
	struct buf_stats before, after;
	struct netif_tx_request r;

	buf_stats(&before);
	netdev_send(net, frame_of(60, NULL, 0));
	test_settle();
	r = tx_request();
	fake_hold(r.gref, true);
	tx_answer(r.id, NETIF_RSP_OKAY);
	tell();
	netdev_send(net, frame_of(60, NULL, 0)); /* collects the completed requests */
	test_settle();
	r = tx_request();
	tx_answer(r.id, NETIF_RSP_OKAY);
	tell();
	buf_stats(&after);
	cr_assert_eq(after.headers_used, before.headers_used + 1);
}

/* -- backends that go and come back -- */

static void assert_serves(void)
{
	unsigned before = got_count;

	cr_assert_str_eq(fake_get(FRONT "/state"), CONNECTED);
	put(3, 0, 60, 0);
	tell();
	cr_assert_eq(got_count, before + 1);
	cr_assert_eq(netdev_send(net, frame_of(60, NULL, 0)), 0);
	test_settle();
	free_all();
}

Test(xen_net, a_backend_goes_and_comes_back)
{
	for (unsigned round = 0; round < 20; round++) {
		put(1, 0, 60, 0);
		netdev_send(net, frame_of(60, NULL, 0));
		test_settle();
		fake_set(BACK "/state", round % 2 ? "5" : CLOSED);
		test_settle();
		cr_assert_str_eq(fake_get(FRONT "/state"), round % 2 ? CLOSED : "1");
		cr_assert_eq(fake_grants_out(), 0, "%u grants are out", fake_grants_out());
		cr_assert(!fake.open[back.port], "its event channel is open");
		cr_assert_eq(netdev_send(net, frame_of(60, NULL, 0)), -ENETDOWN);
		free_all();
		fake_come_back(BACK "/state");
		cr_assert_eq(fake_grants_out(), CONFIG_XEN_NET_RX_RING + 2);
		cr_assert_eq(returns, round + 1);
		got_count = 0;
		put(3, 0, 60, 0);
		tell();
		cr_assert_eq(got_count, 1);
		free_all();
	}
}

/* As Linux's backend, which has come back and tried the old rings. */
Test(xen_net, a_backend_that_fails_while_it_is_waited_for)
{
	fake_set(BACK "/state", CLOSED);
	test_settle();
	cr_assert_str_eq(fake_get(FRONT "/state"), "1");
	fake_set(BACK "/state", "5");
	test_settle();
	cr_assert_str_eq(fake_get(FRONT "/state"), CLOSED);
	fake_come_back(BACK "/state");
	assert_serves();
}

/* The same, seen later: it has no rings, calls itself connected, and does not notice the new ones. */
Test(xen_net, a_backend_that_is_connected_to_nothing)
{
	fake_set(BACK "/state", CLOSED);
	test_settle();
	fake_set(BACK "/state", WAIT);
	test_settle();
	cr_assert_str_eq(fake_get(FRONT "/state"), CONNECTED);
	fake_map_ring(FRONT "/tx-ring-ref"); /* or to half of it */
	fake_set(BACK "/state", CONNECTED);
	test_settle();
	cr_assert_str_eq(fake_get(FRONT "/state"), CLOSED);
	cr_assert_eq(fake_grants_out(), 1);
	cr_assert_eq(netdev_send(net, frame_of(60, NULL, 0)), -ENETDOWN);
	fake_come_back(BACK "/state");
	assert_serves();
}

/* Or it could still map the old rings, before they were withdrawn. */
Test(xen_net, a_backend_that_has_the_rings_of_before)
{
	uint32_t ring = (uint32_t)fake_get_number(FRONT "/rx-ring-ref");

	fake_set(BACK "/state", CLOSED);
	fake_hold(ring, true);
	fake_set(BACK "/state", WAIT);
	test_settle();
	cr_assert_str_eq(fake_get(FRONT "/state"), CLOSED);
	cr_assert_eq(fake_grants_out(), 1);
	fake_set(BACK "/state", CONNECTED);
	test_settle();
	cr_assert_str_eq(fake_get(FRONT "/state"), CLOSED);
	fake_hold(ring, false);
	fake_set(BACK "/state", CLOSED); /* it has seen our state, and waits for us */
	test_settle();
	cr_assert_str_eq(fake_get(FRONT "/state"), "1");
	cr_assert_eq(fake_grants_out(), 0);
	fake_come_back(BACK "/state");
	assert_serves();
}

Test(xen_net, a_backend_vanishes_and_another_takes_its_place)
{
	fake_set(BACK "/state", NULL);
	test_settle();
	cr_assert_eq(fake_grants_out(), 0);
	cr_assert_str_eq(fake_get(FRONT "/state"), CLOSED);
	fake_set(BACK "/feature-gso-tcpv4", "0");
	fake_set(BACK "/state", WAIT);
	test_settle();
	follow(DEADLINE_NEVER);
	test_settle();
	cr_assert_eq(net->features, NETDEV_RX_CSUM | NETDEV_TX_CSUM);
	assert_serves();
}

/* -- multicast -- */

static const uint8_t group_macs[][6] = {
	{ 1, 0, 0x5e, 0, 0, 1 }, { 1, 0, 0x5e, 0, 0, 2 }, { 1, 0, 0x5e, 0, 0, 3 }, { 1, 0, 0x5e, 0, 0, 4 },
};

static void begin_with_filter(void)
{
	describe("1");
	fake_set(BACK "/feature-multicast-control", "1");
	cr_assert_eq(xen_net_create(&net), 0);
	netdev_listen(net, input, NULL);
	test_settle();
}

/* The backend takes a request without a frame and answers it. Gives 10 * type + the address's last byte. */
static unsigned take_group(int16_t status)
{
	struct netif_tx_request r = tx_request();
	struct netif_extra_info extra;

	cr_assert(r.flags == NETTXF_extra_info && r.size == 0);
	memcpy(&extra, back.tx->entries + back.tx_seen++ % RING * sizeof(r), sizeof(extra));
	cr_assert(!extra.flags && !memcmp(extra.u.mcast.addr, group_macs[0], 5));
	tx_answer(r.id, status);
	tx_answer(UINT16_MAX, NETIF_RSP_NULL);
	tell();
	return extra.type * 10u + extra.u.mcast.addr[5];
}

Test(xen_net_start, multicast_that_is_wanted_comes_in)
{
	begin_with_filter();
	cr_assert_eq(fake_get_number(FRONT "/request-multicast-control"), 1);
	cr_assert_eq(netdev_send(net, frame_of(60, NULL, 0)), 0);
	test_settle();
	tx_answer(tx_request().id, NETIF_RSP_ERROR);
	tell();
	cr_assert_eq(netdev_want(net, group_macs[0], true), 0);
	cr_assert_eq(netdev_want(net, group_macs[0], true), 0);
	cr_assert_eq(netdev_want(net, group_macs[2], true), 0);
	test_settle();
	cr_assert_eq(take_group(NETIF_RSP_OKAY), 21);
	cr_assert_null(strstr(test_console_text(), "refused"));
	cr_assert_eq(take_group(NETIF_RSP_ERROR), 23);
	cr_assert_not_null(strstr(test_console_text(), "a multicast address is refused"));
	cr_assert_eq(netdev_want(net, group_macs[0], false), 0);
	test_settle();
	cr_assert_eq(back.tx->req_prod, back.tx_seen, "one who wants it is left");
	cr_assert_eq(netdev_want(net, group_macs[0], false), 0);
	test_settle();
	cr_assert_eq(take_group(NETIF_RSP_OKAY), 31);
	fake_come_back(BACK "/state");
	cr_assert_eq(take_group(NETIF_RSP_OKAY), 23);
	cr_assert_eq(back.tx->req_prod, back.tx_seen);
	assert_serves();
	cr_assert_eq(fake_grants_out(), CONFIG_XEN_NET_RX_RING + 2 + 1);
}

Test(xen_net_start, no_more_addresses_than_there_are_places)
{
	begin_with_filter();
	for (size_t i = 0; i < CONFIG_XEN_NET_GROUPS; i++)
		cr_assert_eq(netdev_want(net, group_macs[i], true), 0);
	cr_assert_eq(netdev_want(net, group_macs[CONFIG_XEN_NET_GROUPS], true), -ENOBUFS);
	cr_assert_eq(netdev_want(net, group_macs[1], false), 0);
	cr_assert_eq(netdev_want(net, group_macs[CONFIG_XEN_NET_GROUPS], true), 0);
}

Test(xen_net_start, an_address_is_not_wanted_when_the_ring_is_full)
{
	begin_with_filter();
	while (netdev_send(net, frame_of(60, NULL, 0)) == 0)
		;
	while (netdev_want(net, group_macs[0], true) == 0)
		netdev_want(net, group_macs[0], false);
	fake_come_back(BACK "/state");
	cr_assert_eq(netdev_want(net, group_macs[0], true), 0);
	test_settle();
	cr_assert_eq(take_group(NETIF_RSP_OKAY), 21);
}

Test(xen_net, without_a_filter_nothing_is_asked_for)
{
	cr_assert_eq(netdev_want(net, group_macs[0], true), 0);
	test_settle();
	cr_assert(back.tx->req_prod == 0 && !fake_get(FRONT "/request-multicast-control"));
	/* The next backend has one. */
	fake_set(BACK "/feature-multicast-control", "1");
	fake_come_back(BACK "/state");
	cr_assert_eq(take_group(NETIF_RSP_OKAY), 21);
}

/* -- another domain -- */

#define NEXT "/local/domain/0/backend/vif/2/3"

/* The toolstack has described it there as it is described everywhere. */
static void restore(void)
{
	fake_restore();
	fake_set(FRONT "/backend", NEXT);
	fake_set(FRONT "/state", "1");
	fake_set(BACK "/state", NULL);
	fake_set(NEXT "/feature-rx-copy", "1");
	fake_set(NEXT "/feature-sg", "1");
	fake_set(NEXT "/state", WAIT);
}

static void follow_next(void)
{
	test_settle();
	fake_set(BACK "/state", WAIT); /* changes at the old path are ignored */
	test_settle();
	cr_assert_str_eq(fake_get(FRONT "/state"), CONNECTED);
	follow(DEADLINE_NEVER);
	fake_set(NEXT "/state", CONNECTED);
	test_settle();
}

Test(xen_net, goes_on_in_another_domain)
{
	struct buf_stats before, after;

	buf_stats(&before);
	fake.saved = restore;
	for (unsigned round = 0; round < 5; round++) {
		put(1, 0, 60, 0);
		for (unsigned i = 0; i < 10; i++)
			netdev_send(net, frame_of(54, memory + 4000, 1000));
		test_settle();
		put(2, 0, 60, 0); /* never to be seen */
		xen_suspend();
		cr_assert_eq(netdev_send(net, frame_of(60, NULL, 0)), -ENETDOWN);
		cr_assert_eq(returns, round);
		follow_next();
		cr_assert_eq(returns, round + 1);
		cr_assert_eq(fake_grants_out(), CONFIG_XEN_NET_RX_RING + 2);
		cr_assert(fake.open[3] && !fake.open[4], "not ours alone");
		free_all();
		put(3, 0, 60, 0);
		tell();
		cr_assert(got_count == 1 && got[0]->data[0] == 3);
		free_all();
	}
	cr_assert_eq(net->features, NETDEV_RX_CSUM | NETDEV_TX_CSUM);
	buf_stats(&after);
	cr_assert_eq(after.headers_used, before.headers_used);
}

/* At every step at which an answer of the store is pending. */
Test(xen_net, is_suspended_while_it_connects)
{
	fake.saved = restore;
	xen_suspend();
	follow_next();
	for (unsigned turns = 0; turns < 40; turns++) {
		fake_set(NEXT "/state", CLOSED);
		test_settle();
		fake_set(NEXT "/state", WAIT);
		for (unsigned i = 0; i < turns; i++)
			loop_turn();
		xen_suspend();
		if (turns % 2)
			xen_suspend();
		follow_next();
		cr_assert_eq(fake_grants_out(), CONFIG_XEN_NET_RX_RING + 2, "after %u turns", turns);
		put(3, 0, 60, 0);
		tell();
		cr_assert_eq(got_count, 1);
		free_all();
	}
}

Test(xen_net, a_domain_without_a_device)
{
	fake.saved = fake_restore;
	fake_set(FRONT "/backend", NULL);
	xen_suspend();
	test_settle();
	cr_assert_eq(netdev_send(net, frame_of(60, NULL, 0)), -ENETDOWN);
	cr_assert_eq(fake_grants_out(), 0);
	/* A later one has it again. */
	fake.saved = restore;
	xen_suspend();
	follow_next();
	cr_assert_eq(netdev_send(net, frame_of(60, NULL, 0)), 0);
	test_settle();
}

static void restore_without_copying(void)
{
	restore();
	fake_set(FRONT "/backend-id", "99999");
	fake_set(NEXT "/feature-rx-copy", "maybe");
}

Test(xen_net, a_backend_that_cannot_be_in_the_next_domain)
{
	fake.saved = restore_without_copying;
	xen_suspend();
	test_settle();
	cr_assert_str_eq(fake_get(FRONT "/state"), CLOSED);
	cr_assert_eq(netdev_send(net, frame_of(60, NULL, 0)), -ENETDOWN);
	cr_assert_eq(fake_grants_out(), 0);
}

/* -- backends that lie -- */

/* A refused backend stays refused until it has left: the next to come is a new one. */
static void assert_refused(void)
{
	tell();
	cr_assert_str_eq(fake_get(FRONT "/state"), CLOSED);
	cr_assert_eq(fake_grants_out(), 2, "all but the rings");
	cr_assert_eq(netdev_send(net, frame_of(60, NULL, 0)), -ENETDOWN);
	fake_set(BACK "/state", WAIT);
	test_settle();
	cr_assert_str_eq(fake_get(FRONT "/state"), CLOSED, "it is trusted again");
	fake_set(BACK "/state", CLOSED);
	test_settle();
	cr_assert_str_eq(fake_get(FRONT "/state"), CLOSED);
	cr_assert_eq(fake_grants_out(), 0);
	fake_come_back(BACK "/state");
	assert_serves();
}

Test(xen_net, more_answers_than_requests)
{
	back.rx->rsp_prod = CONFIG_XEN_NET_RX_RING + 1;
	assert_refused();
}

Test(xen_net, more_frames_sent_than_there_were)
{
	back.tx->rsp_prod = 1;
	netdev_send(net, frame_of(60, NULL, 0));
	assert_refused();
}

Test(xen_net, an_answer_out_of_order)
{
	struct netif_rx_request r = rx_request();

	rx_answer((struct netif_rx_response){ (uint16_t)(r.id + 1), 0, 0, 60 });
	assert_refused();
}

Test(xen_net, an_id_that_is_none)
{
	rx_answer((struct netif_rx_response){ 0xffff, 0, 0, 60 });
	assert_refused();
}

Test(xen_net, who_has_lied_is_another_in_another_domain)
{
	rx_answer((struct netif_rx_response){ 0xffff, 0, 0, 60 });
	fake_raise(back.port);
	while (!strstr(test_console_text(), "broken"))
		loop_turn();
	fake.saved = restore;
	xen_suspend();
	test_settle();
	follow_next();
	assert_serves();
}

/* Neither the pages that a backend keeps nor their grants are reused before it releases them. */
Test(xen_net, what_was_kept_comes_back_with_another_backend)
{
	struct netif_rx_request rx = ((struct netif_rx_request *)back.rx->entries)[0];
	struct buf_stats before, after;
	struct netif_tx_request tx;

	buf_stats(&before);
	netdev_send(net, frame_of(54, memory, 1000));
	test_settle();
	tx = tx_request();
	fake_hold(tx.gref, true);
	fake_hold(rx.gref, true);
	tx_answer(tx.id, NETIF_RSP_OKAY);
	put(1, 0, 60, 0);
	tell();
	fake_come_back(BACK "/state");
	cr_assert_eq(fake_grants_out(), CONFIG_XEN_NET_RX_RING + 2 + 2);
	assert_serves();
	fake_hold(tx.gref, false);
	fake_hold(rx.gref, false);
	fake_come_back(BACK "/state");
	assert_serves();
	fake_come_back(BACK "/state");
	cr_assert_eq(fake_grants_out(), CONFIG_XEN_NET_RX_RING + 2);
	buf_stats(&after);
	cr_assert_eq(after.headers_used, before.headers_used);
}

/* Each page is reported once, however often it is tried to take it back. */
Test(xen_net, what_is_kept_for_long_is_reported_once)
{
	const char *at;
	unsigned lines = 0;

	for (unsigned i = 0; i < 10; i++)
		fake_hold(((struct netif_rx_request *)back.rx->entries)[i].gref, true);
	fake_hold((uint32_t)fake_get_number(FRONT "/rx-ring-ref"), true);
	test_console_clear();
	fake_come_back(BACK "/state");
	test_run_for_ns(10 * NS_PER_S);
	at = test_console_text();
	for (; (at = strstr(at, "quarantined=")); at++)
		lines++;
	cr_assert_eq(lines, 10);
}

Test(xen_net, who_keeps_a_ring_is_refused_until_it_lets_go)
{
	uint32_t ring = (uint32_t)fake_get_number(FRONT "/rx-ring-ref");

	fake_hold(ring, true);
	for (unsigned i = 0; i < 3; i++) {
		fake_come_back(BACK "/state");
		cr_assert_str_eq(fake_get(FRONT "/state"), CLOSED);
		cr_assert_eq(fake_grants_out(), 1);
	}
	fake_hold(ring, false);
	fake_come_back(BACK "/state");
	assert_serves();
	cr_assert_eq(fake_grants_out(), CONFIG_XEN_NET_RX_RING + 2 + 1);
}

/* The pools of frames are shared with other users. */
Test(xen_net, who_keeps_many_pages_is_refused)
{
	unsigned kept = 0;

	while (!strcmp(fake_get(FRONT "/state"), CONNECTED) && kept < 100) {
		struct netif_tx_request r;

		netdev_send(net, frame_of(60, NULL, 0));
		test_settle();
		r = tx_request();
		fake_hold(r.gref, true);
		tx_answer(r.id, NETIF_RSP_OKAY);
		kept++;
		tell();
	}
	cr_assert_str_eq(fake_get(FRONT "/state"), CLOSED);
	cr_assert(kept > 10 && kept < 30, "after %u", kept);
	for (uint32_t ref = 0; ref < FAKE_GRANTS; ref++)
		fake_hold(ref, false);
	fake_come_back(BACK "/state");
	assert_serves();
	cr_assert_eq(fake_grants_out(), CONFIG_XEN_NET_RX_RING + 2 + 1);
}

Test(xen_net, a_frame_without_end)
{
	put(1, 0, 60, NETRXF_more_data);
	assert_refused();
}

/* Longer by one piece. */
Test(xen_net, a_frame_longer_than_any)
{
	for (unsigned i = 0; i < 18; i++)
		put(1, 0, 4096, NETRXF_more_data);
	put(1, 0, 60, 0);
	assert_refused();
}

Test(xen_net, a_frame_as_long_as_may_be)
{
	for (unsigned i = 0; i < 17; i++)
		put(1, 0, 3900, NETRXF_more_data);
	put(1, 0, 60, 0);
	tell();
	cr_assert_eq(got_count, 1);
	cr_assert_eq(buf_length(got[0]), 17 * 3900 + 60);
	free_all();
}

Test(xen_net, extras_without_end)
{
	struct netif_extra_info extra = { .type = 9, .flags = XEN_NETIF_EXTRA_FLAG_MORE };

	put(1, 0, 60, NETRXF_extra_info);
	for (unsigned i = 1; i < CONFIG_XEN_NET_RX_RING; i++)
		memcpy(back.rx->entries + back.rx->rsp_prod++ % RING * sizeof(extra), &extra, sizeof(extra));
	assert_refused();
}

Test(xen_net, a_sent_id_that_is_none)
{
	netdev_send(net, frame_of(60, NULL, 0));
	test_settle();
	tx_answer(999, NETIF_RSP_OKAY);
	assert_refused();
}

Test(xen_net, sent_twice)
{
	netdev_send(net, frame_of(60, NULL, 0));
	netdev_send(net, frame_of(60, NULL, 0));
	test_settle();
	tx_answer(tx_request().id, NETIF_RSP_OKAY);
	memcpy(back.tx->entries + sizeof(struct netif_tx_request), back.tx->entries,
	       sizeof(struct netif_tx_response));
	back.tx->rsp_prod++;
	assert_refused();
}

static struct netif_tx_request send_extra(void)
{
	struct buf *b = frame_of(54, memory, 100);

	b->flags = BUF_CSUM_PARTIAL | BUF_TSO4;
	b->gso_size = 50;
	cr_assert_eq(netdev_send(net, b), 0);
	test_settle();
	return tx_request();
}

/* Its slot, grant and memory would be lost for ever. */
Test(xen_net, a_frame_of_which_nothing_is_said)
{
	netdev_send(net, frame_of(60, NULL, 0));
	test_settle();
	tx_answer(tx_request().id, NETIF_RSP_NULL);
	assert_refused();
}

Test(xen_net, nothing_is_said_more_often_than_there_are_extras)
{
	struct netif_tx_request r = send_extra();

	tx_answer(r.id, NETIF_RSP_NULL);
	tell();
	cr_assert_str_eq(fake_get(FRONT "/state"), CONNECTED);
	tx_answer(r.id, NETIF_RSP_NULL);
	assert_refused();
}

Test(xen_net, extras_end_with_their_ring)
{
	send_extra();
	fake_come_back(BACK "/state");
	netdev_send(net, frame_of(60, NULL, 0));
	test_settle();
	tx_answer(tx_request().id, NETIF_RSP_NULL);
	assert_refused();
}

/* Lengths and offsets beyond the page drop the frame, without a read there. */
Test(xen_net, pieces_beyond_the_page)
{
	static const struct {
		uint16_t offset;
		int16_t status;
	} cases[] = { { 4096, 1 }, { 4000, 97 }, { 0, 4097 }, { 65535, 1 }, { 65535, 32767 }, { 0, 0 },
		      { 0, -32768 }, { 1, 4096 } };

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct netif_rx_request r = rx_request();

		rx_answer((struct netif_rx_response){ r.id, cases[i].offset, 0, cases[i].status });
		tell();
		cr_assert(got_count == 0 && net->stats.rx_dropped == i + 1);
	}
	put(1, 4036, 60, 0);
	tell();
	cr_assert_eq(got_count, 1);
	free_all();
}

/* Any bytes in the rings, from a seed: the guest survives, and all memory comes back. */
ParameterizedTestParameters(xen_net, lies_in_every_field)
{
	static uint64_t seeds[40];

	for (size_t i = 0; i < ARRAY_SIZE(seeds); i++)
		seeds[i] = i + 1;
	return cr_make_param_array(uint64_t, seeds, ARRAY_SIZE(seeds));
}

ParameterizedTest(uint64_t *seed, xen_net, lies_in_every_field)
{
	const char *state = fake_get(FRONT "/state");

	for (unsigned step = 0; step < 200 && !strcmp(state, CONNECTED); step++) {
		uint8_t *page = (uint8_t *)(test_random(seed) % 2 ? back.rx : back.tx);
		uint64_t kind = test_random(seed) % 8;

		if (kind < 4)
			page[sizeof(struct xen_ring_page) + test_random(seed) % 400] = (uint8_t)test_random(seed);
		else if (kind == 4)
			page[test_random(seed) % 16] ^= (uint8_t)test_random(seed);
		else
			back.rx->rsp_prod += test_random(seed) % 3;
		netdev_send(net, frame_of(60, memory, (uint32_t)(test_random(seed) % 1000)));
		tell();
		free_all();
	}
	fake_set(BACK "/state", CLOSED);
	test_settle();
	cr_assert_eq(fake_grants_out(), 0, "seed %llu", (unsigned long long)*seed);
}

/* -- beginnings that fail -- */

Test(xen_net_start, without_a_device)
{
	fake_begin();
	cr_assert_eq(xen_net_create(&net), -ENODEV);
}

Test(xen_net_start, without_an_answer)
{
	describe("1");
	back.replies = false;
	cr_assert_eq(xen_net_create(&net), -ETIMEDOUT);
}

/* The backend is connected, and the watch event is lost. */
Test(xen_net_start, a_watch_that_is_silent_costs_a_second)
{
	describe("1");
	fake.loses_watches = true;
	cr_assert_eq(xen_net_create(&net), 0, "%s", test_console_text());
	cr_assert_leq(clock_now_ns(), 5 * NS_PER_S);
	test_settle();
	fake_set(BACK "/state", CLOSED);
	fake.loses_watches = false;
	fake_set(BACK "/state", CLOSED);
	test_settle();
	fake.loses_watches = true;
	fake_set(BACK "/state", WAIT);
	back.replies = true;
	for (unsigned i = 0; i < 5; i++) {
		test_run_for_ns(NS_PER_S);
		follow(DEADLINE_NEVER);
	}
	cr_assert_str_eq(fake_get(BACK "/state"), CONNECTED);
	cr_assert_eq(netdev_send(net, buf_alloc_header()), -EMSGSIZE, "not connected");
}

Test(xen_net_start, events_that_are_lost_cost_some_seconds)
{
	describe("1");
	fake.loses_events = true;
	cr_assert_eq(xen_net_create(&net), 0, "%s", test_console_text());
	cr_assert_leq(clock_now_ns(), 20 * NS_PER_S);
}

static void come_and_go(uint64_t deadline_ns)
{
	static bool waits;

	waits = !waits;
	if (waits)
		fake.next_port = 3; /* Xen gives the lowest that is free */
	fake_set(BACK "/state", waits ? WAIT : CLOSED);
	if (deadline_ns != DEADLINE_NEVER)
		clock_advance_ns(NS_PER_S / 4);
}

/* The log then has the states known. */
Test(xen_net_start, who_comes_and_goes_for_ever_is_not_awaited_for_ever)
{
	describe("1");
	clock_on_block = come_and_go;
	cr_assert_eq(xen_net_create(&net), -ETIMEDOUT, "%s", test_console_text());
	cr_assert_geq(clock_now_ns(), CONFIG_XEN_STORE_TIMEOUT_SECONDS * NS_PER_S);
	cr_assert_leq(clock_now_ns(), 2 * CONFIG_XEN_STORE_TIMEOUT_SECONDS * NS_PER_S);
	cr_assert_not_null(strstr(test_console_text(), "device=" FRONT " backend=" BACK " state="));
}

/* Neither a connected device nor a missing one needs timers. */
Test(xen_net_start, nothing_is_looked_at_for_ever)
{
	unsigned calls;

	fake_begin();
	cr_assert_eq(xen_net_create(&net), -ENODEV);
	test_run_for_ns(3 * NS_PER_S);
	calls = fake.calls;
	test_run_for_ns(100 * NS_PER_S);
	cr_assert_eq(fake.calls, calls);
	begin();
	test_run_for_ns(3 * NS_PER_S);
	calls = fake.calls;
	test_run_for_ns(100 * NS_PER_S);
	cr_assert_eq(fake.calls, calls);
}

Test(xen_net_start, without_copying)
{
	describe("1");
	fake_set(BACK "/feature-rx-copy", "0");
	cr_assert_eq(xen_net_create(&net), -ENOTSUP);
	cr_assert_eq(fake_grants_out(), 0);
}

struct mac {
	char text[24];
};

ParameterizedTestParameters(xen_net_start, with_an_address_that_is_none)
{
	static struct mac macs[] = {
		{ "00:16:3e:01:02:0" }, { "00:16:3e:01:02:03:" }, { "00:16:3e:01:02:g3" }, { "01:16:3e:01:02:03" },
		{ "" },
	};

	return cr_make_param_array(struct mac, macs, ARRAY_SIZE(macs));
}

ParameterizedTest(struct mac *mac, xen_net_start, with_an_address_that_is_none)
{
	describe("1");
	fake_set(FRONT "/mac", mac->text);
	cr_assert_eq(xen_net_create(&net), -ENOTSUP, "%s", mac->text);
}

Test(xen_net_start, a_backend_without_gathering_gets_one_page)
{
	struct netif_tx_request first;
	uint32_t bytes;

	describe("0");
	fake_set(BACK "/feature-no-csum-offload", "1");
	cr_assert_eq(xen_net_create(&net), 0);
	cr_assert_eq(net->features, NETDEV_RX_CSUM);
	cr_assert_eq(netdev_send(net, frame_of(54, memory + 4000, 1400)), 0);
	test_settle();
	cr_assert_eq(take_frame(seen, &bytes, &first), 1);
	cr_assert_eq(bytes, 1454);
	tell();
}
