/* SPDX-License-Identifier: ISC */
/* A virtual TCP peer that speaks raw segments: it stands in for IP below one struct tcp, catches each
 * segment that is sent and injects what a test makes up. Sequence numbers are relative: ours (the
 * peer's) to PEER_ISS, the stack's to the initial one that it chose, so that both SYNs are 0. */
#ifndef TESTS_LIB_SEGMENT_H
#define TESTS_LIB_SEGMENT_H

#include "net/tcp/segment.h"
#include "net/tcp/tcp.h"

#define PEER_ISS 0xfffffff0u /* so that every test goes round zero */
#define PEER_PORT 40000
#define PEER_QUEUE 256

/* A segment that the stack sent. */
struct sent {
	struct segment segment; /* with length */
	struct ip_addr to;
	uint8_t *payload;
	uint16_t gso_size;      /* 0: one segment */
	uint8_t ecn;            /* of the IP header */
};

struct peer {
	struct ip ip; /* first */
	const struct ip_handler *handler;
	struct tcp *tcp;
	struct ip_addr addr, stack_addr;
	struct sent queue[PEER_QUEUE];
	unsigned head, count;
	uint32_t stack_iss;
	uint16_t port, stack_port;
	uint16_t window;      /* that injected segments announce; their own, not scaled */
	uint16_t payload_bytes, tso_bytes; /* of routes made from now on */
	unsigned doubts;      /* how often TCP has told IP that nothing is answered */
	uint16_t path_bytes;  /* when not 0: the payload that IP knows the path to take */
	uint16_t hole_bytes;  /* when not 0: longer packets vanish */
	bool hole_cuts;       /* but those that may be cut */
	bool may_be_cut;      /* as TCP has told IP */
	uint8_t options;      /* enum segment_options: offered in peer_syn, timestamps from then on */
	uint8_t scale, ecn;   /* ecn: of the IP header */
	uint16_t mss;
	uint32_t ts_value, ts_echo;
	bool unreachable;     /* routes are refused */
	bool drop;            /* what is sent vanishes uncounted */
	bool full;            /* the device's queue is: -ENOBUFS */
	unsigned sent_total;
	struct flow *accepted;
	struct endpoint accepted_from;
	int accept_result;
	unsigned accepts;
};

/* A stack that listens to port 80 with peer_accept; limits as for tcp_create. */
void peer_create(struct peer *p, const struct tcp_limits *limits);
/* Destroys it and asserts that every packet buffer has come back. */
void peer_destroy(struct peer *p);
accept_fn peer_accept; /* arg: the peer */

/* Injects a segment from port to stack_port. */
void peer_send(struct peer *p, uint8_t flags, uint32_t seq, uint32_t ack, const void *payload, uint32_t len);
/* The same with everything as s says, but for ports; s->seq and s->ack are absolute. */
void peer_send_raw(struct peer *p, const struct segment *s, const void *payload, uint32_t len);
/* The oldest segment that was sent and not looked at yet, or NULL. Its payload lives until the next call. */
struct sent *peer_next(struct peer *p);
/* Forgets all of them; gives how many. */
unsigned peer_forget(struct peer *p);
/* Asserts what comes next: flags (SEG_PSH aside, and what a SYN says of ECN), relative numbers, payload
 * length. Gives it. */
struct sent *peer_expect(struct peer *p, uint8_t flags, uint32_t seq, uint32_t ack, uint32_t len);
void peer_expect_nothing(struct peer *p);
/* A reset with absolute numbers relative to nothing: only the flag is asserted. */
struct sent *peer_expect_reset(struct peer *p);

/* Shakes hands from the peer's side; gives the flow that was accepted. */
struct flow *peer_open(struct peer *p);
/* Shakes hands from the stack's side. */
struct flow *peer_accept_connect(struct peer *p);

/* Moves the fake clock on by ms, running what falls due at its time. */
void peer_wait_ms(uint32_t ms);
/* Runs what is ready now. */
void peer_run(void);

#endif
