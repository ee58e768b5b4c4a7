/* SPDX-License-Identifier: ISC */
/* A network interface over the host's tap device. Each frame has a virtio network header before it (virtio
 * 1.2 §5.1.6, without num_buffers), so that neither side computes checksums or cuts segments for the other.
 *
 * A frame is read into buffers kept ready for the largest one; those that it did not need stay ready. A frame
 * is written from its slices. Nothing is queued here: when the tap takes no more, or no buffer is free, the
 * frame is dropped and counted. */
#define LOG_TAG "tap"
#include "drivers/unix/tap.h"

#include <errno.h>
#include <string.h>

#include "arch/unix/host.h"
#include "kernel/dev/entropy.h"
#include "kernel/instance.h"
#include "kernel/log.h"
#include "kernel/loop.h"
#include "kernel/pool.h"

#define FRAME_BYTES_MAX (NETDEV_HEADER_BYTES + 65535)

struct vnet_header {
	uint8_t flags, gso_type;
	uint16_t header_len, gso_size, csum_start, csum_offset; /* in the host's byte order */
};
static_assert(sizeof(struct vnet_header) == 10, "virtio 1.2 §5.1.6");

enum { VNET_NEEDS_CSUM = 1, VNET_DATA_VALID = 2 };
enum { VNET_GSO_TCPV4 = 1 };

#define RX_BYTES 2048
struct rx_buffer {
	struct storage storage;
	struct pool *pool;
	uint8_t pad[2]; /* puts the IP header at a multiple of four */
	uint8_t data[RX_BYTES - sizeof(struct storage) - sizeof(struct pool *) - 2];
};
static_assert(sizeof(struct rx_buffer) == RX_BYTES, "no padding");
LIMIT_BYTES(TAP_RX_BUFFERS, sizeof(struct rx_buffer), 2048);

#define RX_DATA_BYTES sizeof(((struct rx_buffer *)0)->data)
#define RX_READY (FRAME_BYTES_MAX / RX_DATA_BYTES + 1)
#define TX_SLICES 256

struct tap {
	struct netdev dev;
	struct host_watch watch;
	struct poller poller;
	struct pool rx;
	struct rx_buffer *ready[RX_READY]; /* the first ready_count are ready for the next frame */
	size_t ready_count;
	struct host_tap host;
	struct host_iov tx_iov[1 + TX_SLICES];
	char name[16];
};

static void rx_buffer_free(struct storage *s)
{
	struct rx_buffer *b = container_of(s, struct rx_buffer, storage);

	pool_free(b->pool, b);
}

static void rx_refill(struct tap *t)
{
	while (t->ready_count < RX_READY) {
		struct rx_buffer *b = pool_alloc(&t->rx);

		if (!b)
			return;
		b->storage = (struct storage){ .refs = 1, .free = rx_buffer_free };
		b->pool = &t->rx;
		t->ready[t->ready_count++] = b;
	}
}

/* Makes a frame, bytes long, of the first ready buffers, which are given up for it. NULL: the pool of slices
 * is empty, and they stay ready. */
static struct buf *rx_wrap(struct tap *t, size_t bytes)
{
	struct buf *frame = NULL, **end = &frame;
	size_t used = 0;

	for (size_t left = bytes; left > 0; used++) {
		struct rx_buffer *r = t->ready[used];
		struct buf *b = buf_alloc_slice(&r->storage, r->data, MIN(left, RX_DATA_BYTES));

		if (!b) {
			buf_free(frame);
			return NULL;
		}
		left -= b->len;
		*end = b;
		end = &b->next;
	}
	for (size_t i = 0; i < used; i++)
		storage_put(&t->ready[i]->storage);
	t->ready_count -= used;
	memmove(t->ready, t->ready + used, t->ready_count * sizeof(t->ready[0]));
	return frame;
}

/* Applies the header as far as it fits the frame. */
static void rx_apply_header(struct buf *frame, const struct vnet_header *h, size_t bytes)
{
	if ((h->flags & VNET_NEEDS_CSUM) && h->csum_start + h->csum_offset + 2u <= bytes) {
		frame->flags |= BUF_CSUM_PARTIAL;
		frame->csum_start = h->csum_start;
		frame->csum_offset = h->csum_offset;
	} else if (h->flags & VNET_DATA_VALID) {
		frame->flags |= BUF_CSUM_VALID;
	}
}

/* Reads one frame. > 0: there was one, delivered or dropped, of so many buffers; -EAGAIN: there was none. */
static int rx_frame(struct tap *t)
{
	struct netdev *dev = &t->dev;
	struct vnet_header header = { 0 };
	struct host_iov iov[1 + RX_READY + 1] = { { &header, t->host.header_bytes } };
	size_t room = 0;
	struct buf *frame;
	char excess; /* tells that a frame did not fit, and takes frames when no buffer is free */
	intptr_t n;

	rx_refill(t);
	for (size_t i = 0; i < t->ready_count; i++, room += RX_DATA_BYTES)
		iov[1 + i] = (struct host_iov){ t->ready[i]->data, RX_DATA_BYTES };
	iov[1 + t->ready_count] = (struct host_iov){ &excess, 1 };
	n = host_readv(t->host.fd, iov, 1 + t->ready_count + 1);
	if (n < 0 || (n == 0 && t->host.header_bytes == 0))
		return n == -EINTR ? 1 : n == 0 ? -ENETDOWN : (int)n;
	n -= t->host.header_bytes;
	if (n < NETDEV_HEADER_BYTES || (size_t)n > room || !(frame = rx_wrap(t, n))) {
		dev->stats.rx_dropped++;
		return 1;
	}
	rx_apply_header(frame, &header, n);
	dev->stats.rx_frames++;
	dev->stats.rx_bytes += n;
	if (dev->input)
		dev->input(dev->input_arg, frame);
	else
		buf_free(frame);
	return (int)((n - 1) / RX_DATA_BYTES + 1);
}

static void tap_poll(struct poller *p)
{
	struct tap *t = container_of(p, struct tap, poller);
	int result = 1;

	for (int left = CONFIG_TAP_BATCH; left > 0 && result > 0; left -= result)
		result = rx_frame(t);
	if (result > 0) {
		poller_mark(p);
	} else if (result != -EAGAIN) {
		log_error("dev=%s gone errno=%d", t->name, -result);
		host_watch_remove(&t->watch);
	}
}

static void on_ready(struct host_watch *w, unsigned events)
{
	(void)events;
	poller_mark(&container_of(w, struct tap, watch)->poller);
}

static int transmit(struct tap *t, const struct buf *b, uint32_t bytes)
{
	struct vnet_header header = { 0 };
	size_t count = 1;
	intptr_t n;

	if (bytes > (b->flags & BUF_TSO4 ? (uint32_t)FRAME_BYTES_MAX :
	                                   t->dev.mtu + (uint32_t)NETDEV_HEADER_BYTES))
		return -EMSGSIZE;
	if (b->flags & BUF_CSUM_PARTIAL) {
		header.flags = VNET_NEEDS_CSUM;
		header.csum_start = b->csum_start;
		header.csum_offset = b->csum_offset;
	}
	if (b->flags & BUF_TSO4) {
		header.gso_type = VNET_GSO_TCPV4;
		header.gso_size = b->gso_size;
		header.header_len = b->len;
	}
	t->tx_iov[0] = (struct host_iov){ &header, t->host.header_bytes };
	for (const struct buf *s = b; s; s = s->next) {
		if (count > TX_SLICES)
			return -EMSGSIZE;
		t->tx_iov[count++] = (struct host_iov){ s->data, s->len };
	}
	do
		n = host_writev(t->host.fd, t->tx_iov, count);
	while (n == -EINTR);
	return n >= 0 ? 0 : n == -EAGAIN || n == -ENOMEM ? -ENOBUFS : -ENETDOWN;
}

static int tap_send(struct netdev *dev, struct buf *b)
{
	struct tap *t = container_of(dev, struct tap, dev);
	uint32_t bytes = buf_length(b);
	int result = transmit(t, b, bytes);

	if (result < 0) {
		dev->stats.tx_dropped++;
	} else {
		dev->stats.tx_frames++;
		dev->stats.tx_bytes += bytes;
	}
	buf_free(b);
	return result;
}

static const struct netdev_ops tap_ops = { .send = tap_send };

/* "fd:3" gives 3; -EINVAL: name has another form. */
static int parse_fd(const char *name)
{
	int fd = 0;

	if (strncmp(name, "fd:", 3) != 0 || name[3] == '\0')
		return -EINVAL;
	for (const char *c = name + 3; *c; c++) {
		if (*c < '0' || *c > '9' || fd > 99999)
			return -EINVAL;
		fd = fd * 10 + (*c - '0');
	}
	return fd;
}

/* The command that gives a tap the address of the image's gateway, as far as that is configured. */
#define LINK_UP "sudo ip addr add %s%s dev %s && sudo ip link set %s up"
#define ADDRESS (*CONFIG_NET_GATEWAY ? CONFIG_NET_GATEWAY : "ADDRESS")
#define PREFIX strchr(CONFIG_NET_ADDRESS, '/')

static void explain(const char *name, int error)
{
	switch (error) {
	case -EPERM:
		log_error("dev=%s no right to open it; these two commands give it:", name);
		log_error("  sudo ip tuntap add dev %s mode tap user $USER", name);
		log_error("  " LINK_UP, ADDRESS, PREFIX, name, name);
		break;
	case -ENOENT:
		log_error("dev=%s the host has no /dev/net/tun: sudo modprobe tun", name);
		break;
	case -EBUSY:
		log_error("dev=%s in use by another process: choose another with tap=", name);
		break;
	case -EINVAL: case -EBADF:
		log_error("dev=%s is no tap, nor the name of one: tap=tap0, or tap=fd:3", name);
		break;
	default:
		log_error("dev=%s cannot be used errno=%d", name, -error);
	}
}

static int open_host(const char *name, struct host_tap *out)
{
	int fd = parse_fd(name);
	int error = fd >= 0 ? host_tap_adopt(fd, out) : host_tap_open(name, out);

	if (error == 0 && !out->up)
		log_warn("dev=%s is down: " LINK_UP, name, ADDRESS, PREFIX, name, name);
	return error;
}

/* Uses the other end's address with one bit changed: as unique on its network as that, and the same at each
 * start, so that no neighbour cache goes stale. */
static void choose_mac(struct tap *t)
{
	static const uint8_t none[6];

	memcpy(t->dev.mac, t->host.mac, 6);
	if (memcmp(t->host.mac, none, 6) == 0 && entropy_read(t->dev.mac, 6) < 0)
		log_warn("dev=%s no randomness: others may have the same MAC", t->name);
	t->dev.mac[5] ^= 1;
	t->dev.mac[0] = (t->dev.mac[0] | 2) & ~1; /* locally administered, unicast */
}

struct netdev *tap_create(const char *name)
{
	struct tap *t = instance_alloc(sizeof(*t));
	struct netdev *dev;
	int error;

	if (!t || pool_init(&t->rx, RX_BYTES, 8, CONFIG_TAP_RX_BUFFERS) < 0) {
		log_error("dev=%s no memory", name);
		instance_free(t, sizeof(*t));
		return NULL;
	}
	error = open_host(name, &t->host);
	if (error == 0) {
		error = host_watch_add(&t->watch, t->host.fd, HOST_READABLE, on_ready);
		if (error < 0)
			host_close(t->host.fd);
	}
	if (error < 0) {
		explain(name, error);
		pool_destroy(&t->rx);
		instance_free(t, sizeof(*t));
		return NULL;
	}
	format(t->name, sizeof(t->name), "%s", name);
	dev = &t->dev;
	dev->ops = &tap_ops;
	dev->mtu = t->host.mtu;
	if (t->host.header_bytes)
		dev->features = NETDEV_TX_CSUM | NETDEV_TSO4;
	if (t->host.offloads & HOST_TAP_CSUM)
		dev->features |= NETDEV_RX_CSUM;
	choose_mac(t);
	poller_add(&t->poller, tap_poll);
	return dev;
}

void tap_destroy(struct netdev *dev)
{
	struct tap *t = container_of(dev, struct tap, dev);

	host_watch_remove(&t->watch);
	poller_remove(&t->poller);
	host_close(t->host.fd);
	while (t->ready_count > 0)
		storage_put(&t->ready[--t->ready_count]->storage);
	pool_destroy(&t->rx);
	instance_free(t, sizeof(*t));
}
