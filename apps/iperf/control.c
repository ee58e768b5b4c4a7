/* SPDX-License-Identifier: ISC */
/* The control connection, read and written in a fiber. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "apps/iperf/iperf_priv.h"
#include "kernel/dev/clock.h"
#include "kernel/fiber.h"

uint64_t control_deadline(uint32_t seconds)
{
	return clock_now_ns() + (seconds + PATIENCE_SECONDS) * NS_PER_S;
}

/* A copy of written bytes: the stack refers to them until the peer has acknowledged them. */
struct copy {
	struct storage storage;
	uint8_t bytes[];
};

static void copy_free(struct storage *s)
{
	free(container_of(s, struct copy, storage));
}

int control_write(struct flow *flow, const void *data, size_t len)
{
	struct copy *copy = malloc(sizeof(*copy) + len);
	struct flow_write op;
	struct slice slice;
	intptr_t result;

	if (!copy)
		return -ENOMEM;
	copy->storage = (struct storage){ .refs = 1, .free = copy_free };
	memcpy(copy->bytes, data, len);
	slice = (struct slice){ copy->bytes, len, &copy->storage };
	flow_write(flow, &op, &slice, 1);
	result = fiber_await(&op.promise, control_deadline(0));
	storage_put(&copy->storage);
	return (int)MIN(result, 0);
}

int control_read(struct flow *flow, void *to, size_t len, uint64_t deadline_ns)
{
	struct flow_read op;

	for (size_t got = 0; got < len;) {
		intptr_t n;

		flow_read(flow, &op, (uint32_t)(len - got));
		n = fiber_await(&op.promise, deadline_ns);
		if (n <= 0)
			return n < 0 ? (int)n : -ECONNRESET;
		buf_copy_out(op.bufs, 0, (char *)to + got, (uint32_t)n);
		buf_free(op.bufs);
		got += (size_t)n;
	}
	return 0;
}

int control_send_state(struct measurement *m, enum iperf_state state)
{
	int8_t byte = (int8_t)state;

	return control_write(m->control, &byte, 1);
}

int control_read_state(struct measurement *m, int *state, uint64_t deadline_ns)
{
	int8_t byte = 0;
	int result = control_read(m->control, &byte, 1, deadline_ns);

	*state = byte;
	return result;
}

int control_send_message(struct measurement *m, size_t len)
{
	uint8_t head[4] = { (uint8_t)(len >> 24), (uint8_t)(len >> 16), (uint8_t)(len >> 8), (uint8_t)len };

	return control_write(m->control, head, sizeof(head)) ?: control_write(m->control, m->message, len);
}

int control_read_message(struct measurement *m)
{
	uint8_t head[4] = { 0 };
	int result = control_read(m->control, head, sizeof(head), control_deadline(0));
	uint32_t len = (uint32_t)head[0] << 24 | (uint32_t)head[1] << 16 | (uint32_t)head[2] << 8 | head[3];

	if (result < 0)
		return result;
	if (len > sizeof(m->message))
		return -EMSGSIZE;
	return control_read(m->control, m->message, len, control_deadline(0)) ?: (int)len;
}
