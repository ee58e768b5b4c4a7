/* SPDX-License-Identifier: ISC */
/* The only file that sees the host's headers: it turns the host's kernel into the plain integers of
 * host.h. Linux only: epoll(7), signal(7), termios(3), tuntap.rst of its documentation. The tap's
 * constants are the kernel's ABI, spelled out here because musl brings no linux/if_tun.h. */
#define _GNU_SOURCE
#include "arch/unix/host.h"

#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <termios.h>
#include <time.h>
#include <ucontext.h>
#include <unistd.h>

static_assert(sizeof(struct host_iov) == sizeof(struct iovec), "host_iov is iovec");
static_assert(offsetof(struct host_iov, base) == offsetof(struct iovec, iov_base), "host_iov is iovec");
static_assert(offsetof(struct host_iov, len) == offsetof(struct iovec, iov_len), "host_iov is iovec");

static intptr_t result(intptr_t r)
{
	return r < 0 ? -errno : r;
}

/* -- waiting -- */

#define WAIT_EVENTS 64
#ifndef SYS_epoll_pwait2
#define SYS_epoll_pwait2 441 /* the same number on every architecture that musl knows */
#endif

static int epoll_fd = -1;

static int epoll_get(void)
{
	if (epoll_fd < 0)
		epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	return epoll_fd;
}

int host_watch_add(struct host_watch *w, int fd, unsigned events,
                   void (*notify)(struct host_watch *w, unsigned events))
{
	struct epoll_event event = { .data.ptr = w };

	if (events & HOST_READABLE)
		event.events |= EPOLLIN | EPOLLRDHUP;
	if (events & HOST_WRITABLE)
		event.events |= EPOLLOUT;
	if (events & HOST_EDGE)
		event.events |= EPOLLET;
	w->fd = fd;
	w->notify = notify;
	return result(epoll_ctl(epoll_get(), EPOLL_CTL_ADD, fd, &event));
}

void host_watch_remove(struct host_watch *w)
{
	struct epoll_event ignored = { 0 };

	epoll_ctl(epoll_get(), EPOLL_CTL_DEL, w->fd, &ignored);
}

/* epoll_pwait2 sleeps to the nanosecond; kernels before 5.11 have whole milliseconds, rounded up so
 * that nobody is woken before the deadline. */
static int wait_events(struct epoll_event *events, uint64_t timeout_ns)
{
	struct { int64_t s, ns; } timeout = { timeout_ns / NS_PER_S, timeout_ns % NS_PER_S };
	uint64_t ms = timeout_ns / NS_PER_MS + (timeout_ns % NS_PER_MS != 0);
	int n;

	if (timeout_ns != 0 && timeout_ns != UINT64_MAX) {
		n = syscall(SYS_epoll_pwait2, epoll_get(), events, WAIT_EVENTS, &timeout, NULL, 0);
		if (n >= 0 || errno != ENOSYS)
			return n;
	}
	return epoll_wait(epoll_get(), events, WAIT_EVENTS,
	                  timeout_ns == UINT64_MAX ? -1 : (int)MIN(ms, (uint64_t)INT32_MAX));
}

void host_wait(uint64_t timeout_ns)
{
	struct epoll_event events[WAIT_EVENTS];
	int n = wait_events(events, timeout_ns);

	for (int i = 0; i < n; i++) {
		struct host_watch *w = events[i].data.ptr;
		unsigned what = 0;

		if (events[i].events & EPOLLIN)
			what |= HOST_READABLE;
		if (events[i].events & EPOLLOUT)
			what |= HOST_WRITABLE;
		if (events[i].events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR))
			what |= HOST_ENDED;
		if (w)
			w->notify(w, what);
	}
}

/* -- files -- */

/* open would bring in what it does for threads. */
void host_files_init(void)
{
	int fd;

	do
		fd = syscall(SYS_openat, AT_FDCWD, "/dev/null", O_RDWR);
	while (fd >= 0 && fd <= STDERR_FILENO);
	close(fd);
}

int host_close(int fd)
{
	return result(close(fd));
}

intptr_t host_read(int fd, void *to, size_t n)
{
	return result(read(fd, to, n));
}

intptr_t host_readv(int fd, const struct host_iov *iov, size_t count)
{
	return result(readv(fd, (const struct iovec *)iov, count));
}

intptr_t host_writev(int fd, const struct host_iov *iov, size_t count)
{
	return result(writev(fd, (const struct iovec *)iov, count));
}

int host_write_all(int fd, const void *data, size_t n)
{
	const char *at = data;

	while (n > 0) {
		struct pollfd room = { .fd = fd, .events = POLLOUT };
		ssize_t written = write(fd, at, n);

		if (written >= 0) {
			at += written;
			n -= written;
		} else if (errno == EAGAIN) {
			poll(&room, 1, -1);
		} else if (errno != EINTR) {
			return -errno;
		}
	}
	return 0;
}

/* -- network taps -- */

#define TUN_SET_IFF _IOW('T', 202, int)
#define TUN_SET_OFFLOAD _IOW('T', 208, unsigned)
#define TUN_GET_IFF _IOR('T', 210, unsigned)
#define TUN_SET_VNET_HDR_SZ _IOW('T', 216, int)
#define TUN_IFF_TAP 0x0002
#define TUN_IFF_NO_PI 0x1000
#define TUN_IFF_VNET_HDR 0x4000
#define TUN_OFFLOAD_CSUM 1
#define TUN_OFFLOAD_TSO4 2
#define VNET_HEADER_BYTES 10
#define MTU_USUAL 1500

/* An fd that was handed to us may belong to an interface of another network namespace, of which
 * nothing is to be seen here: then what is usual is assumed. */
static void tap_describe(struct ifreq *request, struct host_tap *out)
{
	int s = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	out->mtu = MTU_USUAL;
	out->up = true;
	if (s < 0)
		return;
	if (ioctl(s, SIOCGIFMTU, request) == 0)
		out->mtu = MIN(request->ifr_mtu, UINT16_MAX);
	if (ioctl(s, SIOCGIFHWADDR, request) == 0)
		memcpy(out->mac, request->ifr_hwaddr.sa_data, 6);
	if (ioctl(s, SIOCGIFFLAGS, request) == 0)
		out->up = request->ifr_flags & IFF_UP;
	close(s);
}

static void tap_set_offloads(struct host_tap *out)
{
	int bytes = VNET_HEADER_BYTES;

	if (ioctl(out->fd, TUN_SET_VNET_HDR_SZ, &bytes) == 0)
		out->header_bytes = bytes;
	if (ioctl(out->fd, TUN_SET_OFFLOAD, TUN_OFFLOAD_CSUM | TUN_OFFLOAD_TSO4) == 0)
		out->offloads = HOST_TAP_CSUM | HOST_TAP_TSO4;
	else if (ioctl(out->fd, TUN_SET_OFFLOAD, TUN_OFFLOAD_CSUM) == 0)
		out->offloads = HOST_TAP_CSUM;
}

int host_tap_open(const char *name, struct host_tap *out)
{
	struct ifreq request = { .ifr_flags = TUN_IFF_TAP | TUN_IFF_NO_PI | TUN_IFF_VNET_HDR };
	int error;

	memset(out, 0, sizeof(*out));
	if (strlen(name) >= sizeof(request.ifr_name) || *name == '\0')
		return -EINVAL;
	strcpy(request.ifr_name, name);
	out->fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
	if (out->fd < 0)
		return errno == EACCES ? -EPERM : errno == ENODEV ? -ENOENT : -errno;
	if (ioctl(out->fd, TUN_SET_IFF, &request) < 0) {
		error = errno;
		close(out->fd);
		return -error;
	}
	tap_set_offloads(out);
	tap_describe(&request, out);
	return 0;
}

int host_tap_adopt(int fd, struct host_tap *out)
{
	struct ifreq request = { 0 };
	int flags = fcntl(fd, F_GETFL), type = 0;
	socklen_t size = sizeof(type);

	memset(out, 0, sizeof(*out));
	if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0)
		return -errno;
	out->fd = fd;
	if (ioctl(fd, TUN_GET_IFF, &request) == 0) {
		if (!(request.ifr_flags & TUN_IFF_TAP) || !(request.ifr_flags & TUN_IFF_NO_PI))
			return -EINVAL;
		if (request.ifr_flags & TUN_IFF_VNET_HDR)
			tap_set_offloads(out);
		tap_describe(&request, out);
		return 0;
	}
	if (getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &size) < 0 ||
	    (type != SOCK_DGRAM && type != SOCK_SEQPACKET))
		return -EINVAL;
	out->mtu = MTU_USUAL;
	out->up = true;
	return 0;
}

/* -- sockets -- */

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

/* Closes fd and gives what went wrong before. */
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
	/* Linux hands TCP_NODELAY down to what is accepted. */
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

int host_tcp_connect(const struct host_address *to)
{
	union address at;
	socklen_t size = address_to_host(&at, to);
	int fd = socket_open(to->family, SOCK_STREAM);

	if (fd < 0)
		return -errno;
	if (set_flag(fd, IPPROTO_TCP, TCP_NODELAY) < 0 ||
	    (connect(fd, &at.any, size) < 0 && errno != EINPROGRESS))
		return give_up(fd);
	return fd;
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

intptr_t host_udp_send(int fd, const struct host_iov *iov, size_t count, const struct host_address *to)
{
	union address at;
	struct msghdr m = {
		.msg_name = &at, .msg_namelen = address_to_host(&at, to),
		.msg_iov = (struct iovec *)iov, .msg_iovlen = count,
	};

	return result(sendmsg(fd, &m, MSG_NOSIGNAL));
}

/* -- the rest -- */

static uint64_t clock_read_ns(clockid_t clock)
{
	struct timespec now;

	clock_gettime(clock, &now);
	return (uint64_t)now.tv_sec * NS_PER_S + (uint64_t)now.tv_nsec;
}

uint64_t host_monotonic_ns(void)
{
	return clock_read_ns(CLOCK_MONOTONIC);
}

uint64_t host_wall_ns(void)
{
	return clock_read_ns(CLOCK_REALTIME);
}

int host_random(void *to, size_t n)
{
	ssize_t got;

	do
		got = getrandom(to, n, 0);
	while (got < 0 && errno == EINTR);
	return got == (ssize_t)n ? 0 : got < 0 ? -errno : -EIO;
}

void *host_map(size_t bytes, bool accessible)
{
	void *at = mmap(NULL, bytes, accessible ? PROT_READ | PROT_WRITE : PROT_NONE,
	                MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	return at == MAP_FAILED ? NULL : at;
}

void host_unmap(void *at, size_t bytes)
{
	munmap(at, bytes);
}

int host_make_accessible(void *at, size_t bytes)
{
	return result(mprotect(at, bytes, PROT_READ | PROT_WRITE));
}

/* The kernel reads the new mask before it looks at what to do with it, and nothing is all we ask. */
bool host_is_readable(uintptr_t address)
{
	int before = errno;
	bool faulted;

	if (address == 0)
		return false;
	faulted = syscall(SYS_rt_sigprocmask, -1, address, NULL, 8) < 0 && errno == EFAULT;
	errno = before;
	return !faulted;
}

static struct termios cooked; /* what the terminal was before */
static int raw_fd = -1;       /* the terminal that is raw now */

static void terminal_make_raw(int fd)
{
	struct termios raw = cooked;

	raw.c_lflag &= ~(ICANON | ECHO);
	raw.c_cc[VMIN] = 1;
	raw.c_cc[VTIME] = 0;
	if (tcgetpgrp(fd) == getpgrp())
		tcsetattr(fd, TCSADRAIN, &raw);
}

/* Ctrl-Z: the shell gets its terminal back as it was, and we ours when we go on. */
static void on_stop(int signal)
{
	int before = errno, fd = raw_fd;

	(void)signal;
	if (fd >= 0)
		tcsetattr(fd, TCSADRAIN, &cooked);
	raise(SIGSTOP);
	if (fd >= 0)
		terminal_make_raw(fd);
	errno = before;
}

bool host_is_terminal(int fd)
{
	return isatty(fd);
}

void host_terminal_raw(int fd, bool on)
{
	struct sigaction stop = { .sa_handler = on_stop, .sa_flags = SA_RESTART };

	if (!on && raw_fd >= 0) {
		tcsetattr(raw_fd, TCSADRAIN, &cooked);
		raw_fd = -1;
	} else if (on && raw_fd < 0 && tcgetattr(fd, &cooked) == 0) {
		raw_fd = fd;
		sigaction(SIGTSTP, &stop, NULL);
		terminal_make_raw(fd);
	}
}

static volatile sig_atomic_t should_end;
static int end_fd = -1; /* makes epoll return for ever once the end has come */
static void (*on_fault)(const struct host_fault *f);

static void on_end_signal(int signal)
{
	static const uint64_t one = 1;
	int before = errno;

	if (should_end)
		host_exit(128 + signal);
	should_end = 1;
	if (write(end_fd, &one, sizeof(one)) < 0)
		host_exit(128 + signal);
	errno = before;
}

static const char *fault_name(int signal)
{
	switch (signal) {
	case SIGSEGV: return "segmentation fault";
	case SIGBUS: return "bus error";
	case SIGILL: return "illegal instruction";
	case SIGFPE: return "arithmetic fault";
	case SIGQUIT: return "quit";
	default: return "aborted";
	}
}

/* In the order in which the host keeps them. */
static const char register_names[][4] = {
#if defined(__x86_64__)
	"r8", "r9", "r10", "r11", "r12", "r13", "r14", "r15",
	"rdi", "rsi", "rbp", "rbx", "rdx", "rax", "rcx", "rsp",
#elif defined(__aarch64__)
	"x0", "x1", "x2", "x3", "x4", "x5", "x6", "x7", "x8", "x9", "x10", "x11", "x12", "x13", "x14", "x15",
	"x16", "x17", "x18", "x19", "x20", "x21", "x22", "x23", "x24", "x25", "x26", "x27", "x28", "x29", "x30",
	"sp",
#endif
};

static void on_fault_signal(int signal, siginfo_t *info, void *context)
{
	const mcontext_t *cpu = &((ucontext_t *)context)->uc_mcontext;
	struct host_fault f = {
		.what = fault_name(signal),
		.address = (uintptr_t)info->si_addr,
		.register_names = register_names,
		.register_count = sizeof(register_names) / sizeof(register_names[0]),
	};

	if (signal == SIGQUIT || signal == SIGABRT)
		f.address = 0;
#if defined(__x86_64__)
	f.pc = cpu->gregs[REG_RIP];
	f.frame = cpu->gregs[REG_RBP];
	f.stack = cpu->gregs[REG_RSP];
	f.registers = (const uint64_t *)cpu->gregs;
	if (host_is_readable(f.stack))
		f.link = *(const uintptr_t *)f.stack;
#elif defined(__aarch64__)
	f.pc = cpu->pc;
	f.frame = cpu->regs[29];
	f.stack = cpu->sp;
	f.registers = (const uint64_t *)cpu->regs;
	f.link = cpu->regs[30];
#else
	(void)cpu;
#endif
	on_fault(&f);
	host_exit(1);
}

void host_signals_init(void (*fault)(const struct host_fault *f))
{
	static const int ends[] = { SIGINT, SIGTERM, SIGHUP };
	static const int faults[] = { SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGQUIT, SIGABRT };
	static char stack[32768];
	stack_t alternate = { .ss_sp = stack, .ss_size = sizeof(stack) };
	struct sigaction end = { .sa_handler = on_end_signal };
	struct sigaction trap = { .sa_sigaction = on_fault_signal, .sa_flags = SA_SIGINFO | SA_ONSTACK };
	struct sigaction ignore = { .sa_handler = SIG_IGN }, before;
	struct epoll_event readable = { .events = EPOLLIN };

	on_fault = fault;
	end_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	epoll_ctl(epoll_get(), EPOLL_CTL_ADD, end_fd, &readable);
	sigaltstack(&alternate, NULL);
	for (size_t i = 0; i < ARRAY_SIZE(ends); i++) {
		sigaction(ends[i], &end, &before);
		if (ends[i] == SIGHUP && before.sa_handler == SIG_IGN)
			sigaction(SIGHUP, &before, NULL); /* nohup(1) */
	}
	for (size_t i = 0; i < ARRAY_SIZE(faults); i++)
		sigaction(faults[i], &trap, NULL);
	sigaction(SIGPIPE, &ignore, NULL);
	prctl(PR_SET_TIMERSLACK, 1); /* nanoseconds; the default lets deadlines slip by 50 us */
}

bool host_should_end(void)
{
	return should_end;
}

void host_exit(int status)
{
	host_terminal_raw(-1, false);
	_exit(status);
}
