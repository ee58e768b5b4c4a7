/* SPDX-License-Identifier: ISC */
/* Shared by the files of the socket stack.
 *
 * Every fd is a struct socket. epoll reports each change once: notify in stack.c gathers them in events and
 * queues the socket, and the stack's poller runs it. So the cost of a turn of the loop depends on the
 * number of events, not of open sockets. */
#ifndef NET_SOCKET_SOCKET_PRIV_H
#define NET_SOCKET_SOCKET_PRIV_H

#include "arch/unix/host.h"
#include "kernel/loop.h"
#include "kernel/pool.h"
#include "kernel/timer.h"
#include "net/ip.h"
#include "net/socket.h"

#define BUFFER_BYTES 4096
#define GATHER 64                     /* slices per system call */
#define READ_BYTES 16384              /* per system call, at most */
#define DATAGRAM_BYTES 65535
#define POLL_SOCKETS 64               /* per turn */
#define RETRY_NS (2 * NS_PER_MS)      /* before a socket that found no memory or no fd tries again */

struct socket {
	struct host_watch watch;
	struct socket_stack *stack;
	struct list link;   /* in stack->connections or stack->listeners */
	struct list queued; /* in stack->ready or stack->hungry */
	unsigned events;    /* enum host_events still to be handled */
	void (*run)(struct socket *s);
	void (*destroy)(struct socket *s);
};

struct socket_listener {
	struct socket socket; /* first */
	uint16_t port;
	bool is_stopped; /* the backlog may hold connections for which there was no room */
	bool is_running; /* within run, which then frees the listener if it is closed */
	bool is_closed;
	union {
		accept_fn *accept;
		datagram_fn *receive;
	};
	void *arg;
};
LIMIT_BYTES(SOCKET_LISTENERS, sizeof(struct socket_listener), 104);

struct socket_flow {
	struct flow flow; /* first */
	struct socket socket;
	struct stack_connect *connect; /* while connecting */
	struct flow_read *read;
	struct list writes; /* of struct flow_write, oldest first; their slices' storage is counted */
	int16_t linger_s;   /* after closing; -1: as long as the host likes */
	uint8_t bounded;    /* a bit for each buffer of the host whose size was ever set */
	int error;          /* sticky once the connection has failed */
	bool is_readable, is_writable;
	bool is_ended;      /* no more changes will be reported: always readable */
	bool is_shut;       /* the sending direction ends after writes */
};
LIMIT_BYTES(SOCKET_CONNECTIONS, sizeof(struct socket_flow), 136);
LIMIT_BYTES(SOCKET_BUFFERS, BUFFER_BYTES, 4096);

struct socket_stack {
	struct socket_limits limits;
	struct socket_stats stats;
	struct poller poller;
	struct timer retry;
	struct pool flows, buffers;
	struct list connections, listeners; /* of struct socket: all there are */
	struct list ready, hungry;
	uint32_t listener_count;
	struct ip_wishes opening; /* of connections that we open */
};

/* -- stack.c -- */

/* Watches fd, and adds s to siblings. Takes fd, which is closed on failure. */
int socket_init(struct socket *s, struct socket_stack *stack, struct list *siblings, int fd,
                void (*run)(struct socket *s), void (*destroy)(struct socket *s));
/* Removes s from watching and all lists; gives its fd. */
int socket_release(struct socket *s);
void socket_queue(struct socket *s);
/* Runs s again after RETRY_NS. */
void socket_wait_for_memory(struct socket *s);
/* Slices of fresh buffers for up to bytes, described in iov[0..*count): their total, or NULL when
 * there is no memory at all. count: room in iov on entry. */
struct buf *socket_alloc(struct socket_stack *stack, size_t bytes, struct host_iov *iov, size_t *count);
void socket_address(struct host_address *to, const struct endpoint *from);
void socket_endpoint(struct endpoint *to, const struct host_address *from);
int socket_send_error(int error);
/* STACK_TTL and STACK_DSCP of any socket. 0, -EINVAL, -ENOPROTOOPT. */
int socket_wish(const struct socket *s, enum stack_option option, int32_t value);
int socket_wished(const struct socket *s, enum stack_option option, int32_t *value);

/* -- listener.c -- */

struct socket_listener *socket_listener_find(struct socket_stack *stack, uint16_t port,
                                             void (*run)(struct socket *s));
int socket_listener_add(struct socket_stack *stack, int fd, uint16_t port, void (*run)(struct socket *s),
                        struct socket_listener **out);
void socket_listener_close(struct socket_listener *l);
/* Ends a run that has set l->is_running and called l's function. false: l was closed, and is freed. */
bool socket_listener_end_run(struct socket_listener *l);
/* A connection has been freed: runs the listeners that have stopped accepting. */
void socket_accept_again(struct socket_stack *stack);

/* -- flow.c -- */

/* Takes fd. NULL when there is no room. */
struct socket_flow *socket_flow_create(struct socket_stack *stack, int fd);
void socket_flow_abort(struct socket_flow *f);

#endif
