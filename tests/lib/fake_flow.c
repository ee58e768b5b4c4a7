/* SPDX-License-Identifier: ISC */
/* The fake flow settles operations at once where it can, as a real one does; accepted slices keep their
 * storage until the test acknowledges them, so a server that frees too early is found out. */
#include "tests/lib/fake_flow.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct copy {
	struct storage storage;
	char *data;
};

static void copy_free(struct storage *storage)
{
	struct copy *copy = container_of(storage, struct copy, storage);

	free(copy->data);
	free(copy);
}

static void settle_read(struct fake_flow *f)
{
	struct flow_read *op = f->reading;
	uint32_t n;

	if (!op || (!f->fed && !f->ended && !f->error))
		return;
	f->reading = NULL;
	if (f->error) {
		promise_fail(&op->promise, f->error);
		return;
	}
	if (!f->fed) {
		promise_fulfil(&op->promise, 0);
		return;
	}
	op->bufs = f->fed;
	n = buf_length(op->bufs);
	f->fed = NULL;
	if (n > op->max) {
		/* The surplus goes back as a copy. */
		char *rest = malloc(n - op->max);

		buf_copy_out(op->bufs, op->max, rest, n - op->max);
		fake_flow_feed(f, rest, n - op->max);
		free(rest);
		buf_trim(op->bufs, op->max);
		n = op->max;
	}
	promise_fulfil(&op->promise, n);
}

static void cancel_read(struct promise *promise)
{
	struct flow_read *op = container_of(promise, struct flow_read, promise);
	struct fake_flow *f = container_of(op->flow, struct fake_flow, flow);

	f->reading = NULL;
	promise_fail(promise, -ECANCELED);
}

static void fake_read(struct flow *flow, struct flow_read *op)
{
	struct fake_flow *f = container_of(flow, struct fake_flow, flow);

	assert(!f->closed);
	if (f->reading) {
		promise_throw(&op->promise, -EBUSY);
		return;
	}
	promise_init(&op->promise, cancel_read);
	f->reading = op;
	settle_read(f);
}

static void take_output(struct fake_flow *f, const struct slice *slice, size_t offset, size_t n)
{
	f->output = realloc(f->output, f->output_len + n + 1);
	memcpy(f->output + f->output_len, (const char *)slice->data + offset, n);
	f->output_len += n;
	f->output[f->output_len] = '\0';
	f->window -= f->window == SIZE_MAX ? 0 : n;
	if (offset == 0 && slice->storage) {
		assert(f->unacknowledged_count < ARRAY_SIZE(f->unacknowledged));
		storage_get(slice->storage);
		f->unacknowledged[f->unacknowledged_count++] = slice->storage;
	}
}

static void settle_writes(struct fake_flow *f)
{
	while (!list_is_empty(&f->writing)) {
		struct flow_write *op = list_first(&f->writing, struct flow_write, link);

		while (!f->error && op->index < op->count) {
			const struct slice *slice = &op->slices[op->index];
			size_t n = MIN(slice->len - op->offset, f->window);

			if (!n && slice->len)
				return;
			take_output(f, slice, op->offset, n);
			op->offset += n;
			op->total += n;
			if (op->offset < slice->len)
				return;
			op->offset = 0;
			op->index++;
		}
		list_remove(&op->link);
		if (f->error)
			promise_fail(&op->promise, f->error);
		else
			promise_fulfil(&op->promise, (intptr_t)op->total);
	}
}

static void fake_write(struct flow *flow, struct flow_write *op)
{
	struct fake_flow *f = container_of(flow, struct fake_flow, flow);

	assert(!f->closed);
	f->writes++;
	f->slices += op->count;
	if (f->shut_down) {
		promise_throw(&op->promise, -EPIPE);
		return;
	}
	promise_init(&op->promise, NULL);
	list_push_back(&f->writing, &op->link);
	settle_writes(f);
}

static int fake_shutdown(struct flow *flow)
{
	container_of(flow, struct fake_flow, flow)->shut_down = true;
	return 0;
}

static void fake_close(struct flow *flow)
{
	struct fake_flow *f = container_of(flow, struct fake_flow, flow);

	assert(!f->closed);
	fake_flow_break(f, -ECANCELED);
	f->closed = true;
	buf_free(f->fed);
	f->fed = NULL;
}

static void fake_abort(struct flow *flow)
{
	container_of(flow, struct fake_flow, flow)->aborted = true;
	fake_close(flow);
}

void fake_flow_init(struct fake_flow *f)
{
	static const struct flow_ops ops = { fake_read, fake_write, fake_shutdown, fake_close, fake_abort };

	*f = (struct fake_flow){ .flow.ops = &ops, .window = SIZE_MAX };
	list_init(&f->writing);
	fake_flow_clear(f);
}

void fake_flow_destroy(struct fake_flow *f)
{
	fake_flow_acknowledge(f);
	assert(!f->reading && list_is_empty(&f->writing));
	buf_free(f->fed);
	free(f->output);
}

void fake_flow_feed(struct fake_flow *f, const void *data, size_t len)
{
	struct copy *copy;
	struct buf *b;

	if (f->closed || !len)
		return;
	copy = malloc(sizeof(*copy));
	copy->storage = (struct storage){ .refs = 1, .free = copy_free };
	copy->data = malloc(len);
	memcpy(copy->data, data, len);
	b = buf_alloc_slice(&copy->storage, copy->data, (uint32_t)len);
	assert(b);
	storage_put(&copy->storage);
	if (f->fed)
		buf_append(f->fed, b);
	else
		f->fed = b;
	settle_read(f);
}

void fake_flow_feed_text(struct fake_flow *f, const char *text)
{
	fake_flow_feed(f, text, strlen(text));
}

void fake_flow_end(struct fake_flow *f)
{
	f->ended = true;
	settle_read(f);
}

void fake_flow_break(struct fake_flow *f, int error)
{
	f->error = error;
	settle_read(f);
	settle_writes(f);
}

void fake_flow_accept(struct fake_flow *f, size_t n)
{
	f->window += n;
	settle_writes(f);
}

void fake_flow_acknowledge(struct fake_flow *f)
{
	while (f->unacknowledged_count)
		storage_put(f->unacknowledged[--f->unacknowledged_count]);
}

void fake_flow_clear(struct fake_flow *f)
{
	f->output = realloc(f->output, 1);
	f->output[0] = '\0';
	f->output_len = 0;
}
