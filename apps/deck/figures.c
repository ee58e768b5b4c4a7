/* SPDX-License-Identifier: ISC */
/* Each answer has its own copy of the figures, from a pool that is made at the start, until the client has
 * acknowledged it. Clients that do not read hold copies; when all are held, other clients get a 503. */
#include "apps/deck/figures.h"

#include <errno.h>
#include <string.h>

#include "kernel/buf.h"
#include "kernel/dev/clock.h"
#include "kernel/dev/netdev.h"
#include "kernel/format.h"
#include "kernel/instance.h"
#include "kernel/page.h"
#include "kernel/pool.h"
#include "net/direct.h"
#include "net/socket.h"
#include "net/tcp/tcp.h"

#define ANSWER_ALIGN 16

struct figures {
	struct stack *stack;
	const struct http_server *server;
	uint64_t boot_us;
	struct pool answers;
};

struct answer {
	struct storage storage;
	struct pool *pool;
	char text[FIGURES_TEXT_BYTES];
};
LIMIT_BYTES(DECK_ANSWERS, ALIGN_UP(sizeof(struct answer), ANSWER_ALIGN), 1184);

/* "name":value, twenty digits at most, and a comma; braces and the zero around all of it. */
static_assert(FIGURES_MOST * (FIGURES_NAME_BYTES - 1 + 3 + 20 + 1) + 2 <= FIGURES_TEXT_BYTES,
              "the longest object does not fit");

int figures_create(struct figures **out, struct stack *stack, const struct http_server *server)
{
	struct figures *f = instance_alloc(sizeof(*f));
	int error;

	if (!f)
		return -ENOMEM;
	f->stack = stack;
	f->server = server;
	f->boot_us = clock_now_ns() / NS_PER_US;
	error = pool_init(&f->answers, sizeof(struct answer), ANSWER_ALIGN, CONFIG_DECK_ANSWERS);
	if (error < 0) {
		instance_free(f, sizeof(*f));
		return error;
	}
	*out = f;
	return 0;
}

void figures_destroy(struct figures *f)
{
	pool_destroy(&f->answers);
	instance_free(f, sizeof(*f));
}

/* -- collecting the figures -- */

struct taken {
	struct figure *at;
	size_t count;
};

static void add(struct taken *l, const char *name, uint64_t value)
{
	l->at[l->count++] = (struct figure){ name, value };
}

static void add_memory(struct taken *l)
{
	struct page_stats pages;
	struct buf_stats bufs;

	page_stats(&pages);
	buf_stats(&bufs);
	add(l, "memory_bytes", (uint64_t)pages.total * PAGE_BYTES);
	add(l, "memory_used_bytes", (uint64_t)pages.used * PAGE_BYTES);
	add(l, "memory_peak_bytes", (uint64_t)pages.peak * PAGE_BYTES);
	add(l, "packet_headers_used", bufs.headers_used);
	add(l, "packet_headers_limit", bufs.headers_limit);
}

/* The figures of our own stack, which sees the packets. */
static void add_direct(struct taken *l, struct direct *d)
{
	const struct netdev_stats *wire = &direct_netdev(d)->stats;
	const struct tcp_stats *tcp = tcp_stats(direct_tcp(d));

	add(l, "packets_received", wire->rx_frames);
	add(l, "packets_sent", wire->tx_frames);
	add(l, "packets_dropped", wire->rx_dropped + wire->tx_dropped);
	add(l, "received_bytes", wire->rx_bytes);
	add(l, "sent_bytes", wire->tx_bytes);
	add(l, "tcp_connections", tcp->connections);
	add(l, "tcp_accepted", tcp->passive_opens);
	add(l, "tcp_segments_received", tcp->in_segs);
	add(l, "tcp_segments_sent", tcp->out_segs);
	add(l, "tcp_segments_repeated", tcp->retrans_segs);
}

/* The figures of a process, which does not see the host's packets. */
static void add_socket(struct taken *l, const struct socket_stack *s)
{
	struct socket_stats sockets;

	socket_stats(s, &sockets);
	add(l, "tcp_connections", sockets.connections);
	add(l, "tcp_accepted", sockets.passive_opens);
}

size_t figures_take(const struct figures *f, struct figure to[FIGURES_MOST])
{
	struct taken l = { to, 0 };
	struct http_stats http;

	http_server_stats(f->server, &http);
	add(&l, "uptime_us", clock_now_ns() / NS_PER_US);
	add(&l, "boot_us", f->boot_us);
	add_memory(&l);
	add(&l, "http_requests", http.requests);
	add(&l, "http_connections", http.connections);
	if (IS_ENABLED(CONFIG_NET_DIRECT))
		add_direct(&l, (struct direct *)f->stack);
	if (IS_ENABLED(CONFIG_NET_SOCKET))
		add_socket(&l, (const struct socket_stack *)f->stack);
	return l.count;
}

/* -- formatting -- */

size_t figures_format(char to[FIGURES_TEXT_BYTES], const struct figure *figures, size_t count)
{
	size_t len = format(to, FIGURES_TEXT_BYTES, "{");

	for (size_t i = 0; i < count; i++)
		len += format(to + len, FIGURES_TEXT_BYTES - len, "%s\"%s\":%llu", i ? "," : "", figures[i].name,
		              (unsigned long long)figures[i].value);
	return len + format(to + len, FIGURES_TEXT_BYTES - len, "}");
}

static void answer_free(struct storage *storage)
{
	struct answer *a = container_of(storage, struct answer, storage);

	pool_free(a->pool, a);
}

int figures_answer(void *figures, const struct http_request *request, struct http_reply *reply)
{
	struct figures *f = figures;
	struct figure list[FIGURES_MOST];
	struct answer *a = pool_alloc(&f->answers);

	(void)request;
	if (!a) {
		reply->status = 503;
		reply->header = "Retry-After: 1\r\n";
		return 0;
	}
	a->storage = (struct storage){ .refs = 1, .free = answer_free };
	a->pool = &f->answers;
	reply->type = "application/json";
	reply->header = "Cache-Control: no-store\r\n";
	reply->body = (struct slice){ a->text, 0, &a->storage };
	reply->body.len = figures_format(a->text, list, figures_take(f, list));
	return 0;
}
