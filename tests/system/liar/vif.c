/* SPDX-License-Identifier: ISC */
/* A network interface (public/io/netif.h): the guest's frames are sent by a packet socket on an interface of
 * dom0's, and frames received there go to the guest. */
#include "tests/system/liar/liar.h"

#include <arpa/inet.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <xen/xen.h>

#include <xen/io/netif.h>

#define MAC "00:16:3e:4c:69:65"
static const uint8_t mac[] = { 0x00, 0x16, 0x3e, 0x4c, 0x69, 0x65 };

static struct {
	netif_tx_back_ring_t tx;
	netif_rx_back_ring_t rx;
	uint8_t out[1 << 16]; /* the guest's frame so far */
	size_t out_bytes;
} net;

/* -- to the guest -- */

/* Spoils the answer at the ring's end. */
static void lie_rx(struct liar *l, struct netif_rx_response *r)
{
	uint64_t what = below(l, 9);

	say("lie=%u in rx", (unsigned)what);
	switch (what) {
	case 0: r->id = (uint16_t)odd_number(l); break;
	case 1: r->offset = (uint16_t)odd_number(l); break;
	case 2: r->status = (int16_t)odd_number(l); break;
	case 3: r->flags = (uint16_t)odd_number(l); break;
	case 4: r->flags |= NETRXF_more_data; break;
	case 5: r->flags |= NETRXF_extra_info; break;
	case 6: scribble(l, r, sizeof(*r)); break;
	case 7: net.rx.rsp_prod_pvt += (RING_IDX)odd_number(l); break;
	default: lie_about_indices(l, net.rx.sring);
	}
}

static void put(struct liar *l, const struct netif_rx_response *answer, bool lie)
{
	struct netif_rx_response *r = RING_GET_RESPONSE(&net.rx, net.rx.rsp_prod_pvt);

	*r = *answer;
	net.rx.rsp_prod_pvt++;
	if (lie)
		lie_rx(l, r);
}

/* Puts a frame into as many of the guest's pages as it needs; drops it if there are fewer. */
static void to_guest(struct liar *l, const uint8_t *frame, size_t bytes)
{
	int notify;

	if (RING_HAS_UNCONSUMED_REQUESTS(&net.rx) * (size_t)PAGE_BYTES < bytes)
		return;
	for (size_t at = 0, n; at < bytes; at += n) {
		struct netif_rx_request request;
		struct netif_rx_response answer = { .flags = NETRXF_data_validated | NETRXF_csum_blank };
		bool lie = lies_now(l);
		uint8_t *page;

		RING_COPY_REQUEST(&net.rx, net.rx.req_cons++, &request);
		page = map(l, request.gref, false);
		n = bytes - at < PAGE_BYTES ? bytes - at : PAGE_BYTES;
		answer.id = request.id;
		answer.status = page ? (int16_t)n : NETIF_RSP_ERROR;
		answer.flags |= at + n < bytes ? NETRXF_more_data : 0;
		if (page) {
			memcpy(page, frame + at, n);
			unmap(l, page, lie && !below(l, 8));
		}
		put(l, &answer, lie);
	}
	RING_PUSH_RESPONSES_AND_CHECK_NOTIFY(&net.rx, notify);
	if (notify)
		xenevtchn_notify(l->events, (evtchn_port_t)l->port);
}

static bool is_for_guest(const uint8_t *frame)
{
	return frame[0] & 1 || !memcmp(frame, mac, sizeof(mac));
}

static void receive(struct liar *l)
{
	static uint8_t frame[1 << 16];
	struct sockaddr_ll from;
	socklen_t length = sizeof(from);
	ssize_t bytes;

	while (l->connected && (bytes = recvfrom(l->behind, frame, sizeof(frame), MSG_DONTWAIT,
	                                         (struct sockaddr *)&from, &length)) > 0)
		if (from.sll_pkttype != PACKET_OUTGOING && bytes > ETHER_HDR_LEN && is_for_guest(frame))
			to_guest(l, frame, (size_t)bytes);
}

/* -- from the guest -- */

static void lie_tx(struct liar *l, struct netif_tx_response *r)
{
	uint64_t what = below(l, 7);

	say("lie=%u in tx", (unsigned)what);
	switch (what) {
	case 0: r->id = (uint16_t)odd_number(l); break;
	case 1: r->status = (int16_t)odd_number(l); break;
	case 2: r->id = (uint16_t)below(l, 256); break;
	case 3: scribble(l, r, sizeof(*r)); break;
	case 4: net.tx.rsp_prod_pvt += (RING_IDX)odd_number(l); break;
	case 5: net.tx.rsp_prod_pvt--; break; /* never answered */
	default: lie_about_indices(l, net.tx.sring);
	}
}

/* Appends the request's bytes to the frame. */
static void take(struct liar *l, const struct netif_tx_request *r, bool lie)
{
	size_t n = r->size;
	uint8_t *page = map(l, r->gref, true);

	if (!page)
		return;
	if (r->offset + n <= PAGE_BYTES && net.out_bytes + n <= sizeof(net.out)) {
		memcpy(net.out + net.out_bytes, page + r->offset, n);
		net.out_bytes += n;
	}
	unmap(l, page, lie && !below(l, 8));
}

/* Takes a frame's requests. The first has the size of the whole frame: its own bytes are the rest that the
 * others leave. */
static void from_guest(struct liar *l)
{
	enum { MOST = 32 };
	struct netif_tx_request requests[MOST];
	struct netif_tx_response *answer;
	unsigned count = 0;
	bool lie;

	net.out_bytes = 0;
	do {
		RING_COPY_REQUEST(&net.tx, net.tx.req_cons++, &requests[count]);
		if (count)
			requests[0].size = (uint16_t)(requests[0].size - requests[count].size);
	} while (requests[count++].flags & NETTXF_more_data && count < MOST &&
	         RING_HAS_UNCONSUMED_REQUESTS(&net.tx));
	for (unsigned i = 0; i < count; i++) {
		lie = lies_now(l);
		take(l, &requests[i], lie);
		answer = RING_GET_RESPONSE(&net.tx, net.tx.rsp_prod_pvt);
		*answer = (struct netif_tx_response){ .id = requests[i].id, .status = NETIF_RSP_OKAY };
		net.tx.rsp_prod_pvt++;
		if (lie)
			lie_tx(l, answer);
	}
	if (send(l->behind, net.out, net.out_bytes, 0) < 0)
		perror("send");
}

static void work(struct liar *l)
{
	int notify, more = 1;

	while (more) {
		while (RING_HAS_UNCONSUMED_REQUESTS(&net.tx))
			from_guest(l);
		RING_FINAL_CHECK_FOR_REQUESTS(&net.tx, more);
	}
	RING_PUSH_RESPONSES_AND_CHECK_NOTIFY(&net.tx, notify);
	if (notify)
		xenevtchn_notify(l->events, (evtchn_port_t)l->port);
	receive(l);
}

/* -- the two halves -- */

static void disconnect(struct liar *l)
{
	if (net.tx.sring)
		unmap(l, net.tx.sring, false);
	if (net.rx.sring)
		unmap(l, net.rx.sring, false);
	net.tx.sring = NULL;
	net.rx.sring = NULL;
}

static bool connect_rings(struct liar *l)
{
	netif_tx_sring_t *tx = map(l, (uint32_t)front_number(l, "tx-ring-ref"), false);
	netif_rx_sring_t *rx = map(l, (uint32_t)front_number(l, "rx-ring-ref"), false);

	BACK_RING_INIT(&net.tx, tx, PAGE_BYTES);
	BACK_RING_INIT(&net.rx, rx, PAGE_BYTES);
	if (tx && rx)
		return true;
	disconnect(l);
	return false;
}

static int open_socket(struct liar *l, const char *interface)
{
	struct sockaddr_ll address = { .sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_ALL) };
	int fd = socket(AF_PACKET, SOCK_RAW, htons(ETH_P_ALL));

	(void)l;
	address.sll_ifindex = (int)if_nametoindex(interface);
	if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0)
		perror(interface);
	return fd;
}

static const struct key front[] = { { "mac", MAC }, { "handle", "0" }, { NULL, NULL } };
static const struct key back[] = {
	{ "feature-rx-copy", "1" }, { "feature-sg", "1" }, { "feature-gso-tcpv4", "0" },
	{ "feature-no-csum-offload", "1" }, { NULL, NULL },
};

const struct kind vif = {
	.name = "vif", .front_state = "4", .front = front, .back = back, .open = open_socket,
	.connect = connect_rings, .disconnect = disconnect, .work = work,
};
