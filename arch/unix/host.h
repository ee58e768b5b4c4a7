/* SPDX-License-Identifier: ISC */
/* The host's kernel in plain integers, so that only host*.c see its headers: file descriptors are ints,
 * failures are negative errnos, no call blocks unless its comment says so. For arch/unix, drivers/unix and
 * net/socket. */
#ifndef ARCH_UNIX_HOST_H
#define ARCH_UNIX_HOST_H

#include "kernel/util.h"

/* One piece of a gather or scatter; laid out as the host's struct iovec. */
struct host_iov {
	void *base;
	size_t len;
};

/* -- waiting -- */

enum host_events {
	HOST_READABLE = 1 << 0, /* data, a connection, or the end of the stream */
	HOST_WRITABLE = 1 << 1, /* room, or a connection made */
	HOST_ENDED = 1 << 2,    /* the peer sends no more, or an error; reading tells which */
	HOST_EDGE = 1 << 3,     /* for host_watch_add: tell changes, not states */
};

/* A watch on fd. notify runs inside host_wait, so it only marks pollers, as an interrupt would; it must not
 * remove a watch. */
struct host_watch {
	int fd;
	void (*notify)(struct host_watch *w, unsigned events);
};

/* 0; -EPERM: fd is a file that is always ready; -ENOMEM, -ENOSPC. Borrows w until removed. */
int host_watch_add(struct host_watch *w, int fd, unsigned events,
                   void (*notify)(struct host_watch *w, unsigned events));
void host_watch_remove(struct host_watch *w);
/* Blocks for at most timeout_ns (UINT64_MAX: for ever), or until a watched fd is ready or a signal
 * has come; notifies. */
void host_wait(uint64_t timeout_ns);

/* -- files -- */

/* Opens /dev/null in place of a closed fd 0 to 2: files opened later would get their numbers, and the console
 * would use them. To be called before any file is opened. */
void host_files_init(void);
int host_close(int fd);
/* Gives the number of bytes, 0 at the end, -EAGAIN. */
intptr_t host_read(int fd, void *to, size_t n);
intptr_t host_readv(int fd, const struct host_iov *iov, size_t count);
intptr_t host_writev(int fd, const struct host_iov *iov, size_t count);
/* Writes all n bytes, waiting for room. 0, or a negative errno. */
int host_write_all(int fd, const void *data, size_t n);

/* -- disks -- */

struct host_disk {
	int fd;
	uint64_t bytes;
	bool read_only;
};

/* Opens the regular file or block device at path, for writing too unless read_only is set or the host does
 * not let us. Other processes of ours can open it only if all of them only read. 0; -ENOENT; -EACCES; -EBUSY:
 * another process has it; -EINVAL, -EISDIR: it is something else. */
int host_disk_open(const char *path, bool read_only, struct host_disk *out);
/* Gives the number of bytes, which may be fewer than asked for; 0 at the end. These wait for the host's
 * disk. */
intptr_t host_disk_read(int fd, uint64_t at, const struct host_iov *iov, size_t count);
intptr_t host_disk_write(int fd, uint64_t at, const struct host_iov *iov, size_t count);
/* Waits until all writes are on the medium. 0, or a negative errno. */
int host_disk_flush(int fd);
/* Makes a range, bytes long, read as zeros and take no room. 0, -EOPNOTSUPP, … */
int host_disk_discard(int fd, uint64_t at, uint64_t bytes);

/* -- network taps -- */

enum host_tap_offloads { HOST_TAP_CSUM = 1, HOST_TAP_TSO4 = 2 };

struct host_tap {
	int fd;
	unsigned header_bytes; /* of the offload header before each frame; 0: there is none */
	unsigned offloads;     /* enum host_tap_offloads */
	uint16_t mtu;
	uint8_t mac[6];        /* the host's end; all zero when the fd is no tap */
	bool up;
};

/* Attaches to the tap called name, which is made if it is missing and the host lets us. 0; -EPERM: no right
 * to; -EBUSY: in use; -ENOENT: the host has no taps; -EINVAL: bad name. */
int host_tap_open(const char *name, struct host_tap *out);
/* Takes over an fd from the parent process: a tap, or a socket that keeps frames apart (then there is no
 * offload header). 0, -EBADF, -EINVAL. */
int host_tap_adopt(int fd, struct host_tap *out);

/* -- sockets: all IPv4 or IPv6, never blocking, closed on exec -- */

struct host_address {
	uint8_t bytes[16]; /* network order; the first 4 for IPv4 */
	uint8_t family;    /* 4 or 6 */
	uint16_t port;     /* host byte order */
};

/* Listens on every IPv4 address of the host. Gives an fd; -EADDRINUSE, -EACCES. */
int host_tcp_listen(uint16_t port, int backlog);
int host_tcp_accept(int fd, struct host_address *peer); /* an fd, -EAGAIN, -EMFILE, … */
/* Starts a connection, from an address (family 0: any) and a port (0: any), with HOST_TTL (0: the host's
 * choice) and HOST_TOS, and gives its fd, which gets writable once the connection is made or has failed. */
int host_tcp_connect(const struct host_address *from, const struct host_address *to, int ttl, int tos);
int host_socket_error(int fd); /* 0, or the error since the last call */
intptr_t host_send(int fd, const struct host_iov *iov, size_t count);
int host_shutdown_write(int fd);
/* Closes with a reset: data under way is lost. */
int host_abort(int fd);

/* Options of a connection, or from HOST_TTL on of any socket: tcp(7), socket(7), ip(7). */
enum host_tcp_option {
	HOST_NODELAY, HOST_CORK, HOST_KEEPALIVE, HOST_KEEPIDLE, HOST_KEEPINTVL, HOST_KEEPCNT,
	HOST_RCVBUF, HOST_SNDBUF, HOST_USERTIMEOUT, HOST_MSS,
	HOST_TTL, HOST_TOS, /* hop limit and traffic class of IPv6 */
	HOST_GROUP_TTL,     /* for datagrams to groups; IPv4 alone */
};
/* 0, -EINVAL. */
int host_tcp_set(int fd, enum host_tcp_option option, int value);
int host_tcp_get(int fd, enum host_tcp_option option, int *value);

/* The host's view of a connection; a value that it has not is 0. state: enum tcp_state of net/tcp/state.h. */
struct host_tcp_info {
	uint32_t state, mss, rtt_us, rtt_var_us, rto_us, cwnd_bytes, ssthresh_bytes;
	uint32_t peer_window, window, in_flight, unacknowledged, unread, retransmissions;
	bool timestamps, sack, scale, ecn;
};
void host_tcp_info(int fd, struct host_tcp_info *info);
void host_tcp_ends(int fd, struct host_address *local, struct host_address *peer);

bool host_has_address(const struct host_address *a); /* whatever its port */

/* A datagram socket at port (0: any) on every IPv4 (family 4) or IPv6 address. Gives an fd. */
int host_udp_open(uint8_t family, uint16_t port);
/* Gives the datagram's length, which is more than the buffers hold if it did not fit. */
intptr_t host_udp_receive(int fd, const struct host_iov *iov, size_t count, struct host_address *from,
                          struct host_address *to);
/* from: NULL for the host's choice of address. */
intptr_t host_udp_send(int fd, const struct host_iov *iov, size_t count, const struct host_address *to,
                       const struct host_address *from);
/* Joins a group for all sockets of the host that are bound to the port. Gives an fd, which is closed to
 * leave. -EINVAL: no group. */
int host_udp_join(const struct host_address *group);

/* -- the rest -- */

uint64_t host_monotonic_ns(void);
uint64_t host_wall_ns(void);
int host_random(void *to, size_t n); /* n <= 256 */
/* Maps zeroed memory, allocated when touched, or address space that faults. NULL: none left. */
void *host_map(size_t bytes, bool accessible);
void host_unmap(void *at, size_t bytes);
int host_make_accessible(void *at, size_t bytes);
/* Can 8 bytes at address be read? Works anywhere, in signal handlers too. */
bool host_is_readable(uintptr_t address);

bool host_is_terminal(int fd);
/* While on, keys arrive as they are typed, without echo; the terminal is restored when off, and when the
 * process stops or ends. Has no effect if fd is no terminal. */
void host_terminal_raw(int fd, bool on);

/* A fault of the CPU, without the host's types. */
struct host_fault {
	const char *what; /* "segmentation fault" */
	uintptr_t address, pc, frame, stack; /* of the access; program, frame and stack pointers */
	uintptr_t link; /* the return address of a function that has no frame yet */
	const uintptr_t *registers; /* all registers, and their names */
	const char (*register_names)[4];
	size_t register_count;
};

/* From now on SIGINT, SIGTERM and SIGHUP make host_should_end true and wake host_wait (a second one ends the
 * process at once), and faults call fault, which must not return, on a stack of its own. */
void host_signals_init(void (*fault)(const struct host_fault *f));
bool host_should_end(void);
void host_exit(int status) __attribute__((noreturn));

#endif
