/* SPDX-License-Identifier: ISC */
/* The common part of the tests of streams. */
#include "tests/unit/net/tcp/stream.h"

#include <criterion/criterion.h>
#include <string.h>

struct peer peer;
struct flow *flow;
uint8_t data[200000];
struct flow_write write_op;

void stream_create(void)
{
	for (size_t i = 0; i < sizeof(data); i++)
		data[i] = (uint8_t)(i * 7 + i / 251);
	peer_create(&peer, NULL);
}

void stream_destroy(void)
{
	peer_destroy(&peer);
}

void write_bytes(size_t offset, size_t len)
{
	static struct slice slice;

	slice = (struct slice){ data + offset, len, NULL };
	flow_write(flow, &write_op, &slice, 1);
}

void expect_data_with_ack(uint32_t seq, uint32_t ack, uint32_t len)
{
	struct sent *s = peer_expect(&peer, SEG_ACK, seq, ack, len);

	cr_assert_eq(memcmp(s->payload, data + seq - 1, len), 0);
}

void expect_data(uint32_t seq, uint32_t len)
{
	expect_data_with_ack(seq, 1, len);
}
