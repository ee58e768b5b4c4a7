/* SPDX-License-Identifier: ISC */
/* The network device (Xen's public/io/netif.h). What is received lies in pages of ours that the backend may
 * write: the grant of each is ended before anybody reads it. A page whose grant will not end is set apart
 * until a later backend comes and it does. Pages are counted storage, as a virtio device's buffers are: when
 * they are short the last RESERVE are kept for the ring, small frames are copied and others dropped. What is
 * sent goes by one grant for each page that a slice touches; a frame in more of them than a backend takes is
 * first copied into pages together. */
#define LOG_TAG "xen-net"
#include "drivers/xen/event.h"
#include "drivers/xen/frontend.h"
#include "drivers/xen/grant.h"
#include "drivers/xen/hypercall.h"
#include "drivers/xen/ring.h"
#include "drivers/xen/xen.h"
#include "kernel/buf.h"
#include "kernel/dev/netdev.h"
#include "kernel/hex.h"
#include "kernel/instance.h"
#include "kernel/log.h"
#include "kernel/loop.h"

#include <errno.h>
#include <string.h>
#include <xen/io/netif.h>
#include <xen/io/xenbus.h>

#define PIECES_MAX 18 /* of a frame: what every backend takes (public/io/netif.h) */
#define SLOTS 256     /* of either ring */
#define RESERVE 8     /* buffers that stay with the backend whatever is held above */
#define BUDGET 64     /* frames per poll */
#define KEPT_MAX 16   /* pages that a backend may fail to let go of */
#define NONE UINT16_MAX

enum { FEATURE_NO_CSUM, FEATURE_SG, FEATURE_GSO, FEATURE_COPY, FEATURE_GROUPS };
static const char *const features[] = {
	[FEATURE_NO_CSUM] = "feature-no-csum-offload", [FEATURE_SG] = "feature-sg",
	[FEATURE_GSO] = "feature-gso-tcpv4", [FEATURE_COPY] = "feature-rx-copy",
	[FEATURE_GROUPS] = IS_ENABLED(CONFIG_NETDEV_GROUPS) ? "feature-multicast-control" : NULL, NULL,
};

struct buffer {
	struct storage storage;
	struct net *net;
	struct buffer *next; /* free */
	uint8_t *page;
	uint32_t ref; /* while it is posted */
};

/* A request to send. Those of one frame are linked; the first one has what belongs to the frame. */
struct slot {
	struct buf *frame;
	uint32_t ref; /* 0, which is the toolstack's: none */
	uint16_t next, first, left; /* left: of the frame, not yet answered */
	bool busy, kept; /* kept: answered, but not let go of */
};

/* A multicast address, and how often it is wanted. */
struct wanted {
	uint8_t mac[6];
	uint16_t users; /* 0: the place is free */
};
LIMIT_BYTES(XEN_NET_GROUPS, sizeof(struct wanted), 8);

struct net {
	struct netdev dev; /* first */
	struct frontend front;
	struct poller events; /* looks at the rings */
	struct poller kick;   /* there is something that the backend was not told of */
	struct xen_ring rx, tx;
	uint32_t port;
	bool link_up, can_gather, filters;
	bool is_awaited; /* somebody may wait for the memory of a frame that is out */
	struct buffer *free, *kept;
	uint32_t free_count, posted_count, quarantined;
	struct buffer *posted[SLOTS]; /* by place in the ring */
	uint16_t free_slot;
	uint16_t free_slots;
	struct slot slots[SLOTS];
	struct buffer buffers[CONFIG_XEN_NET_BUFFERS];
	struct wanted groups[CONFIG_XEN_NET_GROUPS];
};

/* -- pages -- */

static void give_back(struct buffer *b)
{
	struct net *net = b->net;

	b->next = net->free;
	net->free = b;
	net->free_count++;
}

static void buffer_free(struct storage *s)
{
	struct buffer *b = container_of(s, struct buffer, storage);

	give_back(b);
	/* Nothing may come any more that would fill the ring again. */
	if (b->net->posted_count < CONFIG_XEN_NET_RX_RING / 2)
		poller_mark(&b->net->kick);
}

static struct buffer *take_buffer(struct net *net)
{
	struct buffer *b = net->free;

	if (!b)
		return NULL;
	net->free = b->next;
	net->free_count--;
	b->storage = (struct storage){ 1, buffer_free };
	return b;
}

static void disable(struct net *net, const char *how)
{
	net->link_up = false;
	frontend_break(&net->front, how);
}

/* Memory that the backend has not let go of must not be used for anything else. */
static void count_kept(struct net *net)
{
	log_error("quarantined=%u", ++net->quarantined);
	if (net->link_up && net->quarantined >= KEPT_MAX)
		disable(net, "keeps what is not its own");
}

/* -- receive -- */

static void refill(struct net *net)
{
	struct netif_rx_request request = { 0 };

	while (net->posted_count < CONFIG_XEN_NET_RX_RING && net->free) {
		int32_t ref = grant_page(net->front.backend_id, net->free->page, false);
		uint32_t place = net->rx.made % SLOTS;

		if (ref < 0)
			break;
		request.id = (uint16_t)place;
		request.gref = (uint32_t)ref;
		net->posted[place] = take_buffer(net);
		net->posted[place]->ref = (uint32_t)ref;
		net->posted_count++;
		xen_ring_put(&net->rx, &request, sizeof(request));
	}
}

/* The buffer posted at place, which is the backend's no more; NULL: there is none, or it will not let go. */
static struct buffer *unpost(struct net *net, uint32_t place)
{
	struct buffer *b = net->posted[place];

	net->posted[place] = NULL;
	if (!b)
		return NULL;
	net->posted_count--;
	if (grant_end(b->ref))
		return b;
	b->next = net->kept;
	net->kept = b;
	count_kept(net);
	return NULL;
}

/* A slice of b's page, or a copy when pages are short and it is small. Takes b. */
static struct buf *to_slice(struct net *net, struct buffer *b, uint32_t offset, uint32_t bytes)
{
	struct buf *slice = NULL;

	if (net->posted_count + net->free_count >= RESERVE) {
		slice = buf_alloc_slice(&b->storage, b->page + offset, bytes);
	} else if (bytes <= BUF_HEADROOM) {
		slice = buf_alloc_header();
		if (slice)
			memcpy(buf_push(slice, bytes), b->page + offset, bytes);
	}
	storage_put(&b->storage);
	return slice;
}

/* The answers that carry no data, behind the first of a frame: their buffers were not used. */
static bool skip_extras(struct net *net)
{
	struct netif_extra_info extra;
	struct buffer *b;

	do {
		if (xen_ring_take(&net->rx, &extra) <= 0)
			return false;
		b = unpost(net, xen_ring_place(&net->rx));
		if (b)
			storage_put(&b->storage);
	} while (extra.flags & XEN_NETIF_EXTRA_FLAG_MORE);
	return true;
}

/* The piece of a frame that r tells of; NULL when there is none, for want of memory or because the backend
 * says so. What it says of offset and length is checked. */
static struct buf *take_piece(struct net *net, const struct netif_rx_response *r)
{
	struct buffer *b = unpost(net, xen_ring_place(&net->rx));

	if (!b)
		return NULL;
	if (r->status <= 0 || r->offset > PAGE_BYTES || r->status > (int32_t)PAGE_BYTES - r->offset) {
		storage_put(&b->storage);
		return NULL;
	}
	return to_slice(net, b, r->offset, (uint32_t)r->status);
}

static uint8_t flags_of(uint16_t flags)
{
	return flags & NETRXF_csum_blank ? BUF_CSUM_PARTIAL : flags & NETRXF_data_validated ? BUF_CSUM_VALID : 0;
}

/* The frame whose first answer is r: NULL when it is dropped; broken when it cannot be one. */
static struct buf *take_frame(struct net *net, struct netif_rx_response r, const char **broken)
{
	struct buf *frame = NULL, **end = &frame;
	uint8_t flags = flags_of(r.flags);
	bool whole = true;

	for (unsigned pieces = 1;; pieces++) {
		if (r.id != xen_ring_place(&net->rx) || !net->posted[r.id])
			*broken = "an answer to no request";
		*end = take_piece(net, &r);
		whole &= *end != NULL;
		end = *end ? &(*end)->next : end;
		if (pieces == 1 && (r.flags & NETRXF_extra_info) && !skip_extras(net))
			*broken = "extras without end";
		if (*broken || !(r.flags & NETRXF_more_data))
			break;
		if (pieces > PIECES_MAX || xen_ring_take(&net->rx, &r) <= 0) {
			*broken = "a frame without end";
			break;
		}
	}
	/* The first slice is as long as kernel/buf.h promises, also when the backend was stingy. */
	if (*broken || !whole || frame->len < NETDEV_HEADER_BYTES || (frame->next && frame->len < BUF_HEADROOM)) {
		buf_free(frame);
		return NULL;
	}
	frame->flags = flags;
	return frame;
}

static void hand_up(struct net *net, struct buf *frame)
{
	if (!frame || !net->dev.input) {
		net->dev.stats.rx_dropped++;
		buf_free(frame);
		return;
	}
	net->dev.stats.rx_frames++;
	net->dev.stats.rx_bytes += buf_length(frame);
	net->dev.input(net->dev.input_arg, frame);
}

/* What the stack does with a frame may take the device away only later, from a poller of the store's. */
static unsigned receive(struct net *net)
{
	struct netif_rx_response r;
	const char *broken = NULL;
	unsigned frames = 0;
	int some = 0;

	for (; frames < BUDGET && !broken && (some = xen_ring_take(&net->rx, &r)) > 0; frames++) {
		struct buf *frame = take_frame(net, r, &broken);

		hand_up(net, frame);
	}
	if (some < 0)
		broken = "more answers than requests";
	if (broken)
		disable(net, broken);
	return frames;
}

/* -- transmit -- */

/* The frame that begins at slot first has been answered whole, or never will be. */
static void release(struct net *net, uint16_t first)
{
	uint16_t id = first, next;

	buf_free(net->slots[first].frame);
	for (; id != NONE; id = next) {
		next = net->slots[id].next;
		net->slots[id].next = net->free_slot;
		net->free_slot = id;
		net->free_slots++;
	}
}

/* The backend has no use for the slot any more. The frame waits until it has let go of all pages. */
static void done(struct net *net, uint16_t id)
{
	struct slot *slot = &net->slots[id];
	bool was_kept = slot->kept;

	slot->busy = false;
	slot->kept = slot->ref && !grant_end(slot->ref);
	net->quarantined -= was_kept;
	if (slot->kept)
		count_kept(net);
	else if (--net->slots[slot->first].left == 0)
		release(net, slot->first);
}

/* Asks for an event only when much is out, or at the end of what somebody may wait for: else frames are let
 * go of whenever there is something else to do. */
static void expect(struct net *net)
{
	uint32_t out = net->tx.size - xen_ring_room(&net->tx);
	bool is_much = net->free_slots < SLOTS / 2;

	net->is_awaited = net->is_awaited && out;
	if ((is_much || net->is_awaited) && xen_ring_expect(&net->tx, is_much ? out / 2 : out))
		poller_mark(&net->kick);
}

static void reap(struct net *net)
{
	struct netif_tx_response r;
	const char *broken = NULL;
	int some;

	while ((some = xen_ring_take(&net->tx, &r)) > 0 && !broken) {
		if (r.status == NETIF_RSP_NULL)
			continue;
		if (r.id >= SLOTS || !net->slots[r.id].busy) {
			broken = "sent what is not there";
			continue;
		}
		if (IS_ENABLED(CONFIG_NETDEV_GROUPS) && r.status == NETIF_RSP_ERROR && !net->slots[r.id].ref)
			log_warn("a multicast address is refused");
		done(net, r.id);
	}
	if (some < 0 || broken)
		disable(net, broken ? broken : "more answers than requests");
	expect(net);
}

/* Pages that the slice touches. */
static uint32_t pieces_of(const struct buf *slice)
{
	uint32_t offset = (uintptr_t)slice->data % PAGE_BYTES;

	return slice->len ? (offset + slice->len - 1) / PAGE_BYTES + 1 : 0;
}

static uint32_t count_pieces(const struct buf *b)
{
	uint32_t pieces = 0;

	for (; b; b = b->next)
		pieces += pieces_of(b);
	return pieces;
}

/* The same frame in as few pages as can be, of those to receive into; NULL: there are not enough. Takes b. */
static struct buf *gather(struct net *net, struct buf *b, uint32_t bytes)
{
	struct buf *frame = NULL, **end = &frame;

	for (uint32_t at = 0, n; at < bytes; at += n) {
		struct buffer *page = net->free_count > RESERVE ? take_buffer(net) : NULL;

		n = MIN(bytes - at, (uint32_t)PAGE_BYTES);
		*end = page ? buf_alloc_slice(&page->storage, page->page, n) : NULL;
		if (page)
			storage_put(&page->storage);
		if (!*end) {
			buf_free(frame);
			frame = NULL;
			break;
		}
		buf_copy_out(b, at, page->page, n);
		end = &(*end)->next;
	}
	if (frame) {
		frame->flags = b->flags;
		frame->gso_size = b->gso_size;
	}
	buf_free(b);
	return frame;
}

/* A free slot, of which there is one, for a request of the frame that begins at slot first; NONE: here. */
static uint16_t take_id(struct net *net, uint32_t ref, uint16_t first)
{
	uint16_t id = net->free_slot;
	struct slot *slot = &net->slots[id];

	net->free_slot = slot->next;
	net->free_slots--;
	*slot = (struct slot){ .ref = ref, .next = NONE, .first = first == NONE ? id : first, .busy = true };
	return id;
}

/* One request more of the frame; false: no grant. What was put into the ring cannot be taken back, so grants
 * are had first. */
static bool take_slot(struct net *net, const uint8_t *data, uint16_t *first, uint16_t *last)
{
	int32_t ref = grant_page(net->front.backend_id, data, true);
	uint16_t id;

	if (ref < 0)
		return false;
	id = take_id(net, (uint32_t)ref, *first);
	*first = net->slots[id].first;
	if (*last != NONE)
		net->slots[*last].next = id;
	*last = id;
	net->slots[*first].left++;
	return true;
}

/* Grants for all of b's pages; NONE: there are not enough. */
static uint16_t take_slots(struct net *net, const struct buf *b)
{
	uint16_t first = NONE, last = NONE, id, next;

	for (; b; b = b->next) {
		for (uint32_t i = 0; i < pieces_of(b); i++) {
			const uint8_t *page = (const uint8_t *)ALIGN_DOWN((uintptr_t)b->data, PAGE_BYTES);

			if (take_slot(net, page + i * PAGE_BYTES, &first, &last))
				continue;
			for (id = first; id != NONE; id = next) {
				next = net->slots[id].next;
				done(net, id);
			}
			return NONE;
		}
	}
	return first;
}

/* Says how the first request's frame is to be cut. */
static void put_gso(struct net *net, const struct buf *b)
{
	struct netif_extra_info extra = { .type = XEN_NETIF_EXTRA_TYPE_GSO };

	extra.u.gso.size = b->gso_size;
	extra.u.gso.type = XEN_NETIF_GSO_TYPE_TCPV4;
	xen_ring_put(&net->tx, &extra, sizeof(extra));
}

/* The first request has the size of the whole frame, each other its own. */
static void put_requests(struct net *net, const struct buf *b, uint16_t first, uint32_t bytes)
{
	uint16_t id = first, flags = b->flags & (BUF_CSUM_PARTIAL | BUF_TSO4) ? NETTXF_csum_blank : 0;
	const struct buf *frame = b;

	for (; b; b = b->next) {
		uint32_t offset = (uintptr_t)b->data % PAGE_BYTES;

		for (uint32_t left = b->len, n; left; left -= n, offset = 0, id = net->slots[id].next) {
			struct netif_tx_request r = { .gref = net->slots[id].ref, .offset = (uint16_t)offset, .id = id };
			bool tso = id == first && (frame->flags & BUF_TSO4);

			n = MIN(left, PAGE_BYTES - offset);
			r.size = (uint16_t)(id == first ? bytes : n);
			r.flags = (uint16_t)(id == first ? flags | (flags ? NETTXF_data_validated : 0) : 0);
			r.flags |= (uint16_t)((net->slots[id].next != NONE ? NETTXF_more_data : 0) |
			                      (tso ? NETTXF_extra_info : 0));
			xen_ring_put(&net->tx, &r, sizeof(r));
			if (tso)
				put_gso(net, frame);
		}
	}
}

static int check(struct net *net, const struct buf *b, uint32_t *bytes)
{
	bool tso = b->flags & BUF_TSO4;

	if (!net->link_up)
		return -ENETDOWN;
	*bytes = buf_length(b);
	if (*bytes > (tso ? (uint32_t)XEN_NETIF_MAX_TX_SIZE : net->dev.mtu + (uint32_t)NETDEV_HEADER_BYTES) ||
	    *bytes < NETDEV_HEADER_BYTES)
		return -EMSGSIZE;
	return tso && !(net->dev.features & NETDEV_TSO4) ? -EMSGSIZE : 0;
}

/* Takes b. */
static int queue(struct net *net, struct buf *b, uint32_t bytes)
{
	uint32_t most = net->can_gather ? PIECES_MAX : 1;
	uint16_t first;

	if (count_pieces(b) > most && !(b = gather(net, b, bytes)))
		return -ENOBUFS;
	if (xen_ring_room(&net->tx) <= PIECES_MAX || net->free_slots < PIECES_MAX)
		reap(net);
	first = xen_ring_room(&net->tx) > PIECES_MAX && net->free_slots >= PIECES_MAX ? take_slots(net, b) : NONE;
	if (first == NONE) {
		buf_free(b);
		return -ENOBUFS;
	}
	net->slots[first].frame = b;
	put_requests(net, b, first, bytes);
	for (; b; b = b->next)
		net->is_awaited |= b->storage != NULL;
	return 0;
}

static int send_frame(struct netdev *dev, struct buf *b)
{
	struct net *net = container_of(dev, struct net, dev);
	uint32_t bytes;
	int error = check(net, b, &bytes);

	if (error)
		buf_free(b);
	else
		error = queue(net, b, bytes);
	if (error) {
		net->dev.stats.tx_dropped++;
		return error;
	}
	net->dev.stats.tx_frames++;
	net->dev.stats.tx_bytes += bytes;
	poller_mark(&net->kick);
	return 0;
}

/* -- multicast -- */

/* A request without a frame, for what it says of the address; false: there is no room. */
static bool put_group(struct net *net, const struct wanted *g, uint8_t type)
{
	struct netif_tx_request r = { .flags = NETTXF_extra_info };
	struct netif_extra_info extra = { .type = type };

	if (!net->link_up || !net->filters)
		return true; /* nothing is kept from us */
	if (xen_ring_room(&net->tx) < 2 || !net->free_slots)
		return false;
	r.id = take_id(net, 0, NONE);
	net->slots[r.id].left = 1;
	memcpy(extra.u.mcast.addr, g->mac, sizeof(g->mac));
	xen_ring_put(&net->tx, &r, sizeof(r));
	xen_ring_put(&net->tx, &extra, sizeof(extra));
	poller_mark(&net->kick);
	return true;
}

/* The place of mac, else a free one; NULL: there is neither. */
static struct wanted *find_group(struct net *net, const uint8_t mac[6])
{
	struct wanted *found = NULL;

	for (size_t i = 0; i < CONFIG_XEN_NET_GROUPS; i++) {
		struct wanted *g = &net->groups[i];

		if (g->users && !memcmp(g->mac, mac, sizeof(g->mac)))
			return g;
		if (!g->users)
			found = g;
	}
	return found;
}

static int want(struct netdev *dev, const uint8_t mac[6], bool is_wanted)
{
	struct net *net = container_of(dev, struct net, dev);
	struct wanted *g = find_group(net, mac);

	if (!g)
		return -ENOBUFS;
	if (!is_wanted) {
		assert(g->users);
		if (--g->users == 0)
			put_group(net, g, XEN_NETIF_EXTRA_TYPE_MCAST_DEL); /* else some come in vain */
		return 0;
	}
	memcpy(g->mac, mac, sizeof(g->mac));
	if (!g->users && !put_group(net, g, XEN_NETIF_EXTRA_TYPE_MCAST_ADD))
		return -ENOBUFS;
	g->users++;
	return 0;
}

/* Another backend, or one that has been away, knows of none. */
static void put_groups(struct net *net)
{
	for (size_t i = 0; i < CONFIG_XEN_NET_GROUPS; i++)
		if (net->groups[i].users)
			put_group(net, &net->groups[i], XEN_NETIF_EXTRA_TYPE_MCAST_ADD);
}

/* -- the loop -- */

static void kick(struct poller *p)
{
	struct net *net = container_of(p, struct net, kick);
	bool tell;

	if (!net->link_up)
		return;
	tell = xen_ring_push(&net->tx);
	reap(net);
	refill(net);
	tell |= xen_ring_push(&net->rx);
	if (tell)
		event_send(net->port);
}

/* No event is asked for while each look finds some. */
static void events(struct poller *p)
{
	struct net *net = container_of(p, struct net, events);

	if (!net->link_up)
		return;
	event_again(net->port);
	if (receive(net) || (net->link_up && xen_ring_expect(&net->rx, 1)))
		poller_mark(p);
	poller_mark(&net->kick);
}

/* -- the two halves -- */

/* All that is out for sending, and what backends have kept and may have let go of. */
static void take_back(struct net *net)
{
	struct buffer *b = net->kept, *next;

	for (uint16_t id = 0; id < SLOTS; id++)
		if (net->slots[id].busy || net->slots[id].kept)
			done(net, id);
	net->kept = NULL;
	for (; b; b = next) {
		next = b->next;
		net->quarantined--;
		if (grant_end(b->ref)) {
			give_back(b);
			continue;
		}
		b->next = net->kept;
		net->kept = b;
		count_kept(net);
	}
}

static void disconnect(struct frontend *f)
{
	struct net *net = container_of(f, struct net, front);

	net->link_up = false;
	if (net->port)
		event_close(net->port);
	net->port = 0;
	for (uint32_t place = 0; place < SLOTS; place++) {
		struct buffer *b = unpost(net, place);

		if (b)
			storage_put(&b->storage);
	}
	take_back(net);
	xen_ring_destroy(&net->rx);
	xen_ring_destroy(&net->tx);
}

static int offer(struct frontend *f)
{
	struct net *net = container_of(f, struct net, front);
	int error = f->values[FEATURE_COPY] ? 0 : -ENOTSUP;

	take_back(net);
	if (!error)
		error = xen_ring_create(&net->tx, f->backend_id, sizeof(struct netif_tx_request),
		                    sizeof(struct netif_tx_response));
	if (!error)
		error = xen_ring_create(&net->rx, f->backend_id, sizeof(struct netif_rx_request),
		                    sizeof(struct netif_rx_response));
	if (!error)
		error = event_offer(f->backend_id, &net->events, &net->port);
	if (error) {
		disconnect(f);
		return error;
	}
	frontend_key(f, "tx-ring-ref", net->tx.ref);
	frontend_key(f, "rx-ring-ref", net->rx.ref);
	frontend_key(f, "event-channel", net->port);
	frontend_key(f, "request-rx-copy", 1);
	frontend_key(f, "feature-rx-notify", 1);
	frontend_key(f, "feature-sg", 1);
	frontend_key(f, "feature-gso-tcpv4", 1);
	net->filters = IS_ENABLED(CONFIG_NETDEV_GROUPS) && f->values[FEATURE_GROUPS];
	if (net->filters)
		frontend_key(f, "request-multicast-control", 1);
	refill(net);
	xen_ring_push(&net->rx);
	return 0;
}

static int connect(struct frontend *f)
{
	struct net *net = container_of(f, struct net, front);

	net->can_gather = f->values[FEATURE_SG];
	net->dev.features = NETDEV_RX_CSUM;
	if (!f->values[FEATURE_NO_CSUM])
		net->dev.features |= NETDEV_TX_CSUM;
	if (!f->values[FEATURE_NO_CSUM] && net->can_gather && f->values[FEATURE_GSO])
		net->dev.features |= NETDEV_TSO4;
	net->link_up = true;
	if (IS_ENABLED(CONFIG_NETDEV_GROUPS))
		put_groups(net);
	event_send(net->port);
	poller_mark(&net->events);
	netdev_tell_returned(&net->dev);
	return 0;
}

static const struct frontend_kind kind = {
	.folder = "device/vif", .names = features, .offered = XenbusStateConnected,
	.offer = offer, .connect = connect, .disconnect = disconnect,
};
static const struct netdev_ops ops = { .send = send_frame };

/* "00:16:3e:01:02:03" */
static int read_mac(struct net *net)
{
	char text[3 * sizeof(net->dev.mac)];
	struct store_op op;

	store_read(&op, 0, net->front.dir, "mac", text, sizeof(text));
	if (loop_run(&op.promise) != sizeof(text) - 1)
		return -ENOTSUP;
	for (size_t i = 0; i < sizeof(net->dev.mac); i++) {
		int high = hex_digit(text[3 * i]), low = hex_digit(text[3 * i + 1]);

		if (high < 0 || low < 0)
			return -ENOTSUP;
		net->dev.mac[i] = (uint8_t)(high << 4 | low);
	}
	return net->dev.mac[0] & 1 ? -ENOTSUP : 0;
}

static int make(struct net *net)
{
	uint8_t *pages = page_alloc(CONFIG_XEN_NET_BUFFERS, false);

	if (!pages)
		return -ENOMEM;
	for (size_t i = 0; i < CONFIG_XEN_NET_BUFFERS; i++) {
		net->buffers[i].net = net;
		net->buffers[i].page = pages + i * PAGE_BYTES;
		give_back(&net->buffers[i]);
	}
	net->free_slot = NONE;
	for (uint16_t id = 0; id < SLOTS; id++) {
		net->slots[id].next = net->free_slot;
		net->free_slot = id;
	}
	net->free_slots = SLOTS;
	poller_add(&net->events, events);
	poller_add(&net->kick, kick);
	net->dev.ops = &ops;
	net->dev.mtu = NETDEV_MTU_USUAL;
	if (IS_ENABLED(CONFIG_NETDEV_GROUPS))
		netdev_filter(&net->dev, want);
	return grant_init();
}

/* What was made stays behind when this fails: then the image ends. */
int xen_net_create(struct netdev **out)
{
	struct net *net = instance_alloc(sizeof(*net));
	int error = net ? store_init() : -ENOMEM;

	if (!error)
		error = make(net);
	if (!error) {
		frontend_start(&net->front, &kind);
		error = frontend_wait(&net->front);
	}
	if (!error)
		error = read_mac(net);
	if (error) {
		log_error("error=%d", -error);
		return error;
	}
	*out = &net->dev;
	return 0;
}
