/* SPDX-License-Identifier: ISC */
/* A flow is a byte stream in both directions: TCP's, a host's socket, a vchan of Xen; HTTP runs over
 * each. The implementation embeds struct flow first; the caller's read and write operations embed the
 * promise, so a flow allocates nothing per call.
 *
 * Back-pressure: unread data stops the sender at the other end; a write settles only when the flow
 * has accepted it. */
#ifndef KERNEL_FLOW_H
#define KERNEL_FLOW_H

#include "kernel/buf.h"
#include "kernel/promise.h"

struct flow;

/* Fulfilled with the number of bytes in bufs (> 0), or 0 at the end of the stream. bufs is given
 * to the caller, who frees it soon: it may hold a device's receive buffers, which all flows share;
 * data to be kept for longer is copied. Fails with -ECONNRESET, -ETIMEDOUT, -EADDRNOTAVAIL
 * (our address has gone), -EBUSY (another read is pending), -EINVAL (max is 0), -ECANCELED. */
struct flow_read {
	struct promise promise;
	struct flow *flow;
	struct buf *bufs;
	uint32_t max; /* bytes that the caller wants at most */
};

/* One piece of a gather write. storage NULL: constant memory that outlives the flow, referenced
 * and never copied. Otherwise the flow takes its own count until the peer has acknowledged. */
struct slice {
	const void *data;
	size_t len;
	struct storage *storage;
};

/* Fulfilled with the total of bytes, which the caller keeps to INTPTR_MAX, once all slices have been
 * accepted. The slices array is borrowed until then. Fails as read does, and with -EPIPE after
 * flow_shutdown. */
struct flow_write {
	struct promise promise;
	struct list link; /* for the flow that holds it pending */
	struct flow *flow;
	const struct slice *slices;
	uint32_t count, index; /* slices, and how many of them were accepted whole */
	size_t offset, total;  /* accepted bytes of slices[index]; accepted bytes in all */
};

struct flow_ops {
	/* One read at a time per flow (-EBUSY); many writes may be pending, accepted in order. Each
	 * initialises op->promise and may settle it at once. */
	void (*read)(struct flow *f, struct flow_read *op);
	void (*write)(struct flow *f, struct flow_write *op);
	/* Ends the sending direction after all accepted bytes. */
	int (*shutdown)(struct flow *f);
	/* Takes f: sends all accepted bytes, then ends both directions in the background; unread data
	 * is thrown away (TCP then resets, RFC 9293 §3.6). abort: at once, with a reset. Pending
	 * operations fail with -ECANCELED. */
	void (*close)(struct flow *f);
	void (*abort)(struct flow *f);
};

struct flow {
	const struct flow_ops *ops;
};

static inline void flow_read(struct flow *f, struct flow_read *op, uint32_t max)
{
	op->flow = f;
	op->bufs = NULL;
	op->max = max;
	f->ops->read(f, op);
}

static inline void flow_write(struct flow *f, struct flow_write *op, const struct slice *slices,
                              uint32_t count)
{
	op->flow = f;
	op->slices = slices;
	op->count = count;
	op->index = 0;
	op->offset = op->total = 0;
	f->ops->write(f, op);
}

static inline int flow_shutdown(struct flow *f)
{
	return f->ops->shutdown(f);
}

static inline void flow_close(struct flow *f)
{
	f->ops->close(f);
}

static inline void flow_abort(struct flow *f)
{
	f->ops->abort(f);
}

/* -- for implementations: writes that end before all their slices have been accepted -- */

/* Puts the counts of the slices that were not accepted whole. */
static inline void flow_write_put(const struct flow_write *op)
{
	for (uint32_t i = op->index; i < op->count; i++)
		storage_put(op->slices[i].storage);
}

/* Empties a list of pending writes, each of which fails. */
static inline void flow_writes_fail(struct list *writes, int error)
{
	struct list *first;

	while ((first = list_pop_front(writes))) {
		struct flow_write *op = list_entry(first, struct flow_write, link);

		flow_write_put(op);
		promise_fail(&op->promise, error);
	}
}

#endif
