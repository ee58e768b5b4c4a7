/* SPDX-License-Identifier: ISC */
/* A test, as both sides see it: its streams, its time, its results. */
#include <errno.h>

#include "apps/iperf/iperf_priv.h"
#include "kernel/dev/clock.h"

#define LOG_TAG "iperf"
#include "kernel/log.h"

LIMIT_BYTES(IPERF_STREAMS,
            sizeof(struct flow *) + sizeof(struct transfer) + sizeof(struct iperf_stream_result), 240);

int measurement_stream_count(const struct iperf_parameters *p, uint32_t *count)
{
	*count = p->streams * (p->bidirectional ? 2 : 1);
	return *count <= CONFIG_IPERF_STREAMS ? 0 : -E2BIG;
}

/* With both directions, those that the client sends on come first. */
static bool sends(const struct measurement *m, uint32_t stream, bool is_server)
{
	bool server_sends = m->parameters.bidirectional ? stream >= m->parameters.streams : m->parameters.reverse;

	return server_sends == is_server;
}

void measurement_start(struct measurement *m, bool is_server)
{
	m->start_ns = clock_now_ns();
	for (; m->transfer_count < m->flow_count; m->transfer_count++)
		transfer_start(&m->transfers[m->transfer_count], m->flows[m->transfer_count],
		               sends(m, m->transfer_count, is_server));
}

void measurement_omit(struct measurement *m)
{
	m->start_ns = clock_now_ns();
	for (uint32_t i = 0; i < m->transfer_count; i++)
		m->transfers[i].bytes = 0;
}

/* iperf3's client reads whole blocks, and waits for the rest of a block until the end of the stream: so a
 * server shuts its streams down. */
void measurement_stop(struct measurement *m, bool is_server)
{
	m->end_ns = clock_now_ns();
	for (uint32_t i = 0; i < m->transfer_count; i++)
		transfer_stop(&m->transfers[i], is_server);
}

static_assert(RESULTS_BYTES(CONFIG_IPERF_STREAMS) <= MESSAGE_BYTES, "the range of IPERF_STREAMS");

int measurement_send_results(struct measurement *m)
{
	struct iperf_stream_result results[CONFIG_IPERF_STREAMS];
	struct stack_tcp_info info;

	for (uint32_t i = 0; i < m->transfer_count; i++) {
		stack_tcp_info(m->flows[i], &info);
		results[i] = (struct iperf_stream_result){
			.bytes = m->transfers[i].bytes, .elapsed_ns = m->end_ns - m->start_ns,
			.retransmits = m->transfers[i].sends ? (int64_t)info.segs_retrans : -1,
		};
	}
	return control_send_message(m, iperf_write_results(m->message, sizeof(m->message), results,
	                                                   m->transfer_count));
}

int measurement_read_results(struct measurement *m, uint64_t *bytes)
{
	int len = control_read_message(m);

	*bytes = len < 0 ? 0 : iperf_parse_results(m->message, (size_t)len);
	return MIN(len, 0);
}

static void report(const struct measurement *m, const char *who, uint64_t their_bytes)
{
	uint64_t ms = MAX((m->end_ns - m->start_ns) / NS_PER_MS, UINT64_C(1)), sent = 0, received = 0;

	for (uint32_t i = 0; i < m->transfer_count; i++)
		*(m->transfers[i].sends ? &sent : &received) += m->transfers[i].bytes;
	log_info("%s done streams=%u ms=%llu sent=%llu received=%llu peer=%llu mbit_s=%llu", who,
	         m->transfer_count, (unsigned long long)ms, (unsigned long long)sent,
	         (unsigned long long)received, (unsigned long long)their_bytes,
	         (unsigned long long)((sent + received) * 8 / ms / 1000));
}

void measurement_end(struct measurement *m, const char *who, int result, uint64_t their_bytes)
{
	for (uint32_t i = 0; i < m->flow_count; i++) {
		if (i < m->transfer_count)
			transfer_end(&m->transfers[i]);
		else
			flow_abort(m->flows[i]);
	}
	if (m->control)
		flow_close(m->control);
	if (result == 0)
		report(m, who, their_bytes);
	else
		log_warn("%s failed errno=%d", who, -result);
}
