/* SPDX-License-Identifier: ISC */
/* The network device (virtio 1.2 §5.1). Received frames go up in the buffers that the device wrote them into,
 * counted; a buffer is posted again when its last reference is dropped. Segments that the device has put
 * together (GUEST_TSO4) come as one frame in many buffers. When buffers run short, RESERVE of them are kept
 * in the ring: small frames are then copied, so that acknowledgements still get through, and others dropped.
 * Transmitted chains go to the device slice by slice and are freed when it has used them. */
#define LOG_TAG "virtio-net"
#include "drivers/virtio/virtqueue.h"
#include "kernel/buf.h"
#include "kernel/dev/netdev.h"
#include "kernel/instance.h"
#include "kernel/log.h"
#include "kernel/pool.h"
#include "kernel/timer.h"

#include <errno.h>
#include <string.h>

#define F_CSUM (UINT64_C(1) << 0)
#define F_GUEST_CSUM (UINT64_C(1) << 1)
#define F_MTU (UINT64_C(1) << 3)
#define F_MAC (UINT64_C(1) << 5)
#define F_GUEST_TSO4 (UINT64_C(1) << 7)
#define F_HOST_TSO4 (UINT64_C(1) << 11)
#define F_MRG_RXBUF (UINT64_C(1) << 15)
#define F_STATUS (UINT64_C(1) << 16)

enum { HDR_NEEDS_CSUM = 1, HDR_DATA_VALID = 2 };
enum { GSO_TCPV4 = 1 };
enum { CONFIG_STATUS = 6, CONFIG_MTU = 10, STATUS_LINK_UP = 1 };

#define MTU_LEAST 68 /* RFC 791 */
#define TSO_BYTES_MAX (65535 + NETDEV_HEADER_BYTES)
#define BUFFER_BYTES 1600
#define LATE_NS (10 * NS_PER_MS) /* until the used ring is looked at for awaited frames */
/* Buffers that stay in the ring, whatever the stack holds (init/limits.h): as many as the longest frame
 * takes, because the device may keep all others behind one that finds no room. */
#define RESERVE 42
#define RING_LEAST 64 /* the power of two that has room for RESERVE */
#define BUDGET 32 /* buffers per poll, more only within a frame, so that readers and timers get their turn */
#define FRAME_PARTS (NETDEV_SLICES + 1) /* the device's header may need one of its own */

struct header {
	uint8_t flags, gso_type;
	uint16_t header_bytes, gso_size, csum_start, csum_offset, buffers;
};
static_assert(sizeof(struct header) == 12, "§5.1.6");

struct net {
	struct netdev dev; /* first */
	struct virtio_device virtio;
	struct virtqueue rx, tx;
	struct poller events; /* looks at the rings */
	struct poller kick;   /* the device is to be notified of frames */
	struct timer late;    /* runs while is_awaited: looks for used frames even without an interrupt */
	struct pool buffers;
	uint16_t posted;
	bool link_up;
	bool is_awaited; /* an outstanding frame's memory may be waited for, or many are out */
};

/* A multiple of 64 bytes; data begins so that the IP header is aligned. */
struct rx_buffer {
	struct storage storage;
	struct net *net;
	uint8_t pad[2];
	uint8_t data[BUFFER_BYTES - sizeof(struct storage) - sizeof(struct net *) - 2];
};
static_assert(sizeof(struct rx_buffer) == BUFFER_BYTES, "receive buffer");
LIMIT_BYTES(VIRTIO_NET_BUFFERS, sizeof(struct rx_buffer), 1600);
static_assert(offsetof(struct rx_buffer, data) % 4 == 2, "IP header after 26 bytes");
static_assert(RESERVE * sizeof(((struct rx_buffer *)NULL)->data) >= sizeof(struct header) + TSO_BYTES_MAX,
              "the longest frame");
static_assert(CONFIG_VIRTIO_NET_RX_RING >= RING_LEAST, "room for RESERVE");
static_assert(CONFIG_VIRTIO_NET_BUFFERS >= RESERVE, "the same");

/* -- receive -- */

static void buffer_free(struct storage *s)
{
	struct rx_buffer *b = container_of(s, struct rx_buffer, storage);
	struct net *net = b->net;

	pool_free(&net->buffers, b);
	/* No interrupt may come any more that would refill the ring. */
	if (net->posted < net->rx.size / 2)
		poller_mark(&net->kick);
}

/* Posts all free buffers. true: virtqueue_kick is to be called again in the next turn. */
static bool refill(struct net *net)
{
	struct rx_buffer *b;

	while (net->posted < net->rx.size && (b = pool_alloc(&net->buffers))) {
		b->storage = (struct storage){ 1, buffer_free };
		b->net = net;
		if (virtqueue_begin(&net->rx, 1) < 0) {
			pool_free(&net->buffers, b);
			break;
		}
		virtqueue_in(&net->rx, b->data, sizeof(b->data));
		virtqueue_commit(&net->rx, b);
		net->posted++;
	}
	return virtqueue_kick(&net->rx);
}

static struct rx_buffer *take(struct net *net, uint32_t *bytes)
{
	struct rx_buffer *b = virtqueue_take(&net->rx, bytes);

	if (b)
		net->posted--;
	return b;
}

/* A slice of b's memory, or a copy when buffers are short and it is small. Takes b. */
static struct buf *to_slice(struct net *net, struct rx_buffer *b, uint32_t offset, uint32_t bytes)
{
	bool is_short = net->posted + net->buffers.total - net->buffers.used < RESERVE;
	struct buf *slice;

	if (is_short) {
		slice = bytes - offset <= BUF_HEADROOM ? buf_alloc_header() : NULL;
		if (slice)
			memcpy(buf_push(slice, bytes - offset), b->data + offset, bytes - offset);
	} else {
		slice = buf_alloc_slice(&b->storage, b->data + offset, bytes - offset);
	}
	storage_put(&b->storage);
	return slice;
}

/* Takes the frame that begins in first (bytes of it), with all its buffers; NULL when it is dropped. */
static struct buf *take_frame(struct net *net, struct rx_buffer *first, uint32_t bytes)
{
	struct header *header = (struct header *)first->data;
	uint16_t count = net->virtio.accepted & F_MRG_RXBUF ? header->buffers : 1;
	uint8_t flags = header->flags;
	struct buf *frame, *last;

	if (bytes < sizeof(*header) + NETDEV_HEADER_BYTES || !count) {
		storage_put(&first->storage);
		virtio_break(&net->virtio, "a frame without header");
		return NULL;
	}
	frame = last = to_slice(net, first, sizeof(*header), bytes);
	while (--count) {
		struct rx_buffer *b = take(net, &bytes);

		if (!b) {
			virtio_break(&net->virtio, "a frame without end");
			break;
		}
		if (!frame) {
			storage_put(&b->storage);
			continue;
		}
		last->next = to_slice(net, b, 0, bytes);
		if (!last->next) {
			buf_free(frame);
			frame = NULL;
		} else {
			last = last->next;
		}
	}
	/* A device may put less into the first buffer than kernel/buf.h promises of a first slice: such a frame
	 * is dropped. */
	if (frame && (count || (frame->next && frame->len < BUF_HEADROOM))) {
		buf_free(frame);
		frame = NULL;
	}
	if (frame && (net->virtio.accepted & F_GUEST_CSUM))
		frame->flags = flags & HDR_NEEDS_CSUM ? BUF_CSUM_PARTIAL :
		               flags & HDR_DATA_VALID ? BUF_CSUM_VALID : 0;
	return frame;
}

static unsigned receive(struct net *net)
{
	uint16_t before = net->posted;
	unsigned frames = 0;
	struct rx_buffer *b;
	uint32_t bytes;

	for (; before - net->posted < BUDGET && (b = take(net, &bytes)); frames++)
		netdev_hand_up(&net->dev, take_frame(net, b, bytes));
	return frames;
}

/* -- transmit -- */

static void reap(struct net *net)
{
	struct buf *b;
	uint32_t written;

	while ((b = virtqueue_take(&net->tx, &written)))
		buf_free(b);
	if (!net->tx.pending)
		net->is_awaited = false;
}

static void fill_header(struct header *h, const struct buf *b, bool tso)
{
	*h = (struct header){ 0 };
	if (!(b->flags & (BUF_CSUM_PARTIAL | BUF_TSO4)))
		return;
	h->flags = HDR_NEEDS_CSUM;
	h->csum_start = b->csum_start;
	h->csum_offset = b->csum_offset;
	if (tso) {
		h->gso_type = GSO_TCPV4;
		h->gso_size = b->gso_size;
		/* A hint to the device; the TCP header's length is in its data offset field. */
		h->header_bytes = b->csum_start;
		if (b->len > b->csum_start + 12u)
			h->header_bytes += b->data[b->csum_start + 12] >> 4 << 2;
	}
}

/* The device's header goes into the frame's own header room if that is large enough, else into a slice before
 * it. NULL: there is none. */
static struct buf *add_header(struct buf *b, bool tso)
{
	struct header header;
	struct buf *head = b;

	fill_header(&header, b, tso);
	if (buf_room(b) < sizeof(header)) {
		head = buf_alloc_header();
		if (!head)
			return NULL;
		head->next = b;
	}
	memcpy(buf_push(head, sizeof(header)), &header, sizeof(header));
	return head;
}

/* Counts the frame's slices that have bytes; the device is not shown empty ones, which it may take for a
 * fault, as QEMU does. Stops at a number that no ring has. */
static uint16_t count_slices(const struct buf *b)
{
	uint16_t count = 0;

	for (; b && count < UINT16_MAX; b = b->next)
		count += b->len > 0;
	return count;
}

static int check(struct net *net, const struct buf *b, uint32_t *bytes)
{
	bool tso = b->flags & BUF_TSO4;
	uint32_t most = tso ? TSO_BYTES_MAX : net->dev.mtu + (uint32_t)NETDEV_HEADER_BYTES;

	if (net->virtio.broken || !net->link_up)
		return -ENETDOWN;
	*bytes = buf_length(b);
	if (*bytes > most || *bytes < NETDEV_HEADER_BYTES)
		return -EMSGSIZE;
	return tso && !(net->dev.features & NETDEV_TSO4) ? -EMSGSIZE : 0;
}

static int queue(struct net *net, struct buf *b)
{
	uint16_t slices = count_slices(b);
	int error = virtqueue_begin(&net->tx, slices);

	if (error == -ENOBUFS) {
		reap(net);
		error = virtqueue_begin(&net->tx, slices);
	}
	if (error)
		return error;
	for (const struct buf *slice = b; slice; slice = slice->next) {
		net->is_awaited |= slice->storage != NULL;
		if (slice->len)
			virtqueue_out(&net->tx, slice->data, slice->len);
	}
	virtqueue_commit(&net->tx, b);
	net->is_awaited |= net->tx.free_count < net->tx.size / 2;
	return 0;
}

static int send_frame(struct netdev *dev, struct buf *b)
{
	struct net *net = container_of(dev, struct net, dev);
	struct buf *head;
	uint32_t bytes;
	int error = check(net, b, &bytes);

	if (!error) {
		head = add_header(b, b->flags & BUF_TSO4);
		error = head ? queue(net, head) : -ENOBUFS;
		b = head ? head : b;
	}
	if (error) {
		net->dev.stats.tx_dropped++;
		buf_free(b);
		return error;
	}
	net->dev.stats.tx_frames++;
	net->dev.stats.tx_bytes += bytes;
	poller_mark(&net->kick);
	return 0;
}

/* -- the loop -- */

static void kick(struct poller *p)
{
	struct net *net = container_of(p, struct net, kick);

	if (net->virtio.broken)
		return;
	if (virtqueue_kick(&net->tx))
		poller_mark(p);
	reap(net);
	if (net->is_awaited && !timer_is_running(&net->late))
		timer_start_in(&net->late, LATE_NS);
	if (refill(net))
		poller_mark(p);
}

/* A timer rather than an interrupt: that would come after each small reply, mostly for memory that has no
 * waiter. */
static void look_for_late(struct timer *t)
{
	poller_mark(&container_of(t, struct net, late)->kick);
}

/* Reads a 16-bit register of the configuration; 0 where it has none. */
static uint16_t read_register(struct net *net, uint32_t at)
{
	if (net->virtio.config_bytes < at + sizeof(uint16_t))
		return 0;
	return *(volatile uint16_t *)(net->virtio.config + at);
}

static bool is_link_up(struct net *net)
{
	return !(net->virtio.accepted & F_STATUS) || (read_register(net, CONFIG_STATUS) & STATUS_LINK_UP);
}

static void config_changed(struct net *net)
{
	net->virtio.changed = false;
	if (virtio_needs_reset(&net->virtio) || is_link_up(net) == net->link_up)
		return;
	net->link_up = !net->link_up;
	log_info("link=%s", net->link_up ? "up" : "down");
	if (net->link_up)
		netdev_tell_returned(&net->dev);
}

/* The line is edge triggered: a change before the acknowledgement raises no interrupt, so that comes before
 * the last look (§2.7.14, §4.2.3.4). */
static void events(struct poller *p)
{
	struct net *net = container_of(p, struct net, events);

	if (net->virtio.broken)
		return;
	if (net->rx.watch == VIRTQUEUE_ASKED)
		net->virtio.transport->acknowledge(&net->virtio);
	if (net->virtio.changed)
		config_changed(net);
	virtqueue_watch(&net->rx, receive(net) > 0);
	reap(net);
	if (refill(net) && net->rx.watch == VIRTQUEUE_WAITING)
		poller_mark(&net->kick);
	if (net->rx.watch != VIRTQUEUE_WAITING)
		poller_mark(p);
}

/* -- the beginning -- */

static const struct netdev_ops ops = { .send = send_frame };

static int read_config(struct net *net)
{
	const uint64_t accepted = net->virtio.accepted;
	uint16_t mtu = NETDEV_MTU_USUAL;

	if (!(accepted & F_MAC) || net->virtio.config_bytes < sizeof(net->dev.mac))
		return -ENOTSUP;
	for (size_t i = 0; i < sizeof(net->dev.mac); i++)
		net->dev.mac[i] = net->virtio.config[i];
	if (accepted & F_MTU)
		mtu = read_register(net, CONFIG_MTU);
	/* Without mergeable buffers a frame must fit into one. */
	if (!(accepted & F_MRG_RXBUF))
		mtu = MIN(mtu, (uint16_t)NETDEV_MTU_USUAL);
	if (mtu < MTU_LEAST)
		return -ENOTSUP;
	net->dev.mtu = mtu;
	if (accepted & F_CSUM)
		net->dev.features |= NETDEV_TX_CSUM;
	if ((accepted & F_HOST_TSO4) && (accepted & F_CSUM))
		net->dev.features |= NETDEV_TSO4;
	if (accepted & F_GUEST_CSUM)
		net->dev.features |= NETDEV_RX_CSUM;
	return 0;
}

/* May the device put segments together? They need several buffers, and come with partial checksums
 * (§5.1.3.1, §5.1.6.3.1). */
static bool has_room_for_long(struct net *net)
{
	const uint64_t needed = F_GUEST_CSUM | F_MRG_RXBUF;

	return (net->virtio.accepted & needed) == needed &&
	       net->virtio.transport->queue_max(&net->virtio, 0) >= RING_LEAST;
}

static int negotiate(struct net *net)
{
	const uint64_t wanted = F_CSUM | F_GUEST_CSUM | F_MTU | F_MAC | F_HOST_TSO4 | F_MRG_RXBUF | F_STATUS |
	                        VIRTIO_F_EVENT_IDX;
	int error = virtio_begin(&net->virtio, wanted | F_GUEST_TSO4);

	if (!error && !has_room_for_long(net))
		error = virtio_begin(&net->virtio, wanted);
	return error;
}

/* The longest frame must fit into the posted buffers, or none of that length ever arrives. */
static void fit_ring(struct net *net)
{
	uint32_t buffers = MIN(net->rx.size, (uint16_t)CONFIG_VIRTIO_NET_BUFFERS);
	uint32_t bytes = buffers * BUFFER_BYTES - (uint32_t)sizeof(struct header) - NETDEV_HEADER_BYTES;

	net->dev.mtu = (uint16_t)MIN((uint32_t)net->dev.mtu, bytes);
}

static int make_queues(struct net *net)
{
	int error;

	poller_add(&net->events, events);
	poller_add(&net->kick, kick);
	timer_init(&net->late, look_for_late);
	error = net->virtio.transport->attach(&net->virtio, &net->events);
	if (!error)
		error = pool_init(&net->buffers, sizeof(struct rx_buffer), 64, CONFIG_VIRTIO_NET_BUFFERS);
	if (!error)
		error = virtqueue_create(&net->rx, &net->virtio, 0, CONFIG_VIRTIO_NET_RX_RING);
	if (!error)
		error = virtqueue_create(&net->tx, &net->virtio, 1, CONFIG_VIRTIO_NET_TX_RING);
	if (!error && net->tx.size < FRAME_PARTS) {
		log_error("refused=\"a transmit ring of %u descriptors: %u are needed\"", net->tx.size, FRAME_PARTS);
		error = -ENOTSUP;
	}
	if (!error)
		fit_ring(net);
	return error;
}

/* On failure nothing is freed: the image ends. */
int virtio_net_create(struct netdev **out)
{
	struct net *net = instance_alloc(sizeof(*net));
	int error;

	if (!net)
		return -ENOMEM;
	error = virtio_find(&net->virtio, VIRTIO_TYPE_NET);
	if (!error)
		error = negotiate(net);
	if (!error)
		error = read_config(net);
	if (!error)
		error = make_queues(net);
	if (error) {
		log_error("error=%d", -error);
		return error;
	}
	net->dev.ops = &ops;
	virtio_start(&net->virtio);
	virtqueue_interrupt_never(&net->tx);
	net->link_up = is_link_up(net);
	refill(net);
	poller_mark(&net->events); /* LOOKING */
	*out = &net->dev;
	return 0;
}
