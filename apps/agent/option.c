/* SPDX-License-Identifier: ISC */
/* The options of a handle, by name; a UDP handle has only those of the IP header. Options wait in the handle
 * until its connection is open, or its port bound. Options of a listener are applied to each connection that
 * it accepts. */
#include "apps/agent/agent_priv.h"

#include <errno.h>

#include "apps/agent/names.h"
#include "net/tcp/state.h"

static const struct {
	const char *name;
	uint8_t option; /* enum stack_option */
	int32_t least, most;
} options[] = {
	{ "nodelay", STACK_NODELAY, 0, 1 },
	{ "cork", STACK_CORK, 0, 1 },
	{ "keepalive", STACK_KEEPALIVE, 0, 1 },
	{ "keepidle", STACK_KEEPIDLE, 1, 32767 },
	{ "keepintvl", STACK_KEEPINTVL, 1, 32767 },
	{ "keepcnt", STACK_KEEPCNT, 1, 127 },
	{ "linger", STACK_LINGER, -1, 32767 },
	{ "rcvbuf", STACK_RCVBUF, 0, INT32_MAX },
	{ "sndbuf", STACK_SNDBUF, 0, INT32_MAX },
	{ "usertimeout", STACK_USERTIMEOUT, 0, INT32_MAX },
	{ "mss", STACK_MSS, 64, UINT16_MAX },
	{ "ttl", STACK_TTL, 1, 255 },
	{ "dscp", STACK_DSCP, 0, 63 },
};

/* Gives an index; ARRAY_SIZE(options): there is no such option. */
static size_t find(const struct word *name)
{
	size_t i = 0;

	while (i < ARRAY_SIZE(options) && !word_is(name, options[i].name))
		i++;
	return i;
}

static bool is_there(const struct handle *h, size_t i)
{
	return i < ARRAY_SIZE(options) && (h->state != HANDLE_UDP || options[i].option >= STACK_TTL);
}

void option_preset(const struct handle *h, uint16_t port)
{
	static const int32_t usual[] = { 64, 0 };

	for (unsigned option = STACK_TTL; option < STACK_ERROR; option++)
		stack_tcp_preset(agent_stack, port, option, h->options_set & UINT32_C(1) << option
		                                            ? h->options[option] : usual[option - STACK_TTL]);
}

int option_set(struct handle *h, const struct word *name, int64_t value)
{
	size_t i = find(name);

	if (!is_there(h, i) || (IS_ENABLED(CONFIG_NET_SOCKET) && options[i].option == STACK_MSS))
		return -ENOPROTOOPT; /* now, not only when the stack is asked later */
	if (value < options[i].least || value > options[i].most)
		return -EINVAL;
	if (h->state == HANDLE_CONNECTED) {
		int result = stack_tcp_set(h->flow, options[i].option, (int32_t)value);

		handle_progress(h); /* there may be room now */
		return result;
	}
	if (h->state == HANDLE_UDP && h->local.port)
		return stack_udp_set(agent_stack, h->local.port, options[i].option, (int32_t)value);
	h->options[options[i].option] = (int32_t)value;
	h->options_set |= UINT32_C(1) << options[i].option;
	if (h->state == HANDLE_LISTENING)
		option_preset(h, h->local.port);
	return 0;
}

void option_apply(const struct handle *from, struct flow *flow)
{
	for (unsigned option = 0; option < STACK_OPTIONS; option++)
		if (from->options_set & UINT32_C(1) << option)
			stack_tcp_set(flow, option, from->options[option]);
}

void option_apply_bound(const struct handle *h)
{
	for (unsigned option = STACK_TTL; option < STACK_ERROR; option++)
		if (h->options_set & UINT32_C(1) << option)
			stack_udp_set(agent_stack, h->local.port, option, h->options[option]);
}

static int answer_value(const struct command *c, int32_t value)
{
	answer_begin(c->id.at, c->id.len, 0);
	answer_text(" %d", (int)value);
	answer_end();
	return PENDING;
}

/* The error that ended the connection, or the last attempt to connect; of UDP, the one that no recv has
 * given yet. */
static int get_error(const struct handle *h, const struct command *c)
{
	int32_t error = h->error;

	if (h->state == HANDLE_CONNECTED)
		stack_tcp_get(h->flow, STACK_ERROR, &error);
	if (error >= 0)
		return answer_value(c, 0);
	answer_begin(c->id.at, c->id.len, 0);
	answer_text(" -%s", error_name(error));
	answer_end();
	return PENDING;
}

/* One word: names as in net/stack.h, with commas in between. */
static int get_info(const struct handle *h, const struct command *c)
{
	static const char *const states[TCP_STATES] = {
		[TCP_CLOSED] = "CLOSED", [TCP_LISTEN] = "LISTEN", [TCP_SYN_SENT] = "SYN-SENT",
		[TCP_SYN_RECEIVED] = "SYN-RECEIVED", [TCP_ESTABLISHED] = "ESTABLISHED",
		[TCP_FIN_WAIT_1] = "FIN-WAIT-1", [TCP_FIN_WAIT_2] = "FIN-WAIT-2", [TCP_CLOSE_WAIT] = "CLOSE-WAIT",
		[TCP_CLOSING] = "CLOSING", [TCP_LAST_ACK] = "LAST-ACK", [TCP_TIME_WAIT] = "TIME-WAIT",
	};
	struct stack_tcp_info i = { .state = h->state == HANDLE_LISTENING ? TCP_LISTEN : h->state ==
	                            HANDLE_CONNECTING ? TCP_SYN_SENT : TCP_CLOSED };

	if (h->state == HANDLE_CONNECTED)
		stack_tcp_info(h->flow, &i);
	answer_begin(c->id.at, c->id.len, 0);
	answer_text(" state=%s,timestamps=%d,sack=%d,scale=%d,ecn=%d,cur_mss=%u",
	            i.state < TCP_STATES ? states[i.state] : "?", i.timestamps, i.sack, i.scale, i.ecn,
	            i.cur_mss);
	answer_text(",smoothed_rtt_us=%u,rtt_var_us=%u,cur_rto_us=%u", i.smoothed_rtt_us, i.rtt_var_us,
	            i.cur_rto_us);
	answer_text(",cur_cwnd=%u,cur_ssthresh=%u,cur_rwin_rcvd=%u,cur_rwin_sent=%u", i.cur_cwnd, i.cur_ssthresh,
	            i.cur_rwin_rcvd, i.cur_rwin_sent);
	answer_text(",in_flight=%u,app_wqueue=%u,app_rqueue=%u,segs_retrans=%u", i.in_flight, i.app_wqueue,
	            i.app_rqueue, i.segs_retrans);
	answer_end();
	return PENDING;
}

int option_get(struct handle *h, const struct command *c)
{
	size_t i = find(&c->option);
	int32_t value = 0;
	int result = 0;

	if (word_is(&c->option, "error"))
		return get_error(h, c);
	if (h->state != HANDLE_UDP && word_is(&c->option, "info"))
		return get_info(h, c);
	if (!is_there(h, i))
		return -ENOPROTOOPT;
	if (h->state == HANDLE_CONNECTED)
		result = stack_tcp_get(h->flow, options[i].option, &value);
	else if (h->state == HANDLE_UDP && h->local.port)
		result = stack_udp_get(agent_stack, h->local.port, options[i].option, &value);
	else if (h->options_set & UINT32_C(1) << options[i].option)
		value = h->options[options[i].option];
	else
		return -ENOTCONN;
	return result < 0 ? result : answer_value(c, value);
}
