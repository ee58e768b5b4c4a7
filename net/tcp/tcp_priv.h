/* SPDX-License-Identifier: ISC */
/* What the files of TCP share: the instance, the control block, and who does what with them.
 *
 * A control block's life: conn_create → connect or listen → … → conn_event with TCP_END, which fails or
 * ends what the application waits for, while the block stays in the table → conn_free, once the
 * application has let go of the flow too (CONN_ORPHAN). Functions that may end a connection say so by
 * their answer: false means the block may be gone. */
#ifndef NET_TCP_TCP_PRIV_H
#define NET_TCP_TCP_PRIV_H

#include "kernel/loop.h"
#include "kernel/pool.h"
#include "kernel/timer.h"
#include "net/tcp/congestion.h"
#include "net/tcp/rto.h"
#include "net/tcp/segment.h"
#include "net/tcp/state.h"
#include "net/tcp/tcp.h"

#define TCP_MSS_MIN 64      /* a peer that asks for less gets this */
#define TCP_SYN_ACK_TRIES 5
#define TCP_CONN_SLICES 16  /* send slices that one connection may hold */
#define TCP_QUICK_ACKS 4    /* undelayed after something was out of order */
#define TCP_NO_MEMORY_MS 10  /* before what found the packet pools empty is tried again */
#ifndef CONFIG_TCP_RECOVERY
#define CONFIG_TCP_RECOVERIES 0
#endif
#define TCP_RECENT 64 /* connections that are found without the table */

/* -- what is sent: application memory by reference (sendq.c) -- */

struct send_slice {
	struct send_slice *next;
	const uint8_t *data;
	size_t len;
	struct storage *storage;
};

struct sendq {
	size_t bytes; /* unacknowledged and unsent */
	struct send_slice *head, *tail;
};

/* -- what was received: packets (recvq.c) -- */

struct recvq {
	struct buf *head, *tail; /* in order: one chain, linked by next */
	struct buf *late;        /* out of order: islands by sequence number, as recvq.c says */
	uint32_t bytes;          /* in order */
	uint16_t bufs;           /* slices in head and late */
	uint8_t tail_room;       /* bytes free behind tail's data; 0 unless tail is a copy of ours */
	uint8_t doublings;       /* of the limit for all these bytes */
};

/* -- who talks to whom -- */

struct tcp_ends {
	uint16_t local_port, remote_port;
	struct ip_addr remote, local;
};

struct tcp_key {
	struct tcp_ends ends;
	struct ip_wishes wishes; /* of an entry, where the ends leave room */
	uint32_t hash; /* ends_hash; each table masks it */
};

/* -- one connection -- */

enum conn_flags {
	CONN_ORPHAN = 1 << 0,     /* the application has let go of the flow */
	CONN_SHUTDOWN = 1 << 1,   /* FIN follows the pending writes */
	CONN_FIN_SENT = 1 << 2,   /* snd_max includes it */
	CONN_FIN_SEEN = 1 << 3,   /* rcv_fin is valid */
	CONN_ACK_NOW = 1 << 4,
	CONN_TIMING = 1 << 5,     /* rtt_seq and rtt_ms are valid */
	CONN_FORCE = 1 << 6,      /* send what the window allows, or one byte: persist timer */
	CONN_TIMED_OUT = 1 << 7,  /* the retransmission timer ran out, and nothing new is acknowledged since */
	CONN_RECEIVED_FIN = 1 << 8, /* end of stream for the reader */
	CONN_TAIL_TIMER = 1 << 9,  /* CONN_RETRANSMIT is set for a tail loss probe */
	CONN_TAIL_PROBED = 1 << 10, /* the probe is out */
	CONN_TELL_TIMEOUT = 1 << 11, /* the peer may not have heard of user_timeout_ds */
	CONN_PEERS_TIMEOUT = 1 << 12, /* user_timeout_ds is its wish */
};

/* What the application has asked for: option.c. */
enum conn_wishes {
	CONN_NAGLE = 1 << 0,
	CONN_CORKED = 1 << 1,
	CONN_KEEPALIVE = 1 << 2,
	CONN_LINGER = 1 << 3, /* linger_s is valid */
	/* and what ecn.c keeps there */
	CONN_ECHO = 1 << 4,   /* the peer is to hear of a mark until it has slowed down */
	CONN_SLOWED = 1 << 5, /* the peer is to hear that we have */
	/* and mtu.c */
	CONN_MAY_GROW = 1 << 6,     /* mtu_most() is more than mss: a segment of that size is to be tried */
	CONN_TRIES_LARGER = 1 << 7, /* it is out, and rtt_seq behind it */
};

enum conn_timer {
	CONN_RETRANSMIT, /* or persist, when nothing is in flight */
	CONN_DELAYED_ACK,
	CONN_RESUME,     /* what found the packet pools empty is tried again */
	CONN_IDLE,       /* keep-alive; the end of an orphan's time: to linger, or in FIN-WAIT-2 */
	CONN_TIMERS
};

/* What is most often asked for lies within 128 bytes, which is as far as short instructions reach. */
struct tcp_conn {
	struct flow flow; /* first */
	struct tcp *tcp;
	uint16_t flags;        /* enum conn_flags */
	uint16_t mss;          /* payload bytes per segment that we send, options taken off */
	uint8_t state;         /* enum tcp_state */
	uint8_t wishes;        /* enum conn_wishes */
	uint8_t armed;         /* bit per enum conn_timer */
	uint8_t quick_acks;
	uint32_t snd_una, snd_nxt, snd_max; /* snd_nxt goes back on a timeout, snd_max never does */
	uint32_t snd_wnd;
	uint32_t rcv_nxt, rcv_adv; /* rcv_adv: right edge of the window as advertised; never goes back */
	struct congestion congestion;
	struct rto rto;
	uint32_t progress_ms;  /* when the peer last acknowledged something, or the wait for it began */
	uint16_t recovery;     /* what recovery.c has attached, counted from 1 */
	int16_t error;         /* why it ended: negative errno, or 0 */
	union {
		struct stack_connect *connector; /* SYN-SENT and SYN-RECEIVED */
		struct flow_read *reader;        /* from ESTABLISHED on */
	};
	uint32_t snd_wnd_max;
	uint16_t user_timeout_ds; /* tenths of a second; 0: Kconfig's */
	uint8_t snd_scale;
	uint8_t options;       /* enum segment_options: what both sides offered; before they have, what we do */
	struct sendq sendq;    /* starts at snd_una, once the SYN is acknowledged */
	struct recvq recvq;
	struct list writers; /* of struct flow_write, oldest first */

	uint32_t ts_recent;
	uint32_t heard_ms;     /* when the last acceptable segment came */
	uint32_t rcv_acked;    /* rcv_nxt as last sent */
	union {
		uint32_t rcv_fin;  /* peer's FIN, if CONN_FIN_SEEN */
		uint32_t rcv_mark; /* till then: up to where had been read at rcv_mark_ms */
	};
	uint32_t rcv_late;     /* start of what last came out of order */
	uint32_t snd_wl1;
	uint32_t rtt_seq, rtt_ms;
	uint32_t ts_offset;    /* of our timestamps' clock */
	uint16_t rcv_mark_ms;  /* goes round every minute */
	uint16_t keepalive_idle_s, keepalive_interval_s;
	uint16_t send_kib, receive_kib; /* bounds of the queues; 0: no other than the limits' */
	uint16_t resent_segs;  /* stops counting at its greatest */
	uint16_t peer_mss;     /* what the peer takes, options included */
	uint16_t challenged;   /* as tcp_may_challenge keeps it */
	uint8_t probes;        /* keep-alive probes unanswered */
	uint8_t linger_s;
	uint16_t probes_max;
	uint32_t slowed_ms;    /* ecn.c: when a mark last made us slower */
	uint16_t local_port, remote_port; /* conn_ends */
	struct ip_route route;
	struct tcp_conn *hash_next;
	struct timer timer;
	uint32_t deadline_ms[CONN_TIMERS];
};

/* What an idle connection costs at most where pointers have eight bytes, all told but for its share of
 * the hash table (8 to 16) and the send slice kept for it (32). */
#define TCP_CONN_BYTES 368

/* -- a connection without a block: an entry of a small table (entry.c) -- */

struct tcp_entry {
	struct tcp_entry *hash_next;
	struct list link; /* in its table's waiting[tries] */
	struct tcp_key key;
	uint32_t due_ms;
	uint32_t snd_nxt, rcv_nxt, ts_recent;
	uint16_t challenged; /* as tcp_may_challenge keeps it */
	uint8_t options;     /* enum segment_options: what both sides take; of a handshake, what the peer does */
	uint8_t tries;       /* how often it has waited in vain */
};

/* Those that have waited in vain equally often wait equally long: each list is in order of time, and one
 * timer serves all. */
struct tcp_table {
	struct tcp *tcp;
	struct pool pool;
	struct tcp_entry **heads;
	uint32_t mask;
	struct list waiting[TCP_SYN_ACK_TRIES + 1];
	struct timer timer;
	/* e has waited until due_ms: drops it, or has it wait again. */
	void (*due)(struct tcp_table *t, struct tcp_entry *e);
};

/* A handshake that a peer has begun (listen.c): both SYNs lie just before snd_nxt and rcv_nxt. */
struct tcp_half {
	struct tcp_entry entry; /* first */
	uint16_t mss;         /* the peer's */
	uint8_t scale;        /* the peer's, where options have it */
	bool is_cookie;       /* in no table: what a cookie has kept of it */
};

struct tcp_listener {
	accept_fn *accept;
	void *arg;
	uint16_t port; /* 0: free */
};

struct tcp {
	struct ip *ip;
	uint64_t now_ns;      /* as of tcp_update_clock */
	uint32_t now_ms;      /* the same, going round every 49 days */
	uint32_t conn_mask;
	struct tcp_conn **conn_hash;
	struct tcp_conn *owed; /* an acknowledgement of late data, once the frames at hand have been seen */
	uint32_t owed_end;     /* of that data */
	uint32_t reclaim_at;  /* where conn_reclaim goes on looking */
	uint32_t slices_spare; /* send slices that nobody is sure of */
	uint32_t cookies_until; /* in cookie.c's time: from then on none of ours is valid */
	uint16_t next_port;
	uint16_t first_window; /* that a handshake begins with: never scaled */
	uint8_t rcv_scale;
	struct tcp_limits limits;
	struct tcp_stats stats;
	uint8_t secret[16];
	struct tcp_table halves, wait_table;
	struct pool conns, slices, recoveries;
	struct poller owing;
	struct ip_handler handler;
	struct tcp_listener listeners[CONFIG_TCP_LISTENERS];
	tcp_listener_fn *other;
	void *other_arg;
	struct tcp_listener offered; /* what other has said last */
	struct tcp_conn *recent[TCP_RECENT]; /* by their peers' ports: conn.c */
};

/* -- tcp.c -- */

/* Every segment that is refused, or has nothing in it that we take, comes by here with its reason: constant
 * text, for log=debug and the capture. What is answered is the caller's. */
void tcp_refused(struct tcp *tcp, const char *reason);

/* Reads the clock once per thing that happens. */
void tcp_update_clock(struct tcp *tcp);

/* May a segment that should not have come be answered? Seldom enough for no storm (RFC 5961 §7): *last is its
 * connection's, and begins as 0. */
bool tcp_may_challenge(struct tcp *tcp, uint16_t *last);

/* Sees to it that t runs when tcp->now_ms has reached due_ms: or sooner, where it runs already. */
void tcp_start_timer(struct tcp *tcp, struct timer *t, uint32_t due_ms);

/* By how much the windows that we tell a peer of are scaled, when both sides offered options. */
static inline uint8_t tcp_scale(const struct tcp *tcp, uint8_t options)
{
	return options & SEG_HAS_SCALE ? tcp->rcv_scale : 0;
}

/* -- entry.c -- */

/* Heads for about count chains, all empty; NULL: no memory. */
void *heads_alloc(uint32_t count, uint32_t *mask);
void heads_free(void *heads, uint32_t mask);

uint32_t ends_hash(const struct tcp *tcp, const struct tcp_ends *ends);
bool ends_equal(const struct tcp_ends *a, const struct tcp_ends *b);
/* 0, -ENOMEM: call table_destroy all the same. */
int table_init(struct tcp_table *t, struct tcp *tcp, size_t entry_bytes, uint32_t count,
               void (*due)(struct tcp_table *t, struct tcp_entry *e));
/* With all its entries; harmless on one that is all zero. */
void table_destroy(struct tcp_table *t);
struct tcp_entry *entry_find(const struct tcp_table *t, const struct tcp_key *k);
/* e has its key; it is in the table from now on, and waits. */
void entry_add(struct tcp_table *t, struct tcp_entry *e, uint32_t in_ms);
void entry_drop(struct tcp_table *t, struct tcp_entry *e);
/* Has e wait, for the first time or again, for as long as any other that has done so as often in vain. */
void entry_wait(struct tcp_table *t, struct tcp_entry *e, uint32_t in_ms);
/* The one that has waited longest of those that have done so tries times in vain, or NULL. */
struct tcp_entry *entry_oldest(const struct tcp_table *t, unsigned tries);
/* Our timestamp now. */
uint32_t entry_timestamp(const struct tcp *tcp, const struct tcp_entry *e);
/* Sends a segment in e's name; window: as on the wire. */
void entry_send(struct tcp *tcp, const struct tcp_entry *e, uint8_t flags, uint32_t window,
                uint32_t timestamp);
/* An acknowledgement without news. */
void entry_send_ack(struct tcp *tcp, const struct tcp_entry *e, uint32_t window);
/* The same under the rate limit of RFC 5961. */
void entry_challenge(struct tcp *tcp, struct tcp_entry *e, uint32_t window);

/* -- conn.c -- */

void conn_destroy_all(struct tcp *tcp);
static inline struct tcp_conn *conn_of(const struct flow *f)
{
	return container_of(f, struct tcp_conn, flow);
}
/* Nothing is sent or received any more. */
static inline bool conn_is_over(const struct tcp_conn *c)
{
	return c->state <= TCP_TIME_WAIT;
}
/* A block with route, ports and promises set and in the table; NULL when the pool is empty and nothing can be
 * reclaimed. */
struct tcp_conn *conn_create(struct tcp *tcp, const struct ip_route *route, const struct tcp_key *k);
/* The connection between k's ends. NULL: there is none, and k has its hash now. */
struct tcp_conn *conn_find(struct tcp *tcp, struct tcp_key *k);
/* Whose connection it is. */
static inline const struct tcp_ends *conn_ends(const struct tcp_conn *c)
{
	static_assert(offsetof(struct tcp_conn, route.dst) ==
	                      offsetof(struct tcp_conn, local_port) + offsetof(struct tcp_ends, remote) &&
	              offsetof(struct ip_route, src) == offsetof(struct tcp_ends, local) -
	                                                offsetof(struct tcp_ends, remote), "as they lie there");
	return (const struct tcp_ends *)&c->local_port;
}
/* What the peer's SYN, the sequence number before rcv_nxt, offered; options: as segment_offers gives them;
 * scale counts only when they have it. snd_una is our initial sequence number. */
void conn_set_peer(struct tcp_conn *c, uint32_t rcv_nxt, uint8_t options, uint16_t peer_mss, uint8_t scale);
/* Moves the state machine and does what it says. false: the connection has ended with error (0: as it
 * should), and the block may be gone. */
bool conn_event(struct tcp_conn *c, enum tcp_event event, int error);
/* Ends a connection that the application has let go of and whose peer takes its time, to make room for
 * another. false: there is none, as far as was looked. */
bool conn_reclaim(struct tcp *tcp);
/* Only once the application has let go of the flow. */
void conn_free(struct tcp_conn *c);

/* -- flow.c -- */

extern const struct flow_ops tcp_flow_ops;
/* Gives the reader what there is; accepts what has room of the pending writes, or fails them all. */
void conn_feed_reader(struct tcp_conn *c);
void conn_accept_writes(struct tcp_conn *c);
void conn_fail_writes(struct tcp_conn *c, int error);

/* -- option.c -- */

/* Does a tail of less than a segment wait for more data? */
static inline bool conn_holds_tail(const struct tcp_conn *c)
{
	/* what is sent again does not wait, nor what the application cannot add to now */
	if (!(c->wishes & (CONN_NAGLE | CONN_CORKED)) || c->snd_nxt != c->snd_max ||
	    c->flags & CONN_SHUTDOWN || !list_is_empty(&c->writers))
		return false;
	return c->wishes & CONN_CORKED || (c->wishes & CONN_NAGLE && c->snd_una != c->snd_max);
}

/* -- listen.c -- */

/* A handshake has come to nothing. */
void half_fail(struct tcp_table *t, struct tcp_entry *e);
/* tcp->halves' due. */
void half_due(struct tcp_table *t, struct tcp_entry *e);
/* A segment for no connection: begins a handshake, ends one that nobody has remembered, or is refused.
 * before: what is in TIME-WAIT between the same ends, and makes room for a new connection; or NULL.
 * Takes b, whose data is the payload. */
void listen_input(struct tcp *tcp, const struct tcp_key *k, struct tcp_entry *before, const struct segment *s,
                  struct buf *b);
/* A segment for a half-open entry; takes b, whose data is the payload. */
void half_input(struct tcp *tcp, struct tcp_half *h, const struct segment *s, struct buf *b);

/* -- timewait.c -- */

/* Remembers c in place of its control block. */
void wait_start(struct tcp_conn *c);
/* false: a new connection may begin in its place (RFC 9293 §3.10.7.4). */
bool wait_input(struct tcp *tcp, struct tcp_entry *w, const struct segment *s);
/* It begins: w ends. Gives its initial sequence number: isn, or beyond all that the old one has sent. */
uint32_t wait_replace(struct tcp *tcp, struct tcp_entry *w, uint32_t isn);

/* -- input.c -- */

void tcp_input(void *arg, struct ip_meta *meta, struct buf *b);
/* A segment for c, which may end it; takes b, whose data is the payload. */
void conn_input(struct tcp_conn *c, const struct segment *s, struct buf *b);

/* Does s tell when we sent what it acknowledges? (RFC 7323 §4) */
bool conn_is_stamped(const struct tcp_conn *c, const struct segment *s);

/* -- error.c -- */

void tcp_error(void *arg, struct ip_error *error);
void tcp_gone(void *arg, const struct ip_addr *address);

/* -- output.c -- */

/* Sends what may be sent now, and an acknowledgement when CONN_ACK_NOW asks for it. */
void conn_output(struct tcp_conn *c);
void conn_send_syn(struct tcp_conn *c);
void conn_send_ack(struct tcp_conn *c);
/* Late data from seq on is about to be queued: an acknowledgement that is owed goes out now, unless this
 * continues what it is for. */
void conn_expect_late(struct tcp_conn *c, uint32_t seq);
/* Acknowledges late data that ends at end: at once, or, to a peer that reads selective acknowledgements,
 * once for all that comes in a row in the frames that the device has at hand. */
void conn_acknowledge_late(struct tcp_conn *c, uint32_t end);
/* That acknowledgement is not wanted any more. */
void conn_forget_late(struct tcp_conn *c);
/* What tcp->owing does. */
void tcp_pay(struct poller *p);
void conn_send_challenge(struct tcp_conn *c);
/* An acknowledgement that tells of [start, end) coming twice (RFC 2883), where the peer knows SACK. */
void conn_send_dsack(struct tcp_conn *c, uint32_t start, uint32_t end);
void conn_send_rst(struct tcp_conn *c);
void conn_send_keepalive(struct tcp_conn *c);
/* Sends len bytes from seq again, or what there is of them, with the FIN where they end. Gives where it
 * got to: short when the packet pools are empty. */
uint32_t conn_retransmit(struct tcp_conn *c, uint32_t seq, uint32_t len);
/* Waits for the peer's answer to what is in flight. */
void conn_arm_retransmit(struct tcp_conn *c);
/* All that is in flight is to be sent again. */
void conn_go_back(struct tcp_conn *c);
/* The window to offer, in bytes. */
uint32_t conn_window(const struct tcp_conn *c);
/* A segment without a control block: s, whose ports and MSS follow from ends. */
void tcp_send_bare(struct tcp *tcp, const struct tcp_ends *ends, struct ip_wishes wishes, struct segment *s);
/* The reset that answers s (RFC 9293 §3.10.7.1), unless s is one itself. */
void tcp_send_reset(struct tcp *tcp, const struct tcp_ends *ends, const struct segment *s);
/* Our timestamp now. */
static inline uint32_t conn_timestamp(const struct tcp_conn *c)
{
	return c->tcp->now_ms + c->ts_offset;
}
/* The MSS option that we send on a route. */
static inline uint16_t tcp_mss_of_route(const struct ip_route *r)
{
	return r->link_bytes - SEGMENT_HEADER_BYTES;
}

/* -- mtu.c -- */

/* Makes segments as long as c's peer and route take, once the handshake has told. true: they are shorter. */
bool mtu_follow(struct tcp_conn *c);
/* A packet of ours was longer than a router can send on; that it was ours is sure. */
void mtu_too_big(struct tcp_conn *c, uint32_t mtu);
/* The retransmission timer ran out, and has been backed off. */
void mtu_timed_out(struct tcp_conn *c);
/* What mss may be, by what is known of the path. */
uint16_t mtu_most(const struct tcp_conn *c);
/* The larger segment that was tried was acknowledged, or is sent again. */
void mtu_has_arrived(struct tcp_conn *c);
void mtu_is_lost(struct tcp_conn *c);
/* A macro, as below: only recovery tells its loss from congestion. */
#define conn_tries_larger(c) (IS_ENABLED(CONFIG_TCP_RECOVERY) && (c)->wishes & CONN_TRIES_LARGER)

/* -- sendq.c -- */

/* Takes a count on storage and accepts up to len bytes: gives how many, 0 when no slice is free. */
size_t sendq_push(struct tcp *tcp, struct sendq *q, const void *data, size_t len, struct storage *storage);
/* Lets go of the first n bytes. */
void sendq_drop(struct tcp *tcp, struct sendq *q, size_t n);
/* Appends slices for [offset, offset + len) to b, as many as every device takes and the pool has. Gives
 * how many bytes they are. */
uint32_t sendq_fill(const struct sendq *q, size_t offset, uint32_t len, struct buf *b);
void sendq_clear(struct tcp *tcp, struct sendq *q);

/* -- recvq.c: all take b -- */

/* How many bytes q may hold: the window at most. */
static inline uint32_t recvq_limit(const struct tcp *tcp, const struct recvq *q)
{
	return tcp->limits.receive_bytes << q->doublings;
}
/* As much, but no more than the application allows. */
uint32_t conn_receive_bytes(const struct tcp_conn *c);
/* Doubles it, when fast, and as many packets of a kibibyte are free; undoes that when few are. */
void recvq_adapt(struct tcp *tcp, struct recvq *q, bool fast);
/* Queues data that comes next in order, while there is no late data; b may have several slices; wanted: a
 * reader waits for it. false: no room, b dropped. */
bool recvq_push(struct tcp *tcp, struct recvq *q, struct buf *b, bool wanted);
/* Queues data that starts at seq as late data, even if it comes next: then recvq_advance is to follow. Gives
 * how many bytes of it were not there already; -ENOBUFS: no room, b dropped. */
int recvq_insert(struct tcp *tcp, struct recvq *q, uint32_t seq, struct buf *b, bool is_next, bool wanted);
/* Moves the first of late data, which comes next, to the in-order queue; gives where it ends. */
uint32_t recvq_advance(struct recvq *q);
/* Gives at most max bytes (1 and more when there are any), or NULL when the pools are empty. */
struct buf *recvq_take(struct tcp *tcp, struct recvq *q, uint32_t max);
void recvq_clear(struct tcp *tcp, struct recvq *q);
/* At most max blocks of late data, the one with seq first (RFC 2018 §4); gives how many. */
unsigned recvq_sacks(const struct recvq *q, uint32_t seq, struct sack_block *sacks, unsigned max);

/* -- recovery.c: nothing of it is called without CONFIG_TCP_RECOVERY -- */

/* A macro, so that without the option calls vanish without an optimiser, too. */
#define conn_has_recovery(c) (IS_ENABLED(CONFIG_TCP_RECOVERY) && (c)->recovery)

/* 0, -ENOMEM. */
int recovery_init_all(struct tcp *tcp);
/* s has acknowledged acked new bytes, 0: it is a duplicate; snd_una has moved already. false: New Reno is
 * to judge it. */
bool recovery_on_ack(struct tcp_conn *c, const struct segment *s, uint32_t acked);
/* The retransmission timer ran out; again: not for the first time for the same segment. Does to the windows
 * what is to be done. false: no state could be attached, so that all is to be sent again in order. */
bool recovery_on_timeout(struct tcp_conn *c, bool again);
/* CONN_RETRANSMIT fired. false: not for this. */
bool recovery_on_timer(struct tcp_conn *c);
/* The retransmission timer is to send a probe rather than to start over (RFC 8985 §7). */
bool recovery_wants_probe(const struct tcp_conn *c);
uint32_t recovery_probe_ms(const struct tcp_conn *c);
void recovery_send_probe(struct tcp_conn *c);
/* The rest only when conn_has_recovery. [seq, end) is sent, snd_max still without it. */
void recovery_sent(struct tcp_conn *c, uint32_t seq, uint32_t end);
/* Sends again what counts as lost, as far as cwnd goes. */
void recovery_resend(struct tcp_conn *c);
/* All that is in flight counts as lost. */
void recovery_lose_all(struct tcp_conn *c);
/* Bytes between snd_una and snd_max that are not in the network. */
uint32_t recovery_out(const struct tcp_conn *c);
/* CONN_RETRANSMIT is set for something sooner than a timeout. */
bool recovery_is_waiting(const struct tcp_conn *c);
void recovery_detach(struct tcp_conn *c);

/* -- timer.c -- */

void conn_timer_fired(struct timer *t);
void conn_arm(struct tcp_conn *c, enum conn_timer which, uint32_t in_ms);
/* What was to be done found no room, in our packet memory or in the device's queue. */
void conn_resume_soon(struct tcp_conn *c);
static inline void conn_disarm(struct tcp_conn *c, enum conn_timer which)
{
	c->armed &= (uint8_t)~(1u << which); /* the timer itself finds nothing to do: stopping is lazy */
}
static inline bool conn_is_armed(const struct tcp_conn *c, enum conn_timer which)
{
	return c->armed >> which & 1;
}

/* -- cookie.c -- */

/* h is what a SYN asks for: drops of its options what a cookie cannot keep, and sets iss. timestamp: ours
 * now. Gives the one that the SYN-ACK is to carry. */
uint32_t cookie_make(struct tcp *tcp, struct tcp_half *h, uint32_t timestamp);
/* Does s, an ACK, answer a cookie of ours? Then *h is what its SYN asked for. */
bool cookie_check(struct tcp *tcp, const struct tcp_key *k, const struct segment *s, struct tcp_half *h);

/* -- ecn.c: nothing of it is called without CONFIG_TCP_ECN -- */

static inline bool conn_has_ecn(const struct tcp_conn *c)
{
	return IS_ENABLED(CONFIG_TCP_ECN) && c->options & SEG_HAS_ECN;
}
/* Does the peer tell of a mark? */
static inline bool ecn_is_echo(const struct tcp_conn *c, const struct segment *s)
{
	return conn_has_ecn(c) && s->flags & SEG_ECE;
}
/* s is acceptable. */
void ecn_receive(struct tcp_conn *c, const struct segment *s);
/* What is to be said in a segment with these flags; is_new: it carries data for the first time. */
uint8_t ecn_flags(const struct tcp_conn *c, uint8_t flags, bool is_new);

/* -- usertimeout.c: nothing of it is called without CONFIG_TCP_USER_TIMEOUT_OPTION -- */

/* s is acceptable. */
void user_timeout_receive(struct tcp_conn *c, const struct segment *s);
/* Tells of ours in s, if that is to be told. */
void user_timeout_tell(const struct tcp_conn *c, struct segment *s);

/* -- isn.c -- */

/* What a keyed hash is for: the lowest byte of its use, so that none can be taken for another's. */
enum isn_use { ISN_NUMBER, ISN_PORT, ISN_COOKIE };
/* Of who talks to whom, and three numbers more. */
uint64_t isn_hash(const struct tcp *tcp, const struct tcp_ends *ends, uint32_t a, uint32_t b, uint32_t use);
uint32_t isn_choose(const struct tcp *tcp, const struct tcp_ends *ends);
/* What our timestamps are ahead of now_ms, between these ends: so they tell neither how long we run nor who
 * is behind one address with whom (RFC 7323 §7.1), and yet one connection's go on where the one before it
 * stood. */
uint32_t isn_ts_offset(const struct tcp *tcp, const struct tcp_ends *ends);
/* Sets k's local port to one that is free towards its remote end, and the hash. false: there is none. */
bool isn_choose_port(struct tcp *tcp, struct tcp_key *k);
/* Whether that of k may be it; sets the hash too. */
bool isn_port_is_free(struct tcp *tcp, struct tcp_key *k);

#endif
