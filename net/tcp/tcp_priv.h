/* SPDX-License-Identifier: ISC */
/* Shared by the files of TCP: the instance, the control block, and the functions of each file.
 *
 * A control block's life: conn_create → connect or listen → … → conn_event with TCP_END, which settles
 * the promises that the application waits for, while the block stays in the table → conn_free, once the
 * application has let go of the flow too (CONN_ORPHAN). A function that may end a connection returns
 * false when it has: the block may be freed by then. */
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
#define TCP_QUICK_ACKS 4    /* acknowledgements without delay after out-of-order data */
#define TCP_NO_MEMORY_MS 10  /* retry interval while the packet pools are empty */
#ifndef CONFIG_TCP_RECOVERY
#define CONFIG_TCP_RECOVERIES 0
#endif
#define TCP_RECENT 64 /* connections cached in front of the table */

/* -- the send queue: application memory by reference (sendq.c) -- */

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

/* -- the receive queue: packets (recvq.c) -- */

struct recvq {
	struct buf *head, *tail; /* in order: one chain, linked by next */
	struct buf *late;        /* out of order: islands by sequence number, as recvq.c says */
	uint32_t bytes;          /* in order */
	uint16_t bufs;           /* slices in head and late */
	uint8_t tail_room;       /* bytes free behind tail's data; 0 unless tail is a copy of ours */
	uint8_t doublings;       /* of the byte limit: recvq_limit */
};

/* -- the two ends of a connection -- */

struct tcp_ends {
	uint16_t local_port, remote_port;
	struct ip_addr remote, local;
};

struct tcp_key {
	struct tcp_ends ends;
	struct ip_wishes wishes; /* used by entries only: fills the gap behind the ends */
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
	CONN_TIMED_OUT = 1 << 7,  /* the retransmission timer ran out; nothing new was acknowledged since */
	CONN_RECEIVED_FIN = 1 << 8, /* end of stream for the reader */
	CONN_TAIL_TIMER = 1 << 9,  /* CONN_RETRANSMIT is set for a tail loss probe */
	CONN_TAIL_PROBED = 1 << 10, /* the probe is out */
	CONN_TELL_TIMEOUT = 1 << 11, /* user_timeout_ds is still to be announced to the peer */
	CONN_PEERS_TIMEOUT = 1 << 12, /* user_timeout_ds was announced by the peer */
};

/* Options set by the application (option.c), and bits of two other files. */
enum conn_wishes {
	CONN_NAGLE = 1 << 0,
	CONN_CORKED = 1 << 1,
	CONN_KEEPALIVE = 1 << 2,
	CONN_LINGER = 1 << 3, /* linger_s is valid */
	/* ecn.c */
	CONN_ECHO = 1 << 4,   /* a mark was received: send ECE until the peer sends CWR */
	CONN_SLOWED = 1 << 5, /* cwnd was reduced for a mark: CWR is still to be sent */
	/* mtu.c */
	CONN_MAY_GROW = 1 << 6,     /* mtu_most() is more than mss: a segment of that size is to be tried */
	CONN_TRIES_LARGER = 1 << 7, /* that segment is in flight, and ends at rtt_seq */
};

enum conn_timer {
	CONN_RETRANSMIT, /* or persist, when nothing is in flight */
	CONN_DELAYED_ACK,
	CONN_RESUME,     /* retry after the packet pools were empty, or the device's queue full */
	CONN_IDLE,       /* keep-alive; for an orphan the end of lingering, or of FIN-WAIT-2 */
	CONN_TIMERS
};

/* The fields used most lie in the first 128 bytes, within reach of instructions with a short offset. */
struct tcp_conn {
	struct flow flow; /* first */
	struct tcp *tcp;
	uint16_t flags;        /* enum conn_flags */
	uint16_t mss;          /* payload bytes per segment that we send, timestamps deducted */
	uint8_t state;         /* enum tcp_state */
	uint8_t wishes;        /* enum conn_wishes */
	uint8_t armed;         /* bit per enum conn_timer */
	uint8_t quick_acks;
	uint32_t snd_una, snd_nxt, snd_max; /* snd_nxt goes back on a timeout, snd_max never does */
	uint32_t snd_wnd;
	uint32_t rcv_nxt, rcv_adv; /* rcv_adv: right edge of the window as advertised; never goes back */
	struct congestion congestion;
	struct rto rto;
	uint32_t progress_ms;  /* when the peer last acknowledged new data, or the wait for that began */
	uint16_t recovery;     /* number of the state that recovery.c has attached, from 1; 0: none */
	int16_t error;         /* why it ended: negative errno, or 0 */
	union {
		struct stack_connect *connector; /* SYN-SENT and SYN-RECEIVED */
		struct flow_read *reader;        /* from ESTABLISHED on */
	};
	uint32_t snd_wnd_max;
	uint16_t user_timeout_ds; /* tenths of a second; 0: Kconfig's */
	uint8_t snd_scale;
	uint8_t options;       /* enum segment_options that both sides offered; in SYN-SENT, that we offer */
	struct sendq sendq;    /* starts at snd_una, once the SYN is acknowledged */
	struct recvq recvq;
	struct list writers; /* of struct flow_write, oldest first */

	uint32_t ts_recent;
	uint32_t heard_ms;     /* when the last acceptable segment came */
	uint32_t rcv_acked;    /* rcv_nxt as last sent */
	union {
		uint32_t rcv_fin;  /* peer's FIN, if CONN_FIN_SEEN */
		uint32_t rcv_mark; /* until then: end of the data read at rcv_mark_ms */
	};
	uint32_t rcv_late;     /* start of the latest data received out of order */
	uint32_t snd_wl1;
	uint32_t rtt_seq, rtt_ms;
	uint32_t ts_offset;    /* of our timestamps' clock */
	uint16_t rcv_mark_ms;  /* wraps every minute */
	uint16_t keepalive_idle_s, keepalive_interval_s;
	uint16_t send_kib, receive_kib; /* bounds of the queues; 0: only those of tcp_limits */
	uint16_t resent_segs;  /* saturates */
	uint16_t peer_mss;     /* as the peer announced it: options included */
	uint16_t challenged;   /* state of tcp_may_challenge */
	uint8_t probes;        /* keep-alive probes unanswered */
	uint8_t linger_s;
	uint16_t probes_max;
	uint32_t slowed_ms;    /* ecn.c: when cwnd was last reduced for a mark */
	uint16_t local_port, remote_port; /* conn_ends */
	struct ip_route route;
	struct tcp_conn *hash_next;
	struct timer timer;
	uint32_t deadline_ms[CONN_TIMERS];
};

/* Upper bound of an idle connection's cost where pointers have eight bytes, without its share of the
 * hash table (8 to 16) and the send slice reserved for it (32). */
#define TCP_CONN_BYTES 368

/* -- a connection without a block: an entry of a small table (entry.c) -- */

struct tcp_entry {
	struct tcp_entry *hash_next;
	struct list link; /* in its table's waiting[tries] */
	struct tcp_key key;
	uint32_t due_ms;
	uint32_t snd_nxt, rcv_nxt, ts_recent;
	uint16_t challenged; /* state of tcp_may_challenge */
	uint8_t options;     /* enum segment_options that both sides offered; of a handshake, that the peer did */
	uint8_t tries;       /* how often its wait has ended in vain */
};

/* Entries with the same number of tries wait equally long, so each list is in order of time, and one timer
 * serves all. */
struct tcp_table {
	struct tcp *tcp;
	struct pool pool;
	struct tcp_entry **heads;
	uint32_t mask;
	struct list waiting[TCP_SYN_ACK_TRIES + 1];
	struct timer timer;
	/* e has waited until due_ms: drops e, or makes it wait again. */
	void (*due)(struct tcp_table *t, struct tcp_entry *e);
};

/* A handshake begun by a peer (listen.c): the two SYNs are the numbers before snd_nxt and rcv_nxt. */
struct tcp_half {
	struct tcp_entry entry; /* first */
	uint16_t mss;         /* the peer's */
	uint8_t scale;        /* the peer's, where options have it */
	bool is_cookie;       /* in no table, but rebuilt from a cookie */
};

struct tcp_listener {
	accept_fn *accept;
	void *arg;
	uint16_t port; /* 0: free */
	struct ip_wishes wishes;
};

struct tcp {
	struct ip *ip;
	uint64_t now_ns;      /* as of tcp_update_clock */
	uint32_t now_ms;      /* the same; wraps every 49 days */
	uint32_t conn_mask;
	struct tcp_conn **conn_hash;
	struct tcp_conn *owed; /* is to acknowledge late data once the frames at hand are processed; or NULL */
	uint32_t owed_end;     /* of that data */
	uint32_t reclaim_at;  /* bucket where conn_reclaim continues */
	uint32_t slices_spare; /* send slices reserved for no connection */
	uint32_t cookies_until; /* in cookie.c's time: no cookie sent so far is valid from then on */
	uint16_t next_port;
	uint16_t first_window; /* offered in SYNs: never scaled */
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
	struct tcp_listener offered; /* the last answer of other */
	struct ip_wishes opening; /* of connections that we open */
	struct tcp_conn *recent[TCP_RECENT]; /* by remote port: conn.c */
};

/* -- tcp.c -- */

/* Counts, logs and captures a segment that is refused or brings nothing new; reason: constant text. Any
 * answer to the segment is up to the caller. */
void tcp_refused(struct tcp *tcp, const char *reason);

/* Sets now_ns and now_ms: called once per event, as reading the clock costs. */
void tcp_update_clock(struct tcp *tcp);

/* May an unacceptable segment be answered? Limited in rate, against ACK storms (RFC 5961 §7). *last: the
 * connection's state, initially 0. */
bool tcp_may_challenge(struct tcp *tcp, uint16_t *last);

/* Makes t fire at due_ms at the latest; a timer that is set to fire earlier is left alone. */
void tcp_start_timer(struct tcp *tcp, struct timer *t, uint32_t due_ms);

/* The scale of windows that we advertise; options: those that both sides offered. */
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
/* Drops all entries, too; harmless on a table that is all zero. */
void table_destroy(struct tcp_table *t);
struct tcp_entry *entry_find(const struct tcp_table *t, const struct tcp_key *k);
/* Puts e, whose key and tries are set, into the table, to wait for in_ms. */
void entry_add(struct tcp_table *t, struct tcp_entry *e, uint32_t in_ms);
void entry_drop(struct tcp_table *t, struct tcp_entry *e);
/* Makes e wait, for the first time or again; in_ms must be the same for all entries with as many tries. */
void entry_wait(struct tcp_table *t, struct tcp_entry *e, uint32_t in_ms);
/* The entry that has waited longest among those with this number of tries, or NULL. */
struct tcp_entry *entry_oldest(const struct tcp_table *t, unsigned tries);
/* Our timestamp now. */
uint32_t entry_timestamp(const struct tcp *tcp, const struct tcp_entry *e);
/* Sends a segment without data for e; window: as on the wire. */
void entry_send(struct tcp *tcp, const struct tcp_entry *e, uint8_t flags, uint32_t window,
                uint32_t timestamp);
/* Sends the current acknowledgement. */
void entry_send_ack(struct tcp *tcp, const struct tcp_entry *e, uint32_t window);
/* The same, under the rate limit of RFC 5961. */
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
/* A closed block with route, ports, timer and lists set, and in the table; NULL: the pool is empty, and
 * nothing can be reclaimed. */
struct tcp_conn *conn_create(struct tcp *tcp, const struct ip_route *route, const struct tcp_key *k);
/* The connection between k's ends. NULL: there is none, and k has its hash now. */
struct tcp_conn *conn_find(struct tcp *tcp, struct tcp_key *k);
/* c's addresses and ports. */
static inline const struct tcp_ends *conn_ends(const struct tcp_conn *c)
{
	static_assert(offsetof(struct tcp_conn, route.dst) ==
	                      offsetof(struct tcp_conn, local_port) + offsetof(struct tcp_ends, remote) &&
	              offsetof(struct ip_route, src) == offsetof(struct tcp_ends, local) -
	                                                offsetof(struct tcp_ends, remote), "as they lie there");
	return (const struct tcp_ends *)&c->local_port;
}
/* Applies the offers of the peer's SYN, whose sequence number is the one before rcv_nxt; options: as given by
 * segment_offers; scale counts only if they include it. snd_una is our initial sequence number. */
void conn_set_peer(struct tcp_conn *c, uint32_t rcv_nxt, uint8_t options, uint16_t peer_mss, uint8_t scale);
/* Moves the state machine and performs its actions. false: the connection has ended with error (0: in
 * order), and the block may be freed. */
bool conn_event(struct tcp_conn *c, enum tcp_event event, int error);
/* Aborts an orphan whose peer is slow to finish, to make room for another connection. false: none was
 * found in the part of the table that was searched. */
bool conn_reclaim(struct tcp *tcp);
/* To be called only once the application has let go of the flow. */
void conn_free(struct tcp_conn *c);

/* -- flow.c -- */

extern const struct flow_ops tcp_flow_ops;
/* Give the reader what there is; accept as much of the pending writes as has room; fail all of them. */
void conn_feed_reader(struct tcp_conn *c);
void conn_accept_writes(struct tcp_conn *c);
void conn_fail_writes(struct tcp_conn *c, int error);

/* -- option.c -- */

/* Does a tail of less than a segment wait for more data? */
static inline bool conn_holds_tail(const struct tcp_conn *c)
{
	/* a retransmission does not wait, nor does a tail that the application cannot add to now */
	if (!(c->wishes & (CONN_NAGLE | CONN_CORKED)) || c->snd_nxt != c->snd_max ||
	    c->flags & CONN_SHUTDOWN || !list_is_empty(&c->writers))
		return false;
	return c->wishes & CONN_CORKED || (c->wishes & CONN_NAGLE && c->snd_una != c->snd_max);
}

/* -- listen.c -- */

/* Drops e, whose handshake has failed. */
void half_fail(struct tcp_table *t, struct tcp_entry *e);
/* The due function of tcp->halves. */
void half_due(struct tcp_table *t, struct tcp_entry *e);
/* A segment for no connection: begins a handshake, completes one by its cookie, or is refused.
 * before: the TIME-WAIT entry between the same ends that a new connection is to replace, or NULL.
 * Takes b, whose data is the payload. */
void listen_input(struct tcp *tcp, const struct tcp_key *k, struct tcp_entry *before, const struct segment *s,
                  struct buf *b);
/* A segment for a half-open entry; takes b, whose data is the payload. */
void half_input(struct tcp *tcp, struct tcp_half *h, const struct segment *s, struct buf *b);

/* -- timewait.c -- */

/* Makes a TIME-WAIT entry in place of c's control block. */
void wait_start(struct tcp_conn *c);
/* Answers s, a segment for w. false: s is a SYN that may replace w (RFC 9293 §3.10.7.4). */
bool wait_input(struct tcp *tcp, struct tcp_entry *w, const struct segment *s);
/* Ends w for a new connection, and gives the latter's initial sequence number: isn, or one beyond all that
 * the old connection has sent. */
uint32_t wait_replace(struct tcp *tcp, struct tcp_entry *w, uint32_t isn);

/* -- input.c -- */

void tcp_input(void *arg, struct ip_meta *meta, struct buf *b);
/* A segment for c, which may end it; takes b, whose data is the payload. */
void conn_input(struct tcp_conn *c, const struct segment *s, struct buf *b);

/* Does s echo a timestamp of ours, which tells the round trip? (RFC 7323 §4) */
bool conn_is_stamped(const struct tcp_conn *c, const struct segment *s);

/* -- error.c -- */

void tcp_error(void *arg, struct ip_error *error);
void tcp_gone(void *arg, const struct ip_addr *address);

/* -- output.c -- */

/* Sends all data that may be sent now, and an acknowledgement if CONN_ACK_NOW is set. */
void conn_output(struct tcp_conn *c);
void conn_send_syn(struct tcp_conn *c);
void conn_send_ack(struct tcp_conn *c);
/* Late data from seq on is about to be queued: sends the acknowledgement that is owed, unless this data
 * continues the data that it is for. */
void conn_expect_late(struct tcp_conn *c, uint32_t seq);
/* Acknowledges late data that ends at end: at once, or, where the peer uses SACK, once for all consecutive
 * late data in the frames that the device has at hand. */
void conn_acknowledge_late(struct tcp_conn *c, uint32_t end);
/* Cancels that acknowledgement. */
void conn_forget_late(struct tcp_conn *c);
/* tcp->owing's function: sends that acknowledgement. */
void tcp_pay(struct poller *p);
void conn_send_challenge(struct tcp_conn *c);
/* An acknowledgement that reports [start, end) as received twice (RFC 2883), where the peer uses SACK. */
void conn_send_dsack(struct tcp_conn *c, uint32_t start, uint32_t end);
void conn_send_rst(struct tcp_conn *c);
void conn_send_keepalive(struct tcp_conn *c);
/* Sends up to len queued bytes from seq, and the FIN if they reach it, whatever the windows are. Gives the
 * sequence number that it got to: short of the end when the packet pools are empty. */
uint32_t conn_retransmit(struct tcp_conn *c, uint32_t seq, uint32_t len);
/* Arms CONN_RETRANSMIT: for a retransmission, a tail loss probe or a window probe. */
void conn_arm_retransmit(struct tcp_conn *c);
/* Makes conn_output send again all that is in flight. */
void conn_go_back(struct tcp_conn *c);
/* The window to offer, in bytes. */
uint32_t conn_window(const struct tcp_conn *c);
/* Sends s without a control block; sets its ports and MSS from ends. */
void tcp_send_bare(struct tcp *tcp, const struct tcp_ends *ends, struct ip_wishes wishes, struct segment *s);
/* The reset that answers s (RFC 9293 §3.10.7.1), unless s is one itself. */
void tcp_send_reset(struct tcp *tcp, const struct tcp_ends *ends, struct ip_wishes wishes,
                    const struct segment *s);
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

/* Sets mss to what c's peer and route take; a larger one may have to be tried first. true: it has shrunk. */
bool mtu_follow(struct tcp_conn *c);
/* A packet of c (the caller has verified that) was too long for a router: its next link takes mtu bytes. */
void mtu_too_big(struct tcp_conn *c, uint32_t mtu);
/* The retransmission timer ran out, and has been backed off. */
void mtu_timed_out(struct tcp_conn *c);
/* The largest mss that the peer, and the path as far as known, take. */
uint16_t mtu_most(const struct tcp_conn *c);
/* The larger segment that was tried has been acknowledged, or has to be sent again. */
void mtu_has_arrived(struct tcp_conn *c);
void mtu_is_lost(struct tcp_conn *c);
/* Is it in flight? A macro, as below: only recovery can tell its loss from congestion. */
#define conn_tries_larger(c) (IS_ENABLED(CONFIG_TCP_RECOVERY) && (c)->wishes & CONN_TRIES_LARGER)

/* -- sendq.c -- */

/* Takes a count on storage, and appends up to len bytes: gives how many, 0 when no slice is free. */
size_t sendq_push(struct tcp *tcp, struct sendq *q, const void *data, size_t len, struct storage *storage);
/* Releases the first n bytes. */
void sendq_drop(struct tcp *tcp, struct sendq *q, size_t n);
/* Appends slices for [offset, offset + len) to b, as many as every device takes and the pool has. Gives
 * how many bytes they cover. */
uint32_t sendq_fill(const struct sendq *q, size_t offset, uint32_t len, struct buf *b);
void sendq_clear(struct tcp *tcp, struct sendq *q);

/* -- recvq.c: all take b -- */

/* Most bytes that q may hold, and so the largest window. */
static inline uint32_t recvq_limit(const struct tcp *tcp, const struct recvq *q)
{
	return tcp->limits.receive_bytes << q->doublings;
}
/* The same, or less if the application has set STACK_RCVBUF. */
uint32_t conn_receive_bytes(const struct tcp_conn *c);
/* Doubles recvq_limit if fast and the free packets, at a kibibyte each, cover it; resets it when few are
 * free. */
void recvq_adapt(struct tcp *tcp, struct recvq *q, bool fast);
/* Queues data that comes next in order, while there is no late data; b may have several slices; wanted: a
 * reader waits for it. false: no room, b dropped. */
bool recvq_push(struct tcp *tcp, struct recvq *q, struct buf *b, bool wanted);
/* Queues data that starts at seq as late data, even if it is next: then the caller calls recvq_advance. Gives
 * how many bytes of it were new; -ENOBUFS: no room, b dropped. */
int recvq_insert(struct tcp *tcp, struct recvq *q, uint32_t seq, struct buf *b, bool is_next, bool wanted);
/* Moves the first island of late data, which is next, to the in-order queue; gives its end. */
uint32_t recvq_advance(struct recvq *q);
/* Gives at most max bytes (1 and more when there are any), or NULL when the pools are empty. */
struct buf *recvq_take(struct tcp *tcp, struct recvq *q, uint32_t max);
void recvq_clear(struct tcp *tcp, struct recvq *q);
/* At most max blocks of late data, the one with seq first (RFC 2018 §4); gives how many. */
unsigned recvq_sacks(const struct recvq *q, uint32_t seq, struct sack_block *sacks, unsigned max);

/* -- recovery.c: nothing of it is called without CONFIG_TCP_RECOVERY -- */

/* A macro, so that without the option the calls vanish even at -O0. */
#define conn_has_recovery(c) (IS_ENABLED(CONFIG_TCP_RECOVERY) && (c)->recovery)

/* 0, -ENOMEM. */
int recovery_init_all(struct tcp *tcp);
/* s has acknowledged acked new bytes, 0: it is a duplicate; snd_una has moved already. false: New Reno has
 * to process it. */
bool recovery_on_ack(struct tcp_conn *c, const struct segment *s, uint32_t acked);
/* The retransmission timer ran out; again: not for the first time for the same segment. Reduces the
 * congestion window. false: no state could be attached, so the caller sends all again in order. */
bool recovery_on_timeout(struct tcp_conn *c, bool again);
/* CONN_RETRANSMIT fired. false: it was not armed for reordering. */
bool recovery_on_timer(struct tcp_conn *c);
/* Is CONN_RETRANSMIT to send a tail loss probe first (RFC 8985 §7)? */
bool recovery_wants_probe(const struct tcp_conn *c);
uint32_t recovery_probe_ms(const struct tcp_conn *c);
void recovery_send_probe(struct tcp_conn *c);
/* The functions below need conn_has_recovery. [seq, end) was sent; snd_max does not include it yet. */
void recovery_sent(struct tcp_conn *c, uint32_t seq, uint32_t end);
/* Retransmits what counts as lost, as far as cwnd allows. */
void recovery_resend(struct tcp_conn *c);
/* All that is in flight counts as lost. */
void recovery_lose_all(struct tcp_conn *c);
/* Bytes between snd_una and snd_max that are not in the network. */
uint32_t recovery_out(const struct tcp_conn *c);
/* Is CONN_RETRANSMIT armed for reordering, sooner than for a timeout? */
bool recovery_is_waiting(const struct tcp_conn *c);
void recovery_detach(struct tcp_conn *c);

/* -- timer.c -- */

void conn_timer_fired(struct timer *t);
void conn_arm(struct tcp_conn *c, enum conn_timer which, uint32_t in_ms);
/* Arms CONN_RESUME: our packet memory, or the device's queue, had no room. */
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

/* h holds what a SYN offers: drops the options that a cookie cannot keep, and sets snd_nxt behind the cookie.
 * timestamp: ours now. Gives the one that the SYN-ACK is to carry. */
uint32_t cookie_make(struct tcp *tcp, struct tcp_half *h, uint32_t timestamp);
/* Does s, an ACK, return a cookie of ours? Then *h is set to what its SYN offered. */
bool cookie_check(struct tcp *tcp, const struct tcp_key *k, const struct segment *s, struct tcp_half *h);

/* -- ecn.c: nothing of it is called without CONFIG_TCP_ECN -- */

static inline bool conn_has_ecn(const struct tcp_conn *c)
{
	return IS_ENABLED(CONFIG_TCP_ECN) && c->options & SEG_HAS_ECN;
}
/* Does s echo a mark? In a SYN the flag means something else. */
static inline bool ecn_is_echo(const struct tcp_conn *c, const struct segment *s)
{
	return conn_has_ecn(c) && (s->flags & (SEG_ECE | SEG_SYN)) == SEG_ECE;
}
/* s is acceptable. */
void ecn_receive(struct tcp_conn *c, const struct segment *s);
/* Adds ECE and CWR to a segment's flags where they are due; is_new: it carries data for the first time. */
uint8_t ecn_flags(const struct tcp_conn *c, uint8_t flags, bool is_new);

/* -- usertimeout.c: nothing of it is called without CONFIG_TCP_USER_TIMEOUT_OPTION -- */

/* s is acceptable. */
void user_timeout_receive(struct tcp_conn *c, const struct segment *s);
/* Adds our user timeout to s, if it is still to be announced. */
void user_timeout_tell(const struct tcp_conn *c, struct segment *s);

/* -- isn.c -- */

/* Purpose of a keyed hash: the lowest byte of its use, so that hashes of different purposes are unrelated. */
enum isn_use { ISN_NUMBER, ISN_PORT, ISN_COOKIE };
/* Keyed hash of ends and three more numbers. */
uint64_t isn_hash(const struct tcp *tcp, const struct tcp_ends *ends, uint32_t a, uint32_t b, uint32_t use);
uint32_t isn_choose(const struct tcp *tcp, const struct tcp_ends *ends);
/* Offset of our timestamps from now_ms, fixed for these ends: so timestamps reveal neither our uptime nor
 * which connections come from one machine behind a shared address (RFC 7323 §7.1), and yet continue from one
 * connection to the next. */
uint32_t isn_ts_offset(const struct tcp *tcp, const struct tcp_ends *ends);
/* Sets k's local port to one that is free towards its remote end, and the hash. false: there is none. */
bool isn_choose_port(struct tcp *tcp, struct tcp_key *k);
/* Is k's local port free towards its remote end? Then the hash is set, too. */
bool isn_port_is_free(struct tcp *tcp, struct tcp_key *k);

#endif
