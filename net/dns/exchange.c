/* SPDX-License-Identifier: ISC */
/* One question to one server over TCP (RFC 1035 §4.2.2, RFC 7766): connect, write, read until the answer is
 * whole, close. One of these operations is pending at a time. An exchange has pages of its own, which are
 * freed once its last operation has settled, perhaps after it was cancelled, and the stack has released the
 * question. */
#include <errno.h>
#include <string.h>

#include "kernel/page.h"
#include "net/bytes.h"
#include "net/dns/dns_priv.h"

#define PREFIX 2u /* bytes of a message's length */

struct dns_exchange {
	struct storage storage; /* of the question: the flow counts, too */
	struct waiter waiter; /* for the pending operation */
	struct flow *flow;    /* NULL: not connected */
	struct slice slice;
	dns_exchange_fn *done; /* NULL: cancelled */
	void *arg;
	uint32_t got;
	struct stack_connect connect;
	struct flow_write write;
	struct flow_read read;
	uint8_t question[PREFIX + DNS_QUERY_BYTES];
	uint8_t data[PREFIX + CONFIG_DNS_MESSAGE_BYTES]; /* the answer */
};

enum { PAGES = (sizeof(struct dns_exchange) + PAGE_BYTES - 1) / PAGE_BYTES };

static void release(struct storage *s)
{
	page_free(container_of(s, struct dns_exchange, storage), PAGES);
}

/* Closes after a whole answer; in other cases aborts, so as not to wait for the server's FIN. */
static void finish(struct dns_exchange *x, int result)
{
	if (x->flow && x->done && result == 0)
		flow_close(x->flow);
	else if (x->flow)
		flow_abort(x->flow);
	if (x->done)
		x->done(x->arg, result, x->data + PREFIX, get_be16(x->data));
	storage_put(&x->storage);
}

/* Takes n bytes that were read. 0: the answer is whole, 1: more is to come; or a negative errno. */
static int have_read(struct dns_exchange *x, intptr_t n)
{
	if (n <= 0)
		return n < 0 ? (int)n : -ECONNRESET;
	buf_copy_out(x->read.bufs, 0, x->data + x->got, (uint32_t)n);
	buf_free(x->read.bufs);
	x->got += (uint32_t)n;
	if (x->got < PREFIX)
		return 1;
	if (get_be16(x->data) > CONFIG_DNS_MESSAGE_BYTES)
		return -EMSGSIZE;
	return x->got - PREFIX < get_be16(x->data);
}

/* The pending operation has settled: on to the next. */
static void go_on(struct waiter *w)
{
	struct dns_exchange *x = container_of(w, struct dns_exchange, waiter);
	struct promise *next = &x->read.promise;
	intptr_t result = promise_result(w->promise);
	bool is_whole = false;

	if (w->promise == &x->connect.promise && result == 0) {
		x->flow = x->connect.flow;
		next = &x->write.promise;
	} else if (w->promise == &x->read.promise) {
		result = have_read(x, result);
		is_whole = result == 0;
	}
	if (result < 0 || is_whole || !x->done) {
		finish(x, (int)result);
		return;
	}
	if (next == &x->write.promise)
		flow_write(x->flow, &x->write, &x->slice, 1);
	else
		flow_read(x->flow, &x->read, sizeof(x->data) - x->got);
	promise_wait(next, w, go_on);
}

int dns_exchange_start(struct dns_exchange **out, struct stack *stack, const struct endpoint *to,
                       const uint8_t *question, size_t len, dns_exchange_fn *done, void *arg)
{
	struct dns_exchange *x = page_alloc(PAGES, true);

	if (!x)
		return -ENOBUFS;
	x->storage = (struct storage){ 1, release };
	put_be16(x->question, (uint16_t)len);
	memcpy(x->question + PREFIX, question, len);
	x->slice = (struct slice){ x->question, PREFIX + len, &x->storage };
	x->done = done;
	x->arg = arg;
	stack_tcp_connect(stack, &x->connect, to);
	promise_wait(&x->connect.promise, &x->waiter, go_on);
	*out = x;
	return 0;
}

void dns_exchange_cancel(struct dns_exchange *x)
{
	x->done = NULL;
	promise_cancel(x->waiter.promise);
}
