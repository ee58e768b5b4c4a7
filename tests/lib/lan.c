/* SPDX-License-Identifier: ISC */
/* The network interface. A received frame lies in its own pages, and ends where an unreadable page
 * begins: reading one byte beyond ends the test. */
#include "tests/lib/lan.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "kernel/loop.h"
#include "kernel/page.h"
#include "kernel/random.h"
#include "tests/lib/clock.h"
#include "tests/lib/memory.h"

enum { ETHERNET = 14, ICMP = 1, TCP = 6, UDP = 17 };

struct guarded {
	struct storage storage;
	struct lan *lan;
	uint8_t *pages;
	size_t bytes;
};

void lan_prepare(void)
{
	struct buf_stats stats;

	buf_stats(&stats);
	if (stats.headers_limit == 0 && buf_init(1024, 1024) < 0)
		abort();
	if (!random_is_ready() && random_init() < 0)
		abort();
}

static int lan_send(struct netdev *dev, struct buf *b)
{
	struct lan *l = container_of(dev, struct lan, dev);
	struct frame *f = &l->queue[(l->head + l->count) % LAN_QUEUE];
	const struct buf *last = b;

	if (l->send_error < 0) {
		buf_free(b);
		return l->send_error;
	}
	while (last->next)
		last = last->next;
	f->len = buf_length(b);
	f->flags = b->flags;
	f->csum_start = b->csum_start;
	f->csum_offset = b->csum_offset;
	f->gso_size = b->gso_size;
	f->last_slice = last->data;
	buf_copy_out(b, 0, f->bytes, (uint32_t)MIN(f->len, sizeof(f->bytes)));
	buf_free(b);
	if (l->count == LAN_QUEUE)
		l->head = (l->head + 1) % LAN_QUEUE;
	else
		l->count++;
	return 0;
}

void lan_init(struct lan *l, uint32_t features)
{
	static const struct netdev_ops ops = { .send = lan_send };

	lan_prepare();
	l->head = l->count = 0;
	l->send_error = 0;
	l->pieces = 0;
	l->held = 0;
	l->dev = (struct netdev){ .ops = &ops, .mtu = 1500, .features = features };
	memcpy(l->dev.mac, LAN_MAC, 6);
}

void lan_done(struct lan *l)
{
	struct buf_stats stats;

	buf_stats(&stats);
	if (l->held || stats.headers_used || stats.slices_used)
		abort();
}

static void guarded_free(struct storage *s)
{
	struct guarded *g = container_of(s, struct guarded, storage);

	g->lan->held--;
	munmap(g->pages, g->bytes);
	free(g);
}

/* The frame at data, in slices as the device cuts it; NULL: no memory. */
static struct buf *slices_of(const struct lan *l, struct storage *storage, const uint8_t *data, uint32_t len)
{
	uint32_t n = l->pieces ? MIN(len, UINT32_C(128)) : len;
	struct buf *first = NULL, **end = &first;

	do {
		*end = buf_alloc_slice(storage, data, n);
		if (!*end) {
			buf_free(first);
			return NULL;
		}
		end = &(*end)->next;
		data += n;
		len -= n;
		n = MIN(len, l->pieces);
	} while (len > 0);
	return first;
}

void lan_receive(struct lan *l, const struct frame *f, uint8_t flags)
{
	struct guarded *g = test_alloc(sizeof(*g));
	size_t room = ALIGN_UP(f->len + 1, (size_t)PAGE_BYTES);
	struct buf *b;

	g->storage = (struct storage){ 1, guarded_free };
	g->lan = l;
	g->bytes = room + PAGE_BYTES;
	g->pages = mmap(NULL, g->bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (g->pages == MAP_FAILED || mprotect(g->pages + room, PAGE_BYTES, PROT_NONE) < 0)
		abort();
	memcpy(g->pages + room - f->len, f->bytes, f->len);
	l->held++;
	b = slices_of(l, &g->storage, g->pages + room - f->len, (uint32_t)f->len);
	storage_put(&g->storage);
	if (!b)
		return;
	b->flags = flags;
	l->dev.input(l->dev.input_arg, b);
}

const struct frame *lan_next(struct lan *l)
{
	const struct frame *f = &l->queue[l->head];

	if (l->count == 0)
		return NULL;
	l->head = (l->head + 1) % LAN_QUEUE;
	l->count--;
	return f;
}

unsigned lan_forget(struct lan *l)
{
	unsigned count = l->count;

	l->count = 0;
	return count;
}

void lan_run(void)
{
	while (loop_turn())
		;
}

void lan_wait_ms(uint32_t ms)
{
	lan_run();
	while (ms-- > 0) {
		clock_advance_ns(NS_PER_MS);
		lan_run();
	}
}

/* -- making frames -- */

static void put16(uint8_t *at, uint32_t x)
{
	at[0] = (uint8_t)(x >> 8);
	at[1] = (uint8_t)x;
}

static void put32(uint8_t *at, uint32_t x)
{
	put16(at, x >> 16);
	put16(at + 2, x);
}

void frame_add(struct frame *f, const void *bytes, size_t len)
{
	if (f->len + len > sizeof(f->bytes))
		abort();
	if (len)
		memcpy(f->bytes + f->len, bytes, len);
	f->len += len;
}

void frame_ethernet(struct frame *f, const uint8_t *dst, const uint8_t *src, uint16_t type)
{
	f->len = 0;
	frame_add(f, dst, 6);
	frame_add(f, src, 6);
	frame_add(f, (uint8_t[]){ (uint8_t)(type >> 8), (uint8_t)type }, 2);
}

void frame_arp(struct frame *f, uint16_t operation, const uint8_t *sender_mac, uint32_t sender,
               const uint8_t *target_mac, uint32_t target)
{
	uint8_t arp[28] = { 0, 1, 8, 0, 6, 4, 0, (uint8_t)operation };

	frame_ethernet(f, operation == 1 ? LAN_BROADCAST : LAN_MAC, sender_mac, 0x0806);
	memcpy(arp + 8, sender_mac, 6);
	put32(arp + 14, sender);
	memcpy(arp + 18, target_mac, 6);
	put32(arp + 24, target);
	frame_add(f, arp, sizeof(arp));
}

void frame_ipv4(struct frame *f, uint8_t protocol, uint32_t src, uint32_t dst)
{
	uint8_t ip[20] = { 0x45, 0, 0, 0, 0x12, 0x34, 0, 0, 64, protocol };

	frame_ethernet(f, LAN_MAC, LAN_PEER_MAC, 0x0800);
	put32(ip + 12, src);
	put32(ip + 16, dst);
	frame_add(f, ip, sizeof(ip));
}

void frame_udp(struct frame *f, uint16_t from, uint16_t to, const void *payload, size_t len)
{
	uint8_t udp[8] = { 0 };

	put16(udp, from);
	put16(udp + 2, to);
	put16(udp + 4, (uint32_t)len + 8);
	frame_add(f, udp, sizeof(udp));
	frame_add(f, payload, len);
}

void frame_icmp(struct frame *f, uint8_t type, uint8_t code, uint32_t rest, const void *payload, size_t len)
{
	uint8_t icmp[8] = { type, code };

	put32(icmp + 4, rest);
	frame_add(f, icmp, sizeof(icmp));
	frame_add(f, payload, len);
}

void frame_finish_header(struct frame *f)
{
	uint8_t *ip = f->bytes + ETHERNET;

	put16(ip + 10, 0);
	put16(ip + 10, (uint16_t)~frame_sum(f, ETHERNET, ETHERNET + (ip[0] & 15u) * 4, 0));
}

/* The pseudo header's sum. */
static uint32_t pseudo(const struct frame *f, size_t transport)
{
	return frame_sum(f, ETHERNET + 12, ETHERNET + 20, f->bytes[ETHERNET + 9] +
	                 frame_16(f, ETHERNET + 2) - (uint32_t)(transport - ETHERNET));
}

void frame_finish(struct frame *f)
{
	size_t transport = ETHERNET + (f->bytes[ETHERNET] & 15u) * 4;
	uint8_t *t = f->bytes + transport;

	put16(f->bytes + ETHERNET + 2, (uint32_t)(f->len - ETHERNET));
	frame_finish_header(f);
	if (f->bytes[ETHERNET + 9] == ICMP) {
		put16(t + 2, 0);
		put16(t + 2, (uint16_t)~frame_sum(f, transport, f->len, 0));
	} else if (f->bytes[ETHERNET + 9] == UDP) {
		put16(t + 6, 0);
		put16(t + 6, (uint16_t)~frame_sum(f, transport, f->len, pseudo(f, transport)));
	} else if (f->bytes[ETHERNET + 9] == TCP) {
		put16(t + 16, 0);
		put16(t + 16, (uint16_t)~frame_sum(f, transport, f->len, pseudo(f, transport)));
	}
}

/* -- reading frames -- */

uint16_t frame_16(const struct frame *f, size_t at)
{
	return (uint16_t)(f->bytes[at] << 8 | f->bytes[at + 1]);
}

uint32_t frame_32(const struct frame *f, size_t at)
{
	return (uint32_t)frame_16(f, at) << 16 | frame_16(f, at + 2);
}

uint16_t frame_sum(const struct frame *f, size_t from, size_t to, uint32_t start)
{
	uint32_t sum = start;

	for (size_t at = from; at < to; at++)
		sum += (at - from) % 2 ? f->bytes[at] : (uint32_t)f->bytes[at] << 8;
	while (sum >> 16)
		sum = (sum >> 16) + (sum & 0xffff);
	return (uint16_t)sum;
}

bool frame_ipv4_is_right(const struct frame *f)
{
	size_t transport = ETHERNET + (f->bytes[ETHERNET] & 15u) * 4;
	uint8_t protocol = f->bytes[ETHERNET + 9];

	if (f->len < ETHERNET + 20 || f->len > sizeof(f->bytes) || transport > f->len ||
	    frame_16(f, 12) != 0x0800 || f->bytes[ETHERNET] >> 4 != 4 ||
	    frame_16(f, ETHERNET + 2) != f->len - ETHERNET || frame_sum(f, ETHERNET, transport, 0) != 0xffff)
		return false;
	if (frame_16(f, ETHERNET + 6) & 0x3fff) /* a fragment: the checksum is of the whole */
		return true;
	if (f->flags & BUF_CSUM_PARTIAL) /* then the field holds the pseudo header's sum */
		return f->csum_start == transport &&
		       frame_16(f, transport + f->csum_offset) == pseudo(f, transport);
	if (protocol == ICMP)
		return frame_sum(f, transport, f->len, 0) == 0xffff;
	if (protocol == UDP && frame_16(f, transport + 6) == 0)
		return true;
	return (protocol != UDP && protocol != TCP) ||
	       frame_sum(f, transport, f->len, pseudo(f, transport)) == 0xffff;
}
