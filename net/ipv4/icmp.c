/* SPDX-License-Identifier: ISC */
/* ICMP (RFC 792, RFC 1122 §3.2.2): answers echo requests with their own bytes, passes errors about
 * our packets to the transports, and sends errors about packets that are refused. Redirects and source
 * quenches are ignored (RFC 6274, RFC 6633): they would let strangers steer us. */
#include "net/ipv4/ipv4_priv.h"

#include <errno.h>

#include "kernel/dev/clock.h"
#include "kernel/random.h"
#include "net/checksum.h"

enum type {
	ECHO_REPLY = 0,
	UNREACHABLE = 3,
	ECHO_REQUEST = 8,
	TIME_EXCEEDED = 11,
	PARAMETER_PROBLEM = 12,
};

struct icmp_header {
	uint8_t type, code;
	uint16_t checksum;
	uint16_t unused, mtu; /* of errors; echo: identifier, sequence number */
} __attribute__((packed));
static_assert(sizeof(struct icmp_header) == 8, "wire format");

/* The part of a refused packet that fits one header buf beside our own headers. */
#define QUOTE_BYTES (BUF_HEADROOM - ETHERNET_HEADER_BYTES - IPV4_HEADER_BYTES - sizeof(struct icmp_header))

/* Errors are limited by a bucket that holds CONFIG_ICMP_ERRORS_PER_SECOND tokens. Each costs one to
 * three of them at random: a predictable bucket would reveal to strangers which ports are open. */
static bool error_is_allowed(struct ipv4 *ip)
{
	const uint64_t token_ns = NS_PER_S / CONFIG_ICMP_ERRORS_PER_SECOND;
	uint64_t now_ns = clock_now_ns();

	if (ip->icmp_credit_ns < now_ns)
		ip->icmp_credit_ns = now_ns;
	if (ip->icmp_credit_ns - now_ns > NS_PER_S - token_ns) {
		ip->stats.icmp_out_limited++;
		return false;
	}
	ip->icmp_credit_ns += token_ns * (1 + random_u32() % 3);
	return true;
}

/* Sends a message from one address to another, both as they stand in a header. Takes b. */
static OUT_OF_LINE void send(struct ipv4 *ip, const void *from, const void *to, struct buf *b)
{
	struct ip_addr src, dst;

	ip->stats.icmp_out_msgs++;
	ipv4_addr(&src, from);
	ipv4_addr(&dst, to);
	ipv4_send(ip, IP_ICMP, &src, &dst, b, 0);
}

/* Sends an error about a packet, of which len bytes are at hand, to its sender. */
static void send_error(struct ipv4 *ip, const uint8_t *packet, uint32_t len, enum type type, uint8_t code)
{
	uint32_t quoted = MIN(len, (uint32_t)QUOTE_BYTES);
	struct icmp_header *icmp;
	struct buf *out;

	if (!error_is_allowed(ip))
		return;
	out = buf_alloc_header();
	if (!out) {
		ip->stats.icmp_out_errors++;
		return;
	}
	memcpy(buf_push(out, quoted), packet, quoted);
	icmp = (void *)buf_push(out, sizeof(*icmp));
	*icmp = (struct icmp_header){ .type = type, .code = code };
	icmp->checksum = checksum_of(out->data, out->len);
	send(ip, packet + offsetof(struct ipv4_header, dst), packet + offsetof(struct ipv4_header, src), out);
}

void icmp_refuse(const struct ip_meta *meta, enum ip_refusal why)
{
	if (!meta->to_group)
		send_error(container_of(meta->ip, struct ipv4, ip), meta->header, meta->quote_len, UNREACHABLE,
		           why == IP_REFUSE_PORT ? 3 : 2);
}

void icmp_reassembly_timed_out(struct ipv4 *ip, const struct buf *piece)
{
	const struct ipv4_header *h = (const void *)piece->data;
	uint32_t header_bytes = ipv4_header_bytes(h);

	/* no error about a packet to a group, or one that may be an error itself: RFC 1122 §3.2.2 */
	if (ipv4_kind(ip, be32(h->dst)) == IPV4_OURS &&
	    (h->protocol != IP_ICMP || (piece->len > header_bytes && piece->data[header_bytes] == ECHO_REQUEST)))
		send_error(ip, piece->data, piece->len, TIME_EXCEEDED, 1);
}

/* The request's own bytes go back behind new headers. Takes b. */
static void answer_echo(struct ipv4 *ip, const struct ip_meta *meta, struct buf *b)
{
	struct icmp_header *icmp = (void *)b->data;
	struct buf *head;

	if (meta->to_group || !(head = buf_alloc_header())) {
		ipv4_drop(ip, meta->header, b, NULL, "an echo that is not answered");
		return;
	}
	icmp->checksum = checksum_update(icmp->checksum, be16(ECHO_REQUEST << 8 | icmp->code),
	                                 be16(ECHO_REPLY << 8 | icmp->code));
	icmp->type = ECHO_REPLY;
	b->flags = 0;
	head->next = b;
	send(ip, meta->dst.addr.bytes, meta->src.addr.bytes, head);
}

static int error_of(const struct icmp_header *icmp)
{
	/* by code: RFC 1122 §3.2.2.1, RFC 1812 §5.2.7.1 */
	static const uint8_t unreachable[] = {
		ENETUNREACH, EHOSTUNREACH, ECONNREFUSED, ECONNREFUSED, EMSGSIZE, EHOSTUNREACH,
		ENETUNREACH, EHOSTUNREACH, EHOSTUNREACH, EACCES, EACCES, ENETUNREACH, EHOSTUNREACH,
		EACCES, EACCES, EACCES,
	};

	switch (icmp->type) {
	case UNREACHABLE:
		return icmp->code < ARRAY_SIZE(unreachable) ? -unreachable[icmp->code] : 0;
	case TIME_EXCEEDED:
		return -ETIMEDOUT;
	case PARAMETER_PROBLEM:
		return -EPROTO;
	default:
		return 0;
	}
}

/* An error that quotes a packet. false: we cannot have sent that packet. */
static bool input_error(struct ipv4 *ip, const struct buf *b, int error)
{
	const struct icmp_header *icmp = (const void *)b->data;
	const struct ipv4_header *h = (const void *)(b->data + sizeof(*icmp));
	uint32_t room = b->len - sizeof(*icmp), header_bytes, mtu;

	if (room < sizeof(*h) + 8)
		return false;
	header_bytes = (h->version_ihl & 15u) * 4;
	if (h->version_ihl >> 4 != 4 || header_bytes < sizeof(*h) || header_bytes + 8 > room ||
	    ipv4_kind(ip, be32(h->src)) != IPV4_OURS || (h->fragment & be16(IPV4_OFFSET)))
		return false;
	/* old routers give 0, or the packet's own length: RFC 1191 §5 */
	mtu = be16(icmp->mtu);
	if (IS_ENABLED(CONFIG_IPV4_PMTU) && (mtu == 0 || mtu >= be16(h->total_bytes)))
		mtu = pmtu_below(be16(h->total_bytes));
	ipv4_error(ip, h, room, error, error == -EMSGSIZE ? mtu : 0, false);
	return true;
}

void icmp_input(void *arg, struct ip_meta *meta, struct buf *b)
{
	struct ipv4 *ip = arg;
	const struct icmp_header *icmp = (const void *)b->data;
	int error;

	ip->stats.icmp_in_msgs++;
	if (b->len < sizeof(*icmp) || checksum_finish(checksum_add_buf(0, b)) != 0) {
		ipv4_drop(ip, meta->header, b, &ip->stats.icmp_in_errors, "a bad ICMP message");
		return;
	}
	if (icmp->type == ECHO_REQUEST) {
		answer_echo(ip, meta, b);
		return;
	}
	error = meta->to_group ? 0 : error_of(icmp);
	if (error < 0 && input_error(ip, b, error))
		buf_free(b);
	else
		ipv4_drop(ip, meta->header, b, error < 0 ? &ip->stats.icmp_in_errors : NULL,
		          "an ICMP message of no use");
}
