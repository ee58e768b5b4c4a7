/* SPDX-License-Identifier: ISC */
/* Dispatches a line to the function of its command. */
#include "apps/agent/agent_priv.h"

#include <errno.h>

static void answer(const struct command *c, intptr_t result)
{
	answer_begin(c->id.at, c->id.len, result);
	answer_end();
}

static void answer_wrong(const struct command *c, const char *reason)
{
	answer_begin(c->id.at, c->id.len, -EINVAL);
	answer_text(" %s", reason);
	answer_end();
}

static int create(const struct command *c)
{
	struct handle *h;
	int result = handle_create(&h, c->is_udp ? HANDLE_UDP : HANDLE_NEW);

	if (result < 0)
		return result;
	answer_begin(c->id.at, c->id.len, 0);
	answer_text(" %u", h->number);
	answer_end();
	return PENDING;
}

static int bind_to(struct handle *h, const struct command *c)
{
	int result = h->state == HANDLE_UDP ? agent_udp_bind(h, &c->endpoint) : agent_tcp_bind(h, &c->endpoint);

	if (result < 0)
		return result;
	answer_begin(c->id.at, c->id.len, 0);
	answer_endpoint(&(struct endpoint){ c->endpoint.addr, h->local.port });
	answer_end();
	return PENDING;
}

/* For commands that wait for an event on h, which often has happened already. */
static int wait_for(struct handle *h, const struct command *c)
{
	struct operation *op;
	int result = operation_create(&op, h, c);

	if (result < 0)
		return result;
	handle_progress(h);
	return PENDING;
}

static int receive(struct handle *h, const struct command *c)
{
	if (h->state != HANDLE_UDP && h->state != HANDLE_CONNECTED)
		return -ENOTCONN;
	if (c->number < 1)
		return -EINVAL;
	return wait_for(h, c);
}

static int shut(struct handle *h, const struct command *c)
{
	if (h->state != HANDLE_UDP)
		return agent_tcp_shutdown(h, c->directions);
	if (h->remote.addr.family == IP_NONE)
		return -ENOTCONN;
	h->shut |= c->directions;
	handle_progress(h);
	return 0;
}

static int send(struct handle *h, const struct command *c)
{
	if (c->data.len / 2 > CONFIG_AGENT_DATA_BYTES)
		return -EMSGSIZE;
	return h->state == HANDLE_UDP ? agent_udp_send(h, c) : agent_tcp_send(h, c);
}

static int run_tcp(struct handle *h, const struct command *c)
{
	if (h->state == HANDLE_UDP)
		return -EOPNOTSUPP;
	if (c->verb == VERB_LISTEN)
		return agent_tcp_listen(h, c->number);
	return h->state == HANDLE_LISTENING ? wait_for(h, c) : -EINVAL;
}

static int run(const struct command *c)
{
	struct handle *h = c->verb == VERB_SOCKET || c->verb == VERB_RESETALL ? NULL : handle_find(c->handle);

	if (c->verb == VERB_SOCKET)
		return create(c);
	if (c->verb == VERB_RESETALL) {
		handle_destroy_all();
		return 0;
	}
	if (!h)
		return -EBADF;
	switch (c->verb) {
	case VERB_BIND:
		return bind_to(h, c);
	case VERB_CONNECT:
		return h->state == HANDLE_UDP ? agent_udp_connect(h, &c->endpoint) : agent_tcp_connect(h, c);
	case VERB_SEND:
		return send(h, c);
	case VERB_RECV:
		return receive(h, c);
	case VERB_SHUTDOWN:
		return shut(h, c);
	case VERB_SET:
		return option_set(h, &c->option, c->number);
	case VERB_GET:
		return option_get(h, c);
	case VERB_POLL:
		return h->state == HANDLE_NEW ? -ENOTCONN : wait_for(h, c);
	case VERB_CLOSE: case VERB_ABORT:
		handle_destroy(h, c->verb == VERB_ABORT);
		return 0;
	default:
		return run_tcp(h, c);
	}
}

void agent_execute(const char *line, size_t len, bool is_too_long)
{
	struct command c;
	const char *reason;
	int result = command_parse(line, len, &c, &reason);

	if (is_too_long)
		answer_wrong(&c, "the line is too long");
	else if (result < 0)
		answer_wrong(&c, reason);
	else if ((result = run(&c)) != PENDING)
		answer(&c, result);
}
