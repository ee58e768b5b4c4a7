/* SPDX-License-Identifier: ISC */
/* A scripted DHCP server's hand: makes replies byte by byte and reads queries, by the RFCs' numbers and not
 * by the client's own codec. */
#ifndef TESTS_UNIT_NET_DHCP_SERVER_H
#define TESTS_UNIT_NET_DHCP_SERVER_H

#include "kernel/util.h"

enum { DISCOVER = 1, OFFER, REQUEST, DECLINE, ACK, NAK };

struct message {
	size_t len;
	uint8_t bytes[1500];
};

/* A reply to xid that lends address (host order), options to come; server 0: without a server identifier. */
void reply_begin(struct message *m, uint8_t type, uint32_t xid, const uint8_t *mac, uint32_t address,
                 uint32_t server);
void reply_option(struct message *m, uint8_t code, const void *value, size_t len);
void reply_number(struct message *m, uint8_t code, uint32_t value); /* four bytes */
void reply_end(struct message *m);

uint32_t message_32(const struct message *m, size_t at);
/* The value of a query's option, its length in *len; NULL: it has none. */
const uint8_t *query_option(const struct message *m, uint8_t code, size_t *len);
/* The same of four bytes as a number, 0 when it has none. */
uint32_t query_number(const struct message *m, uint8_t code);
uint8_t query_type(const struct message *m);

#endif
