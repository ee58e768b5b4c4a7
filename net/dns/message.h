/* SPDX-License-Identifier: ISC */
/* DNS messages (RFC 1035 §4), read in place and written into the caller's memory. Neither side does
 * I/O or allocates; both serve a resolver as well as a server.
 *
 *   +---------------------+
 *   |       header        |  12 bytes: id, flags, four counts
 *   |      questions      |  name, type, class
 *   |       answers       |  records: name, type, class, time to live, data
 *   |     authorities     |  records
 *   |     additional      |  records, with EDNS0's (RFC 6891) among them
 *   +---------------------+
 *
 * A name, here, is its wire form without compression: labels of 1 to 63 bytes, each behind its length,
 * then a zero; at most 255 bytes in all. Letters keep their case and are equal in either. */
#ifndef NET_DNS_MESSAGE_H
#define NET_DNS_MESSAGE_H

#include "kernel/util.h"

#define DNS_HEADER_BYTES 12
#define DNS_NAME_BYTES 255
#define DNS_LABEL_BYTES 63
#define DNS_TEXT_BYTES 1009 /* the longest text of a name, every byte escaped, with its terminator */
#define DNS_PLAIN_BYTES 512 /* of a message over UDP without EDNS0 */

enum dns_type {
	DNS_A = 1,
	DNS_NS = 2,
	DNS_CNAME = 5,
	DNS_SOA = 6,
	DNS_PTR = 12,
	DNS_MX = 15,
	DNS_TXT = 16,
	DNS_AAAA = 28,
	DNS_OPT = 41,
};

enum { DNS_IN = 1 }; /* the class of the Internet */

enum dns_flags {
	DNS_RESPONSE = 1 << 15,
	DNS_OPCODE = 15 << 11, /* 0: a standard query */
	DNS_AUTHORITATIVE = 1 << 10,
	DNS_TRUNCATED = 1 << 9,
	DNS_RECURSION_DESIRED = 1 << 8,
	DNS_RECURSION_AVAILABLE = 1 << 7,
	DNS_RCODE = 15,
};

enum dns_rcode {
	DNS_NO_ERROR = 0,
	DNS_FORMAT_ERROR = 1,
	DNS_SERVER_FAILURE = 2,
	DNS_NAME_ERROR = 3, /* NXDOMAIN */
	DNS_NOT_IMPLEMENTED = 4,
	DNS_REFUSED = 5,
	DNS_BAD_VERSION = 16, /* RFC 6891 §6.1.3: its upper bits are in the OPT record */
};

enum dns_section { DNS_QUESTIONS, DNS_ANSWERS, DNS_AUTHORITIES, DNS_ADDITIONAL, DNS_SECTIONS };

struct dns_header {
	uint16_t id, flags;
	uint16_t counts[DNS_SECTIONS];
};

struct dns_question {
	uint8_t name[DNS_NAME_BYTES];
	uint16_t type, class;
};

/* Lends: name_at and data_at are offsets in the message, for dns_read_name. */
struct dns_record {
	uint16_t name_at;
	uint16_t type, class;
	uint16_t data_at, data_len;
	uint32_t ttl_s; /* as received; dns_ttl gives its meaning */
};

/* -- names -- */

/* Bytes of a name, its zero included. */
size_t dns_name_bytes(const uint8_t *name);
/* Compares without regard to the case of ASCII letters (RFC 4343). */
bool dns_name_equal(const uint8_t *a, const uint8_t *b);
/* Makes its letters small, so that equal names have equal bytes. */
void dns_name_lower(uint8_t *name);
/* Is name zone itself, or below it? */
bool dns_name_is_in(const uint8_t *name, const uint8_t *zone);
/* "www.example.com", with or without a dot at the end; "." is the root. Gives dns_name_bytes, or -EINVAL: an
 * empty or too long label or name, a character that is a space, a backslash or not printable. */
int dns_name_from_text(uint8_t to[DNS_NAME_BYTES], const char *text);
/* Without the dot at the end; other bytes than letters, digits, - and _ are escaped as \ddd (RFC 1035 §5.1).
 * Gives to. */
char *dns_name_to_text(char to[DNS_TEXT_BYTES], const uint8_t *name);

/* -- reading: data[0..len) is the whole message, len at most 65535, at the place to read from. Each gives
 *    the bytes consumed there, or -EBADMSG: malformed, or reaches beyond the end -- */

int dns_read_header(const uint8_t *data, size_t len, struct dns_header *out);
/* Follows compressed names to earlier places only, so that each ends. to may be NULL. */
int dns_read_name(const uint8_t *data, size_t len, size_t at, uint8_t to[DNS_NAME_BYTES]);
/* Is there, at `at`, this name in letters of either case? */
bool dns_name_is_at(const uint8_t *data, size_t len, size_t at, const uint8_t *name);
int dns_read_question(const uint8_t *data, size_t len, size_t at, struct dns_question *out);
/* The data of a record is not looked at. */
int dns_read_record(const uint8_t *data, size_t len, size_t at, struct dns_record *out);
/* Seconds: 0 when the top bit is set (RFC 2181 §8). */
uint32_t dns_ttl(const struct dns_record *record);

/* -- writing -- */

#define DNS_QUERY_BYTES (DNS_HEADER_BYTES + DNS_NAME_BYTES + 4 + 11)

/* A complete query for one name: all that a client has to write. udp_bytes: as for dns_write_edns; 0: without
 * EDNS0. to: room for DNS_QUERY_BYTES. Gives its length in bytes. */
size_t dns_write_query(uint8_t *to, uint16_t id, uint16_t flags, const uint8_t *name, uint16_t type,
                       uint16_t udp_bytes);

/* Any message, entry by entry: one that does not fit whole is not written at all. */

struct dns_writer {
	uint8_t *data;
	size_t room, len;
	size_t mark;         /* where the entry being written begins */
	size_t data_at;      /* … and its data, if it is a record */
	uint16_t names[16];  /* places of labels that later names may point at */
	uint8_t name_count;
	bool is_full;        /* a part of the entry did not fit */
};

/* Begins with a header and empty sections; room: at least DNS_HEADER_BYTES. Borrows data. */
void dns_write(struct dns_writer *w, void *data, size_t room, uint16_t id, uint16_t flags);
/* 0, or -EMSGSIZE. Only before any record. */
int dns_write_question(struct dns_writer *w, const uint8_t *name, uint16_t type, uint16_t class);
/* EDNS0: we take messages of up to udp_bytes over UDP. Has the upper bits of rcode (0 in a query). 0, or
 * -EMSGSIZE. */
int dns_write_edns(struct dns_writer *w, uint16_t udp_bytes, uint16_t rcode);
/* A record: begin, its data, end. end gives 0, or -EMSGSIZE: then the record is removed. section: not before
 * that of the last record. */
void dns_record_begin(struct dns_writer *w, const uint8_t *name, uint16_t type, uint16_t class,
                      uint32_t ttl_s);
void dns_put_bytes(struct dns_writer *w, const void *bytes, size_t len);
void dns_put_16(struct dns_writer *w, uint16_t x);
/* Compressed: in the data of RFC 1035's types only (RFC 3597 §4). */
void dns_put_name(struct dns_writer *w, const uint8_t *name);
int dns_record_end(struct dns_writer *w, enum dns_section section);
/* Changes the flags of the header. */
void dns_write_flags(struct dns_writer *w, uint16_t flags);

#endif
