/* SPDX-License-Identifier: ISC */
/* A DNS server under the control of a test, over either stack: it answers from a zone, over UDP and TCP, and
 * can be slow, deaf, old-fashioned or a liar. It uses net/dns/message.h, as a server of ours would. */
#ifndef TESTS_LIB_DNS_SERVER_H
#define TESTS_LIB_DNS_SERVER_H

#include "net/dns/message.h"
#include "net/stack.h"

struct dns_zone {
	const char *name; /* NULL: the end */
	uint16_t type;    /* DNS_A: value is an address; DNS_CNAME: a name; DNS_TXT: the name is there, no more */
	uint32_t ttl_s;
	const char *value;
};

/* One question that came in. */
struct dns_asked {
	uint16_t id, from_port;
	bool over_tcp, has_edns;
	uint64_t at_ns;
	uint8_t name[DNS_NAME_BYTES];
	uint16_t type;
};

struct dns_server {
	/* the caller fills in these, the rest is zero */
	struct stack *stack;
	uint16_t port;
	const struct dns_zone *zone;
	/* its behaviour, which may be changed at any time */
	unsigned deaf;         /* datagrams still to be ignored */
	uint64_t delay_ns;     /* before an answer over UDP */
	unsigned forgeries;    /* with another id, before each answer over UDP */
	unsigned copies;       /* of each answer over UDP, behind it */
	uint16_t rcode;        /* not 0: the whole answer */
	uint32_t negative_s;   /* in the zone's SOA; 0: there is no SOA */
	uint32_t piece_bytes;  /* of each piece of an answer over TCP; 0: whole */
	uint32_t stops_after;  /* bytes over TCP, after which it falls silent; 0: never */
	bool is_small;         /* gives names back in small letters */
	bool is_old;           /* does not know EDNS0 */
	bool is_brief;         /* gives one record of a chain at a time */
	bool always_truncates; /* over UDP */
	bool hangs_up;         /* closes instead of answering over TCP */
	bool is_silent;        /* over TCP, and does not close */
	/* the test's own change to each answer; len may become less */
	void (*spoil)(uint8_t *data, size_t *len, bool over_tcp);

	/* observations */
	unsigned questions;
	struct dns_asked asked[64]; /* the last ones: question n in asked[n % 64] */
	unsigned streams_open;
};

/* 0, or the stack's error. */
int dns_server_start(struct dns_server *s);
void dns_server_stop(struct dns_server *s);

#endif
