/* SPDX-License-Identifier: ISC */
/* Congestion control of one connection: how much may be in flight, and, where the peer sends no SACK,
 * when a segment counts as lost. How the window grows and shrinks once it has met congestion is cubic.c's
 * or reno.c's. */
#ifndef NET_TCP_CONGESTION_H
#define NET_TCP_CONGESTION_H

#include "kernel/util.h"

/* Round trips of the first slow start: hystart.c. */
struct hystart {
	uint32_t round_end;    /* sequence number: its acknowledgement begins the next round trip */
	uint16_t last_rtt_ms, rtt_ms; /* the shortest of the last round trip, and of this one so far */
	uint16_t baseline_ms;  /* the round trip that slowed growth down */
	uint8_t samples;       /* of this round trip */
	uint8_t slow_rounds;   /* round trips of slowed growth, this one included; 0: cwnd doubles */
};

struct congestion {
	uint32_t cwnd, ssthresh; /* bytes */
	uint32_t recover;        /* sequence number: highest sent when the loss was noticed */
	union {
		struct hystart hystart;  /* while is_first; then zeros */
		struct {
			uint32_t acked;    /* in congestion avoidance. Reno: bytes acknowledged since cwnd last grew;
			                      CUBIC: windows acknowledged in this epoch, 1/65536 */
			uint32_t epoch_ms; /* CUBIC: when this stretch of it began, if in_epoch */
			uint16_t w_max;    /* CUBIC: segments in flight when congestion was last met, or less */
			uint16_t k_ms;     /* CUBIC: from the epoch's beginning until cwnd is w_max again */
		};
	};
	uint8_t duplicates;      /* duplicate acknowledgements in a row, at most 255 */
	uint8_t reorder_steps;   /* RFC 8985 §6.2.4: RACK.reo_wnd_mult less one */
	uint8_t reorder_persist; /* recoveries until reorder_steps is reset */
	bool recovering : 1;
	bool in_epoch : 1;
	bool reordered : 1;      /* segments have overtaken others */
	bool is_first : 1;       /* the first slow start goes on, and hystart.c watches it */
};

enum congestion_verdict {
	CONGESTION_OK,         /* nothing, or more may be sent now: look at cwnd */
	CONGESTION_RETRANSMIT, /* send the first unacknowledged segment again */
};

/* una: where loss recovery may first apply. */
void congestion_init(struct congestion *c, uint32_t mss, uint32_t una);
/* acked new bytes up to una; flight: bytes still in flight. */
enum congestion_verdict congestion_on_ack(struct congestion *c, uint32_t mss, uint32_t acked, uint32_t una,
                                          uint32_t flight);
/* A duplicate of the acknowledgement of una; highest: next sequence number never sent. */
enum congestion_verdict congestion_on_duplicate(struct congestion *c, uint32_t mss, uint32_t una,
                                                uint32_t highest, uint32_t flight);
/* acked bytes were acknowledged while cwnd was the limit of sending; una as above. */
void congestion_grow(struct congestion *c, uint32_t mss, uint32_t acked, uint32_t una, uint32_t now_ms,
                     uint32_t rtt_ms);
/* Congestion was met with flight bytes in flight: sets ssthresh, and cwnd to it. The caller calls it at most
 * once a round trip. */
void congestion_reduce(struct congestion *c, uint32_t mss, uint32_t flight);
/* The retransmission timer ran out; again: not for the first time for the same segment. */
void congestion_on_timeout(struct congestion *c, uint32_t mss, uint32_t highest, uint32_t flight, bool again);
/* Nothing was in flight for as long as this number of retransmission timeouts, at least one. */
void congestion_on_idle(struct congestion *c, uint32_t mss, uint32_t timeouts);

/* -- hystart.c: only with CUBIC -- */

void hystart_init(struct congestion *c, uint32_t una);
void hystart_end(struct congestion *c);
/* Data up to una, sent rtt_ms ago, is acknowledged; next: the sequence number to send next. May end slow
 * start. */
void hystart_on_ack(struct congestion *c, uint32_t una, uint32_t next, uint32_t rtt_ms);

/* -- cubic.c and reno.c, of which Kconfig chooses one -- */

/* Gives ssthresh after congestion with flight bytes in flight. */
uint32_t cubic_back_off(struct congestion *c, uint32_t mss, uint32_t flight);
uint32_t reno_back_off(struct congestion *c, uint32_t mss, uint32_t flight);
/* As congestion_grow, beyond ssthresh. */
void cubic_grow(struct congestion *c, uint32_t mss, uint32_t acked, uint32_t now_ms, uint32_t rtt_ms);
void reno_grow(struct congestion *c, uint32_t mss, uint32_t acked);

#endif
