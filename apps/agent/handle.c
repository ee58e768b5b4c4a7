/* SPDX-License-Identifier: ISC */
/* The table of handles, and the operations that wait in them. The number of both is bounded, and each
 * is allocated when it is created. */
#include "apps/agent/agent_priv.h"

#include <errno.h>
#include <stdlib.h>

#include "kernel/dev/clock.h"

#define LOOK_NS (5 * NS_PER_MS)

/* Handle number n lies at n - 1, so that no handle is 0, which most answers begin with. */
static struct handle *handles[CONFIG_AGENT_HANDLES];
static uint32_t outstanding;
LIMIT_BYTES(AGENT_HANDLES, sizeof(struct handle), 352);
LIMIT_BYTES(AGENT_OPERATIONS, sizeof(struct operation), 248);

int handle_create(struct handle **out, enum handle_state state)
{
	struct handle *h;
	uint32_t at = 0;

	while (at < ARRAY_SIZE(handles) && handles[at])
		at++;
	if (at == ARRAY_SIZE(handles))
		return -ENFILE;
	h = calloc(1, sizeof(*h));
	if (!h)
		return -ENOMEM;
	h->number = at + 1;
	h->state = state;
	list_init(&h->operations);
	list_init(&h->waiting);
	list_init(&h->datagrams);
	handles[at] = h;
	*out = h;
	return 0;
}

struct handle *handle_find(uint32_t number)
{
	return number > 0 && number <= ARRAY_SIZE(handles) ? handles[number - 1] : NULL;
}

struct handle *handle_of_port(bool is_udp, uint16_t port)
{
	for (size_t i = 0; i < ARRAY_SIZE(handles); i++)
		if (handles[i] && handles[i]->local.port == port && (handles[i]->state == HANDLE_UDP) == is_udp)
			return handles[i];
	return NULL;
}

void handle_destroy(struct handle *h, bool at_once)
{
	struct list *item;

	if (h->state == HANDLE_UDP)
		agent_udp_let_go(h);
	else
		agent_tcp_let_go(h, at_once);
	while ((item = list_pop_front(&h->operations)))
		operation_finish(list_entry(item, struct operation, link), -ECANCELED);
	handles[h->number - 1] = NULL;
	free(h);
}

void handle_destroy_all(void)
{
	for (size_t i = 0; i < ARRAY_SIZE(handles); i++)
		if (handles[i])
			handle_destroy(handles[i], true);
}

/* -- operations -- */

/* The stack does not tell when a queue has room again, so a poll for that looks every few milliseconds. */
static void start_poll_timer(struct operation *op)
{
	uint64_t look_ns = op->directions & DIRECTION_OUT ? clock_now_ns() + LOOK_NS : DEADLINE_NEVER;

	timer_start(&op->timer, MIN(op->deadline_ns, look_ns));
}

static void poll_timer_fired(struct timer *t)
{
	struct operation *op = container_of(t, struct operation, timer);

	if (clock_now_ns() >= op->deadline_ns) {
		operation_finish(op, 0);
	} else {
		start_poll_timer(op);
		handle_progress(op->handle);
	}
}

int operation_create(struct operation **out, struct handle *h, const struct command *c)
{
	struct operation *op;

	if (outstanding == CONFIG_AGENT_OPERATIONS)
		return -ENOBUFS;
	op = calloc(1, sizeof(*op));
	if (!op)
		return -ENOMEM;
	outstanding++;
	op->handle = h;
	op->verb = c->verb;
	op->directions = c->directions;
	op->max = (uint32_t)MIN(c->number, CONFIG_AGENT_DATA_BYTES);
	memcpy(op->id, c->id.at, c->id.len);
	op->id_len = (uint8_t)c->id.len;
	timer_init(&op->timer, poll_timer_fired);
	list_push_back(&h->operations, &op->link);
	if (op->verb == VERB_POLL) {
		op->deadline_ns = c->number < 0 ? DEADLINE_NEVER :
			clock_now_ns() + (uint64_t)c->number * NS_PER_MS;
		start_poll_timer(op);
	}
	*out = op;
	return 0;
}

void operation_free(struct operation *op)
{
	outstanding--;
	timer_stop(&op->timer);
	promise_unwait(&op->waiter);
	list_remove(&op->link);
	storage_put(op->slice.storage);
	free(op);
}

void operation_finish(struct operation *op, intptr_t result)
{
	answer_begin(op->id, op->id_len, result);
	answer_end();
	operation_free(op);
}

static bool try_poll(struct handle *h, struct operation *op)
{
	bool is_ready = h->state == HANDLE_UDP
		? op->directions == DIRECTION_OUT || h->waiting_count > 0 || h->error || h->shut & DIRECTION_IN
		: agent_tcp_ready(h, op->directions) & op->directions;

	if (is_ready)
		operation_finish(op, 1);
	return is_ready;
}

/* Connects and sends are not here: they answer when their own promises settle. */
void handle_progress(struct handle *h)
{
	list_for_each_safe(at, &h->operations) {
		struct operation *op = list_entry(at, struct operation, link);

		if (op->verb == VERB_POLL)
			try_poll(h, op);
		else if (op->verb == VERB_ACCEPT)
			agent_tcp_accept(h, op);
		else if (op->verb == VERB_RECV)
			h->state == HANDLE_UDP ? agent_udp_recv(h, op) : agent_tcp_recv(h, op);
	}
}
