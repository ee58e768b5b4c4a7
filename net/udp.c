/* SPDX-License-Identifier: ISC */
/* UDP: datagrams to a listener per port. Others are answered with "port unreachable". */
#include "net/udp.h"

#include <errno.h>
#include <string.h>

#include "kernel/instance.h"
#include "kernel/random.h"
#include "net/bytes.h"
#include "net/capture.h"
#include "net/wishes.h"

#define LOG_TAG "udp"
#include "kernel/log.h"

enum { EPHEMERAL_FIRST = 49152 }; /* RFC 6335 §6 */

struct udp_header {
	uint16_t src_port, dst_port;
	uint16_t bytes; /* header and payload */
	uint16_t checksum;
} __attribute__((packed));
static_assert(sizeof(struct udp_header) == 8, "wire format");

struct listener {
	uint16_t port; /* 0: free */
	struct ip_wishes wishes;
	datagram_fn *receive;
	void *arg;
};
LIMIT_BYTES(UDP_LISTENERS, sizeof(struct listener), 24);

struct udp {
	struct ip *ip;
	struct udp_stats stats;
	struct ip_route last; /* of the last datagram: often the next one has the same destination */
	bool last_chosen;     /* IP has chosen its source, not the caller */
	udp_other_fn *other;
	void *other_arg;
	udp_error_fn *error;
	void *error_arg;
	struct ip_handler handler;
	struct listener listeners[CONFIG_UDP_LISTENERS];
};

static struct listener *find_listener(struct udp *u, uint16_t port)
{
	for (struct listener *l = u->listeners; l < u->listeners + ARRAY_SIZE(u->listeners); l++) {
		if (l->port == port)
			return l;
	}
	return NULL;
}

/* RFC 768, RFC 1122 §4.1.3.4; RFC 8200 §8.1: over IPv6 the checksum is not optional. */
static bool is_right(const struct ip_meta *meta, struct buf *b)
{
	const struct udp_header *h = (const void *)b->data;
	uint32_t len = buf_length(b);

	if (b->len < sizeof(*h) || be16(h->bytes) < sizeof(*h) || be16(h->bytes) > len)
		return false;
	if (be16(h->bytes) < len)
		buf_trim(b, be16(h->bytes));
	if (h->checksum == 0)
		return meta->src.addr.family == IP_V4;
	return ip_checksum_is_right(meta, b);
}

/* Drops a datagram that is refused: counts it, logs the reason under log=debug, frees b. */
static void drop(struct udp *u, struct buf *b, const struct ip_meta *meta, uint32_t *counter,
                 const char *reason)
{
	char text[IP_TEXT_MAX];

	++*counter;
	log_debug("drop reason=\"%s\" from=%s:%u port=%u", reason, ip_format(text, &meta->src.addr),
	          meta->src.port, meta->dst.port);
	capture_drop(u->ip->dev, reason);
	buf_free(b);
}

static void deliver_other(struct udp *u, const struct ip_meta *meta, struct buf *b)
{
	b = ip_strip(b, sizeof(struct udp_header));
	if (u->other && u->other(u->other_arg, b, &meta->src, &meta->dst) == 0) {
		u->stats.in_datagrams++;
		return;
	}
	ip_refuse(meta, IP_REFUSE_PORT);
	drop(u, b, meta, &u->stats.no_ports, "nobody listens");
}

static void udp_input(void *arg, struct ip_meta *meta, struct buf *b)
{
	struct udp *u = arg;
	const struct udp_header *h = (const void *)b->data;
	struct listener *l;

	if (!is_right(meta, b)) {
		drop(u, b, meta, &u->stats.in_errors, "a bad header or checksum");
		return;
	}
	meta->src.port = be16(h->src_port);
	meta->dst.port = be16(h->dst_port);
	l = h->dst_port ? find_listener(u, meta->dst.port) : NULL;
	if (!l) {
		deliver_other(u, meta, b);
		return;
	}
	u->stats.in_datagrams++;
	l->receive(l->arg, ip_strip(b, sizeof(*h)), &meta->src, &meta->dst);
}

int udp_create(struct udp **out, struct ip *ip)
{
	struct udp *u = instance_alloc(sizeof(*u));
	int error;

	if (!u)
		return -ENOMEM;
	u->ip = ip;
	u->handler.input = udp_input;
	u->handler.arg = u;
	error = ip_listen(ip, IP_UDP, &u->handler);
	if (error < 0) {
		instance_free(u, sizeof(*u));
		return error;
	}
	*out = u;
	return 0;
}

void udp_destroy(struct udp *u)
{
	ip_listen(u->ip, IP_UDP, NULL);
	instance_free(u, sizeof(*u));
}

OUT_OF_LINE int udp_listen(struct udp *u, uint16_t port, datagram_fn *receive, void *arg)
{
	struct listener *l;

	if (port == 0)
		return -EINVAL;
	if (find_listener(u, port))
		return -EADDRINUSE;
	l = find_listener(u, 0);
	if (!l)
		return -ENOBUFS;
	*l = (struct listener){ .port = port, .receive = receive, .arg = arg };
	return 0;
}

void udp_unlisten(struct udp *u, uint16_t port)
{
	struct listener *l = find_listener(u, port);

	if (l)
		*l = (struct listener){ 0 };
}

int udp_set(struct udp *u, uint16_t port, enum stack_option option, int32_t value)
{
	struct listener *l = port ? find_listener(u, port) : NULL;

	return l ? ip_wish(&l->wishes, option, value) : -ENOTCONN;
}

int udp_get(struct udp *u, uint16_t port, enum stack_option option, int32_t *value)
{
	const struct listener *l = port ? find_listener(u, port) : NULL;

	return l ? ip_wished(&l->wishes, option, value) : -ENOTCONN;
}

void udp_listen_other(struct udp *u, udp_other_fn *receive, void *arg)
{
	u->other = receive;
	u->other_arg = arg;
}

static uint16_t free_port(struct udp *u)
{
	uint16_t port;

	do
		port = (uint16_t)(EPHEMERAL_FIRST | random_u32());
	while (find_listener(u, port));
	return port;
}

static void udp_error(void *arg, struct ip_error *error)
{
	struct udp *u = arg;

	error->src.port = get_be16(error->quoted);
	error->dst.port = get_be16(error->quoted + 2);
	u->error(u->error_arg, error->error, &error->src, &error->dst);
}

void udp_listen_errors(struct udp *u, udp_error_fn *error, void *arg)
{
	u->error = error;
	u->error_arg = arg;
	u->handler.error = error ? udp_error : NULL;
}

/* Makes u->last a route to `to` from src; NULL: from our best address. */
static int find_route(struct udp *u, const struct ip_addr *src, const struct ip_addr *to)
{
	int error;

	if (u->last.generation == u->ip->generation && ip_equal(&u->last.dst, to) &&
	    (src ? ip_equal(&u->last.src, src) : u->last_chosen))
		return 0;
	error = ip_route_init(u->ip, &u->last, src, to);
	u->last_chosen = !src;
	if (error < 0)
		u->last.generation = 0;
	return error;
}

/* Takes payload. */
static int send(struct udp *u, const struct ip_addr *src, uint16_t from_port, const struct endpoint *to,
                struct buf *payload)
{
	uint32_t bytes = buf_length(payload) + (uint32_t)sizeof(struct udp_header);
	int error = to->port ? find_route(u, src, &to->addr) : -EINVAL;
	const struct listener *l = find_listener(u, from_port); /* port 0: a free entry, or NULL: no wishes */
	struct buf *b = NULL;

	if (error == 0)
		error = bytes > UINT16_MAX ? -EMSGSIZE : (b = buf_alloc_header()) ? 0 : -ENOBUFS;
	if (error < 0) {
		buf_free(payload);
	} else {
		*(struct udp_header *)buf_push(b, sizeof(struct udp_header)) = (struct udp_header){
			.src_port = be16(from_port ? from_port : free_port(u)),
			.dst_port = be16(to->port),
			.bytes = be16((uint16_t)bytes),
		};
		b->next = payload;
		u->last.wishes = l ? l->wishes : (struct ip_wishes){ 0 };
		error = ip_send(&u->last, IP_UDP, b, offsetof(struct udp_header, checksum), 0);
	}
	if (error < 0)
		u->stats.out_errors++;
	else
		u->stats.out_datagrams++;
	return error;
}

int udp_send_from(struct udp *u, const struct endpoint *from, const struct endpoint *to, struct buf *payload)
{
	return send(u, from->addr.family == IP_NONE ? NULL : &from->addr, from->port, to, payload);
}

int udp_send(struct udp *u, uint16_t from_port, const struct endpoint *to, struct buf *payload)
{
	return send(u, NULL, from_port, to, payload);
}

const struct udp_stats *udp_stats(const struct udp *u)
{
	return &u->stats;
}
