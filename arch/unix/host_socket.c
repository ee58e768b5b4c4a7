/* SPDX-License-Identifier: ISC */
/* The host's TCP and UDP sockets, for IPv4 and IPv6: tcp(7), udp(7), ip(7), ipv6(7). */
#define _GNU_SOURCE
#include "arch/unix/host_priv.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

union address {
	struct sockaddr any;
	struct sockaddr_in v4;
	struct sockaddr_in6 v6;
};

static socklen_t address_to_host(union address *to, const struct host_address *from)
{
	memset(to, 0, sizeof(*to));
	if (from->family == 6) {
		to->v6.sin6_family = AF_INET6;
		to->v6.sin6_port = htons(from->port);
		memcpy(&to->v6.sin6_addr, from->bytes, 16);
		return sizeof(to->v6);
	}
	to->v4.sin_family = AF_INET;
	to->v4.sin_port = htons(from->port);
	memcpy(&to->v4.sin_addr, from->bytes, 4);
	return sizeof(to->v4);
}

static void address_from_host(struct host_address *to, const union address *from)
{
	memset(to, 0, sizeof(*to));
	if (from->any.sa_family == AF_INET6) {
		to->family = 6;
		to->port = ntohs(from->v6.sin6_port);
		memcpy(to->bytes, &from->v6.sin6_addr, 16);
	} else {
		to->family = 4;
		to->port = ntohs(from->v4.sin_port);
		memcpy(to->bytes, &from->v4.sin_addr, 4);
	}
}

static int socket_open(uint8_t family, int type)
{
	return socket(family == 6 ? AF_INET6 : AF_INET, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
}

static int set_flag(int fd, int level, int option)
{
	static const int on = 1;

	return setsockopt(fd, level, option, &on, sizeof(on));
}

/* Closes fd and gives the error of the call before. */
static int give_up(int fd)
{
	int error = errno;

	close(fd);
	return -error;
}

int host_tcp_listen(uint16_t port, int backlog)
{
	struct host_address any = { .family = 4, .port = port };
	union address at;
	socklen_t size = address_to_host(&at, &any);
	int fd = socket_open(4, SOCK_STREAM);

	if (fd < 0)
		return -errno;
	/* Accepted sockets inherit TCP_NODELAY from the listener. */
	if (set_flag(fd, SOL_SOCKET, SO_REUSEADDR) < 0 || set_flag(fd, IPPROTO_TCP, TCP_NODELAY) < 0 ||
	    bind(fd, &at.any, size) < 0 || listen(fd, backlog) < 0)
		return give_up(fd);
	return fd;
}

int host_tcp_accept(int fd, struct host_address *peer)
{
	union address from = { 0 };
	socklen_t size = sizeof(from);
	int accepted = accept4(fd, &from.any, &size, SOCK_NONBLOCK | SOCK_CLOEXEC);

	if (accepted < 0)
		return -errno;
	address_from_host(peer, &from);
	return accepted;
}

/* Binds the connection's own address and port, as far as they are given; family: of the address "any". */
static int bind_from(int fd, uint8_t family, const struct host_address *from)
{
	struct host_address any = { .family = family, .port = from->port };
	union address at;
	socklen_t size = address_to_host(&at, from->family ? from : &any);

	if (from->family == 0 && from->port == 0)
		return 0;
	return set_flag(fd, SOL_SOCKET, SO_REUSEADDR) | bind(fd, &at.any, size);
}

int host_tcp_connect(const struct host_address *from, const struct host_address *to, int ttl, int tos)
{
	union address at;
	socklen_t size = address_to_host(&at, to);
	int fd = socket_open(to->family, SOCK_STREAM);

	if (fd < 0)
		return -errno;
	if ((ttl && host_tcp_set(fd, HOST_TTL, ttl) < 0) || (tos && host_tcp_set(fd, HOST_TOS, tos) < 0) ||
	    set_flag(fd, IPPROTO_TCP, TCP_NODELAY) < 0 || bind_from(fd, to->family, from) < 0 ||
	    (connect(fd, &at.any, size) < 0 && errno != EINPROGRESS))
		return give_up(fd);
	return fd;
}

void host_tcp_ends(int fd, struct host_address *local, struct host_address *peer)
{
	union address ours = { 0 }, theirs = { 0 };
	socklen_t size = sizeof(ours);

	getsockname(fd, &ours.any, &size);
	address_from_host(local, &ours);
	size = sizeof(theirs);
	getpeername(fd, &theirs.any, &size); /* fails once the connection has ended */
	address_from_host(peer, &theirs);
}

int host_socket_error(int fd)
{
	int error = 0;
	socklen_t size = sizeof(error);

	if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size) < 0)
		return -errno;
	return -error;
}

intptr_t host_send(int fd, const struct host_iov *iov, size_t count)
{
	struct msghdr m = { .msg_iov = (struct iovec *)iov, .msg_iovlen = count };

	return result(sendmsg(fd, &m, MSG_NOSIGNAL));
}

int host_shutdown_write(int fd)
{
	return result(shutdown(fd, SHUT_WR));
}

int host_abort(int fd)
{
	struct linger at_once = { .l_onoff = 1, .l_linger = 0 };

	setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
	return result(close(fd));
}

int host_udp_open(uint8_t family, uint16_t port)
{
	struct host_address any = { .family = family, .port = port };
	union address at;
	socklen_t size = address_to_host(&at, &any);
	int fd = socket_open(family, SOCK_DGRAM);
	int bad;

	if (fd < 0)
		return -errno;
	if (family == 6)
		bad = set_flag(fd, IPPROTO_IPV6, IPV6_V6ONLY) | set_flag(fd, IPPROTO_IPV6, IPV6_RECVPKTINFO);
	else
		bad = set_flag(fd, IPPROTO_IP, IP_PKTINFO);
	if (bad || bind(fd, &at.any, size) < 0)
		return give_up(fd);
	return fd;
}

bool host_has_address(const struct host_address *a)
{
	struct host_address alone = *a;
	union address at;
	socklen_t size;
	int fd = socket_open(a->family, SOCK_DGRAM), bad;

	alone.port = 0;
	size = address_to_host(&at, &alone);
	bad = fd < 0 || bind(fd, &at.any, size);
	if (fd >= 0)
		close(fd);
	return !bad;
}

static void packet_info(struct msghdr *m, struct host_address *to)
{
	for (struct cmsghdr *c = CMSG_FIRSTHDR(m); c; c = CMSG_NXTHDR(m, c)) {
		if (c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_PKTINFO) {
			to->family = 4;
			memcpy(to->bytes, CMSG_DATA(c) + offsetof(struct in_pktinfo, ipi_addr), 4);
		} else if (c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_PKTINFO) {
			to->family = 6;
			memcpy(to->bytes, CMSG_DATA(c) + offsetof(struct in6_pktinfo, ipi6_addr), 16);
		}
	}
}

intptr_t host_udp_receive(int fd, const struct host_iov *iov, size_t count, struct host_address *from,
                          struct host_address *to)
{
	union address sender = { 0 };
	_Alignas(struct cmsghdr) char control[CMSG_SPACE(sizeof(struct in6_pktinfo))];
	struct msghdr m = {
		.msg_name = &sender, .msg_namelen = sizeof(sender),
		.msg_iov = (struct iovec *)iov, .msg_iovlen = count,
		.msg_control = control, .msg_controllen = sizeof(control),
	};
	ssize_t n = recvmsg(fd, &m, MSG_TRUNC);

	if (n < 0)
		return -errno;
	address_from_host(from, &sender);
	memset(to, 0, sizeof(*to));
	packet_info(&m, to);
	return n;
}

/* Has m sent from that address. */
static void send_from(struct msghdr *m, void *control, const struct host_address *from)
{
	struct in_pktinfo v4 = { 0 };
	struct in6_pktinfo v6 = { 0 };
	bool is_v6 = from->family == 6;
	size_t bytes = is_v6 ? sizeof(v6) : sizeof(v4);
	struct cmsghdr *c;

	memcpy(&v4.ipi_spec_dst, from->bytes, 4);
	memcpy(&v6.ipi6_addr, from->bytes, 16);
	m->msg_control = control;
	m->msg_controllen = CMSG_SPACE(bytes);
	c = CMSG_FIRSTHDR(m);
	c->cmsg_level = is_v6 ? IPPROTO_IPV6 : IPPROTO_IP;
	c->cmsg_type = is_v6 ? IPV6_PKTINFO : IP_PKTINFO;
	c->cmsg_len = CMSG_LEN(bytes);
	memcpy(CMSG_DATA(c), is_v6 ? (void *)&v6 : (void *)&v4, bytes);
}

intptr_t host_udp_send(int fd, const struct host_iov *iov, size_t count, const struct host_address *to,
                       const struct host_address *from)
{
	union address at;
	_Alignas(struct cmsghdr) char control[CMSG_SPACE(sizeof(struct in6_pktinfo))] = { 0 };
	struct msghdr m = {
		.msg_name = &at, .msg_namelen = address_to_host(&at, to),
		.msg_iov = (struct iovec *)iov, .msg_iovlen = count,
	};

	if (from)
		send_from(&m, control, from);
	return result(sendmsg(fd, &m, MSG_NOSIGNAL));
}

int host_udp_join(const struct host_address *group)
{
	struct ip_mreqn v4 = { 0 };
	struct ipv6_mreq v6 = { 0 };
	int fd = socket_open(group->family, SOCK_DGRAM), bad;

	if (fd < 0)
		return -errno;
	memcpy(&v4.imr_multiaddr, group->bytes, 4);
	memcpy(&v6.ipv6mr_multiaddr, group->bytes, 16);
	if (group->family == 6)
		bad = setsockopt(fd, IPPROTO_IPV6, IPV6_ADD_MEMBERSHIP, &v6, sizeof(v6));
	else
		bad = setsockopt(fd, IPPROTO_IP, IP_ADD_MEMBERSHIP, &v4, sizeof(v4));
	return bad ? give_up(fd) : fd;
}
