/* SPDX-License-Identifier: ISC */
/* What the files of the agent share. A suite's command that cannot be answered at once becomes an
 * operation of its handle; whenever something happens to a handle, handle_progress looks which of its
 * operations can be answered now. An answered operation is gone; every command is answered once. */
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
	int error;              /* what ended the connection, or the attempt; UDP: what has been reported and
	                         * not told; negative errno, or 0 */
	int32_t options[STACK_OPTIONS]; /* for the connection, or the port, once it is there */
	uint32_t options_set;   /* which of them: bits */

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
	bool has_ended;         /* the peer has sent all */
	struct buf *stash;      /* read and not asked for yet: no more than a poll needed to know */

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

/* -- answer.c: one line, in pieces; nothing may wait between begin and end -- */

/* result: as a number, or the name of a negative errno. */
void answer_begin(const char *id, size_t id_len, intptr_t result);
void answer_text(const char *format, ...) __attribute__((format(printf, 1, 2)));
void answer_endpoint(const struct endpoint *e);
void answer_hex(const void *bytes, size_t len);
void answer_end(void);

/* -- handle.c -- */

/* 0, -ENFILE, -ENOMEM. The lowest number that is free. */
int handle_create(struct handle **out, enum handle_state state);
struct handle *handle_find(uint32_t number); /* NULL: none */
/* The handle of that protocol that is bound to that port; NULL: none. */
struct handle *handle_of_port(bool is_udp, uint16_t port);
/* Answers its operations with -ECANCELED and lets everything go; at_once: connections are reset. */
void handle_destroy(struct handle *h, bool at_once);
void handle_destroy_all(void);

/* 0, -ENOBUFS, -ENOMEM: then nothing is outstanding. */
int operation_create(struct operation **out, struct handle *h, const struct command *c);
/* Answers with a result alone, and forgets the operation. */
void operation_finish(struct operation *op, intptr_t result);
/* After an answer of one's own. */
void operation_free(struct operation *op);
/* Something has happened to h: answers what can be answered. */
void handle_progress(struct handle *h);

/* -- tcp.c, udp.c: commands. Each gives its answer's result, or PENDING: it has answered by itself, or has
 * become an operation. -- */

#define PENDING INT32_MIN

int agent_tcp_bind(struct handle *h, const struct endpoint *to);
int agent_tcp_listen(struct handle *h, int64_t backlog);
int agent_tcp_connect(struct handle *h, const struct command *c);
int agent_tcp_send(struct handle *h, const struct command *c);
int agent_tcp_shutdown(struct handle *h, uint8_t directions);
/* true: op has been answered. */
bool agent_tcp_accept(struct handle *h, struct operation *op);
bool agent_tcp_recv(struct handle *h, struct operation *op);
/* Which of the directions would not wait. */
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

/* The bytes of a send, counted, for as long as somebody refers to them. Gives one count; NULL: no memory. */
struct storage *data_create(const struct command *c, const uint8_t **bytes);
/* Binds h to addr, for its port to follow. 0, -EADDRNOTAVAIL: it is neither ours nor 0.0.0.0. */
int bind_address(struct handle *h, const struct ip_addr *addr);

/* -- option.c -- */

/* Gives to flow what from has been told for it. */
void option_apply(const struct handle *from, struct flow *flow);
/* Gives to its port what h, a handle of UDP, has been told before it was bound. */
void option_apply_bound(const struct handle *h);
int option_set(struct handle *h, const struct word *name, int64_t value);
/* Answers by itself when it gives PENDING. */
int option_get(struct handle *h, const struct command *c);

/* -- commands.c -- */

/* Runs one line. */
void agent_execute(const char *line, size_t len, bool is_too_long);

#endif
