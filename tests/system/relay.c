/* SPDX-License-Identifier: ISC */
/* A bad cable between two ends in user space: frames are dropped, duplicated, held back so that
 * later ones overtake, delayed and corrupted at given rates, all from one seed. The same seed and
 * the same frames give the same fate to each frame.
 *
 * A frame that comes as a large segment with a vnet header is first cut into segments with correct
 * checksums, as a card would do, so that a rate counts frames of a wire; --whole leaves frames and
 * headers as they are.
 *
 * See usage() for ends and rates. Counts go to standard output at SIGTERM or SIGINT. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <linux/if_tun.h>
#include <linux/virtio_net.h>
#include <net/if.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "tests/lib/dice.h"

#define FRAME_MAX (14 + 4 + 65535)
#define HEADER sizeof(struct virtio_net_hdr)
#define BATCH 64
#define HELD_MAX 100000

struct rates {
	double drop, duplicate, reorder, corrupt; /* 0 to 1 */
	uint64_t delay_min_ns, delay_max_ns, reorder_ns;
	bool whole;
	uint64_t random;
};

struct counts {
	uint64_t frames, segments, bytes, dropped, duplicated, reordered, corrupted, delayed, refused;
};

struct end {
	const char *text;
	int fd;
	bool vnet, packet, stream;
	struct sockaddr_un to; /* dgram: where frames go */
	uint8_t *partial;      /* stream: the part of a length-prefixed frame that has come */
	size_t partial_len;
	struct counts counts;  /* of frames received from this end */
};

struct held {
	struct held *next;
	uint64_t due_ns;
	struct end *to;
	size_t len; /* vnet header included */
	uint8_t data[];
};

struct relay {
	struct end ends[2];
	struct rates rates;
	struct held *held; /* by due_ns, equal ones in order of arrival */
	size_t held_count;
};

static volatile sig_atomic_t stopping;

static void stop(int number)
{
	(void)number;
	stopping = 1;
}

static void usage(void)
{
	fprintf(stderr,
		"usage: relay [options] END END\n"
		"END: tap:NAME             opens the tap, as the far end of its wire\n"
		"     packet:NAME          an interface that somebody else has opened (QEMU's or our\n"
		"                          process's tap); give it \"arp off\" so that the host does not\n"
		"                          answer in the guest's stead\n"
		"     dgram:LOCAL:REMOTE   datagrams on Unix sockets (QEMU -netdev dgram)\n"
		"     stream:PATH          listens for one stream, a 4-byte length before each frame\n"
		"                          (QEMU -netdev stream)\n"
		"--seed N  --drop R  --duplicate R  --reorder R  --corrupt R   rates from 0 to 1 per segment\n"
		"--delay MIN:MAX  --reorder-by T                               microseconds\n"
		"--whole                  do not cut large segments\n");
	exit(2);
}

static void fail(const char *what, const char *of)
{
	fprintf(stderr, "relay: %s %s: %s\n", what, of, strerror(errno));
	exit(1);
}

static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

static bool chance(struct rates *r, double rate)
{
	return (double)(test_random(&r->random) >> 11) / (double)(1ull << 53) < rate;
}

/* -- ends -- */

static void open_tap(struct end *e, const char *name, bool whole)
{
	struct ifreq request = { .ifr_flags = IFF_TAP | IFF_NO_PI | IFF_VNET_HDR };

	e->fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK);
	if (e->fd < 0)
		fail("cannot open", "/dev/net/tun");
	snprintf(request.ifr_name, sizeof(request.ifr_name), "%s", name);
	if (ioctl(e->fd, TUNSETIFF, &request) < 0)
		fail("cannot take tap", name);
	if (ioctl(e->fd, TUNSETOFFLOAD, whole ? TUN_F_CSUM | TUN_F_TSO4 | TUN_F_TSO6 : 0) < 0)
		fail("cannot set offloads of", name);
	e->vnet = true;
}

static void open_packet(struct end *e, const char *name)
{
	struct sockaddr_ll at = { .sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_ALL) };
	int one = 1, bytes = 16 << 20;

	at.sll_ifindex = (int)if_nametoindex(name);
	if (!at.sll_ifindex)
		fail("no interface", name);
	e->fd = socket(AF_PACKET, SOCK_RAW | SOCK_NONBLOCK, 0);
	if (e->fd < 0 || setsockopt(e->fd, SOL_PACKET, PACKET_VNET_HDR, &one, sizeof(one)) < 0)
		fail("no packet socket on", name);
	/* A full socket buffer would lose frames without regard to the seed. */
	if (setsockopt(e->fd, SOL_SOCKET, SO_RCVBUFFORCE, &bytes, sizeof(bytes)) < 0)
		setsockopt(e->fd, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof(bytes));
	if (bind(e->fd, (struct sockaddr *)&at, sizeof(at)) < 0)
		fail("cannot bind to", name);
	e->vnet = e->packet = true;
}

static struct sockaddr_un unix_address(const char *path)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };

	if (strlen(path) >= sizeof(a.sun_path)) {
		errno = ENAMETOOLONG;
		fail("cannot use", path);
	}
	strcpy(a.sun_path, path);
	return a;
}

static void open_dgram(struct end *e, char *paths)
{
	char *remote = strchr(paths, ':');
	struct sockaddr_un at;

	if (!remote)
		usage();
	*remote++ = 0;
	at = unix_address(paths);
	e->to = unix_address(remote);
	e->fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0);
	unlink(paths);
	if (e->fd < 0 || bind(e->fd, (struct sockaddr *)&at, sizeof(at)) < 0)
		fail("cannot bind to", paths);
}

static void open_stream(struct end *e, const char *path)
{
	struct sockaddr_un at = unix_address(path);
	int listener = socket(AF_UNIX, SOCK_STREAM, 0);

	unlink(path);
	if (listener < 0 || bind(listener, (struct sockaddr *)&at, sizeof(at)) < 0 || listen(listener, 1) < 0)
		fail("cannot listen on", path);
	e->fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK);
	if (e->fd < 0)
		fail("cannot accept on", path);
	close(listener);
	e->stream = true;
	e->partial = malloc(4 + FRAME_MAX);
	if (!e->partial)
		fail("no memory for", path);
}

static void open_end(struct end *e, const char *text, bool whole)
{
	char *copy = strdup(text), *rest = copy ? strchr(copy, ':') : NULL;

	if (!rest)
		usage();
	*rest++ = 0;
	e->text = text;
	if (!strcmp(copy, "tap"))
		open_tap(e, rest, whole);
	else if (!strcmp(copy, "packet"))
		open_packet(e, rest);
	else if (!strcmp(copy, "dgram"))
		open_dgram(e, rest);
	else if (!strcmp(copy, "stream"))
		open_stream(e, rest);
	else
		usage();
	free(copy);
}

/* Writes header and frame in the end's format. A full wire loses frames, which are counted. */
static void end_write(struct end *e, const uint8_t *data, size_t len, struct counts *counts)
{
	ssize_t n = 0;

	if (e->vnet) {
		n = write(e->fd, data, len);
	} else if (e->stream) {
		uint8_t framed[4 + FRAME_MAX];
		uint32_t size = htonl((uint32_t)(len - HEADER));

		memcpy(framed, &size, 4);
		memcpy(framed + 4, data + HEADER, len - HEADER);
		for (size_t at = 0; at < 4 + len - HEADER; at += (size_t)n) {
			n = write(e->fd, framed + at, 4 + len - HEADER - at);
			if (n < 0 && errno == EAGAIN) {
				poll(&(struct pollfd){ .fd = e->fd, .events = POLLOUT }, 1, 100);
				n = 0;
			} else if (n < 0) {
				break;
			}
		}
	} else {
		n = sendto(e->fd, data + HEADER, len - HEADER, 0, (struct sockaddr *)&e->to, sizeof(e->to));
	}
	if (n < 0)
		counts->refused++;
}

/* -- fate -- */

static void hold(struct relay *r, struct end *to, const uint8_t *data, size_t len, uint64_t due_ns)
{
	struct held *h = malloc(sizeof(*h) + len), **at = &r->held;

	if (!h)
		fail("no memory for", "a frame");
	h->due_ns = due_ns;
	h->to = to;
	h->len = len;
	memcpy(h->data, data, len);
	while (*at && (*at)->due_ns <= due_ns)
		at = &(*at)->next;
	h->next = *at;
	*at = h;
	r->held_count++;
}

static void flip_bit(struct rates *rates, uint8_t *data, size_t len)
{
	uint64_t bit = test_random(&rates->random) % ((len - HEADER - ETH_HLEN) * 8);

	data[HEADER + ETH_HLEN + bit / 8] ^= (uint8_t)(1 << (bit % 8));
}

/* Decides the fate of one segment. All dice are thrown each time, so that one fate does not shift the
 * next ones. */
static void segment_fate(struct relay *r, struct end *from, uint8_t *data, size_t len)
{
	struct rates *rates = &r->rates;
	struct counts *c = &from->counts;
	struct end *to = from == &r->ends[0] ? &r->ends[1] : &r->ends[0];
	bool drop = chance(rates, rates->drop), duplicate = chance(rates, rates->duplicate);
	bool reorder = chance(rates, rates->reorder), corrupt = chance(rates, rates->corrupt);
	uint64_t delay = rates->delay_min_ns, spread = rates->delay_max_ns - rates->delay_min_ns;

	if (spread)
		delay += test_random(&rates->random) % spread;
	c->segments++;
	if (drop || r->held_count >= HELD_MAX) {
		c->dropped++;
		return;
	}
	if (corrupt && len > HEADER + ETH_HLEN) {
		flip_bit(rates, data, len);
		c->corrupted++;
	}
	if (reorder) {
		delay += rates->reorder_ns;
		c->reordered++;
	}
	c->duplicated += duplicate;
	c->delayed += delay != 0;
	for (int copies = duplicate ? 2 : 1; copies; copies--) {
		if (delay)
			hold(r, to, data, len, now_ns() + delay);
		else
			end_write(to, data, len, c);
	}
}

static void release_due(struct relay *r)
{
	uint64_t now = now_ns();

	while (r->held && r->held->due_ns <= now) {
		struct held *h = r->held;
		struct counts *c = h->to == &r->ends[0] ? &r->ends[1].counts : &r->ends[0].counts;

		r->held = h->next;
		r->held_count--;
		end_write(h->to, h->data, h->len, c);
		free(h);
	}
}

/* -- checksums and segments -- */

static uint32_t sum_bytes(uint32_t sum, const uint8_t *data, size_t len)
{
	for (; len > 1; data += 2, len -= 2)
		sum += (uint32_t)data[0] << 8 | data[1];
	return len ? sum + ((uint32_t)data[0] << 8) : sum;
}

static uint16_t sum_fold(uint32_t sum)
{
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)~sum;
}

static void put16(uint8_t *at, unsigned int value)
{
	at[0] = (uint8_t)(value >> 8);
	at[1] = (uint8_t)value;
}

static uint32_t get32(const uint8_t *at)
{
	return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
}

/* Completes the checksum, whose field at start + offset holds the pseudo header's sum; false: it lies
 * outside. */
static bool complete_checksum(uint8_t *frame, size_t len, size_t start, size_t offset)
{
	if (start + offset + 2 > len)
		return false;
	put16(frame + start + offset, sum_fold(sum_bytes(0, frame + start, len - start)));
	return true;
}

/* Cuts an IPv4 TCP frame of many segments into frames with their own headers and checksums. */
static bool cut_tcp4(struct relay *r, struct end *from, const uint8_t *frame, size_t len, size_t mss)
{
	size_t ip_len = (size_t)(frame[ETH_HLEN] & 15) * 4, tcp_at = ETH_HLEN + ip_len, headers, at;
	uint8_t out[HEADER + FRAME_MAX], *ip = out + HEADER + ETH_HLEN, *tcp = ip + ip_len;
	uint32_t seq;
	unsigned int id;

	if (len < tcp_at + 20 || frame[ETH_HLEN + 9] != IPPROTO_TCP || !mss)
		return false;
	headers = tcp_at + (size_t)(frame[tcp_at + 12] >> 4) * 4;
	if (len <= headers)
		return false;
	seq = get32(frame + tcp_at + 4);
	id = (unsigned int)frame[ETH_HLEN + 4] << 8 | frame[ETH_HLEN + 5];
	for (at = headers; at < len; at += mss, id++) {
		size_t part = len - at < mss ? len - at : mss, tcp_len = headers - tcp_at + part;
		uint32_t number = htonl(seq + (uint32_t)(at - headers));

		memset(out, 0, HEADER);
		memcpy(out + HEADER, frame, headers);
		memcpy(out + HEADER + headers, frame + at, part);
		put16(ip + 2, (unsigned int)(ip_len + tcp_len));
		put16(ip + 4, id & 0xffff);
		put16(ip + 10, 0);
		put16(ip + 10, sum_fold(sum_bytes(0, ip, ip_len)));
		memcpy(tcp + 4, &number, 4);
		if (at + part < len)
			tcp[13] &= (uint8_t)~0x09; /* FIN and PSH belong to the last */
		if (at > headers)
			tcp[13] &= (uint8_t)~0x80; /* and CWR to the first: RFC 3168 §6.1.2 */
		put16(tcp + 16, 0);
		put16(tcp + 16, sum_fold(sum_bytes(IPPROTO_TCP + (uint32_t)tcp_len, ip + 12, 8) +
		                         sum_bytes(0, tcp, tcp_len)));
		segment_fate(r, from, out, HEADER + headers + part);
	}
	return true;
}

/* Takes one received frame, with a vnet header in front (all zero if the end has none). */
static void frame_in(struct relay *r, struct end *from, uint8_t *data, size_t len)
{
	struct virtio_net_hdr header;
	uint8_t *frame = data + HEADER;

	if (len < HEADER + ETH_HLEN)
		return;
	memcpy(&header, data, HEADER);
	len -= HEADER;
	from->counts.frames++;
	from->counts.bytes += len;
	if (r->rates.whole) {
		segment_fate(r, from, data, HEADER + len);
		return;
	}
	memset(data, 0, HEADER);
	if (header.gso_type == VIRTIO_NET_HDR_GSO_NONE) {
		if ((header.flags & VIRTIO_NET_HDR_F_NEEDS_CSUM) &&
		    !complete_checksum(frame, len, header.csum_start, header.csum_offset))
			from->counts.refused++;
		else
			segment_fate(r, from, data, HEADER + len);
	} else if ((header.gso_type & ~VIRTIO_NET_HDR_GSO_ECN) != VIRTIO_NET_HDR_GSO_TCPV4 ||
	           !cut_tcp4(r, from, frame, len, header.gso_size)) {
		from->counts.refused++;
	}
}

/* -- input -- */

/* Cuts frames out of the bytes received so far: a stream has no borders. */
static bool stream_read(struct relay *r, struct end *e, uint8_t *data)
{
	ssize_t n = read(e->fd, e->partial + e->partial_len, 4 + FRAME_MAX - e->partial_len);
	size_t used = 0;

	if (n == 0)
		stopping = 1;
	if (n <= 0)
		return false;
	e->partial_len += (size_t)n;
	while (e->partial_len - used >= 4) {
		size_t size = get32(e->partial + used);

		if (size > FRAME_MAX) {
			errno = EMSGSIZE;
			fail("frame on", e->text);
		}
		if (e->partial_len - used < 4 + size)
			break;
		memset(data, 0, HEADER);
		memcpy(data + HEADER, e->partial + used + 4, size);
		frame_in(r, e, data, HEADER + size);
		used += 4 + size;
	}
	memmove(e->partial, e->partial + used, e->partial_len - used);
	e->partial_len -= used;
	return true;
}

/* Does one read; false when there is nothing now. */
static bool end_read(struct relay *r, struct end *e)
{
	static uint8_t data[HEADER + FRAME_MAX];
	struct sockaddr_ll at = { 0 };
	socklen_t at_len = sizeof(at);
	ssize_t n;

	if (e->stream)
		return stream_read(r, e, data);
	if (e->packet) {
		n = recvfrom(e->fd, data, sizeof(data), 0, (struct sockaddr *)&at, &at_len);
		if (n > 0 && at.sll_pkttype == PACKET_OUTGOING)
			return true;
	} else if (e->vnet) {
		n = read(e->fd, data, sizeof(data));
	} else {
		memset(data, 0, HEADER);
		n = recv(e->fd, data + HEADER, sizeof(data) - HEADER, 0);
		n = n < 0 ? n : n + (ssize_t)HEADER;
	}
	if (n < 0)
		return false;
	frame_in(r, e, data, (size_t)n);
	return true;
}

static void run(struct relay *r, const sigset_t *unblocked)
{
	struct pollfd polls[2] = { { r->ends[0].fd, POLLIN, 0 }, { r->ends[1].fd, POLLIN, 0 } };

	while (!stopping) {
		struct timespec wait = { 0 };
		uint64_t now = now_ns();

		if (r->held && r->held->due_ns > now) {
			wait.tv_sec = (time_t)((r->held->due_ns - now) / 1000000000);
			wait.tv_nsec = (long)((r->held->due_ns - now) % 1000000000);
		}
		ppoll(polls, 2, r->held ? &wait : NULL, unblocked);
		release_due(r);
		for (int i = 0; i < 2; i++)
			for (int n = 0; n < BATCH && end_read(r, &r->ends[i]); n++)
				;
	}
}

/* -- command line -- */

static double rate_of(const char *text)
{
	char *end;
	double rate = strtod(text, &end);

	if (*end || end == text || rate < 0 || rate > 1)
		usage();
	return rate;
}

static void option(struct rates *r, const char *name, const char *value)
{
	unsigned long long low, high;

	if (!strcmp(name, "--seed")) {
		r->random = strtoull(value, NULL, 0);
	} else if (!strcmp(name, "--drop")) {
		r->drop = rate_of(value);
	} else if (!strcmp(name, "--duplicate")) {
		r->duplicate = rate_of(value);
	} else if (!strcmp(name, "--reorder")) {
		r->reorder = rate_of(value);
	} else if (!strcmp(name, "--corrupt")) {
		r->corrupt = rate_of(value);
	} else if (!strcmp(name, "--reorder-by")) {
		r->reorder_ns = strtoull(value, NULL, 0) * 1000;
	} else if (!strcmp(name, "--delay") && sscanf(value, "%llu:%llu", &low, &high) == 2 && low <= high) {
		r->delay_min_ns = low * 1000;
		r->delay_max_ns = high * 1000;
	} else {
		usage();
	}
}

static void report(const struct end *from, const struct end *to)
{
	const struct counts *c = &from->counts;

	printf("relay: from=%s to=%s frames=%llu segments=%llu bytes=%llu dropped=%llu duplicated=%llu "
	       "reordered=%llu corrupted=%llu delayed=%llu refused=%llu\n",
	       from->text, to->text, (unsigned long long)c->frames,
	       (unsigned long long)c->segments, (unsigned long long)c->bytes, (unsigned long long)c->dropped,
	       (unsigned long long)c->duplicated, (unsigned long long)c->reordered,
	       (unsigned long long)c->corrupted, (unsigned long long)c->delayed, (unsigned long long)c->refused);
}

int main(int argc, char **argv)
{
	static struct relay r = { .rates = { .random = 1, .reorder_ns = 2000000 } };
	struct sigaction action = { .sa_handler = stop };
	sigset_t signals, before;
	int i = 1;

	for (; i < argc && argv[i][0] == '-'; i++) {
		if (!strcmp(argv[i], "--whole"))
			r.rates.whole = true;
		else if (i + 1 < argc)
			option(&r.rates, argv[i], argv[i + 1]), i++;
		else
			usage();
	}
	if (argc - i != 2)
		usage();
	for (int n = 0; n < 2; n++)
		open_end(&r.ends[n], argv[i + n], r.rates.whole);
	if (r.rates.whole && (!r.ends[0].vnet || !r.ends[1].vnet)) {
		fprintf(stderr, "relay: --whole needs ends that carry the vnet header: tap or packet\n");
		return 2;
	}
	/* From here on the two signals arrive only inside ppoll, so none is missed before it. */
	sigemptyset(&signals);
	sigaddset(&signals, SIGTERM);
	sigaddset(&signals, SIGINT);
	sigprocmask(SIG_BLOCK, &signals, &before);
	sigaction(SIGTERM, &action, NULL);
	sigaction(SIGINT, &action, NULL);
	printf("relay: ready\n");
	fflush(stdout);
	run(&r, &before);
	report(&r.ends[0], &r.ends[1]);
	report(&r.ends[1], &r.ends[0]);
	return 0;
}
