/* SPDX-License-Identifier: ISC */
/* Urgent data is data (RFC 6093 §5, §6): it stays in line, and the pointer is ignored. */
#include <criterion/criterion.h>
#include <string.h>

#include "net/bytes.h"
#include "tests/lib/segment.h"

static struct peer peer;

static void create(void)
{
	peer_create(&peer, NULL);
}

static void destroy(void)
{
	peer_destroy(&peer);
}

TestSuite(tcp_urgent, .init = create, .fini = destroy);

Test(tcp_urgent, data_stays_in_line)
{
	struct flow *flow = peer_open(&peer);
	struct flow_read op;
	char text[12];

	peer_send(&peer, SEG_ACK, 1, 1, "abc", 3);
	peer_send(&peer, SEG_ACK | SEG_URG, 4, 1, "def", 3);
	peer_send(&peer, SEG_ACK | SEG_URG, 7, 1, NULL, 0);
	peer_send(&peer, SEG_ACK | SEG_URG | SEG_PSH | SEG_FIN, 7, 1, "ghi", 3);
	flow_read(flow, &op, 100);
	cr_assert_eq(promise_result(&op.promise), 9);
	buf_copy_out(op.bufs, 0, text, 9);
	cr_assert_eq(memcmp(text, "abcdefghi", 9), 0);
	buf_free(op.bufs);
	flow_read(flow, &op, 100);
	cr_assert_eq(promise_result(&op.promise), 0);
	peer_forget(&peer);
}

Test(tcp_urgent, pointer_is_not_looked_at)
{
	uint8_t header[SEGMENT_HEADER_MAX];
	struct segment s = { .src_port = 1, .dst_port = 2, .seq = 3, .ack = 4, .flags = SEG_ACK | SEG_URG }, got;

	for (uint32_t pointer = 0; pointer <= UINT16_MAX; pointer += 4369) {
		segment_emit(&s, header, sizeof(header));
		put_be16(header + 18, (uint16_t)pointer);
		cr_assert_eq(segment_parse(&got, header, SEGMENT_HEADER_BYTES), SEGMENT_HEADER_BYTES);
		cr_assert_eq(got.seq, 3);
		cr_assert_eq(got.flags, SEG_ACK | SEG_URG);
	}
}
