/* SPDX-License-Identifier: ISC */
/* Declarations shared by the files of the agent. A suite's command that cannot be answered at once
 * becomes an operation of its handle; after every event on a handle, handle_progress answers those of
 * its operations that can be answered now. Every command is answered once; its operation is then freed. */
#ifndef APPS_AGENT_AGENT_PRIV_H
#define APPS_AGENT_AGENT_PRIV_H

#include "apps/agent/parse.h"
#include "kernel/timer.h"
#include "net/stack.h"
#include "net/udp.h"

enum handle_state {
	HANDLE_NEW,        /* TCP: neither listening nor connected */
	HANDLE_LISTENING,
	HANDLE_CONNECTING,
	HANDLE_CONNECTED,
	HANDLE_UDP,
};

/* A connection that waits to be accepted. */
struct waiting {
	struct list link;
	struct flow *flow;
	struct endpoint peer;
};

/* A datagram that waits to be received. */
struct datagram {
	struct list link;
	struct endpoint from;
	uint32_t len;
	uint8_t bytes[];
};

struct handle {
	uint32_t number;
	enum handle_state state;
	struct endpoint local;  /* as bound; port 0: not; family IP_NONE: to every address of ours */
	struct endpoint remote; /* connected; UDP: family IP_NONE when not */
	struct list operations; /* outstanding, oldest first */
	uint8_t shut;           /* enum direction */
	int error;              /* of the connection, or of the attempt to connect; UDP: an ICMP error not yet
	                         * given; negative errno, or 0 */
	int32_t options[STACK_OPTIONS]; /* for the connection or port, once it exists */
	uint32_t options_set;   /* bits: the options with a value */

	/* HANDLE_LISTENING */
	uint32_t backlog;
	struct list waiting;
	uint32_t waiting_count; /* connections; of UDP: datagrams */

	/* HANDLE_CONNECTING */
	struct stack_connect connect;
	struct waiter connected;

	/* HANDLE_CONNECTED */
	struct flow *flow;
	struct flow_read read;
	struct waiter reader;
	bool is_reading;
	bool has_ended;         /* the peer has ended the stream */
	struct buf *stash;      /* read but not yet given: no more than a poll needed */

	/* HANDLE_UDP */
	struct list datagrams;
};

struct operation {
	struct list link;
	struct handle *handle;
	enum verb verb;
	uint8_t directions;     /* poll */
	uint32_t max;           /* recv */
	char id[COMMAND_ID_MAX];
	uint8_t id_len;
	uint64_t deadline_ns;   /* poll */
	struct timer timer;     /* poll */
	struct flow_write write; /* send */
	struct slice slice;
	struct waiter waiter;
};

extern struct stack *agent_stack;

/* -- answer.c: one line, in pieces; no call may wait between begin and end -- */

/* result: as a number, or the name of a negative errno. */
void answer_begin(const char *id, size_t id_len, intptr_t result);
void answer_text(const char *format, ...) __attribute__((format(printf, 1, 2)));
void answer_endpoint(const struct endpoint *e);
void answer_hex(const void *bytes, size_t len);
void answer_end(void);

/* -- handle.c -- */

/* Makes a handle with the lowest free number. 0, -ENFILE, -ENOMEM. */
int handle_create(struct handle **out, enum handle_state state);
struct handle *handle_find(uint32_t number); /* NULL: none */
/* The handle of that protocol bound to that port; NULL: none. */
struct handle *handle_of_port(bool is_udp, uint16_t port);
/* Answers h's operations with -ECANCELED and frees h; at_once: its connections are reset. */
void handle_destroy(struct handle *h, bool at_once);
void handle_destroy_all(void);

/* 0; -ENOBUFS, -ENOMEM: then there is no operation. */
int operation_create(struct operation **out, struct handle *h, const struct command *c);
/* Answers with a result only, and frees the operation. */
void operation_finish(struct operation *op, intptr_t result);
/* For operations that have written their own answer. */
void operation_free(struct operation *op);
/* To be called after each event on h: answers the operations that can be answered. */
void handle_progress(struct handle *h);

/* -- tcp.c, udp.c: commands. Each gives its answer's result, or PENDING if it has written its own answer or
 * has become an operation. -- */

#define PENDING INT32_MIN

int agent_tcp_bind(struct handle *h, const struct endpoint *to);
int agent_tcp_listen(struct handle *h, int64_t backlog);
int agent_tcp_connect(struct handle *h, const struct command *c);
int agent_tcp_send(struct handle *h, const struct command *c);
int agent_tcp_shutdown(struct handle *h, uint8_t directions);
/* true: op has been answered. */
bool agent_tcp_accept(struct handle *h, struct operation *op);
bool agent_tcp_recv(struct handle *h, struct operation *op);
/* Gives the directions that would not wait. */
uint8_t agent_tcp_ready(struct handle *h, uint8_t wanted);
void agent_tcp_let_go(struct handle *h, bool at_once);

int agent_udp_bind(struct handle *h, const struct endpoint *to);
int agent_udp_connect(struct handle *h, const struct endpoint *to);
int agent_udp_send(struct handle *h, const struct command *c);
bool agent_udp_recv(struct handle *h, struct operation *op);
/* A datagram from there did not get to where it was sent. */
udp_error_fn agent_udp_failed;
void agent_udp_let_go(struct handle *h);

/* -- data.c -- */

/* The bytes of a send, in counted storage. Gives one count; NULL: no memory. */
struct storage *data_create(const struct command *c, const uint8_t **bytes);
/* Sets h's local address; its port follows. 0; -EADDRNOTAVAIL: addr is neither ours nor 0.0.0.0. */
int bind_address(struct handle *h, const struct ip_addr *addr);

/* -- option.c -- */

/* Applies the options that from holds for its connections to flow. */
void option_apply(const struct handle *from, struct flow *flow);
/* Has connections begin with h's options of the IP header: those that port's listener accepts; port 0: those
 * that are opened from now on. */
void option_preset(const struct handle *h, uint16_t port);
/* Applies the options that h, a UDP handle, has held since before it was bound to its port. */
void option_apply_bound(const struct handle *h);
int option_set(struct handle *h, const struct word *name, int64_t value);
/* Gives PENDING after writing its own answer. */
int option_get(struct handle *h, const struct command *c);

/* -- commands.c -- */

/* Runs one line. */
void agent_execute(const char *line, size_t len, bool is_too_long);

#endif
