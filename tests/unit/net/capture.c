/* SPDX-License-Identifier: ISC */
/* The capture ring between a stack and its interface, read back by the file format; and the counters. */
#include <errno.h>
#include <string.h>

#include "net/capture.h"
#include "net/ethernet.h"
#include "net/metrics.h"
#include "net/pcapng.h"
#include "tests/lib/lan.h"
#include "tests/lib/test.h"

static struct lan lan;
static struct capture *capture;
static struct slice file;
static size_t at;

static void suite_begin(void)
{
	lan_init(&lan, NETDEV_TX_CSUM); /* its packet pools stay */
	test_begin();
}

static void suite_end(void)
{
	lan_done(&lan);
	test_end();
}

TestSuite(capture, .init = suite_begin, .fini = suite_end);

static uint32_t word(size_t offset)
{
	uint32_t x;

	cr_assert(offset + 4 <= file.len);
	memcpy(&x, (const uint8_t *)file.data + offset, 4);
	return x;
}

/* Looks at a block's frame: type, both lengths, padding. Gives where its body begins. */
static size_t next_block(uint32_t type)
{
	size_t start = at;
	uint32_t len = word(at + 4);

	cr_assert_eq(word(at), type);
	cr_assert(len % 4 == 0 && len >= 12 && word(at + len - 4) == len);
	at += len;
	return start + 8;
}

static void open_file(void)
{
	cr_assert_eq(capture_snapshot(capture, &file), 0);
	at = 0;
	cr_expect_eq(word(next_block(0x0a0d0d0a)), 0x1a2b3c4d);
	cr_expect_eq(word(next_block(1)), 1);
}

static void close_file(void)
{
	cr_expect_eq(at, file.len);
	storage_put(file.storage);
}

static void expect_packet(uint64_t time_ns, const void *bytes, uint32_t kept, uint32_t len, bool is_outbound,
                          const char *comment)
{
	size_t body = next_block(6), options = body + 20 + ALIGN_UP(kept, 4u);
	const uint8_t *data = file.data;

	cr_expect_eq(word(body), 0, "interface");
	cr_expect_eq((uint64_t)word(body + 4) << 32 | word(body + 8), time_ns);
	cr_expect(word(body + 12) == kept && word(body + 16) == len);
	cr_expect(memcmp(data + body + 20, bytes, kept) == 0);
	cr_expect(word(options) == (4 << 16 | 2) && word(options + 4) == (is_outbound ? 2 : 1));
	options += 8;
	if (comment) {
		cr_expect_eq(word(options), strlen(comment) << 16 | 1);
		cr_expect(memcmp(data + options + 4, comment, strlen(comment)) == 0);
		options += 4 + ALIGN_UP(strlen(comment), (size_t)4);
	}
	cr_expect_eq(word(options), 0, "end of options");
	cr_expect_eq(options + 8, at);
}

static void refuse(const char *reason)
{
	capture_refused(capture_netdev(capture), reason);
}

static void hear(void *arg, struct buf *b)
{
	const char *reason = arg;

	if (reason)
		refuse(reason);
	buf_free(b);
}

static void begin(uint32_t frames, uint32_t bytes)
{
	cr_assert_eq(capture_create(&capture, &lan.dev, frames, bytes), 0);
	cr_expect_eq(capture_netdev(capture)->features, NETDEV_TX_CSUM);
	cr_expect_eq(capture_netdev(capture)->mtu, 1500);
	cr_expect(memcmp(capture_netdev(capture)->mac, LAN_MAC, 6) == 0);
}

static void end(void)
{
	capture_destroy(capture);
}

static void receive(struct frame *f, size_t len)
{
	f->len = 0;
	frame_add(f, "received frame, and some more of it", len);
	lan_receive(&lan, f, 0);
}

static int send(const char *text)
{
	return netdev_send(capture_netdev(capture), buf_alloc_slice(NULL, text, (uint32_t)strlen(text)));
}

Test(capture, both_directions_and_why_one_was_dropped)
{
	static struct frame f;

	begin(4, 16);
	open_file();
	close_file();
	clock_set_wall_ns(5000 * NS_PER_S);
	netdev_listen(capture_netdev(capture), hear, NULL);
	receive(&f, 15);
	clock_advance_ns(10);
	cr_expect_eq(send("sent"), 0);
	netdev_listen(capture_netdev(capture), hear, (void *)"bad checksum");
	receive(&f, 21);
	lan.send_error = -ENOBUFS;
	cr_expect_eq(send("lost!"), -ENOBUFS);
	refuse("nobody is received now");
	open_file();
	expect_packet(5000 * NS_PER_S, "received frame,", 15, 15, false, NULL);
	expect_packet(5000 * NS_PER_S + 10, "sent", 4, 4, true, NULL);
	expect_packet(5000 * NS_PER_S + 10, "received frame, a", 16, 21, false, "dropped: bad checksum");
	expect_packet(5000 * NS_PER_S + 10, "lost!", 5, 5, true, "dropped: the interface has not taken it");
	close_file();
	end();
}

Test(capture, the_oldest_make_room)
{
	begin(3, 100);
	for (int i = 0; i < 8; i++)
		send((const char *[]){ "0", "one", "22", "333", "4444", "55555", "666666", "7777777" }[i]);
	open_file();
	expect_packet(clock_now_ns(), "55555", 5, 5, true, NULL);
	expect_packet(clock_now_ns(), "666666", 6, 6, true, NULL);
	expect_packet(clock_now_ns(), "7777777", 7, 7, true, NULL);
	close_file();
	end();
}

/* A frame with more answers than the ring is long must not leave its reason on another frame. */
static void answer_often(void *arg, struct buf *b)
{
	(void)arg;
	buf_free(b);
	send("a");
	send("b");
	refuse("dropped");
}

Test(capture, a_reason_that_comes_too_late_is_nobodys)
{
	static struct frame f;

	begin(2, 100);
	netdev_listen(capture_netdev(capture), answer_often, NULL);
	receive(&f, 10);
	open_file();
	expect_packet(clock_now_ns(), "a", 1, 1, true, NULL);
	expect_packet(clock_now_ns(), "b", 1, 1, true, NULL);
	close_file();
	end();
}

static void create(void *arg)
{
	(void)arg;
	if (capture_create(&capture, &lan.dev, 2, 10) == 0) {
		if (capture_snapshot(capture, &file) == 0)
			storage_put(file.storage);
		capture_destroy(capture);
	}
}

Test(capture, without_memory)
{
	cr_expect_eq(test_alloc_fail_each(create, NULL), 2);
}

Test(capture, nobody_listens)
{
	static struct frame f;

	begin(0, 0);
	receive(&f, 10);
	open_file();
	expect_packet(clock_now_ns(), "received f", 10, 10, false, NULL);
	close_file();
	end();
}

/* -- counters -- */

static bool has_line(const struct slice *text, const char *line)
{
	return strstr(text->data, line) != NULL; /* it has a terminator */
}

Test(capture, counters_as_text)
{
	struct stack_config config = { .ip = { ip_v4(10, 0, 0, 2), 24 } };
	struct direct *d;
	struct slice text;
	static struct frame f;

	cr_assert_eq(direct_create(&d, &lan.dev, &config), 0);
	frame_ipv4(&f, 17, LAN_PEER_IP, LAN_IP);
	frame_udp(&f, 1000, 9, "x", 1);
	frame_finish(&f);
	lan_receive(&lan, &f, 0);
	cr_assert_eq(metrics_snapshot(d, &text), 0);
	cr_expect(has_line(&text, "# TYPE virga_udp_no_ports_total counter\nvirga_udp_no_ports_total 1\n"));
	cr_expect(has_line(&text, "# TYPE virga_tcp_curr_estab gauge\nvirga_tcp_curr_estab 0\n"));
	cr_expect(has_line(&text, "\nvirga_ipv4_in_receives_total 1\n"));
	cr_expect_not(has_line(&text, "virga_dhcp_"), "the address is static");
	cr_expect_eq(((const char *)text.data)[text.len - 1], '\n');
	storage_put(text.storage);
	test_alloc_fail_at(1);
	cr_expect_eq(metrics_snapshot(d, &text), -ENOMEM);
	direct_destroy(d);
}
