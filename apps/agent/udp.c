/* SPDX-License-Identifier: ISC */
/* The commands of a UDP handle. A handle that sends, or connects, without being bound gets a free port, so
 * that answers reach it. */
#include "apps/agent/agent_priv.h"

#include <errno.h>
#include <stdlib.h>

#include "kernel/random.h"

enum { PORT_FIRST = 49152, PORT_TRIES = 64 };

static bool is_wanted(const struct handle *h, const struct endpoint *from, const struct endpoint *to)
{
	if (h->local.addr.family != IP_NONE && !ip_equal(&h->local.addr, &to->addr))
		return false;
	return h->remote.addr.family == IP_NONE ||
	       (h->remote.port == from->port && ip_equal(&h->remote.addr, &from->addr));
}

static void receive(void *arg, struct buf *b, const struct endpoint *from, const struct endpoint *to)
{
	struct handle *h = arg;
	uint32_t len = buf_length(b);
	struct datagram *d = NULL;

	if (is_wanted(h, from, to) && h->waiting_count < CONFIG_AGENT_DATAGRAMS && !(h->shut & DIRECTION_IN))
		d = malloc(sizeof(*d) + len);
	if (d) {
		d->from = *from;
		d->len = len;
		buf_copy_out(b, 0, d->bytes, len);
		list_push_back(&h->datagrams, &d->link);
		h->waiting_count++;
	}
	buf_free(b);
	handle_progress(h);
}

/* Binds h to a free port. */
static int bind_anywhere(struct handle *h)
{
	int result = -EADDRINUSE;

	for (unsigned tries = PORT_TRIES; tries > 0 && result == -EADDRINUSE; tries--) {
		h->local.port = (uint16_t)(PORT_FIRST | random_u32());
		result = stack_udp_listen(agent_stack, h->local.port, receive, h);
	}
	return result;
}

int agent_udp_bind(struct handle *h, const struct endpoint *to)
{
	int result;

	if (h->local.port)
		return -EINVAL;
	result = bind_address(h, &to->addr);
	if (result < 0)
		return result;
	h->local.port = to->port;
	result = to->port ? stack_udp_listen(agent_stack, to->port, receive, h) : bind_anywhere(h);
	if (result < 0)
		h->local.port = 0;
	else
		option_apply_bound(h);
	return result;
}

static int bind_if_not(struct handle *h)
{
	struct endpoint any = { ip_v4(0, 0, 0, 0), 0 };

	return h->local.port ? 0 : agent_udp_bind(h, &any);
}

int agent_udp_connect(struct handle *h, const struct endpoint *to)
{
	int result = bind_if_not(h);

	if (result == 0) {
		h->remote = *to;
		h->error = 0;
	}
	return result;
}

int agent_udp_send(struct handle *h, const struct command *c)
{
	const struct endpoint *to = c->has_endpoint ? &c->endpoint : &h->remote;
	const uint8_t *bytes;
	struct storage *storage;
	struct buf *b;
	int result;

	if (h->shut & DIRECTION_OUT)
		return -EPIPE;
	if (to->addr.family == IP_NONE)
		return -EDESTADDRREQ;
	result = bind_if_not(h);
	if (result < 0)
		return result;
	storage = data_create(c, &bytes);
	if (!storage)
		return -ENOMEM;
	b = buf_alloc_slice(storage, bytes, (uint32_t)c->data.len / 2);
	storage_put(storage);
	if (!b)
		return -ENOBUFS;
	result = stack_udp_send_from(agent_stack, &h->local, to, b);
	return result < 0 ? result : (int)(c->data.len / 2);
}

static void answer_datagram(struct operation *op, const struct datagram *d)
{
	uint32_t len = MIN(d->len, op->max);

	answer_begin(op->id, op->id_len, len);
	answer_text(len ? " " : " -");
	answer_hex(d->bytes, len);
	answer_endpoint(&d->from);
	answer_end();
	operation_free(op);
}

/* RFC 1122 §4.1.3.3. A handle that is not connected could not say to whom. */
void agent_udp_failed(void *arg, int error, const struct endpoint *from, const struct endpoint *to)
{
	struct handle *h = handle_of_port(true, from->port);

	(void)arg;
	if (!h || h->remote.port != to->port || !ip_equal(&h->remote.addr, &to->addr))
		return;
	h->error = error;
	handle_progress(h);
}

bool agent_udp_recv(struct handle *h, struct operation *op)
{
	struct list *first;

	if (h->error) {
		operation_finish(op, h->error);
		h->error = 0;
		return true;
	}
	first = list_pop_front(&h->datagrams);
	if (!first) {
		if (h->shut & DIRECTION_IN)
			operation_finish(op, 0);
		return h->shut & DIRECTION_IN;
	}
	h->waiting_count--;
	answer_datagram(op, list_entry(first, struct datagram, link));
	free(list_entry(first, struct datagram, link));
	return true;
}

void agent_udp_let_go(struct handle *h)
{
	struct list *item;

	if (h->local.port)
		stack_udp_unlisten(agent_stack, h->local.port);
	while ((item = list_pop_front(&h->datagrams)))
		free(list_entry(item, struct datagram, link));
}
