/* SPDX-License-Identifier: ISC */
/* Segments as scripts write them and as they are on the wire. One struct is both what a line demands
 * and what was seen: each field has a bit that says whether it is there. */
#ifndef TESTS_TCP_WIRE_H
#define TESTS_TCP_WIRE_H

#include "tests/lib/lan.h"
#include "tests/tcp/script.h"

enum wire_field {
	WIRE_SEQ, WIRE_ACK, WIRE_DATA, WIRE_WINDOW, WIRE_URGENT, WIRE_RESERVED,
	WIRE_MSS, WIRE_SCALE, WIRE_SACK_OK, WIRE_TS_VALUE, WIRE_TS_ECHO, WIRE_SACKS, WIRE_UTO,
	WIRE_TTL, WIRE_DSCP, WIRE_ECN, WIRE_DF,
	WIRE_MTU,                          /* of an ICMP error */
	WIRE_TIMES, WIRE_AFTER,            /* how often, and how long after what came before */
	WIRE_FIELDS
};

enum wire_flags {
	WIRE_FIN = 1, WIRE_SYN = 2, WIRE_RST = 4, WIRE_PSH = 8, WIRE_ACK_FLAG = 16, WIRE_URG = 32,
	WIRE_ECE = 64, WIRE_CWR = 128,
};

#define WIRE_SACK_BLOCKS 4

struct wire {
	struct range value[WIRE_FIELDS]; /* sequence numbers relative to struct bases, unless absolute */
	uint32_t given;                  /* bit per enum wire_field */
	uint32_t absent;                 /* what must not be there */
	uint32_t absolute;
	uint8_t flags, flags_matter;
	bool any;                        /* "*": whatever it is */
	struct { uint32_t start, end; } sacks[WIRE_SACK_BLOCKS];
	uint8_t options[40];             /* more options, byte by byte, behind the others */
	unsigned options_bytes;
	const char *icmp;                /* the name of an ICMP error that quotes seq; NULL: a segment */
	uint32_t src, dst;               /* 0: as usual */
	uint16_t src_port, dst_port;
	bool bad_checksum;
	unsigned header_words;           /* what the header claims to be long; 0: the truth */
	uint32_t raw_seq, raw_ack;       /* as they were on the wire */
	uint64_t time_ns;                /* when it was sent */
};

#define WIRE_BIT(field) (1u << (field))

static inline bool wire_has(const struct wire *w, enum wire_field f)
{
	return w->given & WIRE_BIT(f);
}

static inline void wire_set(struct wire *w, enum wire_field f, uint32_t value)
{
	w->value[f] = (struct range){ value, value };
	w->given |= WIRE_BIT(f);
}

/* The errors of ICMP by name. */
#define WIRE_ERRORS 9
extern const struct wire_error {
	const char *name;
	uint8_t type, code;
} wire_errors[WIRE_ERRORS];

/* The origins of relative numbers. */
struct bases {
	uint32_t peer, stack;  /* initial sequence numbers */
	uint32_t clock;        /* the stack's first timestamp */
	bool stack_known, clock_known;
};

/* -- words: wire_text.c -- */

/* The words of l from at on. */
void wire_parse(struct wire *w, const struct line *l, unsigned at);
/* As a script would write it, cut where there is no more room. */
#define WIRE_TEXT 256
void wire_print(const struct wire *w, char to[WIRE_TEXT]);
const char *wire_field_name(enum wire_field f);

/* -- bytes: wire.c -- */

/* From the peer to the stack, ready for lan_receive; its payload is pattern_at of its numbers. */
void wire_emit(const struct wire *w, const struct bases *b, struct frame *f);
/* Reads a frame of the stack's. Learns b->stack from a SYN and b->clock from the first timestamp. Gives NULL,
 * or the fault of a frame that no script may expect. */
const char *wire_read(struct wire *w, struct bases *b, const struct frame *f);
/* NULL, or which field of got is not as want has it. */
const char *wire_mismatch(const struct wire *want, const struct wire *got);
/* Both streams are patterns, so that each byte tells where it belongs. */
enum { FROM_PEER, FROM_STACK };
#define PATTERN_BYTES (1u << 21)
const uint8_t *pattern_at(int from, uint32_t offset);

#endif
