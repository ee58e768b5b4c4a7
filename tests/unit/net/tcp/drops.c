/* SPDX-License-Identifier: ISC */
/* Each segment that is refused says why under log=debug, and is counted. */
#include <criterion/criterion.h>
#include <string.h>

#include "kernel/format.h"
#include "kernel/log.h"
#include "tests/lib/segment.h"
#include "tests/lib/test.h"

static struct peer peer;
static struct flow *flow;
static const uint8_t data[100];

static void create(void)
{
	log_level = LOG_DEBUG;
	peer_create(&peer, NULL);
}

static void destroy(void)
{
	peer_destroy(&peer);
}

TestSuite(tcp_drops, .init = create, .fini = destroy);

/* One segment, refused for reason; NULL: it is not. */
static void expect(const char *reason, uint8_t flags, uint32_t seq, uint32_t ack, uint32_t len)
{
	uint64_t before = tcp_stats(peer.tcp)->in_drops;
	char line[100];

	test_console_clear();
	peer_send(&peer, flags, seq, ack, data, len);
	peer_forget(&peer);
	cr_assert_eq(tcp_stats(peer.tcp)->in_drops, before + (reason ? 1 : 0), "%s", reason);
	if (reason) {
		format(line, sizeof(line), "tcp: drop reason=\"%s\"\n", reason);
		cr_assert(strstr(test_console_text(), line), "%s: %s", reason, test_console_text());
	}
}

Test(tcp_drops, of_no_connection)
{
	expect("of no connection", SEG_ACK, 1, 1, 0);
	expect("of no connection", SEG_RST, 1, 1, 0);
	expect("of no connection", 0, 1, 1, 10);
	peer.stack_port = 81;
	expect("nobody listens", SEG_SYN, 0, 0, 0);
}

Test(tcp_drops, while_a_peer_opens)
{
	peer_send(&peer, SEG_SYN, 0, 0, NULL, 0);
	peer_expect(&peer, SEG_SYN | SEG_ACK, 0, 1, 0);
	expect(NULL, SEG_SYN, 0, 0, 0);
	expect("nothing that follows its SYN", SEG_SYN, 5, 0, 0);
	expect("nothing that follows its SYN", SEG_SYN | SEG_ACK, 0, 1, 0);
	expect("nothing that follows its SYN", SEG_RST, 5, 0, 0);
	expect("nothing that follows its SYN", SEG_ACK, 0x10000000, 1, 0);
	expect("no acknowledgement of our SYN", SEG_ACK, 1, 2, 0);
	expect("no acknowledgement of our SYN", 0, 1, 0, 10);
	expect(NULL, SEG_RST, 1, 0, 0);
}

Test(tcp_drops, while_we_open)
{
	struct stack_connect op;
	struct endpoint to = { peer.addr, peer.port };

	tcp_connect(peer.tcp, &op, &to);
	peer.stack_port = peer_expect(&peer, SEG_SYN, 0, 0, 0)->segment.src_port;
	expect("no acknowledgement of our SYN", SEG_SYN | SEG_ACK, 0, 7, 0);
	expect("no answer to our SYN", SEG_RST, 0, 0, 0);
	expect("no answer to our SYN", 0, 0, 0, 10);
	expect(NULL, SEG_RST | SEG_ACK, 0, 1, 0);
}

Test(tcp_drops, within_a_connection)
{
	flow = peer_open(&peer);
	expect("a SYN within a connection", SEG_SYN, 1, 1, 0);
	expect("no acknowledgement", 0, 1, 1, 10);
	expect("an acknowledgement of what was not sent", SEG_ACK, 1, 7, 10);
	expect("a reset that is not exact", SEG_RST, 7, 1, 0);
	expect("outside of the window", SEG_ACK, 0x10000000, 1, 10);
	expect(NULL, SEG_ACK, 51, 1, 50);
	expect("no data that is wanted", SEG_ACK, 61, 1, 20);
	expect(NULL, SEG_ACK, 1, 1, 50);
	expect("no data that is wanted", SEG_ACK, 91, 1, 10);
	expect(NULL, SEG_ACK | SEG_FIN, 101, 1, 0);
	expect("no data that is wanted", SEG_ACK, 102, 1, 10);
}

Test(tcp_drops, when_nobody_reads_any_more)
{
	flow = peer_open(&peer);
	flow_close(flow);
	peer_forget(&peer);
	expect("nobody will read it", SEG_ACK, 1, 1, 10);
}

Test(tcp_drops, in_time_wait)
{
	flow = peer_open(&peer);
	flow_close(flow);
	peer_forget(&peer);
	expect(NULL, SEG_ACK | SEG_FIN, 1, 2, 0);
	expect("the connection is over", SEG_ACK | SEG_FIN, 1, 2, 0);
	expect("the connection is over", SEG_ACK, 2, 2, 0);
}
