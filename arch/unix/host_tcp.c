/* SPDX-License-Identifier: ISC */
/* Options and state of the host's sockets: tcp(7), socket(7), ip(7). Values are translated to those of
 * host.h, which differ from the host's where those surprise. */
#define _GNU_SOURCE
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include "arch/unix/host_priv.h"

struct name {
	int level, name;
};

static const struct name names[] = {
	[HOST_NODELAY] = { IPPROTO_TCP, TCP_NODELAY },
	[HOST_CORK] = { IPPROTO_TCP, TCP_CORK },
	[HOST_KEEPALIVE] = { SOL_SOCKET, SO_KEEPALIVE },
	[HOST_KEEPIDLE] = { IPPROTO_TCP, TCP_KEEPIDLE },
	[HOST_KEEPINTVL] = { IPPROTO_TCP, TCP_KEEPINTVL },
	[HOST_KEEPCNT] = { IPPROTO_TCP, TCP_KEEPCNT },
	[HOST_RCVBUF] = { SOL_SOCKET, SO_RCVBUF },
	[HOST_SNDBUF] = { SOL_SOCKET, SO_SNDBUF },
	[HOST_USERTIMEOUT] = { IPPROTO_TCP, TCP_USER_TIMEOUT },
	[HOST_MSS] = { IPPROTO_TCP, TCP_MAXSEG },
	[HOST_TTL] = { IPPROTO_IP, IP_TTL },
	[HOST_TOS] = { IPPROTO_IP, IP_TOS },
	[HOST_GROUP_TTL] = { IPPROTO_IP, IP_MULTICAST_TTL },
};

static struct name name_of(int fd, enum host_tcp_option option)
{
	int domain = AF_INET;
	socklen_t size = sizeof(domain);

	if (names[option].level == IPPROTO_IP)
		getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &size);
	if (domain != AF_INET6)
		return names[option];
	return (struct name){ IPPROTO_IPV6, option == HOST_TTL ? IPV6_UNICAST_HOPS : IPV6_TCLASS };
}

static bool is_size(enum host_tcp_option option)
{
	return option == HOST_RCVBUF || option == HOST_SNDBUF;
}

int host_tcp_set(int fd, enum host_tcp_option option, int value)
{
	struct name n = name_of(fd, option);

	if (is_size(option) && value < 0)
		return -EINVAL;
	return result(setsockopt(fd, n.level, n.name, &value, sizeof(value)));
}

int host_tcp_get(int fd, enum host_tcp_option option, int *value)
{
	struct name n = name_of(fd, option);
	socklen_t size = sizeof(*value);

	if (getsockopt(fd, n.level, n.name, value, &size) < 0)
		return -errno;
	if (is_size(option))
		*value /= 2; /* Linux doubles it for its own needs: socket(7) */
	return 0;
}

/* The numbers of enum tcp_state of net/tcp/state.h, which cannot be included here. */
static uint32_t state_of(uint8_t host)
{
	static const uint8_t states[] = {
		[TCP_CLOSE] = 0, [TCP_TIME_WAIT] = 1, [TCP_LISTEN] = 2, [TCP_SYN_SENT] = 3, [TCP_SYN_RECV] = 4,
		[TCP_ESTABLISHED] = 5, [TCP_FIN_WAIT1] = 6, [TCP_FIN_WAIT2] = 7, [TCP_CLOSE_WAIT] = 8,
		[TCP_CLOSING] = 9, [TCP_LAST_ACK] = 10,
	};

	return host < sizeof(states) ? states[host] : 0;
}

void host_tcp_info(int fd, struct host_tcp_info *info)
{
	struct tcp_info host = { 0 };
	socklen_t size = sizeof(host);
	int out = 0, in = 0;

	*info = (struct host_tcp_info){ 0 };
	if (getsockopt(fd, IPPROTO_TCP, TCP_INFO, &host, &size) < 0)
		return;
	ioctl(fd, TIOCOUTQ, &out);
	ioctl(fd, FIONREAD, &in);
	info->state = state_of(host.tcpi_state);
	info->timestamps = host.tcpi_options & TCPI_OPT_TIMESTAMPS;
	info->sack = host.tcpi_options & TCPI_OPT_SACK;
	info->scale = host.tcpi_options & TCPI_OPT_WSCALE;
	info->ecn = host.tcpi_options & TCPI_OPT_ECN;
	info->mss = host.tcpi_snd_mss;
	info->rtt_us = host.tcpi_rtt;
	info->rtt_var_us = host.tcpi_rttvar;
	info->rto_us = host.tcpi_rto;
	info->cwnd_bytes = host.tcpi_snd_cwnd * host.tcpi_snd_mss;
	info->ssthresh_bytes = host.tcpi_snd_ssthresh < UINT16_MAX ? host.tcpi_snd_ssthresh * host.tcpi_snd_mss
	                                                           : INT32_MAX; /* none yet */
	info->window = host.tcpi_rcv_space;
	info->in_flight = host.tcpi_unacked * host.tcpi_snd_mss;
	info->unacknowledged = (uint32_t)out;
	info->unread = (uint32_t)in;
	info->retransmissions = host.tcpi_total_retrans;
}
