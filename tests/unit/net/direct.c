/* SPDX-License-Identifier: ISC */
/* The direct stack is created whole or not at all, for every failing allocation. */
#include "tests/lib/test.h"

#include <errno.h>

#include "net/dhcp/lease.h"
#include "net/direct.h"
#include "net/ipv4/ipv4.h"
#include "net/udp.h"
#include "kernel/random.h"
#include "tests/lib/lan.h"

static struct lan lan;

static void create_and_destroy(void *arg)
{
	struct stack_config config = { .ip = { ip_v4(10, 0, 0, 2), 24 }, .gateway = ip_v4(10, 0, 0, 1) };
	unsigned *created = arg;
	struct direct *d;
	int error = direct_create(&d, &lan.dev, &config);

	cr_assert(error == 0 || error == -ENOMEM, "%d", error);
	if (error == 0) {
		direct_destroy(d);
		++*created;
	}
	lan_forget(&lan);
}

Test(direct, without_memory)
{
	unsigned created = 0;
	uint64_t failures;

	lan_init(&lan, 0);
	failures = test_alloc_fail_each(create_and_destroy, &created);
	/* Some can be done without, as an announcement's buffer. */
	cr_expect(failures > 5 && created >= 1 && created <= failures, "%u failures, created %u times",
	          (unsigned)failures, created);
	lan_done(&lan);
}

static unsigned frames_of(uint16_t type)
{
	const struct frame *f;
	unsigned count = 0;

	while ((f = lan_next(&lan)))
		count += frame_16(f, 12) == type;
	return count;
}

/* Announcements teach bridges our place, and a connection does not wait for its timer. */
Test(direct, goes_on_when_the_link_returns)
{
	struct stack_config config = { .ip = { ip_v4(10, 0, 0, 2), 24 } };
	const struct endpoint to = { ip_v4(10, 0, 0, 9), 80 };
	struct stack_connect op;
	struct direct *d;
	struct frame f = { 0 };

	lan_init(&lan, 0);
	cr_assert_eq(direct_create(&d, &lan.dev, &config), 0);
	direct_tcp_connect(d, &op, &to);
	frame_arp(&f, 2, LAN_PEER_MAC, LAN_PEER_IP, LAN_MAC, LAN_IP);
	lan_receive(&lan, &f, 0);
	lan_wait_ms(5000); /* before a third timeout asks for the neighbour anew */
	lan_forget(&lan);
	netdev_tell_returned(&lan.dev);
	lan_wait_ms(1);
	cr_expect_eq(frames_of(0x0800), 1, "no SYN");
	netdev_tell_returned(&lan.dev);
	cr_expect_eq(frames_of(0x0806), 1, "no announcement");
	direct_destroy(d);
	netdev_tell_returned(&lan.dev);
	lan_done(&lan);
}

/* RFC 9293 §3.9.2.3 MUST-46 */
Test(direct, connects_to_no_group)
{
	static const uint8_t groups[][4] = { { 224, 0, 0, 1 }, { 239, 1, 2, 3 }, { 255, 255, 255, 255 },
	                                     { 10, 0, 0, 255 } };
	struct stack_config config = { .ip = { ip_v4(10, 0, 0, 2), 24 }, .gateway = ip_v4(10, 0, 0, 1) };
	struct stack_connect op;
	struct direct *d;

	lan_init(&lan, 0);
	cr_assert_eq(direct_create(&d, &lan.dev, &config), 0);
	lan_forget(&lan);
	for (size_t i = 0; i < ARRAY_SIZE(groups); i++) {
		const uint8_t *a = groups[i];
		struct endpoint to = { ip_v4(a[0], a[1], a[2], a[3]), 80 };

		direct_tcp_connect(d, &op, &to);
		cr_expect(promise_is_settled(&op.promise) && promise_result(&op.promise) == -EHOSTUNREACH, "%zu", i);
		cr_expect_eq(frames_of(0x0800), 0);
	}
	direct_destroy(d);
	lan_done(&lan);
}

/* RFC 9293 §3.9.1.1 MUST-43, MUST-44 */
Test(direct, connects_from_an_address_of_ones_choice)
{
	struct stack_config config = { .ip = { ip_v4(10, 0, 0, 2), 24 } };
	const struct endpoint to = { ip_v4(10, 0, 0, 9), 80 };
	const struct ip_prefix second = { ip_v4(10, 0, 0, 3), 24 };
	static const uint8_t sources[][4] = {
		{ 10, 0, 0, 2 }, { 10, 0, 0, 3 }, { 10, 0, 0, 4 }, { 127, 0, 0, 1 },
	};
	struct frame hello = { 0 };
	struct direct *d;

	lan_init(&lan, 0);
	cr_assert_eq(direct_create(&d, &lan.dev, &config), 0);
	frame_arp(&hello, 1, LAN_PEER_MAC, LAN_PEER_IP, (const uint8_t[6]){ 0 }, LAN_IP);
	lan_receive(&lan, &hello, 0);
	cr_assert_eq(ipv4_add_address(direct_ipv4(d), &second), 0);
	lan_wait_ms(3000);
	for (size_t i = 0; i < ARRAY_SIZE(sources); i++) {
		const uint8_t *a = sources[i];
		struct endpoint from = { ip_v4(a[0], a[1], a[2], a[3]), 0 };
		struct stack_connect op;
		const struct frame *f;

		lan_forget(&lan);
		direct_tcp_connect_from(d, &op, &from, &to);
		if (i >= 2) {
			cr_expect_eq(promise_result(&op.promise), -EADDRNOTAVAIL);
			continue;
		}
		f = lan_next(&lan);
		cr_expect(f && frame_16(f, 12) == 0x0800 && frame_32(f, 26) == (0x0a000000u | a[3]), "%zu", i);
		promise_cancel(&op.promise);
	}
	direct_destroy(d);
	lan_done(&lan);
}

Test(direct, without_entropy)
{
	struct stack_config config = { .ip = { ip_v4(10, 0, 0, 2), 24 } };
	struct direct *d;

	cr_assert_eq(buf_init(16, 16), 0);
	test_entropy_missing = true;
	cr_assert_eq(random_init(), -ENODEV);
	lan.dev = (struct netdev){ .mtu = 1500 };
	cr_expect_eq(direct_create(&d, &lan.dev, &config), -ENODEV);
}

static void ignore(void *arg, struct buf *b, const struct endpoint *from, const struct endpoint *to)
{
	(void)arg;
	(void)from;
	(void)to;
	buf_free(b);
}

Test(direct, has_layers)
{
	struct dhcp_listener listener;
	struct stack_config config = { .ip = { ip_v4(10, 0, 0, 2), 24 }, .gateway = ip_v4(10, 0, 0, 1) };
	struct direct *d;

	lan_init(&lan, 0);
	cr_assert_eq(direct_create(&d, &lan.dev, &config), 0);
	cr_expect(direct_ipv4(d) && direct_tcp(d) && direct_udp(d));
	cr_expect_eq(direct_udp_listen(d, 53, ignore, NULL), 0);
	cr_expect_eq(direct_udp_listen(d, 53, ignore, NULL), -EADDRINUSE);
	direct_udp_unlisten(d, 53);
	cr_expect_eq(direct_udp_listen(d, 53, ignore, NULL), 0);
	cr_expect_eq(direct_tcp_listen(d, 0, NULL, NULL), -EINVAL);
	cr_expect(promise_is_settled(direct_ready(d)));
	cr_expect_eq(direct_address(d)->addr.bytes[3], 2);
	cr_expect_null(stack_lease((struct stack *)d));
	stack_lease_listen((struct stack *)d, &listener);
	list_remove(&listener.link);
	direct_finish(d);
	cr_expect_eq(clock_now_ns(), NS_PER_S, "nothing is closing");
	direct_destroy(d);
	lan_done(&lan);
}

Test(direct, an_mtu_may_be_less_than_the_interfaces_and_not_more)
{
	struct stack_config config = { .ip = { ip_v4(10, 0, 0, 2), 24 }, .mtu = 1501 };
	struct endpoint to = { ip_v4(10, 0, 0, 9), 7 };
	static const uint8_t bytes[600];
	struct direct *d;

	lan_init(&lan, 0);
	cr_expect_eq(direct_create(&d, &lan.dev, &config), -EINVAL);
	cr_expect_eq(lan.dev.mtu, 1500);
	config.mtu = 576;
	cr_assert_eq(direct_create(&d, &lan.dev, &config), 0);
	cr_expect_eq(lan.dev.mtu, 576);
	cr_expect_eq(direct_udp_send(d, 7, &to, buf_alloc_slice(NULL, bytes, 576 - 28)), 0);
	direct_destroy(d);
	cr_expect_eq(lan.dev.mtu, 1500);
	lan_done(&lan);
}

static const struct endpoint *heard_at;

static void hear(void *arg, struct buf *b, const struct endpoint *from, const struct endpoint *to)
{
	static struct endpoint at;

	(void)arg;
	(void)from;
	at = *to;
	heard_at = &at;
	buf_free(b);
}

static void say_to_group(void)
{
	struct frame f;

	frame_ipv4(&f, IP_UDP, LAN_PEER_IP, 0xef010203);
	frame_udp(&f, 5353, 5353, "all", 3);
	frame_finish(&f);
	lan_receive(&lan, &f, 0);
}

Test(direct, groups_and_sources_as_the_application_asks)
{
	struct stack_config config = { .ip = { ip_v4(10, 0, 0, 2), 24 } };
	struct endpoint to = { ip_v4(10, 0, 0, 9), 7 }, from = { ip_v4(10, 0, 0, 2), 9 };
	struct ip_addr group = ip_v4(239, 1, 2, 3);
	struct stack_group membership;
	struct direct *d;
	struct stack *s;

	lan_init(&lan, 0);
	cr_assert_eq(direct_create(&d, &lan.dev, &config), 0);
	s = (struct stack *)d;
	lan_wait_ms(3000);
	cr_assert_eq(stack_udp_listen(s, 5353, hear, NULL), 0);
	say_to_group();
	cr_expect_null(heard_at);
	cr_assert_eq(stack_udp_join(s, &membership, &group), 0);
	say_to_group();
	cr_assert(heard_at && ip_equal(&heard_at->addr, &group) && heard_at->port == 5353);
	stack_udp_leave(s, &membership);
	heard_at = NULL;
	say_to_group();
	cr_expect_null(heard_at);
	cr_expect_eq(stack_udp_join(s, &membership, &to.addr), -EINVAL);
	cr_expect_eq(stack_udp_send_from(s, &from, &to, buf_alloc_slice(NULL, "x", 1)), 0);
	from.addr = ip_v4(10, 0, 0, 3);
	cr_expect_eq(stack_udp_send_from(s, &from, &to, buf_alloc_slice(NULL, "x", 1)), -EADDRNOTAVAIL);
	direct_destroy(d);
	lan_done(&lan);
}
