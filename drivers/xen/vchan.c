/* SPDX-License-Identifier: ISC */
/* Two rings as a flow. Each side moves its own indices, sends only those events that the other has asked for,
 * and looks at the ring once more after asking for one. The peer's indices are read once each; indices that
 * are further apart than their ring is long end the flow.
 *
 * A domain that dies clears no flag, but its end of the event channel is gone: that is looked at every few
 * seconds. */
#define LOG_TAG "vchan"
#include "drivers/xen/vchan.h"
#include "drivers/xen/event.h"
#include "kernel/log.h"
#include "kernel/page.h"

#include <errno.h>
#include <string.h>

#define RETRY_NS (10 * NS_PER_MS) /* for memory */

static struct list all = LIST_INIT(all);

static struct vchan *vchan_of(struct flow *f)
{
	return container_of(f, struct vchan, flow);
}

/* -- the peer's flags and indices, and events -- */

bool vchan_peer_is_gone(const struct vchan *v)
{
	return v->is_lost || !__atomic_load_n(v->peer_live, __ATOMIC_ACQUIRE);
}

/* Bytes between a ring's indices; more than its size break the protocol. */
static uint32_t between(struct vchan *v, const struct vchan_ring *r, uint32_t producer, uint32_t consumer)
{
	uint32_t bytes = producer - consumer;

	if (bytes <= r->size)
		return bytes;
	if (!v->is_broken && !v->was_broken)
		log_warn("port=%u broken=\"an index beyond the ring\"", v->port);
	v->is_broken = v->was_broken = true;
	return 0;
}

static uint32_t unread(struct vchan *v)
{
	return between(v, &v->in, __atomic_load_n(&v->in.shared->prod, __ATOMIC_ACQUIRE), v->in.at);
}

/* Bytes that the peer has not read yet. */
static uint32_t untaken(struct vchan *v)
{
	return between(v, &v->out, v->out.at, __atomic_load_n(&v->out.shared->cons, __ATOMIC_ACQUIRE));
}

/* Asks for events of this kind. The caller must look once more afterwards, for changes that came before. */
static void want(struct vchan *v, uint8_t kind)
{
	__atomic_fetch_or(v->wanted, kind, __ATOMIC_SEQ_CST);
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
}

/* Called when an index has moved: sends an event if the peer wants one. */
static void tell(struct vchan *v, uint8_t kind)
{
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	if (__atomic_fetch_and(v->peer_wants, (uint8_t)~kind, __ATOMIC_SEQ_CST) & kind)
		event_send(v->port);
}

/* -- settling -- */

static void settle_read(struct vchan *v, intptr_t result)
{
	struct flow_read *op = v->read;

	v->read = NULL;
	if (op && result < 0)
		promise_fail(&op->promise, (int)result);
	else if (op)
		promise_fulfil(&op->promise, result);
}

/* -- reading -- */

/* Copies n bytes, which the ring has, out of it and returns their room to the peer. */
static void take(struct vchan *v, uint32_t n)
{
	struct vchan_ring *r = &v->in;
	uint32_t place = r->at & (r->size - 1), first = MIN(n, r->size - place);

	memcpy(v->input_page, r->bytes + place, first);
	memcpy(v->input_page + first, r->bytes, n - first);
	r->at += n;
	__atomic_store_n(&r->shared->cons, r->at, __ATOMIC_RELEASE);
	tell(v, VCHAN_NOTIFY_READ);
}

/* The peer's flag is read before the ring: so nothing is missed that it wrote before it left. */
static void try_read(struct vchan *v)
{
	bool is_gone = vchan_peer_is_gone(v);
	uint32_t n = unread(v);

	if (!n && !is_gone) {
		want(v, VCHAN_NOTIFY_WRITE);
		n = unread(v);
	}
	if (!n) {
		if (is_gone && !v->is_broken)
			settle_read(v, 0);
		return;
	}
	if (v->input.refs)
		return;
	n = MIN(MIN(n, v->read->max), (uint32_t)PAGE_BYTES);
	v->read->bufs = buf_alloc_slice(&v->input, v->input_page, n);
	if (!v->read->bufs) {
		timer_start_in(&v->timer, RETRY_NS);
		return;
	}
	take(v, n);
	settle_read(v, n);
}

/* -- writing -- */

static void copy_in(struct vchan_ring *r, const uint8_t *from, uint32_t n)
{
	uint32_t place = r->at & (r->size - 1), first = MIN(n, r->size - place);

	memcpy(r->bytes + place, from, first);
	memcpy(r->bytes, from + first, n - first);
	r->at += n;
}

/* Copies as much of op as there is room for. true: op is complete. */
static bool put(struct vchan_ring *r, struct flow_write *op, uint32_t *room)
{
	while (op->index < op->count) {
		const struct slice *s = &op->slices[op->index];
		uint32_t n = (uint32_t)MIN(s->len - op->offset, (size_t)*room);

		copy_in(r, (const uint8_t *)s->data + op->offset, n);
		op->offset += n;
		op->total += n;
		*room -= n;
		if (op->offset < s->len)
			return false;
		op->index++;
		op->offset = 0;
		storage_put(s->storage);
	}
	return true;
}

/* Fills the ring once at most, so that a fast reader leaves time for others. */
static void try_write(struct vchan *v)
{
	uint32_t room = v->out.size - untaken(v), before = v->out.at;

	if (v->is_broken)
		return;
	while (!list_is_empty(&v->writes)) {
		struct flow_write *op = list_first(&v->writes, struct flow_write, link);

		if (!put(&v->out, op, &room))
			break;
		list_remove(&op->link);
		promise_fulfil(&op->promise, (intptr_t)op->total);
	}
	if (v->out.at != before) {
		__atomic_store_n(&v->out.shared->prod, v->out.at, __ATOMIC_RELEASE);
		tell(v, VCHAN_NOTIFY_WRITE);
	}
	if (list_is_empty(&v->writes))
		return;
	want(v, VCHAN_NOTIFY_READ);
	if (untaken(v) < v->out.size)
		poller_mark(&v->poller);
}

/* -- the end -- */

/* Has the peer read everything? A peer that sees our end does not look for more. */
static bool is_taken(struct vchan *v)
{
	if (!list_is_empty(&v->writes))
		return false;
	if (!untaken(v))
		return true;
	want(v, VCHAN_NOTIFY_READ);
	return !untaken(v);
}

static void try_end(struct vchan *v)
{
	if (!v->has_ended && !vchan_peer_is_gone(v) && !is_taken(v) && !v->is_broken)
		return;
	if (!v->has_ended) {
		v->has_ended = true;
		__atomic_store_n(v->live, 0, __ATOMIC_RELEASE);
		event_send(v->port);
	}
	if (v->is_closed && !v->input.refs) {
		v->is_open = false;
		v->ended(v);
	}
}

static void work(struct vchan *v)
{
	if (v->read)
		try_read(v);
	if (!list_is_empty(&v->writes) && vchan_peer_is_gone(v))
		flow_writes_fail(&v->writes, -ECONNRESET);
	if (!list_is_empty(&v->writes))
		try_write(v);
	if (v->is_broken) {
		settle_read(v, -ECONNRESET);
		flow_writes_fail(&v->writes, -ECONNRESET);
	}
	if (v->is_shut)
		try_end(v);
}

static void poll(struct poller *p)
{
	struct vchan *v = container_of(p, struct vchan, poller);

	if (event_marks(v->port, &v->poller))
		event_again(v->port);
	if (v->is_open)
		work(v);
	else if (v->look)
		v->look(v);
}

static void expired(struct timer *t)
{
	struct vchan *v = container_of(t, struct vchan, timer);

	v->is_lost = !event_marks(v->port, &v->poller) || !event_is_connected(v->port);
	if (!v->is_lost)
		timer_start_in(t, VCHAN_LOOK_NS);
	poller_mark(&v->poller);
}

/* -- the flow -- */

static void cancel_read(struct promise *p)
{
	struct flow_read *op = container_of(p, struct flow_read, promise);

	settle_read(vchan_of(op->flow), -ECANCELED);
}

static void read_flow(struct flow *f, struct flow_read *op)
{
	struct vchan *v = vchan_of(f);

	if (v->read || op->max == 0 || v->is_broken) {
		promise_throw(&op->promise, v->read ? -EBUSY : op->max == 0 ? -EINVAL : -ECONNRESET);
		return;
	}
	promise_init(&op->promise, cancel_read);
	v->read = op;
	work(v);
}

static void cancel_write(struct promise *p)
{
	struct flow_write *op = container_of(p, struct flow_write, promise);

	list_remove(&op->link);
	flow_write_put(op);
	promise_fail(p, -ECANCELED);
	poller_mark(&vchan_of(op->flow)->poller);
}

static void write_flow(struct flow *f, struct flow_write *op)
{
	struct vchan *v = vchan_of(f);

	if (v->is_shut || v->is_broken) {
		promise_throw(&op->promise, v->is_broken ? -ECONNRESET : -EPIPE);
		return;
	}
	promise_init(&op->promise, cancel_write);
	for (uint32_t i = 0; i < op->count; i++)
		storage_get(op->slices[i].storage);
	list_push_back(&v->writes, &op->link);
	work(v);
}

static int shutdown_flow(struct flow *f)
{
	struct vchan *v = vchan_of(f);

	if (v->is_broken)
		return -ECONNRESET;
	v->is_shut = true;
	poller_mark(&v->poller);
	return 0;
}

/* The poller does the rest, so that flow_close calls no callback of its caller. */
static void close_flow(struct flow *f)
{
	struct vchan *v = vchan_of(f);

	settle_read(v, -ECANCELED);
	flow_writes_fail(&v->writes, -ECANCELED);
	v->is_shut = v->is_closed = true;
	poller_mark(&v->poller);
}

static void abort_flow(struct flow *f)
{
	vchan_of(f)->is_broken = true; /* so that try_end does not wait for the peer to read */
	close_flow(f);
}

static const struct flow_ops vchan_flow_ops = {
	.read = read_flow,
	.write = write_flow,
	.shutdown = shutdown_flow,
	.close = close_flow,
	.abort = abort_flow,
};

/* -- its life -- */

/* The last user of the bytes read has let go of them: the next may be read. */
static void free_input(struct storage *s)
{
	poller_mark(&container_of(s, struct vchan, input)->poller);
}

int vchan_init(struct vchan *v)
{
	v->input_page = page_alloc(1, false);
	if (!v->input_page)
		return -ENOMEM;
	v->flow.ops = &vchan_flow_ops;
	v->input.free = free_input;
	timer_init(&v->timer, expired);
	list_init(&v->writes);
	list_push_back(&all, &v->link);
	poller_add(&v->poller, poll);
	return 0;
}

void vchan_release(struct vchan *v)
{
	list_remove(&v->link);
	timer_stop(&v->timer);
	poller_remove(&v->poller);
	page_free(v->input_page, 1);
}

void vchan_ring_init(struct vchan_ring *r, volatile struct ring_shared *shared, volatile void *page,
                     void *pages, uint32_t order)
{
	r->shared = shared;
	r->size = UINT32_C(1) << order;
	r->bytes = order <= VCHAN_ORDER_IN_PAGE ? (uint8_t *)page + r->size : pages;
}

void vchan_open(struct vchan *v)
{
	v->is_shut = v->is_closed = v->has_ended = v->is_broken = v->is_lost = false;
	v->is_open = true;
	timer_start_in(&v->timer, VCHAN_LOOK_NS);
}

/* -- another domain -- */

void vchan_lose(struct vchan *v)
{
	v->is_lost = true;
	v->is_broken = v->is_open;
	poller_mark(&v->poller);
}

void xen_vchan_suspend(void)
{
	list_for_each(item, &all) {
		struct vchan *v = list_entry(item, struct vchan, link);

		if (v->suspend)
			v->suspend(v);
	}
}

void xen_vchan_resume(void)
{
	list_for_each(item, &all) {
		struct vchan *v = list_entry(item, struct vchan, link);

		if (v->resume)
			v->resume(v);
	}
}
