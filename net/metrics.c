/* SPDX-License-Identifier: ISC */
/* Counters as text, from a table per layer: each line names a field of the layer's statistics. */
#include "net/metrics.h"

#include <errno.h>
#include <string.h>

#include "kernel/format.h"
#include "net/dhcp/client.h"
#include "net/ipv4/ipv4.h"
#include "net/snapshot.h"
#include "net/tcp/tcp.h"
#include "net/udp.h"

struct metric {
	const char *name;
	uint16_t offset;
	uint8_t bytes; /* 4 or 8 */
	bool is_gauge; /* goes up and down */
};

#define METRIC(layer, field, gauge) \
	{ #layer "_" #field, offsetof(struct layer##_stats, field), \
	  sizeof(((struct layer##_stats *)0)->field), gauge },
#define COUNTER(layer, field) METRIC(layer, field, false)
#define GAUGE(layer, field) METRIC(layer, field, true)
#define BYTES(layer, field) + sizeof(((struct layer##_stats *)0)->field)
#define NAME(layer, field) layer##_##field##_once,

/* The table of a layer from a list that names each of its fields, each once. */
#define TABLE(layer, LIST) \
	static const struct metric layer##_metrics[] = { LIST(COUNTER, GAUGE) }; \
	enum { LIST(NAME, NAME) }; \
	static_assert(ALIGN_UP(0 LIST(BYTES, BYTES), _Alignof(struct layer##_stats)) == \
	                      sizeof(struct layer##_stats), "a field of this layer's statistics is in no line")

#define NETDEV_METRICS(C, G) \
	C(netdev, rx_frames) C(netdev, rx_bytes) C(netdev, rx_dropped) C(netdev, tx_frames) \
	C(netdev, tx_bytes) C(netdev, tx_dropped)
TABLE(netdev, NETDEV_METRICS);

#define BUF_METRICS(C, G) \
	G(buf, headers_limit) G(buf, headers_used) G(buf, headers_peak) C(buf, headers_refused) \
	G(buf, slices_limit) G(buf, slices_used) G(buf, slices_peak) C(buf, slices_refused)
TABLE(buf, BUF_METRICS);

#define ETHERNET_METRICS(C, G) \
	C(ethernet, in_frames) C(ethernet, in_errors) C(ethernet, in_not_for_us) \
	C(ethernet, in_unknown_protos) C(ethernet, out_frames) C(ethernet, out_errors)
TABLE(ethernet, ETHERNET_METRICS);

#define ARP_METRICS(C, G) \
	C(arp, in_requests) C(arp, in_replies) C(arp, in_errors) C(arp, in_unasked) C(arp, in_conflicts) \
	C(arp, out_requests) C(arp, out_replies) C(arp, evicted) C(arp, queue_drops) C(arp, unreachable)
TABLE(arp, ARP_METRICS);

#define IPV4_METRICS(C, G) \
	C(ipv4, in_receives) C(ipv4, in_hdr_errors) C(ipv4, in_addr_errors) C(ipv4, in_truncated) \
	C(ipv4, in_unknown_protos) C(ipv4, in_delivers) C(ipv4, reasm_reqds) C(ipv4, reasm_oks) \
	C(ipv4, reasm_fails) C(ipv4, out_requests) C(ipv4, out_no_routes) C(ipv4, out_discards) \
	C(ipv4, out_transmits) C(ipv4, out_frag_reqds) C(ipv4, out_frag_oks) C(ipv4, out_frag_fails) \
	C(ipv4, out_frag_creates) C(ipv4, icmp_in_msgs) C(ipv4, icmp_in_errors) C(ipv4, icmp_out_msgs) \
	C(ipv4, icmp_out_errors) C(ipv4, icmp_out_limited)
TABLE(ipv4, IPV4_METRICS);

#define UDP_METRICS(C, G) \
	C(udp, in_datagrams) C(udp, in_errors) C(udp, no_ports) C(udp, out_datagrams) C(udp, out_errors)
TABLE(udp, UDP_METRICS);

#define TCP_METRICS(C, G) \
	C(tcp, active_opens) C(tcp, passive_opens) C(tcp, attempt_fails) C(tcp, estab_resets) \
	C(tcp, in_segs) C(tcp, out_segs) C(tcp, retrans_segs) C(tcp, in_errs) C(tcp, out_rsts) \
	C(tcp, in_drops) C(tcp, listen_drops) C(tcp, cookies_sent) C(tcp, cookies_accepted) \
	C(tcp, cookies_refused) C(tcp, spurious_recoveries) C(tcp, declined) C(tcp, time_wait_drops) \
	C(tcp, receive_drops) C(tcp, challenges) C(tcp, timeouts) C(tcp, fast_retransmits) \
	G(tcp, curr_estab) G(tcp, connections) G(tcp, half_open) G(tcp, time_wait) G(tcp, send_slices) \
	G(tcp, receive_bufs) G(tcp, recoveries)
TABLE(tcp, TCP_METRICS);

#define DHCP_METRICS(C, G) \
	C(dhcp, out_messages) C(dhcp, in_messages) C(dhcp, in_ignored) C(dhcp, bound) C(dhcp, renewed) \
	C(dhcp, lost) C(dhcp, declined)
TABLE(dhcp, DHCP_METRICS);

#define LAYER(layer) { layer##_metrics, ARRAY_SIZE(layer##_metrics) }

static const struct layer {
	const struct metric *metrics;
	size_t count;
} layers[] = {
	LAYER(netdev), LAYER(buf), LAYER(ethernet), LAYER(arp), LAYER(ipv4), LAYER(udp), LAYER(tcp), LAYER(dhcp),
};

enum { LAYERS = ARRAY_SIZE(layers) };

static unsigned long long value_of(const void *stats, const struct metric *m)
{
	uint64_t wide = 0;
	uint32_t narrow = 0;

	if (m->bytes == sizeof(wide))
		memcpy(&wide, (const char *)stats + m->offset, sizeof(wide));
	else
		memcpy(&narrow, (const char *)stats + m->offset, sizeof(narrow));
	return wide + narrow;
}

/* Writes the counters of layers with statistics (not NULL). Gives the length, whether it fits or not. */
static size_t write_all(char *to, size_t size, const void *const stats[LAYERS])
{
	size_t at = 0;

	for (int i = 0; i < LAYERS; i++) {
		const struct metric *m = layers[i].metrics, *behind = m + (stats[i] ? layers[i].count : 0);

		for (; m < behind; m++) {
			const char *end = m->is_gauge ? "" : "_total";

			at += format(at < size ? to + at : NULL, at < size ? size - at : 0,
			             "# TYPE virga_%s%s %s\nvirga_%s%s %llu\n", m->name, end,
			             m->is_gauge ? "gauge" : "counter", m->name, end, value_of(stats[i], m));
		}
	}
	return at;
}

int metrics_snapshot(struct direct *d, struct slice *out)
{
	struct buf_stats bufs;
	const void *const stats[LAYERS] = {
		&direct_netdev(d)->stats, &bufs, ethernet_stats(direct_ethernet(d)), arp_stats(direct_arp(d)),
		ipv4_stats(direct_ipv4(d)), udp_stats(direct_udp(d)), tcp_stats(direct_tcp(d)),
		IS_ENABLED(CONFIG_NET_DHCP) && direct_dhcp(d) ? dhcp_client_stats(direct_dhcp(d)) : NULL,
	};
	size_t len;
	char *text;

	buf_stats(&bufs);
	len = write_all(NULL, 0, stats);
	text = snapshot_create(out, len);
	if (!text)
		return -ENOMEM;
	write_all(text, len + 1, stats);
	return 0;
}
