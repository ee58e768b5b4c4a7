/* SPDX-License-Identifier: ISC */
/* The world of a script: one whole stack from Ethernet to TCP behind a network card in our hand, a
 * neighbour who answers ARP, and the talks between both, each from a port of the neighbour's. */
#ifndef TESTS_TCP_WORLD_H
#define TESTS_TCP_WORLD_H

#include "net/tcp/tcp.h"
#include "tests/tcp/wire.h"

/* One of the peer's ports, and everything that the application does with the connection to it. */
struct talk {
	uint16_t peer_port, stack_port;
	struct bases bases;
	bool stamps;           /* the peer's segments bear timestamps, the last ones again unless they say */
	struct range peer_clock;
	uint32_t heard_clock;  /* the stack's last timestamp, relative */
	struct flow *flow;     /* NULL: none, or let go */
	bool accepted;         /* and nobody has looked yet */
	struct stack_connect connecting;
	struct flow_read reading;
	struct flow_write writing;
	struct slice slice;
	uint32_t read_bytes, written_bytes;
};

#define WORLD_TALKS 16
#define WORLD_PEER_PORT 40000 /* of the first */
#define WORLD_PEER_ISS 0xfffffff0u /* so that every script goes round zero */

/* Before anything else: "mtu", or a field of struct tcp_limits. -EINVAL: there is no such. */
int world_limit(const char *name, uint32_t value);
void world_create(void);
/* Ends what the application still holds; NULL, or what was not given back. */
const char *world_destroy(void);

struct tcp *world_tcp(void);
/* The one that lines are about, and how that is chosen: the one from that port, begun if need be. */
extern struct talk *talk;
void world_choose(uint16_t peer_port);
/* Hands a frame to the stack, and runs it. */
void world_receive(const struct frame *f);
/* The oldest segment that was sent, whoever to; NULL: none. Valid until the next call. */
const struct wire *world_next(void);
/* Runs what is ready, or lets time pass: the second until something is sent. */
void world_run(void);
void world_wait_ms(uint64_t ms, bool until_sent);
/* The application's end of it, once connecting has been fulfilled too; NULL: none. */
struct flow *talk_flow(struct talk *t);
/* By the names of RFC 9293. */
const char *world_state(const struct talk *t);
/* Is none of the connections' first timestamps near another's? */
bool world_clocks_are_apart(void);

accept_fn world_accept, world_decline;

#endif
