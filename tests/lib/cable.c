/* SPDX-License-Identifier: ISC */
/* The seeded wire. Frames are flattened when they are sent, finished as a device would (segments
 * cut, checksums summed by code of its own, so that it is a second opinion), and travel as copies
 * that one timer each delivers. Without reordering each direction is first in, first out. */
#include "tests/lib/cable.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kernel/dev/clock.h"
#include "kernel/timer.h"
#include "tests/lib/dice.h"
#include "tests/lib/memory.h"

enum { ETHERNET = 14, FIRST_SLICE = 128, DF = 0x40 };

struct end {
	struct netdev dev;
	struct cable *cable;
	int index;
	uint64_t wire_free_ns; /* the limited wire has sent everything by then */
	uint64_t last_due_ns;
};

struct cable {
	struct end ends[2];
	struct cable_config config;
	uint64_t random;
	uint64_t launched; /* frames, if config.distinct */
	struct list frames;
	FILE *pcap;
	void (*seen)(void *arg, int from_end, const uint8_t *frame, size_t len);
	void *seen_arg;
	struct cable_stats stats;
};

/* A frame on its way to an end. */
struct frame {
	struct list link;
	struct timer timer;
	struct end *to;
	uint8_t flags; /* enum buf_flags as received */
	struct buf *original; /* the sent buffer, which the device still holds; in one of its frames only */
	uint8_t *original_bytes;
	size_t len;
	uint8_t bytes[];
};

/* Received memory: one allocation per slice, so that a sanitizer guards each end of each. */
struct received {
	struct storage storage;
	struct cable *cable;
	uint8_t *bytes;
};

static bool happens(struct cable *c, uint32_t per_thousand)
{
	return test_random(&c->random) % 1000 < per_thousand;
}

static uint32_t get16(const uint8_t *p)
{
	return (uint32_t)p[0] << 8 | p[1];
}

static void put16(uint8_t *p, uint32_t x)
{
	p[0] = (uint8_t)(x >> 8);
	p[1] = (uint8_t)x;
}

static uint32_t sum16(uint32_t sum, const uint8_t *p, size_t len)
{
	for (size_t i = 0; i < len; i++)
		sum += i % 2 ? p[i] : (uint32_t)p[i] << 8;
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return sum;
}

/* -- the sending device: offloads -- */

static void complete_checksum(uint8_t *frame, size_t len, size_t start, size_t offset)
{
	uint32_t sum;

	assert(start + offset + 2 <= len);
	sum = ~sum16(0, frame + start, len - start) & 0xffff;
	put16(frame + start + offset, sum ? sum : 0xffff);
}

static void fix_ip_header(uint8_t *ip, size_t total, uint32_t id)
{
	put16(ip + 2, (uint32_t)total);
	put16(ip + 4, id);
	put16(ip + 10, 0);
	put16(ip + 10, ~sum16(0, ip, (ip[0] & 15u) * 4) & 0xffff);
}

/* Would a receiving device find the transport checksum right? */
static bool checksum_is_right(const uint8_t *frame, size_t len)
{
	const uint8_t *ip = frame + ETHERNET;
	size_t header, total;
	uint32_t sum;

	if (len < ETHERNET + 20 || get16(frame + 12) != 0x0800 || ip[0] >> 4 != 4)
		return false;
	header = (ip[0] & 15u) * 4;
	total = get16(ip + 2);
	if (header < 20 || total < header || total > len - ETHERNET || (get16(ip + 6) & 0x3fff) ||
	    (ip[9] != 6 && ip[9] != 17))
		return false;
	if (ip[9] == 17 && (total < header + 8 || get16(ip + header + 6) == 0))
		return false;
	sum = sum16(ip[9] + (uint32_t)(total - header), ip + 12, 8);
	return sum16(sum, ip + header, total - header) == 0xffff;
}

/* -- delivery -- */

static void received_free(struct storage *s)
{
	struct received *r = container_of(s, struct received, storage);

	r->cable->stats.held--;
	free(r->bytes);
	free(r);
}

static struct buf *received_slice(struct cable *c, const uint8_t *bytes, size_t len)
{
	struct received *r = test_alloc(sizeof(*r));
	struct buf *b;

	*r = (struct received){ .storage = { 1, received_free }, .cable = c, .bytes = test_alloc(len) };
	memcpy(r->bytes, bytes, len);
	c->stats.held++;
	b = buf_alloc_slice(&r->storage, r->bytes, (uint32_t)len);
	storage_put(&r->storage);
	return b;
}

static void deliver(struct cable *c, struct end *to, const uint8_t *bytes, size_t len, uint8_t flags)
{
	struct buf *first = NULL, **end = &first;

	for (size_t at = 0, n; at < len || !first; at += n) {
		n = len - at;
		if (c->config.split_receive)
			n = MIN(n, at ? 1 + test_random(&c->random) % 700 : (size_t)FIRST_SLICE);
		*end = received_slice(c, bytes + at, n);
		if (!*end) {
			c->stats.no_bufs++;
			to->dev.stats.rx_dropped++;
			buf_free(first);
			return;
		}
		end = &(*end)->next;
	}
	first->flags = flags;
	c->stats.delivered++;
	to->dev.stats.rx_frames++;
	to->dev.stats.rx_bytes += len;
	to->dev.input(to->dev.input_arg, first);
}

/* The device is done with the sent buffer, which must not have changed meanwhile. */
static void release_original(struct frame *f)
{
	uint32_t len;
	uint8_t *now;

	if (!f->original)
		return;
	len = buf_length(f->original);
	now = test_alloc(len);
	buf_copy_out(f->original, 0, now, len);
	assert(memcmp(now, f->original_bytes, len) == 0 && "a frame changed while the device held it");
	free(now);
	free(f->original_bytes);
	buf_free(f->original);
	f->original = NULL;
}

static void frame_free(struct frame *f)
{
	release_original(f);
	timer_stop(&f->timer);
	list_remove(&f->link);
	free(f);
}

static void arrive(struct timer *t)
{
	struct frame *f = container_of(t, struct frame, timer);
	struct end *to = f->to;

	release_original(f);
	list_remove(&f->link);
	deliver(to->cable, to, f->bytes, f->len, f->flags);
	free(f);
}

/* -- the wire -- */

static void record(struct cable *c, const uint8_t *bytes, size_t len)
{
	uint64_t now_ns = clock_now_ns();
	uint32_t head[4] = { (uint32_t)(now_ns / NS_PER_S), (uint32_t)(now_ns % NS_PER_S), (uint32_t)len,
		             (uint32_t)len };

	if (c->pcap) {
		fwrite(head, sizeof(head), 1, c->pcap);
		fwrite(bytes, len, 1, c->pcap);
		fflush(c->pcap); /* a failing test ends at once */
	}
}

/* The time at which a frame sent now arrives; 0: never. */
static uint64_t due_time(struct cable *c, struct end *from, size_t len)
{
	const struct cable_faults *faults = &c->config.faults;
	uint64_t now_ns = clock_now_ns(), due_ns;

	if (faults->bits_per_second) {
		uint64_t frame_ns = len * 8 * NS_PER_S / faults->bits_per_second;

		from->wire_free_ns = MAX(from->wire_free_ns, now_ns);
		if (faults->queue_frames &&
		    from->wire_free_ns - now_ns > faults->queue_frames * (frame_ns + 1)) {
			c->stats.queue_drops++;
			return 0;
		}
		from->wire_free_ns += frame_ns;
		now_ns = from->wire_free_ns;
	}
	due_ns = now_ns + faults->delay_ns + (c->config.distinct ? 3 * ++c->launched : 0);
	if (happens(c, faults->reorder)) {
		c->stats.reordered++;
		return due_ns + 1 + test_random(&c->random) % (faults->jitter_ns + 1);
	}
	from->last_due_ns = MAX(due_ns, from->last_due_ns + 1);
	return from->last_due_ns;
}

static struct frame *launch(struct cable *c, struct end *from, const uint8_t *bytes, size_t len,
                            uint8_t flags)
{
	uint64_t due_ns = due_time(c, from, len);
	struct frame *f;

	if (due_ns == 0)
		return NULL;
	f = test_alloc(sizeof(*f) + len);
	f->to = &c->ends[!from->index];
	f->len = len;
	f->flags = flags;
	memcpy(f->bytes, bytes, len);
	timer_init(&f->timer, arrive);
	timer_start(&f->timer, due_ns);
	list_push_back(&c->frames, &f->link);
	return f;
}

/* A router on the path cannot forward the frame, and tells its sender so (RFC 1191 §4). */
static void refuse(struct cable *c, struct end *from, const uint8_t *bytes)
{
	enum { ICMP = ETHERNET + 20, QUOTE = ICMP + 8, QUOTED = 28 };
	static const uint8_t router[4] = { 10, 0, 0, 254 };
	uint8_t f[QUOTE + QUOTED] = { 0 }, *ip = f + ETHERNET;

	c->stats.too_big++;
	memcpy(f, bytes + 6, 6);
	memcpy(f + 6, bytes, 6);
	put16(f + 12, 0x0800);
	ip[0] = 0x45;
	ip[8] = 64;
	ip[9] = 1;
	memcpy(ip + 12, router, 4);
	memcpy(ip + 16, bytes + ETHERNET + 12, 4);
	fix_ip_header(ip, sizeof(f) - ETHERNET, 0);
	f[ICMP] = 3;
	f[ICMP + 1] = 4;
	put16(f + ICMP + 6, c->config.faults.path_mtu);
	memcpy(f + QUOTE, bytes + ETHERNET, QUOTED);
	put16(f + ICMP + 2, ~sum16(0, f + ICMP, sizeof(f) - ICMP) & 0xffff);
	launch(c, &c->ends[!from->index], f, sizeof(f), 0);
}

/* Puts one finished frame on the wire; gives its first copy, if any. */
static struct frame *transmit(struct cable *c, struct end *from, uint8_t *bytes, size_t len, uint8_t flags)
{
	const struct cable_faults *faults = &c->config.faults;
	struct frame *f;
	size_t at;

	c->stats.sent++;
	record(c, bytes, len);
	if (c->seen)
		c->seen(c->seen_arg, from->index, bytes, len);
	if (happens(c, faults->lose)) {
		c->stats.lost++;
		return NULL;
	}
	if (faults->path_mtu && len > ETHERNET + 28 && len - ETHERNET > faults->path_mtu &&
	    get16(bytes + 12) == 0x0800 && bytes[ETHERNET + 6] & DF) {
		refuse(c, from, bytes);
		return NULL;
	}
	f = launch(c, from, bytes, len, flags);
	if (happens(c, faults->duplicate)) {
		c->stats.duplicated++;
		launch(c, from, bytes, len, flags);
	}
	if (f && !flags && len > ETHERNET && get16(bytes + 12) == 0x0800 && happens(c, faults->corrupt)) {
		c->stats.corrupted++;
		at = ETHERNET + test_random(&c->random) % (len - ETHERNET);
		f->bytes[at] ^= (uint8_t)(1u << test_random(&c->random) % 8);
	}
	if (f && (c->ends[0].dev.features & NETDEV_RX_CSUM) && !(flags & BUF_CSUM_PARTIAL) &&
	    checksum_is_right(f->bytes, len))
		f->flags |= BUF_CSUM_VALID;
	return f;
}

/* Cuts a large TCP frame into segments of mss payload bytes, as a device with TSO does. */
static struct frame *transmit_segments(struct cable *c, struct end *from, const uint8_t *bytes, size_t len,
                                       size_t mss)
{
	enum { FIN = 1, PSH = 8, CWR = 0x80 };
	size_t ip_header = (bytes[ETHERNET] & 15u) * 4, tcp_at = ETHERNET + ip_header;
	size_t headers = tcp_at + (bytes[tcp_at + 12] >> 4) * 4u;
	uint32_t seq = get16(bytes + tcp_at + 4) << 16 | get16(bytes + tcp_at + 6);
	uint32_t id = get16(bytes + ETHERNET + 4);
	uint8_t *segment = test_alloc(headers + mss);
	struct frame *first = NULL, *f;

	assert(mss > 0 && bytes[ETHERNET + 9] == 6 && len > headers);
	for (size_t at = headers; at < len; at += mss, id++) {
		size_t n = MIN(mss, len - at);
		uint8_t *tcp = segment + tcp_at;

		memcpy(segment, bytes, headers);
		memcpy(segment + headers, bytes + at, n);
		fix_ip_header(segment + ETHERNET, headers - ETHERNET + n, id);
		put16(tcp + 4, (seq + (uint32_t)(at - headers)) >> 16);
		put16(tcp + 6, (seq + (uint32_t)(at - headers)) & 0xffff);
		if (at + n < len)
			tcp[13] &= (uint8_t)~(FIN | PSH);
		if (at > headers)
			tcp[13] &= (uint8_t)~CWR;
		put16(tcp + 16, sum16(6 + (uint32_t)(headers - tcp_at + n), segment + ETHERNET + 12, 8));
		complete_checksum(segment, headers + n, tcp_at, 16);
		f = transmit(c, from, segment, headers + n, 0);
		if (!first)
			first = f;
	}
	free(segment);
	return first;
}

static int end_send(struct netdev *dev, struct buf *b)
{
	struct end *from = container_of(dev, struct end, dev);
	struct cable *c = from->cable;
	uint32_t len = buf_length(b);
	uint8_t *original = test_alloc(len), *bytes = test_alloc(len);
	uint8_t flags = 0;
	struct frame *f;

	assert(len >= ETHERNET);
	assert(!(b->flags & BUF_CSUM_PARTIAL) || (dev->features & NETDEV_TX_CSUM));
	assert(!(b->flags & BUF_TSO4) || ((dev->features & NETDEV_TSO4) && (b->flags & BUF_CSUM_PARTIAL)));
	assert(len - ETHERNET <= (b->flags & BUF_TSO4 ? UINT16_MAX : dev->mtu));
	buf_copy_out(b, 0, original, len);
	memcpy(bytes, original, len);
	dev->stats.tx_frames++;
	dev->stats.tx_bytes += len;
	if ((b->flags & BUF_TSO4) && !c->config.large_receive) {
		c->stats.large++;
		f = transmit_segments(c, from, bytes, len, b->gso_size);
	} else {
		c->stats.large += !!(b->flags & BUF_TSO4);
		if ((b->flags & BUF_CSUM_PARTIAL) && c->config.large_receive)
			flags = BUF_CSUM_PARTIAL;
		else if (b->flags & BUF_CSUM_PARTIAL)
			complete_checksum(bytes, len, b->csum_start, b->csum_offset);
		f = transmit(c, from, bytes, len, flags);
	}
	free(bytes);
	if (f) {
		f->original = b;
		f->original_bytes = original;
	} else {
		free(original);
		buf_free(b);
	}
	return 0;
}

/* -- public calls -- */

static int open_pcap(struct cable *c)
{
	/* nanosecond time stamps, Ethernet */
	static const struct {
		uint32_t magic;
		uint16_t major, minor;
		uint32_t zone, accuracy, snap, link;
	} head = { 0xa1b23c4d, 2, 4, 0, 0, 262144, 1 };

	if (!c->config.pcap)
		return 0;
	c->pcap = fopen(c->config.pcap, "wb");
	if (!c->pcap)
		return -errno;
	fwrite(&head, sizeof(head), 1, c->pcap);
	return 0;
}

static void drop_input(void *arg, struct buf *b)
{
	(void)arg;
	buf_free(b);
}

int cable_create(struct cable **out, const struct cable_config *config)
{
	static const struct netdev_ops ops = { .send = end_send };
	struct cable *c = calloc(1, sizeof(*c));
	int error;

	if (!c)
		return -ENOMEM;
	c->config = *config;
	c->random = config->seed;
	list_init(&c->frames);
	for (int i = 0; i < 2; i++) {
		struct end *e = &c->ends[i];

		e->cable = c;
		e->index = i;
		e->dev = (struct netdev){ .ops = &ops };
		memcpy(e->dev.mac, (uint8_t[]){ 2, 0, 0, 0, 0, (uint8_t)(i + 1) }, 6);
		e->dev.mtu = config->mtu ? config->mtu : 1500;
		e->dev.features = config->features;
		netdev_listen(&e->dev, drop_input, NULL);
	}
	error = open_pcap(c);
	if (error < 0) {
		free(c);
		return error;
	}
	*out = c;
	return 0;
}

void cable_destroy(struct cable *c)
{
	list_for_each_safe(item, &c->frames)
		frame_free(list_entry(item, struct frame, link));
	assert(c->stats.held == 0 && "a stack holds received storage");
	if (c->pcap)
		fclose(c->pcap);
	free(c);
}

struct netdev *cable_end(struct cable *c, int end)
{
	return &c->ends[end].dev;
}

void cable_set_faults(struct cable *c, const struct cable_faults *faults)
{
	c->config.faults = *faults;
}

void cable_watch(struct cable *c, void (*seen)(void *arg, int from_end, const uint8_t *frame, size_t len),
                 void *arg)
{
	c->seen = seen;
	c->seen_arg = arg;
}

void cable_inject(struct cable *c, int to_end, const void *frame, size_t len)
{
	deliver(c, &c->ends[to_end], frame, len, 0);
}

void cable_stats(const struct cable *c, struct cable_stats *out)
{
	*out = c->stats;
	out->in_flight = 0;
	list_for_each(item, &c->frames)
		out->in_flight++;
}
