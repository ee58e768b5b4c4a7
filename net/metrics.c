/* SPDX-License-Identifier: ISC */
/* Counters as text, from a table per layer: each line names a field of the layer's statistics. */
#include "net/metrics.h"

#include <errno.h>
#include <string.h>

#include "kernel/format.h"
#include "kernel/instance.h"
#include "net/capture.h"
#include "net/ipv4/ipv4.h"
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
	  sizeof(((struct layer##_stats *)0)->field), gauge }
#define COUNTER(layer, field) METRIC(layer, field, false)
#define GAUGE(layer, field) METRIC(layer, field, true)

static const struct metric netdev_metrics[] = {
	COUNTER(netdev, rx_frames), COUNTER(netdev, rx_bytes), COUNTER(netdev, rx_dropped),
	COUNTER(netdev, tx_frames), COUNTER(netdev, tx_bytes), COUNTER(netdev, tx_dropped),
};

static const struct metric buf_metrics[] = {
	GAUGE(buf, headers_used), GAUGE(buf, headers_peak), COUNTER(buf, headers_refused),
	GAUGE(buf, slices_used), GAUGE(buf, slices_peak), COUNTER(buf, slices_refused),
};

static const struct metric ethernet_metrics[] = {
	COUNTER(ethernet, in_frames), COUNTER(ethernet, in_errors), COUNTER(ethernet, in_not_for_us),
	COUNTER(ethernet, in_unknown_protos), COUNTER(ethernet, out_frames), COUNTER(ethernet, out_errors),
};

static const struct metric arp_metrics[] = {
	COUNTER(arp, in_requests), COUNTER(arp, in_replies), COUNTER(arp, in_errors), COUNTER(arp, in_unasked),
	COUNTER(arp, in_conflicts), COUNTER(arp, out_requests), COUNTER(arp, out_replies), COUNTER(arp, evicted),
	COUNTER(arp, queue_drops), COUNTER(arp, unreachable),
};

static const struct metric ipv4_metrics[] = {
	COUNTER(ipv4, in_receives), COUNTER(ipv4, in_hdr_errors), COUNTER(ipv4, in_addr_errors),
	COUNTER(ipv4, in_truncated), COUNTER(ipv4, in_unknown_protos), COUNTER(ipv4, in_delivers),
	COUNTER(ipv4, reasm_reqds), COUNTER(ipv4, reasm_oks), COUNTER(ipv4, reasm_fails),
	COUNTER(ipv4, out_requests), COUNTER(ipv4, out_no_routes), COUNTER(ipv4, out_discards),
	COUNTER(ipv4, out_transmits), COUNTER(ipv4, out_frag_reqds), COUNTER(ipv4, out_frag_oks),
	COUNTER(ipv4, out_frag_fails), COUNTER(ipv4, out_frag_creates),
	COUNTER(ipv4, icmp_in_msgs), COUNTER(ipv4, icmp_in_errors), COUNTER(ipv4, icmp_out_msgs),
	COUNTER(ipv4, icmp_out_errors), COUNTER(ipv4, icmp_out_limited),
};

static const struct metric udp_metrics[] = {
	COUNTER(udp, in_datagrams), COUNTER(udp, in_errors), COUNTER(udp, no_ports), COUNTER(udp, out_datagrams),
	COUNTER(udp, out_errors),
};

static const struct metric tcp_metrics[] = {
	COUNTER(tcp, active_opens), COUNTER(tcp, passive_opens), COUNTER(tcp, attempt_fails),
	COUNTER(tcp, estab_resets), COUNTER(tcp, in_segs), COUNTER(tcp, out_segs), COUNTER(tcp, retrans_segs),
	COUNTER(tcp, in_errs), COUNTER(tcp, out_rsts), COUNTER(tcp, listen_drops),
	COUNTER(tcp, cookies_sent), COUNTER(tcp, cookies_accepted), COUNTER(tcp, cookies_refused),
	COUNTER(tcp, spurious_recoveries), COUNTER(tcp, declined),
	COUNTER(tcp, time_wait_drops), COUNTER(tcp, receive_drops), COUNTER(tcp, challenges),
	COUNTER(tcp, timeouts), COUNTER(tcp, fast_retransmits), GAUGE(tcp, curr_estab), GAUGE(tcp, connections),
	GAUGE(tcp, half_open), GAUGE(tcp, time_wait), GAUGE(tcp, send_slices), GAUGE(tcp, receive_bufs),
	GAUGE(tcp, recoveries),
};

struct layer {
	const void *stats;
	const struct metric *metrics;
	size_t count;
};

enum { LAYERS = 7 };

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

/* Gives the length, whether it fits or not. */
static size_t write_all(char *to, size_t size, const struct layer layers[LAYERS])
{
	size_t at = 0;

	for (const struct layer *l = layers; l < layers + LAYERS; l++) {
		for (const struct metric *m = l->metrics; m < l->metrics + l->count; m++) {
			const char *end = m->is_gauge ? "" : "_total";

			at += format(at < size ? to + at : NULL, at < size ? size - at : 0,
			             "# TYPE virga_%s%s %s\nvirga_%s%s %llu\n", m->name, end,
			             m->is_gauge ? "gauge" : "counter", m->name, end, value_of(l->stats, m));
		}
	}
	return at;
}

struct text {
	struct storage storage;
	size_t bytes_taken;
	char bytes[];
};

static void text_free(struct storage *s)
{
	struct text *text = container_of(s, struct text, storage);

	instance_free(text, text->bytes_taken);
}

int metrics_snapshot(struct direct *d, struct slice *out)
{
	struct capture *capture = direct_capture(d);
	struct netdev *dev = ethernet_netdev(direct_ethernet(d));
	struct buf_stats bufs;
	struct text *text;
	size_t len;

	buf_stats(&bufs);
	if (IS_ENABLED(CONFIG_NET_OBSERVE) && capture)
		dev = capture_below(capture);

	const struct layer layers[LAYERS] = {
		{ &dev->stats, netdev_metrics, ARRAY_SIZE(netdev_metrics) },
		{ &bufs, buf_metrics, ARRAY_SIZE(buf_metrics) },
		{ ethernet_stats(direct_ethernet(d)), ethernet_metrics, ARRAY_SIZE(ethernet_metrics) },
		{ arp_stats(direct_arp(d)), arp_metrics, ARRAY_SIZE(arp_metrics) },
		{ ipv4_stats(direct_ipv4(d)), ipv4_metrics, ARRAY_SIZE(ipv4_metrics) },
		{ udp_stats(direct_udp(d)), udp_metrics, ARRAY_SIZE(udp_metrics) },
		{ tcp_stats(direct_tcp(d)), tcp_metrics, ARRAY_SIZE(tcp_metrics) },
	};

	len = write_all(NULL, 0, layers);
	text = instance_alloc(sizeof(*text) + len + 1);
	if (!text)
		return -ENOMEM;
	text->storage = (struct storage){ .refs = 1, .free = text_free };
	text->bytes_taken = sizeof(*text) + len + 1;
	write_all(text->bytes, len + 1, layers);
	*out = (struct slice){ text->bytes, len, &text->storage };
	return 0;
}
