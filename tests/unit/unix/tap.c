/* SPDX-License-Identifier: ISC */
/* The tap driver: over a pair of sockets, which needs no privilege, and over a real tap in the test's own
 * network namespace, where the far end is a packet socket. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_ether.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <netpacket/packet.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "arch/unix/host.h"
#include "drivers/unix/tap.h"
#include "kernel/loop.h"
#include "tests/lib/test.h"
#include "tests/unit/unix/world.h"

static struct netdev *dev;
static int far;
static struct buf *frames[256];
static unsigned count;

static void keep(void *arg, struct buf *b)
{
	(void)arg;
	cr_assert(count < ARRAY_SIZE(frames));
	frames[count++] = b;
}

static void drop_frames(void)
{
	while (count > 0)
		buf_free(frames[--count]);
}

static void begin(void)
{
	world_begin();
	count = 0;
	dev = NULL;
}

static void finish(void)
{
	drop_frames();
	if (dev)
		tap_destroy(dev);
	world_end();
}

TestSuite(tap, .init = begin, .fini = finish, .timeout = 60);

static void start_pair(void)
{
	int pair[2];
	char name[16];

	cr_assert_eq(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK, 0, pair), 0);
	far = pair[0];
	snprintf(name, sizeof(name), "fd:%d", pair[1]);
	dev = tap_create(name);
	cr_assert(dev);
	netdev_listen(dev, keep, NULL);
}

static void wait_frames(unsigned n)
{
	for (unsigned ms = 0; ms < 5000 && count < n; ms++)
		world_run_for_ms(1);
	cr_assert_eq(count, n, "%u frames", count);
}

static void fill(uint8_t *frame, size_t n)
{
	for (size_t i = 0; i < n; i++)
		frame[i] = (uint8_t)(i * 7 + i / 256);
}

static void assert_frame(const struct buf *b, const uint8_t *want, size_t n)
{
	static uint8_t have[65600];

	cr_assert_eq(buf_length(b), n);
	cr_assert(b->len >= MIN(n, (size_t)128), "first slice of %u bytes", b->len);
	buf_copy_out(b, 0, have, n);
	cr_assert_eq(memcmp(have, want, n), 0);
}

Test(tap, frames_of_all_sizes_come_up_whole)
{
	static const unsigned sizes[] = { 14, 60, 1514, 2022, 2023, 9014, 65549 };
	static uint8_t frame[65549];
	int room = 1 << 20;

	start_pair();
	cr_assert_eq(dev->features, 0, "without a header there is nothing to offload with");
	setsockopt(far, SOL_SOCKET, SO_SNDBUF, &room, sizeof(room));
	fill(frame, sizeof(frame));
	for (unsigned i = 0; i < ARRAY_SIZE(sizes); i++) {
		cr_assert_eq(send(far, frame, sizes[i], 0), sizes[i], "%u: %s", sizes[i], strerror(errno));
		wait_frames(1);
		assert_frame(frames[0], frame, sizes[i]);
		cr_assert_eq(((uintptr_t)frames[0]->data + 14) % 4, 0);
		drop_frames();
	}
	cr_assert_eq(dev->stats.rx_frames, ARRAY_SIZE(sizes));
	cr_assert_eq(send(far, frame, 13, 0), 13);
	world_run_for_ms(5);
	cr_assert_eq(dev->stats.rx_dropped, 1, "less than an Ethernet header");
}

Test(tap, more_frames_than_a_batch)
{
	uint8_t frame[60] = { 0 };

	start_pair();
	for (unsigned i = 0; i < 3 * CONFIG_TAP_BATCH; i++) {
		frame[59] = (uint8_t)i;
		while (send(far, frame, sizeof(frame), 0) < 0)
			world_run_for_ms(1);
	}
	wait_frames(MIN(3u * CONFIG_TAP_BATCH, (unsigned)CONFIG_TAP_RX_BUFFERS));
	for (unsigned i = 0; i < count; i++)
		cr_assert_eq(frames[i]->data[59], (uint8_t)i, "in order");
}

/* So that TCP, which counts buffers, need not refuse what comes for readers that are awake. */
Test(tap, a_batch_is_counted_in_buffers)
{
	static const uint8_t frame[5000]; /* of three */
	const unsigned of_a_batch = (CONFIG_TAP_BATCH + 2) / 3;
	int room = 1 << 20;

	start_pair();
	setsockopt(far, SOL_SOCKET, SO_SNDBUF, &room, sizeof(room));
	for (unsigned i = 0; i < of_a_batch + 2; i++)
		cr_assert_eq(send(far, frame, sizeof(frame), 0), sizeof(frame));
	while (count == 0) {
		host_wait(NS_PER_MS);
		loop_turn();
	}
	cr_assert_eq(count, of_a_batch);
	wait_frames(of_a_batch + 2);
}

Test(tap, without_buffers_frames_are_dropped_and_counted)
{
	static const uint8_t frame[60];

	start_pair();
	for (unsigned i = 0; i < CONFIG_TAP_RX_BUFFERS + 5; i++) {
		while (send(far, frame, sizeof(frame), 0) < 0)
			world_run_for_ms(1);
	}
	for (unsigned ms = 0; ms < 5000 && dev->stats.rx_dropped < 5; ms++)
		world_run_for_ms(1);
	cr_assert_eq(count, CONFIG_TAP_RX_BUFFERS);
	cr_assert_eq(dev->stats.rx_dropped, 5);
	drop_frames();
	cr_assert_eq(send(far, frame, sizeof(frame), 0), sizeof(frame));
	wait_frames(1);
}

static struct buf *make_packet(const void *header, uint32_t header_len, const void *data, uint32_t len)
{
	struct buf *b = buf_alloc_header();

	memcpy(buf_push(b, header_len), header, header_len);
	if (len)
		buf_append(b, buf_alloc_slice(NULL, data, len));
	return b;
}

Test(tap, a_chain_goes_out_as_one_frame)
{
	uint8_t frame[1514], have[1600];

	start_pair();
	fill(frame, sizeof(frame));
	cr_assert_eq(netdev_send(dev, make_packet(frame, 54, frame + 54, sizeof(frame) - 54)), 0);
	cr_assert_eq(recv(far, have, sizeof(have), 0), (ssize_t)sizeof(frame));
	cr_assert_eq(memcmp(frame, have, sizeof(frame)), 0);
	cr_assert_eq(dev->stats.tx_frames, 1);
	cr_assert_eq(dev->stats.tx_bytes, 1514);
}

Test(tap, what_cannot_be_sent_is_refused_and_freed)
{
	static uint8_t large[2000];
	struct buf *b;
	int error;

	start_pair();
	cr_assert_eq(netdev_send(dev, make_packet(large, 14, large, 1501)), -EMSGSIZE);
	b = make_packet(large, 14, NULL, 0);
	for (unsigned i = 0; i < 300; i++)
		buf_append(b, buf_alloc_slice(NULL, large, 1));
	cr_assert_eq(netdev_send(dev, b), -EMSGSIZE);
	do
		error = netdev_send(dev, make_packet(large, 14, large, 1500));
	while (error == 0);
	cr_assert_eq(error, -ENOBUFS, "nobody reads at the far end");
	cr_assert_eq(dev->stats.tx_dropped, 3);
	close(far);
	cr_assert_eq(netdev_send(dev, make_packet(large, 14, large, 100)), -ENETDOWN);
}

Test(tap, a_far_end_that_is_gone_is_noticed_once)
{
	start_pair();
	close(far);
	world_run_for_ms(20);
	cr_assert(strstr(test_console_text(), "gone"));
}

Test(tap, bad_names_are_refused_with_a_reason)
{
	cr_assert_null(tap_create("fd:9999"));
	cr_assert_null(tap_create("fd:x"));
	cr_assert_null(tap_create(""));
	cr_assert_null(tap_create("much-too-long-for-an-interface"));
	cr_assert(strstr(test_console_text(), "is no tap"));
}

/* It would never receive. */
Test(tap, one_that_cannot_be_watched_is_refused)
{
	int pair[2];
	char name[16];

	cr_assert_eq(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK, 0, pair), 0);
	snprintf(name, sizeof(name), "fd:%d", pair[1]);
	dev = tap_create(name);
	cr_assert(dev);
	cr_assert_null(tap_create(name), "one watches it already");
	cr_assert(strstr(test_console_text(), "cannot be used"));
}

/* -- a real tap -- */

/* Makes a network namespace of our own with tap0 in it, up; false, and says why, when the host does
 * not allow it. */
static bool start_tap(void)
{
	struct ifreq request = { .ifr_name = "tap0" };
	struct sockaddr_ll at = { .sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_ALL) };
	int s;

	if (unshare(CLONE_NEWNET) < 0 && unshare(CLONE_NEWUSER | CLONE_NEWNET) < 0)
		return false;
	dev = tap_create("tap0");
	if (!dev)
		return false;
	netdev_listen(dev, keep, NULL);
	s = socket(AF_INET, SOCK_DGRAM, 0);
	cr_assert_eq(ioctl(s, SIOCGIFFLAGS, &request), 0);
	request.ifr_flags |= IFF_UP;
	cr_assert_eq(ioctl(s, SIOCSIFFLAGS, &request), 0);
	close(s);
	far = socket(AF_PACKET, SOCK_RAW | SOCK_NONBLOCK, htons(ETH_P_ALL));
	cr_assert(far >= 0);
	at.sll_ifindex = (int)if_nametoindex("tap0");
	cr_assert_eq(bind(far, (struct sockaddr *)&at, sizeof(at)), 0);
	return true;
}

#define NEED_TAP() \
	do { \
		if (!start_tap()) \
			cr_skip_test("the host lets nobody make a tap in a namespace: %s", strerror(errno)); \
	} while (0)

/* An IPv4 TCP packet of payload bytes with nothing summed; Ethernet type 0x0800. */
static void make_tcp(uint8_t h[54], uint16_t payload)
{
	static const uint8_t start[] = {
		2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 8, 0,
		0x45, 0, 0, 0, 0, 0, 0x40, 0, 64, 6, 0, 0, 10, 0, 0, 2, 10, 0, 0, 1,
		0x30, 0x39, 0x1f, 0x90, 0, 0, 0, 1, 0, 0, 0, 1, 0x50, 0x10, 0xff, 0xff, 0, 0, 0, 0,
	};
	uint16_t total = 40 + payload;

	memcpy(h, start, 54);
	h[16] = (uint8_t)(total >> 8);
	h[17] = (uint8_t)total;
}

Test(tap, a_real_tap_offers_its_offloads)
{
	NEED_TAP();
	cr_assert_eq(dev->features, NETDEV_TX_CSUM | NETDEV_TSO4 | NETDEV_RX_CSUM);
	cr_assert_eq(dev->mtu, 1500);
	cr_assert_eq(dev->mac[0] & 3, 2, "locally administered, one station's");
	cr_assert(strstr(test_console_text(), "is down"));
	cr_assert(strstr(test_console_text(), "ip addr add 192.168.7.1/28 dev"), "%s", test_console_text());
}

/* The parent of a process in a namespace without the tap passes the open tap on. */
Test(tap, a_tap_of_another_namespace_has_the_usual_mtu)
{
	struct ifreq request = { .ifr_name = "tap0", .ifr_flags = IFF_TAP | IFF_NO_PI | IFF_VNET_HDR };
	char name[16];
	int fd;

	if (unshare(CLONE_NEWNET) < 0 && unshare(CLONE_NEWUSER | CLONE_NEWNET) < 0)
		cr_skip_test("the host lets nobody make a namespace: %s", strerror(errno));
	fd = open("/dev/net/tun", O_RDWR);
	if (fd < 0 || ioctl(fd, TUNSETIFF, &request) < 0)
		cr_skip_test("the host lets nobody make a tap in a namespace: %s", strerror(errno));
	cr_assert_eq(unshare(CLONE_NEWNET), 0);
	snprintf(name, sizeof(name), "fd:%d", fd);
	dev = tap_create(name);
	cr_assert(dev, "%s", test_console_text());
	cr_assert_eq(dev->mtu, 1500);
	cr_assert_eq(dev->mac[0] & 3, 2);
	cr_assert_null(strstr(test_console_text(), "is down"));
}

/* The frame whose destination is our test's, at the packet socket; 0 when there is none. */
static ssize_t far_receive(uint8_t *to, size_t n)
{
	for (unsigned ms = 0; ms < 1000; ms++) {
		ssize_t got = recv(far, to, n, 0);

		if (got >= 14 && to[0] == 2 && to[5] == 1)
			return got;
		if (got < 0)
			world_run_for_ms(1);
	}
	return 0;
}

Test(tap, a_frame_arrives_at_the_host)
{
	uint8_t header[54], have[2000];

	NEED_TAP();
	make_tcp(header, 1460);
	cr_assert_eq(netdev_send(dev, make_packet(header, 54, have, 1460)), 0);
	cr_assert_eq(far_receive(have, sizeof(have)), 1514);
	cr_assert_eq(memcmp(have, header, 54), 0);
}

Test(tap, a_segmented_packet_arrives_at_the_host_whole)
{
	static uint8_t payload[30000], have[65536];
	uint8_t header[54];
	struct buf *b;

	NEED_TAP();
	make_tcp(header, sizeof(payload));
	fill(payload, sizeof(payload));
	b = make_packet(header, 54, payload, sizeof(payload));
	b->flags = BUF_CSUM_PARTIAL | BUF_TSO4;
	b->csum_start = 34;
	b->csum_offset = 16;
	b->gso_size = 1460;
	cr_assert_eq(netdev_send(dev, b), 0);
	cr_assert_eq(far_receive(have, sizeof(have)), 54 + (ssize_t)sizeof(payload));
	cr_assert_eq(memcmp(have + 54, payload, sizeof(payload)), 0);
}

Test(tap, a_frame_comes_from_the_host)
{
	uint8_t frame[1514];

	NEED_TAP();
	make_tcp(frame, 1460);
	memset(frame + 54, 'd', 1460);
	world_run_for_ms(5);
	drop_frames(); /* the host's own frames when an interface comes up */
	cr_assert_eq(send(far, frame, sizeof(frame), 0), (ssize_t)sizeof(frame));
	for (unsigned ms = 0; ms < 1000 && (count == 0 || frames[count - 1]->len != 1514); ms++)
		world_run_for_ms(1);
	assert_frame(frames[count - 1], frame, sizeof(frame));
}

Test(tap, a_tap_that_is_down_takes_nothing)
{
	struct ifreq request = { .ifr_name = "tap0" };
	uint8_t header[54];

	NEED_TAP();
	cr_assert_eq(ioctl(far, SIOCSIFFLAGS, &request), 0);
	make_tcp(header, 0);
	cr_assert_eq(netdev_send(dev, make_packet(header, 54, NULL, 0)), -ENETDOWN);
	cr_assert_eq(dev->stats.tx_dropped, 1);
}
