/* SPDX-License-Identifier: ISC */
/* A virtual TCP peer that speaks raw segments: it stands in for IP below one struct tcp, catches each
 * segment that is sent and injects the test's segments. Sequence numbers are relative: the peer's to
 * PEER_ISS, the stack's to the initial number that it chose, so that both SYNs are 0. */
#ifndef TESTS_LIB_SEGMENT_H
#define TESTS_LIB_SEGMENT_H

#include "net/tcp/segment.h"
#include "net/tcp/tcp.h"

#define PEER_ISS 0xfffffff0u /* so that sequence numbers wrap in every test */
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
	unsigned doubts;      /* how often TCP has told IP that the peer does not answer */
	uint16_t path_bytes;  /* when not 0: the largest payload of the path, as known to IP */
	uint16_t hole_bytes;  /* when not 0: longer packets vanish */
	bool hole_cuts;       /* unless they may be fragmented */
	bool may_be_cut;      /* packets may be fragmented, as TCP has told IP */
	uint8_t options;      /* enum segment_options: offered in peer_syn, timestamps from then on */
	uint8_t scale, ecn;   /* ecn: of the IP header */
	uint16_t mss;
	uint32_t ts_value, ts_echo;
	bool unreachable;     /* routes are refused */
	bool drop;            /* sent segments vanish uncounted */
	bool full;            /* the device's queue is full: -ENOBUFS */
	unsigned sent_total;
	struct flow *accepted;
	struct endpoint accepted_from;
	int accept_result;
	unsigned accepts;
};

/* Makes a stack that listens on port 80 with peer_accept; limits as for tcp_create. */
void peer_create(struct peer *p, const struct tcp_limits *limits);
/* Destroys p and asserts that every packet buffer has been freed. */
void peer_destroy(struct peer *p);
accept_fn peer_accept; /* arg: the peer */

/* Injects a segment from port to stack_port. */
void peer_send(struct peer *p, uint8_t flags, uint32_t seq, uint32_t ack, const void *payload, uint32_t len);
/* The same with all fields of s but the ports; s->seq and s->ack are absolute. */
void peer_send_raw(struct peer *p, const struct segment *s, const void *payload, uint32_t len);
/* Takes the oldest sent segment, or NULL. Its payload lives until the next call. */
struct sent *peer_next(struct peer *p);
/* Drops all sent segments; gives their number. */
unsigned peer_forget(struct peer *p);
/* Takes the next sent segment, and asserts its flags (but SEG_PSH, and a SYN's ECN bits), relative numbers
 * and payload length. */
struct sent *peer_expect(struct peer *p, uint8_t flags, uint32_t seq, uint32_t ack, uint32_t len);
void peer_expect_nothing(struct peer *p);
/* Takes the next sent segment, and asserts only that it is a reset. */
struct sent *peer_expect_reset(struct peer *p);

/* Opens a connection from the peer; gives the accepted flow. */
struct flow *peer_open(struct peer *p);
/* Opens a connection from the stack to the peer. */
struct flow *peer_accept_connect(struct peer *p);

/* Moves the fake clock on by ms, running each timer at its time. */
void peer_wait_ms(uint32_t ms);
/* Runs the loop until it is idle. */
void peer_run(void);

#endif
