/* SPDX-License-Identifier: ISC */
/* Ethernet II: sorts received frames by type, puts the header on those that are sent.
 * Frames that are not for us, from a group, or of IEEE 802.3 length form go no further. */
#include "net/ethernet.h"

#include <errno.h>
#include <string.h>

#include "kernel/instance.h"
#include "net/bytes.h"
#include "net/capture.h"

#define LOG_TAG "ethernet"
#include "kernel/log.h"

enum {
	HANDLERS = 4,
	TYPE_MIN = 0x600, /* smaller numbers are lengths */
};

struct handler {
	uint16_t type; /* 0: free, or all other types */
	ethernet_input_fn *input;
	void *arg;
};

struct ethernet {
	struct netdev *dev;
	struct ethernet_stats stats;
	struct handler handlers[HANDLERS + 1]; /* the last: all other types */
};

static struct handler *find_handler(struct ethernet *e, uint16_t type)
{
	struct handler *h = e->handlers;

	while (h < &e->handlers[HANDLERS] && h->type != type)
		h++;
	return h;
}

void ethernet_drop(struct ethernet *e, struct buf *b, uint32_t *counter, const char *reason)
{
	++*counter;
	log_debug("drop reason=\"%s\" bytes=%u", reason, buf_length(b));
	capture_drop(e->dev, reason);
	buf_free(b);
}

static void ethernet_input(void *arg, struct buf *b)
{
	struct ethernet *e = arg;
	const struct ethernet_header *header = (const void *)b->data;
	struct handler *h;

	e->stats.in_frames++;
	if (b->len < sizeof(*header) || (header->src[0] & 1) || be16(header->type) < TYPE_MIN) {
		ethernet_drop(e, b, &e->stats.in_errors, "a bad frame");
		return;
	}
	if (!ethernet_is_to_group(header) && !ethernet_is_same(header->dst, e->dev->mac)) {
		ethernet_drop(e, b, &e->stats.in_not_for_us, "for another station");
		return;
	}
	h = find_handler(e, be16(header->type));
	if (!h->input) {
		ethernet_drop(e, b, &e->stats.in_unknown_protos, "a type that nobody wants");
		return;
	}
	buf_pull(b, sizeof(*header));
	h->input(h->arg, header, b);
}

static void discard(void *arg, struct buf *b)
{
	(void)arg;
	buf_free(b);
}

int ethernet_create(struct ethernet **out, struct netdev *dev)
{
	struct ethernet *e = instance_alloc(sizeof(*e));

	if (!e)
		return -ENOMEM;
	e->dev = dev;
	netdev_listen(dev, ethernet_input, e);
	*out = e;
	return 0;
}

void ethernet_destroy(struct ethernet *e)
{
	netdev_listen(e->dev, discard, NULL);
	instance_free(e, sizeof(*e));
}

int ethernet_listen(struct ethernet *e, uint16_t type, ethernet_input_fn *input, void *arg)
{
	struct handler *h = find_handler(e, type), *none = &e->handlers[HANDLERS];

	if (input && h < none)
		return -EADDRINUSE;
	if (input)
		h = find_handler(e, 0);
	if (h == none)
		return input ? -ENOBUFS : 0;
	*h = (struct handler){ input ? type : 0, input, arg };
	return 0;
}

void ethernet_listen_other(struct ethernet *e, ethernet_input_fn *input, void *arg)
{
	e->handlers[HANDLERS] = (struct handler){ 0, input, arg };
}

int ethernet_send(struct ethernet *e, const uint8_t dst[6], uint16_t type, struct buf *b)
{
	struct ethernet_header *header = (void *)buf_push(b, sizeof(*header));
	int error;

	memcpy(header->dst, dst, 6);
	memcpy(header->src, e->dev->mac, 6);
	header->type = be16(type);
	e->stats.out_frames++;
	error = netdev_send(e->dev, b);
	if (error < 0)
		e->stats.out_errors++;
	return error;
}

struct netdev *ethernet_netdev(struct ethernet *e)
{
	return e->dev;
}

const struct ethernet_stats *ethernet_stats(const struct ethernet *e)
{
	return &e->stats;
}
