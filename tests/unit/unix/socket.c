/* SPDX-License-Identifier: ISC */
/* The socket stack against itself and against plain sockets of the host, over loopback. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <net/if.h>
#include <net/route.h>
#include <netinet/in.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "arch/unix/host.h"
#include "kernel/loop.h"
#include "net/socket.h"
#include "net/tcp/state.h"
#include "tests/lib/test.h"
#include "tests/unit/unix/world.h"

enum { CONNECTIONS = 6, LISTENERS = 3, BUFFERS = 24 };

static struct socket_stack *stack;
static uint16_t port;
static struct {
	struct flow *flows[16];
	struct endpoint peer; /* of the last */
	unsigned count;
	bool decline;
} accepted;

static int take(void *arg, struct flow *flow, const struct endpoint *peer)
{
	(void)arg;
	cr_assert_eq(peer->addr.family, IP_V4);
	cr_assert_eq(peer->addr.bytes[0], 127);
	cr_assert(peer->port > 0);
	if (accepted.decline)
		return -ECONNREFUSED;
	accepted.flows[accepted.count++] = flow;
	accepted.peer = *peer;
	return 0;
}

/* A free port: chosen by the host, so that tests can run side by side. */
static uint16_t free_port(int type)
{
	struct sockaddr_in at = { .sin_family = AF_INET };
	socklen_t size = sizeof(at);
	int fd = socket(AF_INET, type, 0);

	cr_assert_eq(bind(fd, (struct sockaddr *)&at, size), 0);
	cr_assert_eq(getsockname(fd, (struct sockaddr *)&at, &size), 0);
	close(fd);
	return ntohs(at.sin_port);
}

static void begin(void)
{
	static const struct socket_limits limits = { CONNECTIONS, LISTENERS, BUFFERS, 16 };

	world_begin();
	memset(&accepted, 0, sizeof(accepted));
	cr_assert_eq(socket_create(&stack, &limits), 0);
	port = free_port(SOCK_STREAM);
	cr_assert_eq(socket_tcp_listen(stack, port, take, NULL), 0);
}

static void finish(void)
{
	socket_destroy(stack);
	test_settle();
	world_end();
}

TestSuite(socket, .init = begin, .fini = finish, .timeout = 60);

static struct socket_stats stats(void)
{
	struct socket_stats s;

	socket_stats(stack, &s);
	return s;
}

static struct endpoint local(uint16_t to)
{
	return (struct endpoint){ ip_v4(127, 0, 0, 1), to };
}

/* A client of the host's, blocking. */
static int host_client(void)
{
	struct sockaddr_in at = { .sin_family = AF_INET, .sin_port = htons(port) };
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	cr_assert_eq(connect(fd, (struct sockaddr *)&at, sizeof(at)), 0);
	return fd;
}

static void wait_accepted(unsigned n)
{
	for (unsigned ms = 0; ms < 5000 && accepted.count < n; ms++)
		world_run_for_ms(1);
	cr_assert_eq(accepted.count, n);
}

static struct flow *accept_one(void)
{
	wait_accepted(accepted.count + 1);
	return accepted.flows[accepted.count - 1];
}

/* Both ends as flows of ours. */
static void connect_pair(struct flow **client, struct flow **server)
{
	struct stack_connect op;
	struct endpoint to = local(port);
	unsigned before = accepted.count;

	socket_tcp_connect(stack, &op, &to);
	cr_assert_eq(world_run(&op.promise), 0);
	*client = op.flow;
	wait_accepted(before + 1);
	*server = accepted.flows[before];
}

static void write_all(struct flow *f, const void *data, size_t len)
{
	struct slice slice = { data, len, NULL };
	struct flow_write op;

	flow_write(f, &op, &slice, 1);
	cr_assert_eq(world_run(&op.promise), (intptr_t)len);
}

/* Expects exactly this, in as many reads as it takes. */
static void expect(struct flow *f, const char *text)
{
	size_t want = strlen(text), got = 0;
	char have[256];

	while (got < want) {
		struct flow_read op;
		intptr_t n;

		flow_read(f, &op, want - got);
		n = world_run(&op.promise);
		cr_assert(n > 0, "read gives %ld", (long)n);
		cr_assert_eq(buf_length(op.bufs), n);
		buf_copy_out(op.bufs, 0, have + got, n);
		buf_free(op.bufs);
		got += n;
	}
	cr_assert_eq(memcmp(have, text, want), 0);
}

static intptr_t read_result(struct flow *f)
{
	struct flow_read op;
	intptr_t n;

	flow_read(f, &op, 100);
	n = world_run(&op.promise);
	if (n > 0)
		buf_free(op.bufs);
	return n;
}

Test(socket, echoes_both_ways)
{
	struct flow *client, *server;

	connect_pair(&client, &server);
	write_all(client, "hello", 5);
	expect(server, "hello");
	write_all(server, "to you too", 10);
	expect(client, "to you too");
	flow_close(client);
	cr_assert_eq(read_result(server), 0);
	cr_assert_eq(read_result(server), 0, "the end stays the end");
	flow_close(server);
	cr_assert_eq(stats().connections, 0);
	cr_assert_eq(stats().active_opens, 1);
	cr_assert_eq(stats().passive_opens, 1);
}

Test(socket, gathers_many_slices_and_writes_in_order)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyz";
	struct slice first[200], second[2] = { { "12", 2, NULL }, { "3", 1, NULL } };
	struct flow_write a, b, empty;
	struct flow *client, *server;
	char want[200 + 3 + 1];

	for (unsigned i = 0; i < 200; i++) {
		first[i] = (struct slice){ &letters[i % 26], i % 7 != 0, NULL };
		want[i] = letters[i % 26];
	}
	unsigned n = 0;
	for (unsigned i = 0; i < 200; i++)
		if (i % 7 != 0)
			want[n++] = letters[i % 26];
	memcpy(want + n, "123", 4);
	connect_pair(&client, &server);
	flow_write(client, &a, first, 200);
	flow_write(client, &empty, first, 0);
	flow_write(client, &b, second, 2);
	cr_assert_eq(world_run(&a.promise), n);
	cr_assert_eq(world_run(&empty.promise), 0);
	cr_assert_eq(world_run(&b.promise), 3);
	expect(server, want);
}

Test(socket, slows_down_the_writer_and_loses_nothing)
{
	enum { BYTES = 24 << 20 };
	struct flow *client, *server;
	struct flow_write op;
	uint8_t *data = malloc(BYTES);
	struct slice slice = { data, BYTES, NULL };
	uint64_t seed = 7;
	size_t at = 0;

	for (size_t i = 0; i < BYTES; i += 8)
		memcpy(data + i, &(uint64_t){ test_random(&seed) }, 8);
	connect_pair(&client, &server);
	flow_write(client, &op, &slice, 1);
	world_run_for_ms(100);
	test_assert_pending(&op.promise);
	cr_assert(op.offset > 0 && op.offset < BYTES, "accepted %zu", op.offset);
	while (at < BYTES) {
		struct flow_read read;
		intptr_t n;

		flow_read(server, &read, 1 + test_random(&seed) % 40000);
		n = world_run(&read.promise);
		cr_assert(n > 0);
		for (struct buf *b = read.bufs; b; at += b->len, b = b->next)
			cr_assert_eq(memcmp(b->data, data + at, b->len), 0, "differs near %zu", at);
		buf_free(read.bufs);
	}
	cr_assert_eq(world_run(&op.promise), BYTES);
	flow_close(client);
	cr_assert_eq(read_result(server), 0);
	free(data);
}

/* Storage counts: held while a write is pending, and released for every result. */
static unsigned freed;
static void count_free(struct storage *s)
{
	(void)s;
	freed++;
}

Test(socket, holds_storage_until_the_write_has_ended)
{
	static char big[8 << 20];
	struct storage storage[2] = { { 1, count_free }, { 1, count_free } };
	struct slice slices[2] = { { big, 10, &storage[0] }, { big, sizeof(big), &storage[1] } };
	struct flow *client, *server;
	struct flow_write op, late;

	freed = 0;
	connect_pair(&client, &server);
	flow_write(client, &op, slices, 2);
	storage_put(&storage[0]);
	storage_put(&storage[1]);
	world_run_for_ms(20);
	test_assert_pending(&op.promise);
	cr_assert_eq(freed, 1, "the first slice has been accepted whole");
	flow_write(client, &late, &(struct slice){ "x", 1, NULL }, 1);
	promise_cancel(&late.promise);
	test_assert_error(&late.promise, -ECANCELED);
	promise_cancel(&op.promise);
	test_assert_error(&op.promise, -ECANCELED);
	cr_assert_eq(freed, 2);
}

Test(socket, refused_by_nobody_listening)
{
	struct endpoint to = local(free_port(SOCK_STREAM));
	struct stack_connect op;

	socket_tcp_connect(stack, &op, &to);
	cr_assert_eq(world_run(&op.promise), -ECONNREFUSED);
	cr_assert_eq(stats().attempt_fails, 1);
	cr_assert_eq(stats().connections, 0);
}

Test(socket, connects_from_a_port_of_ones_choice)
{
	struct endpoint to = local(port);
	struct endpoint from = { .port = free_port(SOCK_STREAM) };
	struct stack_connect op, again;

	socket_tcp_connect_from(stack, &op, &from, &to);
	cr_assert_eq(world_run(&op.promise), 0);
	wait_accepted(1);
	cr_expect_eq(accepted.peer.port, from.port);
	socket_tcp_connect_from(stack, &again, &from, &to);
	cr_assert_eq(world_run(&again.promise), -EADDRINUSE);
	from.addr = to.addr;
	socket_tcp_connect_from(stack, &again, &from, &to);
	cr_assert_eq(world_run(&again.promise), -EADDRINUSE);
}

Test(socket, connects_from_an_address_of_ones_choice)
{
	struct endpoint to = local(port), from = { ip_v4(127, 0, 0, 2), 0 };
	struct stack_connect op;

	socket_tcp_connect_from(stack, &op, &from, &to);
	cr_assert_eq(world_run(&op.promise), 0);
	wait_accepted(1);
	cr_expect(ip_equal(&accepted.peer.addr, &from.addr));
	from.addr = ip_v4(192, 0, 2, 1);
	for (unsigned i = 0; i < 2; i++, from.port = free_port(SOCK_STREAM)) {
		socket_tcp_connect_from(stack, &op, &from, &to);
		cr_expect_eq(world_run(&op.promise), -EADDRNOTAVAIL);
	}
}

Test(socket, declined_is_reset)
{
	int fd = host_client();
	char byte;

	accepted.decline = true;
	for (unsigned ms = 0; ms < 5000 && stats().declined == 0; ms++)
		world_run_for_ms(1);
	cr_assert_eq(stats().declined, 1);
	cr_assert_eq(recv(fd, &byte, 1, 0), -1);
	cr_assert_eq(errno, ECONNRESET);
	cr_assert_eq(stats().connections, 0);
	close(fd);
}

Test(socket, reads_are_cancelled_and_the_next_one_gets_the_data)
{
	struct flow *client, *server;
	struct flow_read op, second;

	connect_pair(&client, &server);
	flow_read(server, &op, 10);
	test_assert_pending(&op.promise);
	flow_read(server, &second, 10);
	test_assert_error(&second.promise, -EBUSY);
	promise_cancel(&op.promise);
	test_assert_error(&op.promise, -ECANCELED);
	flow_read(server, &op, 0);
	test_assert_error(&op.promise, -EINVAL);
	write_all(client, "still here", 10);
	expect(server, "still here");
}

Test(socket, connecting_is_cancelled)
{
	struct endpoint to = { ip_v4(127, 0, 0, 1), port };
	struct stack_connect op;

	socket_tcp_connect(stack, &op, &to);
	test_assert_pending(&op.promise);
	promise_cancel(&op.promise);
	test_assert_error(&op.promise, -ECANCELED);
	world_run_for_ms(20);
	cr_assert_eq(stats().connections, accepted.count, "only what was accepted meanwhile");
}

Test(socket, shutdown_ends_one_direction_after_pending_writes)
{
	static char big[12 << 20];
	struct slice slice = { big, sizeof(big), NULL };
	struct flow *client, *server;
	struct flow_write op, after;
	size_t got = 0;

	connect_pair(&client, &server);
	flow_write(client, &op, &slice, 1);
	test_assert_pending(&op.promise);
	cr_assert_eq(flow_shutdown(client), 0);
	cr_assert_eq(flow_shutdown(client), 0);
	flow_write(client, &after, &slice, 1);
	test_assert_error(&after.promise, -EPIPE);
	for (;;) {
		struct flow_read read;
		intptr_t n;

		flow_read(server, &read, 65536);
		n = world_run(&read.promise);
		cr_assert(n >= 0);
		if (n == 0)
			break;
		got += n;
		buf_free(read.bufs);
	}
	cr_assert_eq(got, sizeof(big));
	test_assert_value(&op.promise, (intptr_t)sizeof(big));
	write_all(server, "answer", 6);
	expect(client, "answer");
}

Test(socket, data_and_end_in_one_go)
{
	int fd = host_client();
	struct flow *f = accept_one();

	cr_assert_eq(send(fd, "last words", 10, 0), 10);
	close(fd);
	world_run_for_ms(10);
	expect(f, "last");
	expect(f, " words");
	cr_assert_eq(read_result(f), 0);
}

Test(socket, abort_resets)
{
	int fd = host_client();
	char byte;

	flow_abort(accept_one());
	cr_assert_eq(recv(fd, &byte, 1, 0), -1);
	cr_assert_eq(errno, ECONNRESET);
	close(fd);
}

Test(socket, close_sends_what_was_accepted)
{
	int fd = host_client();
	struct flow *f = accept_one();
	char have[8];

	write_all(f, "bye", 3);
	flow_close(f);
	cr_assert_eq(recv(fd, have, 8, 0), 3);
	cr_assert_eq(recv(fd, have, 8, 0), 0);
	close(fd);
}

Test(socket, close_cancels_what_is_pending)
{
	static char big[12 << 20];
	struct slice slice = { big, sizeof(big), NULL };
	struct flow *client, *server;
	struct flow_write write;
	struct flow_read read;

	connect_pair(&client, &server);
	flow_read(client, &read, 1);
	flow_write(client, &write, &slice, 1);
	flow_close(client);
	test_assert_error(&read.promise, -ECANCELED);
	test_assert_error(&write.promise, -ECANCELED);
}

Test(socket, a_reset_fails_everything_from_then_on)
{
	struct linger at_once = { 1, 0 };
	int fd = host_client();
	struct flow *f = accept_one();
	struct flow_write write;
	struct flow_read read;

	flow_read(f, &read, 10);
	setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
	close(fd);
	cr_assert_eq(world_run(&read.promise), -ECONNRESET);
	cr_assert_eq(read_result(f), -ECONNRESET);
	flow_write(f, &write, &(struct slice){ "x", 1, NULL }, 1);
	test_assert_error(&write.promise, -ECONNRESET);
	cr_assert_eq(flow_shutdown(f), -ECONNRESET);
}

Test(socket, writing_to_a_reset_connection_fails)
{
	static char big[12 << 20];
	struct slice slice = { big, sizeof(big), NULL };
	struct linger at_once = { 1, 0 };
	int fd = host_client();
	struct flow *f = accept_one();
	struct flow_write op;

	flow_write(f, &op, &slice, 1);
	test_assert_pending(&op.promise);
	setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
	close(fd);
	cr_assert_eq(world_run(&op.promise), -ECONNRESET);
}

Test(socket, accepting_stops_at_the_limit_and_goes_on)
{
	int fds[CONNECTIONS + 3];
	struct endpoint to = local(port);
	struct stack_connect op;

	for (unsigned i = 0; i < ARRAY_SIZE(fds); i++)
		fds[i] = host_client(); /* the host's backlog takes the last ones */
	wait_accepted(CONNECTIONS);
	world_run_for_ms(50);
	cr_assert_eq(accepted.count, CONNECTIONS);
	cr_assert(stats().accept_stops > 0);
	socket_tcp_connect(stack, &op, &to);
	test_assert_error(&op.promise, -ENOBUFS);
	for (unsigned i = 0; i < 3; i++) {
		flow_close(accepted.flows[i]);
		wait_accepted(CONNECTIONS + 1 + i);
	}
	cr_assert_eq(stats().connections, CONNECTIONS);
	for (unsigned i = 0; i < ARRAY_SIZE(fds); i++)
		close(fds[i]);
}

/* The descriptor that listens at our port. */
static int listening_fd(void)
{
	for (int fd = 3; fd < 1024; fd++) {
		struct sockaddr_in at = { 0 };
		socklen_t size = sizeof(at), int_size = sizeof(int);
		int listens = 0;

		if (getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listens, &int_size) == 0 && listens &&
		    getsockname(fd, (struct sockaddr *)&at, &size) == 0 && ntohs(at.sin_port) == port)
			return fd;
	}
	return -1;
}

/* A host that refuses every accept, here with EINVAL, is not asked without a pause. */
Test(socket, accepting_that_fails_for_ever_lets_the_loop_sleep)
{
	unsigned worked = 0;

	cr_assert_eq(shutdown(listening_fd(), SHUT_RDWR), 0);
	world_run_for_ms(20);
	for (unsigned i = 0; i < 1000; i++) {
		worked += loop_turn();
		host_wait(0);
		clock_advance_ns(NS_PER_MS / 10);
	}
	cr_assert_lt(worked, 500);
}

Test(socket, reading_waits_for_buffers)
{
	static char big[4 << 20];
	struct slice slice = { big, sizeof(big), NULL };
	struct flow *client, *server;
	struct flow_read reads[64], waiting;
	struct flow_write op;
	unsigned n = 0;

	connect_pair(&client, &server);
	flow_write(client, &op, &slice, 1);
	for (;; n++) { /* holds on to all that it reads */
		flow_read(server, &reads[n], 16384);
		world_run_for_ms(5);
		if (!promise_is_settled(&reads[n].promise))
			break;
		cr_assert(n < BUFFERS);
	}
	cr_assert(stats().buffer_waits > 0);
	cr_assert_eq(stats().buffers, BUFFERS);
	buf_free(reads[0].bufs);
	cr_assert(world_run(&reads[n].promise) > 0, "goes on once a buffer has come back");
	buf_free(reads[n].bufs);
	for (unsigned i = 1; i < n; i++)
		buf_free(reads[i].bufs);
	flow_read(server, &waiting, 100);
	cr_assert_eq(world_run(&waiting.promise), 100);
	buf_free(waiting.bufs);
	flow_close(client); /* op ends before its storage does */
}

Test(socket, ports_are_taken_once_and_bounded)
{
	cr_assert_eq(socket_tcp_listen(stack, port, take, NULL), -EADDRINUSE);
	cr_assert_eq(socket_tcp_listen(stack, 0, take, NULL), -EINVAL);
	cr_assert_eq(socket_tcp_listen(stack, free_port(SOCK_STREAM), take, NULL), 0);
	cr_assert_eq(socket_tcp_listen(stack, free_port(SOCK_STREAM), take, NULL), 0);
	cr_assert_eq(socket_tcp_listen(stack, free_port(SOCK_STREAM), take, NULL), -ENOBUFS);
	socket_tcp_unlisten(stack, port);
	cr_assert_eq(socket_tcp_listen(stack, port, take, NULL), 0);
	socket_tcp_unlisten(stack, 1); /* no listener: harmless */
}

static int take_and_unlisten(void *arg, struct flow *flow, const struct endpoint *peer)
{
	socket_tcp_unlisten(stack, port);
	return take(arg, flow, peer);
}

Test(socket, unlistening_while_accepting)
{
	int a, b;

	socket_tcp_unlisten(stack, port);
	port = free_port(SOCK_STREAM);
	cr_assert_eq(socket_tcp_listen(stack, port, take_and_unlisten, NULL), 0);
	a = host_client();
	b = host_client();
	wait_accepted(1);
	world_run_for_ms(20);
	cr_assert_eq(accepted.count, 1);
	close(a);
	close(b);
}

static int close_at_once(void *arg, struct flow *flow, const struct endpoint *peer)
{
	(void)arg, (void)peer;
	flow_close(flow);
	accepted.count++;
	return 0;
}

Test(socket, closing_while_accepting)
{
	int fds[3];

	socket_tcp_unlisten(stack, port);
	port = free_port(SOCK_STREAM);
	cr_assert_eq(socket_tcp_listen(stack, port, close_at_once, NULL), 0);
	for (unsigned i = 0; i < 3; i++)
		fds[i] = host_client();
	wait_accepted(3);
	cr_assert_eq(stats().connections, 0);
	for (unsigned i = 0; i < 3; i++)
		close(fds[i]);
}

Test(socket, no_connection_without_memory)
{
	struct socket_stack *s;

	for (unsigned i = 1; i <= 3; i++) {
		test_alloc_fail_at(i);
		cr_assert_eq(socket_create(&s, NULL), -ENOMEM);
	}
	test_alloc_fail_at(1);
	cr_assert_eq(socket_tcp_listen(stack, free_port(SOCK_STREAM), take, NULL), -ENOBUFS);
}

/* -- datagrams -- */

static struct {
	unsigned calls;
	uint32_t len;
	uint8_t bytes[65536];
	struct endpoint from, to;
} datagram;

static void receive(void *arg, struct buf *b, const struct endpoint *from, const struct endpoint *to)
{
	(void)arg;
	datagram.calls++;
	datagram.len = buf_length(b);
	buf_copy_out(b, 0, datagram.bytes, datagram.len);
	datagram.from = *from;
	datagram.to = *to;
	buf_free(b);
}

static void wait_datagrams(unsigned n)
{
	for (unsigned ms = 0; ms < 5000 && datagram.calls < n; ms++)
		world_run_for_ms(1);
	cr_assert_eq(datagram.calls, n);
}

Test(socket, datagrams_come_and_go)
{
	static char large[60000];
	uint16_t a = free_port(SOCK_DGRAM), b;
	struct endpoint to = local(a);

	memset(&datagram, 0, sizeof(datagram));
	memset(large, 'x', sizeof(large));
	cr_assert_eq(socket_udp_listen(stack, a, receive, NULL), 0);
	cr_assert_eq(socket_udp_listen(stack, a, receive, NULL), -EADDRINUSE);
	b = free_port(SOCK_DGRAM);
	cr_assert_eq(socket_udp_send(stack, b, &to, buf_alloc_slice(NULL, "knock", 5)), 0);
	wait_datagrams(1);
	cr_assert_eq(datagram.len, 5);
	cr_assert_eq(memcmp(datagram.bytes, "knock", 5), 0);
	cr_assert_eq(datagram.from.port, b);
	cr_assert_eq(datagram.to.port, a);
	cr_assert_eq(datagram.to.addr.bytes[0], 127);
	cr_assert_eq(socket_udp_send(stack, a, &to, buf_alloc_slice(NULL, NULL, 0)), 0);
	wait_datagrams(2);
	cr_assert_eq(datagram.len, 0);
	cr_assert_eq(datagram.from.port, a, "from the listener's own socket");
	cr_assert_eq(socket_udp_send(stack, 0, &to, buf_alloc_slice(NULL, large, sizeof(large))), 0);
	wait_datagrams(3);
	cr_assert_eq(datagram.len, sizeof(large));
	cr_assert_eq(memcmp(datagram.bytes, large, sizeof(large)), 0);
	cr_assert_eq(socket_udp_send(stack, 0, &to, buf_alloc_slice(NULL, datagram.bytes, 65536)), -EMSGSIZE);
	socket_udp_unlisten(stack, a);
	cr_assert_eq(socket_udp_send(stack, 0, &to, buf_alloc_slice(NULL, "x", 1)), 0);
	world_run_for_ms(10);
	cr_assert_eq(datagram.calls, 3);
}

/* A network of the test's own, whose groups are behind loopback. */
static void make_network(void)
{
	struct rtentry route = { .rt_flags = RTF_UP, .rt_dev = "lo" };
	struct ifreq request = { .ifr_name = "lo", .ifr_flags = IFF_UP | IFF_RUNNING | IFF_LOOPBACK };
	struct sockaddr_in group = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(0xe0000000) };
	int s;

	if (unshare(CLONE_NEWNET) < 0 && unshare(CLONE_NEWUSER | CLONE_NEWNET) < 0)
		cr_skip_test("the host lets nobody make a namespace: %s", strerror(errno));
	s = socket(AF_INET, SOCK_DGRAM, 0);
	cr_assert_eq(ioctl(s, SIOCSIFFLAGS, &request), 0);
	memcpy(&route.rt_dst, &group, sizeof(group));
	group.sin_addr.s_addr = htonl(0xf0000000);
	memcpy(&route.rt_genmask, &group, sizeof(group));
	cr_assert_eq(ioctl(s, SIOCADDRT, &route), 0, "%s", strerror(errno));
	close(s);
}

Test(socket, groups_are_joined_and_left)
{
	struct endpoint to = { ip_v4(239, 1, 2, 3), 5353 };
	struct ip_addr nobody = ip_v4(10, 0, 0, 1);
	struct socket_group group;

	make_network();
	memset(&datagram, 0, sizeof(datagram));
	cr_assert_eq(socket_udp_listen(stack, 5353, receive, NULL), 0);
	cr_assert_eq(socket_udp_send(stack, 0, &to, buf_alloc_slice(NULL, "early", 5)), 0);
	world_run_for_ms(10);
	cr_assert_eq(datagram.calls, 0);
	cr_assert_eq(socket_udp_join(stack, &group, &to.addr), 0);
	cr_assert_eq(socket_udp_send(stack, 0, &to, buf_alloc_slice(NULL, "all", 3)), 0);
	wait_datagrams(1);
	cr_assert_eq(datagram.len, 3);
	cr_assert_eq(datagram.to.addr.bytes[0], 239);
	socket_udp_leave(stack, &group);
	cr_assert_eq(socket_udp_send(stack, 0, &to, buf_alloc_slice(NULL, "late", 4)), 0);
	world_run_for_ms(10);
	cr_assert_eq(datagram.calls, 1);
	cr_assert_eq(socket_udp_join(stack, &group, &nobody), -EINVAL);
	socket_udp_unlisten(stack, 5353);
}

Test(socket, datagrams_from_an_address_that_is_asked_for)
{
	uint16_t a = free_port(SOCK_DGRAM);
	struct endpoint to = local(a), from = { ip_v4(127, 5, 6, 7), 0 };

	memset(&datagram, 0, sizeof(datagram));
	cr_assert_eq(socket_udp_listen(stack, a, receive, NULL), 0);
	cr_assert_eq(socket_udp_send_from(stack, &from, &to, buf_alloc_slice(NULL, "x", 1)), 0);
	wait_datagrams(1);
	cr_assert_eq(memcmp(datagram.from.addr.bytes, from.addr.bytes, 4), 0);
	from.addr = ip_v4(192, 0, 2, 99);
	cr_assert_eq(socket_udp_send_from(stack, &from, &to, buf_alloc_slice(NULL, "x", 1)), -EADDRNOTAVAIL);
	socket_udp_unlisten(stack, a);
}

Test(socket, addresses_that_the_host_has)
{
	struct ip_addr ours = ip_v4(127, 0, 0, 1), anothers = ip_v4(192, 0, 2, 99), v6 = { IP_V6, { [15] = 1 } };

	make_network();
	cr_assert(socket_has_address(stack, &ours));
	cr_assert(!socket_has_address(stack, &anothers));
	v6.bytes[0] = 0xfd;
	cr_assert(!socket_has_address(stack, &v6));
}

/* Asserts the header fields of a datagram that a host's socket receives. */
static void expect_header(int fd, int ttl, int tos)
{
	char data[8], control[128];
	struct iovec iov = { data, sizeof(data) };
	struct msghdr m = {
		.msg_iov = &iov, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof(control),
	};
	int seen = 0;

	cr_assert_gt(recvmsg(fd, &m, 0), 0, "%s", strerror(errno));
	for (struct cmsghdr *c = CMSG_FIRSTHDR(&m); c; c = CMSG_NXTHDR(&m, c)) {
		if (c->cmsg_type == IP_TTL)
			cr_assert_eq(*(int *)CMSG_DATA(c), ttl);
		if (c->cmsg_type == IP_TOS)
			cr_assert_eq(*CMSG_DATA(c), tos);
		seen++;
	}
	cr_assert_eq(seen, 2);
}

Test(socket, the_header_of_connections_is_the_listeners_or_that_of_all_that_are_opened)
{
	struct flow *client, *server;
	int32_t value;

	cr_assert_eq(socket_tcp_preset(stack, port, STACK_TTL, 9), 0);
	cr_assert_eq(socket_tcp_preset(stack, port, STACK_TTL, 0), -EINVAL);
	cr_assert_eq(socket_tcp_preset(stack, port, STACK_NODELAY, 1), -ENOPROTOOPT);
	cr_assert_eq(socket_tcp_preset(stack, free_port(SOCK_STREAM), STACK_TTL, 9), -ENOTCONN);
	cr_assert_eq(socket_tcp_preset(stack, 0, STACK_TTL, 255), 0);
	cr_assert_eq(socket_tcp_preset(stack, 0, STACK_DSCP, 46), 0);
	connect_pair(&client, &server);
	cr_assert(socket_tcp_get(client, STACK_TTL, &value) == 0 && value == 255);
	cr_assert(socket_tcp_get(client, STACK_DSCP, &value) == 0 && value == 46);
	cr_assert(socket_tcp_get(server, STACK_TTL, &value) == 0 && value == 9);
	flow_abort(client);
	flow_abort(server);
}

Test(socket, the_header_of_datagrams_is_the_ports)
{
	uint16_t a = free_port(SOCK_DGRAM), b = free_port(SOCK_DGRAM);
	int fd = socket(AF_INET, SOCK_DGRAM, 0), on = 1;
	struct sockaddr_in at = { .sin_family = AF_INET, .sin_port = htons(a) };
	struct endpoint to = local(a);
	int32_t value;

	cr_assert_eq(bind(fd, (struct sockaddr *)&at, sizeof(at)), 0);
	setsockopt(fd, IPPROTO_IP, IP_RECVTTL, &on, sizeof(on));
	setsockopt(fd, IPPROTO_IP, IP_RECVTOS, &on, sizeof(on));
	cr_assert_eq(socket_udp_listen(stack, b, receive, NULL), 0);
	cr_assert_eq(socket_udp_set(stack, b, STACK_TTL, 9), 0);
	cr_assert_eq(socket_udp_set(stack, b, STACK_DSCP, 46), 0);
	cr_assert_eq(socket_udp_get(stack, b, STACK_TTL, &value), 0);
	cr_assert_eq(value, 9);
	cr_assert_eq(socket_udp_get(stack, b, STACK_DSCP, &value), 0);
	cr_assert_eq(value, 46);
	cr_assert_eq(socket_udp_send(stack, b, &to, buf_alloc_slice(NULL, "x", 1)), 0);
	expect_header(fd, 9, 46 << 2);
	cr_assert_eq(socket_udp_send(stack, 0, &to, buf_alloc_slice(NULL, "x", 1)), 0);
	expect_header(fd, 64, 0);
	cr_assert_eq(socket_udp_set(stack, b, STACK_TTL, 0), -EINVAL);
	cr_assert_eq(socket_udp_set(stack, b, STACK_MSS, 1000), -ENOPROTOOPT);
	cr_assert_eq(socket_udp_get(stack, b, STACK_ERROR, &value), -ENOPROTOOPT);
	socket_udp_unlisten(stack, b);
	cr_assert_eq(socket_udp_set(stack, b, STACK_TTL, 1), -ENOTCONN);
	cr_assert_eq(socket_udp_get(stack, b, STACK_TTL, &value), -ENOTCONN);
	close(fd);
}

/* -- options -- */

Test(socket, options_are_set_and_read_back)
{
	static const struct {
		enum stack_option option;
		int32_t before, value;
	} options[] = {
		{ STACK_NODELAY, 1, 0 }, { STACK_CORK, 0, 1 }, { STACK_KEEPALIVE, 0, 1 },
		{ STACK_KEEPIDLE, 7200, 100 }, { STACK_KEEPINTVL, 75, 10 }, { STACK_KEEPCNT, 9, 3 },
		{ STACK_LINGER, -1, 5 },
		{ STACK_USERTIMEOUT, 0, 12345 }, { STACK_RCVBUF, -1, 16384 }, { STACK_SNDBUF, -1, 16384 },
		{ STACK_TTL, 64, 9 }, { STACK_DSCP, 0, 46 },
	};
	struct flow *client, *server;
	int32_t value;

	connect_pair(&client, &server);
	for (size_t i = 0; i < ARRAY_SIZE(options); i++) {
		cr_assert_eq(socket_tcp_get(server, options[i].option, &value), 0);
		cr_assert(options[i].before < 0 || value == options[i].before, "%zu: %d", i, value);
		cr_assert_eq(socket_tcp_set(server, options[i].option, options[i].value), 0, "%zu", i);
		cr_assert_eq(socket_tcp_get(server, options[i].option, &value), 0);
		cr_assert_eq(value, options[i].value, "%zu: %d", i, value);
	}
	cr_assert_eq(socket_tcp_get(server, STACK_MSS, &value), 0);
	cr_assert_gt(value, 0);
	cr_assert_eq(socket_tcp_get(server, STACK_ERROR, &value), 0);
	cr_assert_eq(value, 0);
	cr_assert_eq(socket_tcp_set(server, STACK_ERROR, 0), -ENOPROTOOPT);
	cr_assert_eq(socket_tcp_set(server, STACK_MSS, 500), -ENOPROTOOPT, "it would be without effect");
	cr_assert_eq(socket_tcp_set(server, STACK_TTL, -1), -EINVAL); /* which a host takes for "as usual" */
	cr_assert_eq(socket_tcp_set(server, STACK_DSCP, 64), -EINVAL);
	cr_assert_eq(socket_tcp_get(server, STACK_OPTIONS, &value), -ENOPROTOOPT);
	cr_assert_eq(socket_tcp_set(server, STACK_KEEPIDLE, 0), -EINVAL);
	cr_assert_eq(socket_tcp_set(server, STACK_LINGER, -2), -EINVAL);
	cr_assert_eq(socket_tcp_set(server, STACK_RCVBUF, -1), -EINVAL);
	flow_abort(client);
	flow_abort(server);
}

Test(socket, a_buffer_of_nothing_is_as_large_as_may_be)
{
	static const enum stack_option options[] = { STACK_RCVBUF, STACK_SNDBUF };
	struct flow *client, *server;
	int32_t before, value;

	connect_pair(&client, &server);
	for (size_t i = 0; i < ARRAY_SIZE(options); i++) {
		cr_assert_eq(socket_tcp_get(server, options[i], &before), 0);
		cr_assert_eq(socket_tcp_set(server, options[i], 0), 0);
		cr_assert_eq(socket_tcp_get(server, options[i], &value), 0);
		cr_assert_eq(value, before, "the host's choice");
		cr_assert_eq(socket_tcp_set(server, options[i], 10000), 0);
		cr_assert_eq(socket_tcp_set(server, options[i], 0), 0);
		cr_assert_eq(socket_tcp_get(server, options[i], &value), 0);
		cr_assert_gt(value, 65536);
	}
	flow_abort(client);
	flow_abort(server);
}

Test(socket, linger_of_nothing_resets)
{
	struct flow *client, *server;
	struct flow_read op;
	int32_t error;

	connect_pair(&client, &server);
	cr_assert_eq(socket_tcp_set(server, STACK_LINGER, 0), 0);
	flow_close(server);
	flow_read(client, &op, 10);
	cr_assert_eq(world_run(&op.promise), -ECONNRESET);
	cr_assert_eq(socket_tcp_get(client, STACK_ERROR, &error), 0);
	cr_assert_eq(error, -ECONNRESET);
	flow_close(client);
}

Test(socket, info_and_ends)
{
	struct flow *client, *server;
	struct stack_tcp_info info;
	struct endpoint ours, theirs, theirs_too;

	connect_pair(&client, &server);
	write_all(client, "hello", 5);
	world_run_for_ms(20);
	socket_tcp_info(server, &info);
	cr_assert_eq(info.state, TCP_ESTABLISHED);
	cr_assert_gt(info.cur_mss, 500);
	cr_assert_gt(info.cur_cwnd, info.cur_mss);
	cr_assert_eq(info.app_rqueue, 5);
	cr_assert_gt(info.cur_rto_us, 0);
	socket_tcp_ends(server, &ours, &theirs);
	cr_assert_eq(ours.port, port);
	cr_assert_eq(ours.addr.bytes[0], 127);
	socket_tcp_ends(client, &theirs_too, &ours);
	cr_assert_eq(ours.port, port);
	cr_assert_eq(theirs.port, theirs_too.port);
	cr_assert_eq(flow_shutdown(client), 0);
	world_run_for_ms(20);
	socket_tcp_info(server, &info);
	cr_assert_eq(info.state, TCP_CLOSE_WAIT);
	flow_abort(client);
	flow_abort(server);
}
