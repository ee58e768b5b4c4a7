/* SPDX-License-Identifier: ISC */
/* The capture ring. Of each frame that passes it keeps a copy of the beginning, the time and the direction.
 * Frames are numbered from the start; number n overwrites the record at n % count. */
#include "net/capture.h"

#include <errno.h>
#include <string.h>

#include "kernel/dev/clock.h"
#include "kernel/format.h"
#include "kernel/instance.h"
#include "net/pcapng.h"
#include "net/snapshot.h"

enum { COMMENT_BYTES = 96 };

struct record {
	uint64_t time_ns;
	const char *reason; /* why it was dropped, or NULL */
	uint32_t len, kept;
	bool is_outbound;
	uint8_t data[]; /* snap_bytes, of which kept are the frame's */
};

struct capture {
	struct netdev dev; /* the interface of the stack */
	struct netdev *below;
	uint32_t count, snap_bytes;
	size_t record_bytes; /* of each record with its data */
	size_t bytes_taken;
	uint64_t next;     /* the number of the next frame */
	uint64_t received; /* the number of the frame that is being received, if is_receiving */
	bool is_receiving;
	_Alignas(struct record) char records[];
};

static struct record *record_of(const struct capture *c, uint64_t number)
{
	return (void *)(c->records + number % c->count * c->record_bytes);
}

/* Copies b into a record, and gives its number. */
static uint64_t remember(struct capture *c, const struct buf *b, bool is_outbound)
{
	struct record *r = record_of(c, c->next);
	uint32_t len = buf_length(b);

	*r = (struct record){ clock_now_ns(), NULL, len, MIN(len, c->snap_bytes), is_outbound };
	buf_copy_out(b, 0, r->data, r->kept);
	return c->next++;
}

/* Does nothing if the record has been overwritten since. */
static void set_reason(struct capture *c, uint64_t number, const char *reason)
{
	if (c->next - number <= c->count)
		record_of(c, number)->reason = reason;
}

static void input(void *arg, struct buf *b)
{
	struct capture *c = arg;

	c->received = remember(c, b, false);
	c->is_receiving = true;
	if (c->dev.input)
		c->dev.input(c->dev.input_arg, b);
	else
		buf_free(b);
	c->is_receiving = false;
}

/* A frame that the interface below refuses is kept, too, with that reason. */
static int send(struct netdev *dev, struct buf *b)
{
	struct capture *c = container_of(dev, struct capture, dev);
	uint64_t number = remember(c, b, true);
	int result = netdev_send(c->below, b);

	if (result < 0)
		set_reason(c, number, "the interface has not taken it");
	return result;
}

static const struct netdev_ops ops = { .send = send };

static int want(struct netdev *dev, const uint8_t mac[6], bool is_wanted)
{
	return netdev_want(container_of(dev, struct capture, dev)->below, mac, is_wanted);
}

void capture_refused(struct netdev *dev, const char *reason)
{
	struct capture *c = container_of(dev, struct capture, dev);

	if (dev && dev->ops == &ops && c->is_receiving)
		set_reason(c, c->received, reason);
}

int capture_create(struct capture **out, struct netdev *dev, uint32_t frames, uint32_t snap_bytes)
{
	uint32_t count = frames ?: CONFIG_NET_CAPTURE_FRAMES, snap = snap_bytes ?: CONFIG_NET_CAPTURE_BYTES;
	size_t record_bytes = ALIGN_UP(sizeof(struct record) + snap, _Alignof(struct record));
	size_t bytes = sizeof(struct capture) + count * record_bytes;
	struct capture *c = instance_alloc(bytes);

	if (!c)
		return -ENOMEM;
	c->dev.ops = &ops;
	c->dev.mtu = dev->mtu;
	c->dev.features = dev->features;
	memcpy(c->dev.mac, dev->mac, sizeof(c->dev.mac));
	c->below = dev;
	c->count = count;
	c->snap_bytes = snap;
	c->record_bytes = record_bytes;
	c->bytes_taken = bytes;
	if (IS_ENABLED(CONFIG_NETDEV_GROUPS))
		netdev_filter(&c->dev, want);
	netdev_listen(dev, input, c);
	*out = c;
	return 0;
}

void capture_destroy(struct capture *c)
{
	netdev_listen(c->below, NULL, NULL);
	instance_free(c, c->bytes_taken);
}

struct netdev *capture_netdev(struct capture *c)
{
	return &c->dev;
}

struct netdev *capture_below(struct capture *c)
{
	return c->below;
}

/* -- reading -- */

/* Writes all frames that are kept. */
static void write_all(const struct capture *c, uint64_t boot_ns, struct pcapng *f)
{
	uint64_t number = c->next > c->count ? c->next - c->count : 0;
	char comment[COMMENT_BYTES];

	pcapng_put_header(f, c->snap_bytes);
	for (; number < c->next; number++) {
		const struct record *r = record_of(c, number);

		if (r->reason)
			format(comment, sizeof(comment), "dropped: %s", r->reason);
		pcapng_put_packet(f, &(struct pcapng_packet){
			.time_ns = boot_ns + r->time_ns, .len = r->len, .kept = r->kept, .data = r->data,
			.is_outbound = r->is_outbound, .comment = r->reason ? comment : NULL,
		});
	}
}

/* The wall clock is read only now: at boot it may not be known. */
int capture_snapshot(const struct capture *c, struct slice *out)
{
	uint64_t wall_ns = clock_wall_ns(), boot_ns = wall_ns ? wall_ns - clock_now_ns() : 0;
	struct pcapng f = { 0 };

	write_all(c, boot_ns, &f);
	f.to = snapshot_create(out, f.at);
	if (!f.to)
		return -ENOMEM;
	f.at = 0;
	write_all(c, boot_ns, &f);
	return 0;
}
