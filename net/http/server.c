/* SPDX-License-Identifier: ISC */
/* The server's memory and its time limits. Connections are in one list per kind of wait; within a
 * list all have the same limit, so its first is the next to expire, and one timer for the earliest of
 * the lists is enough. Moving a connection to another list costs the same however many there are, and
 * the timer is set only when it would fire too late. */
#include <errno.h>
#include <string.h>

#include "kernel/dev/clock.h"
#include "kernel/instance.h"
#include "net/http/server_priv.h"

#define CROWDED_IDLE_NS NS_PER_S

static uint64_t limit_ns(const struct http_config *config, enum http_wait wait)
{
	switch (wait) {
	case HTTP_WAIT_IDLE:
		return config->idle_ns;
	case HTTP_WAIT_INPUT:
		return config->head_ns;
	case HTTP_WAIT_LINGER:
		return config->linger_ns;
	case HTTP_WAIT_WORK:
		return DEADLINE_NEVER / 2; /* as good as never, and sums do not overflow */
	default:
		return config->write_ns;
	}
}

/* Are so few places left that idle clients have to give theirs up? The last places are for new connections:
 * the stack below may have no more connections than the server. */
static bool is_crowded(const struct http_server *server)
{
	return server->connections.used > server->config.connections - server->config.connections / 16;
}

/* When c expires. An idle client has CROWDED_IDLE_NS even in a crowd: one that has just connected, or has
 * just been answered, is about to send a request. */
static uint64_t due_ns(const struct http_connection *c)
{
	const struct http_config *config = &c->server->config;
	bool hurry = c->wait == HTTP_WAIT_IDLE && config->idle_ns > CROWDED_IDLE_NS && is_crowded(c->server);

	return c->deadline_ns - (hurry ? config->idle_ns - CROWDED_IDLE_NS : 0);
}

void http_connection_wait(struct http_connection *c, enum http_wait wait)
{
	struct http_server *server = c->server;

	c->wait = (uint8_t)wait;
	c->deadline_ns = clock_now_ns() + limit_ns(&server->config, wait);
	list_remove(&c->link);
	list_push_back(&server->waits[wait], &c->link);
	if (!timer_is_running(&server->timer) || due_ns(c) < server->timer.deadline_ns)
		timer_start(&server->timer, due_ns(c));
}

bool http_connection_has_waited(const struct http_connection *c, uint64_t ns)
{
	return c->deadline_ns + ns <= clock_now_ns() + limit_ns(&c->server->config, c->wait);
}

/* Expires the connections that are due, and sets the timer for the next deadline. */
static void look_at_deadlines(struct timer *timer)
{
	struct http_server *server = container_of(timer, struct http_server, timer);
	uint64_t now = clock_now_ns(), next = DEADLINE_NEVER;

	for (int wait = 0; wait < HTTP_WAITS; wait++) {
		struct list *head = &server->waits[wait];

		while (!list_is_empty(head)) {
			struct http_connection *c = list_first(head, struct http_connection, link);

			if (due_ns(c) > now) {
				next = MIN(next, due_ns(c));
				break;
			}
			http_connection_expire(c);
		}
	}
	/* expiring may have started the timer for a later deadline */
	if (next != DEADLINE_NEVER && (!timer_is_running(timer) || next < timer->deadline_ns))
		timer_start(timer, next);
}

static void block_free(struct storage *storage)
{
	struct http_block *block = container_of(storage, struct http_block, storage);

	pool_free(&block->server->blocks, block);
}

struct http_block *http_block_alloc(struct http_server *server)
{
	struct http_block *block = pool_alloc(&server->blocks);

	if (block) {
		block->storage = (struct storage){ .refs = 1, .free = block_free };
		block->server = server;
	}
	return block;
}

static bool waits(const struct kv *kv)
{
	return IS_ENABLED(CONFIG_FS_PIECES) && kv && kv->ops->read;
}

static size_t transfer_bytes(void)
{
	return IS_ENABLED(CONFIG_FS_PIECES) ? http_transfer_bytes() : 0;
}

int http_server_create(struct http_server **out, const struct http_config *config)
{
	struct http_server *server = instance_alloc(sizeof(*server));

	assert(config->limits.target_bytes <= CONFIG_HTTP_TARGET_BYTES);
	if (!server)
		return -ENOMEM;
	const struct {
		struct pool *pool;
		size_t bytes, count;
	} pools[] = {
		{ &server->connections, sizeof(struct http_connection), config->connections + config->spare },
		{ &server->answers, sizeof(struct http_answer), config->answers },
		{ &server->heads, sizeof(struct http_head) + config->limits.head_bytes, config->heads },
		{ &server->blocks, sizeof(struct http_block), config->blocks },
		{ &server->transfers, transfer_bytes(), waits(config->kv) ? config->transfers : 0 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(pools); i++) {
		if (pools[i].count == 0 || pool_init(pools[i].pool, pools[i].bytes, 8, pools[i].count) == 0)
			continue;
		while (i-- > 0)
			pool_destroy(pools[i].pool);
		instance_free(server, sizeof(*server));
		return -ENOMEM;
	}
	server->config = *config;
	for (int wait = 0; wait < HTTP_WAITS; wait++)
		list_init(&server->waits[wait]);
	if (IS_ENABLED(CONFIG_FS_PIECES)) {
		list_init(&server->starved);
		list_init(&server->behind);
	}
	timer_init(&server->timer, look_at_deadlines);
	if (IS_ENABLED(CONFIG_HTTP_RULES) && waits(config->kv) && config->rules &&
	    http_rules_create(server) < 0) {
		http_server_destroy(server);
		return -ENOMEM;
	}
	*out = server;
	return 0;
}

/* Makes a place for a new connection if none is left: ends the one that has lingered longest. */
static void make_room(struct http_server *server)
{
	struct list *said = &server->waits[HTTP_WAIT_LINGER];

	if (server->connections.used >= server->config.connections && !list_is_empty(said))
		http_connection_end(list_first(said, struct http_connection, link), false);
}

int http_server_serve(struct http_server *server, struct flow *flow)
{
	struct http_connection *c;

	make_room(server);
	c = pool_alloc(&server->connections);
	if (!c)
		return -ENOBUFS;
	memset(c, 0, sizeof(*c));
	c->server = server;
	c->read.flow = flow;
	list_init(&c->link);
	http_connection_wait(c, HTTP_WAIT_IDLE);
	if (is_crowded(server))
		look_at_deadlines(&server->timer);
	if (server->connections.used > server->config.connections) {
		server->stats.refused++;
		c->flags = HTTP_REFUSED;
	}
	http_connection_run(c);
	return 0;
}

int http_server_accept(void *server, struct flow *flow, const struct endpoint *peer)
{
	(void)peer;
	return http_server_serve(server, flow);
}

void http_server_close(struct http_server *server)
{
	for (int wait = 0; wait < HTTP_WAITS; wait++) {
		struct list *head = &server->waits[wait];

		if (list_is_empty(head))
			continue;
		http_connection_end(list_first(head, struct http_connection, link), true);
		wait = -1; /* from the start: a connection may have moved to an earlier list */
	}
}

void http_server_destroy(struct http_server *server)
{
	timer_stop(&server->timer);
	if (IS_ENABLED(CONFIG_HTTP_RULES))
		http_rules_destroy(server);
	if (server->date)
		storage_put(&server->date->storage);
	pool_destroy(&server->connections);
	pool_destroy(&server->answers);
	pool_destroy(&server->heads);
	pool_destroy(&server->blocks);
	if (server->transfers.total)
		pool_destroy(&server->transfers);
	instance_free(server, sizeof(*server));
}

void http_server_stats(const struct http_server *server, struct http_stats *out)
{
	*out = server->stats;
	out->connections = server->connections.used;
	out->answers = server->answers.used;
	out->heads = server->heads.used;
	out->blocks = server->blocks.used;
	out->transfers = server->transfers.used;
	out->connections_peak = server->connections.peak;
	out->answers_peak = server->answers.peak;
	out->heads_peak = server->heads.peak;
	out->blocks_peak = server->blocks.peak;
	out->transfers_peak = server->transfers.peak;
}
