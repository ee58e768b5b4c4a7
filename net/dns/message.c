/* SPDX-License-Identifier: ISC */
/* The codec of DNS messages: RFC 1035 §4.1, names by §3.1 and §4.1.4, EDNS0 by RFC 6891 §6.1.
 *
 * A length from the wire is checked against the end of the message before it is used. A compressed
 * name may jump only to a place before the piece that it jumps from, and at most as often as a name
 * can have labels. */
#include "net/dns/message.h"

#include <errno.h>
#include <string.h>

#include "kernel/format.h"
#include "net/bytes.h"

enum {
	POINTER = 0xc0,      /* the two upper bits of a length: the other 14 are where the name continues */
	POINTER_MAX = 0x3fff,
	JUMPS = 127,         /* a name of 255 bytes has no more labels */
	QUESTION_REST = 4,   /* type, class */
	RECORD_REST = 10,    /* type, class, ttl, length of the data */
};

/* -- names -- */

static uint8_t lower(uint8_t c)
{
	return c >= 'A' && c <= 'Z' ? c | 0x20 : c;
}

size_t dns_name_bytes(const uint8_t *name)
{
	size_t at = 0;

	while (name[at])
		at += name[at] + 1u;
	return at + 1;
}

/* Lengths of labels are below every letter, so they can be compared like letters. */
bool dns_name_equal(const uint8_t *a, const uint8_t *b)
{
	size_t bytes = dns_name_bytes(a);

	for (size_t i = 0; i < bytes; i++)
		if (lower(a[i]) != lower(b[i]))
			return false;
	return true;
}

void dns_name_lower(uint8_t *name)
{
	for (size_t i = dns_name_bytes(name); i-- > 0; )
		name[i] = lower(name[i]);
}

/* Compares once, where the rest of name is as long as zone. */
bool dns_name_is_in(const uint8_t *name, const uint8_t *zone)
{
	size_t left = dns_name_bytes(name), bytes = dns_name_bytes(zone);

	while (left > bytes) {
		left -= *name + 1u;
		name += *name + 1;
	}
	return dns_name_equal(name, zone);
}

int dns_name_from_text(uint8_t to[DNS_NAME_BYTES], const char *text)
{
	size_t label = 0, at = 1; /* places of the label's length, and of the next byte */

	if (text[0] == '.' && !text[1])
		text++;
	else if (!text[0])
		return -EINVAL;
	for (; *text; text++) {
		if (*text == '.') {
			if (at == label + 1)
				return -EINVAL;
			to[label] = (uint8_t)(at - label - 1);
			label = at++;
			continue;
		}
		if (*text <= ' ' || *text >= 0x7f || *text == '\\' || at > label + DNS_LABEL_BYTES ||
		    at >= DNS_NAME_BYTES - 1)
			return -EINVAL;
		to[at++] = (uint8_t)*text;
	}
	to[label] = (uint8_t)(at - label - 1);
	if (at > label + 1)
		to[label = at++] = 0;
	return (int)label + 1;
}

static bool is_plain(uint8_t c)
{
	return (lower(c) >= 'a' && lower(c) <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
}

char *dns_name_to_text(char to[DNS_TEXT_BYTES], const uint8_t *name)
{
	char *at = to;

	if (!*name)
		*at++ = '.';
	for (; *name; name += *name + 1) {
		if (at > to)
			*at++ = '.';
		for (uint8_t i = 1; i <= *name; i++) {
			if (is_plain(name[i]))
				*at++ = (char)name[i];
			else
				at += format(at, 5, "\\%03u", name[i]);
		}
	}
	*at = '\0';
	return to;
}

/* -- reading -- */

int dns_read_header(const uint8_t *data, size_t len, struct dns_header *out)
{
	if (len < DNS_HEADER_BYTES)
		return -EBADMSG;
	out->id = get_be16(data);
	out->flags = get_be16(data + 2);
	for (size_t i = 0; i < DNS_SECTIONS; i++)
		out->counts[i] = get_be16(data + 4 + 2 * i);
	return DNS_HEADER_BYTES;
}

int dns_read_name(const uint8_t *data, size_t len, size_t at, uint8_t to[DNS_NAME_BYTES])
{
	size_t start = at, piece = at, consumed = 0, bytes = 0;
	unsigned jumps = 0;

	while (at < len) {
		size_t n = data[at], target;

		if (n <= DNS_LABEL_BYTES) {
			n++;
			if (n > len - at || bytes + n > DNS_NAME_BYTES)
				return -EBADMSG;
			if (to)
				memcpy(to + bytes, data + at, n);
			bytes += n;
			at += n;
			if (n == 1)
				return (int)(consumed ? consumed : at - start);
			continue;
		}
		if (n < POINTER || len - at < 2 || jumps++ == JUMPS)
			return -EBADMSG;
		target = get_be16(data + at) & POINTER_MAX;
		if (target >= piece || target < DNS_HEADER_BYTES)
			return -EBADMSG;
		if (!consumed)
			consumed = at + 2 - start;
		at = piece = target;
	}
	return -EBADMSG;
}

bool dns_name_is_at(const uint8_t *data, size_t len, size_t at, const uint8_t *name)
{
	uint8_t there[DNS_NAME_BYTES];

	return dns_read_name(data, len, at, there) > 0 && dns_name_equal(there, name);
}

int dns_read_question(const uint8_t *data, size_t len, size_t at, struct dns_question *out)
{
	int n = dns_read_name(data, len, at, out->name);

	if (n < 0)
		return n;
	at += (size_t)n;
	if (len - at < QUESTION_REST)
		return -EBADMSG;
	out->type = get_be16(data + at);
	out->class = get_be16(data + at + 2);
	return n + QUESTION_REST;
}

int dns_read_record(const uint8_t *data, size_t len, size_t at, struct dns_record *out)
{
	int n = dns_read_name(data, len, at, NULL);

	if (n < 0)
		return n;
	out->name_at = (uint16_t)at;
	at += (size_t)n;
	if (len - at < RECORD_REST)
		return -EBADMSG;
	out->type = get_be16(data + at);
	out->class = get_be16(data + at + 2);
	out->ttl_s = get_be32(data + at + 4);
	out->data_len = get_be16(data + at + 8);
	at += RECORD_REST;
	out->data_at = (uint16_t)at;
	if (len - at < out->data_len)
		return -EBADMSG;
	return n + RECORD_REST + out->data_len;
}

uint32_t dns_ttl(const struct dns_record *record)
{
	return record->ttl_s > INT32_MAX ? 0 : record->ttl_s;
}

/* -- writing -- */

size_t dns_write_query(uint8_t *to, uint16_t id, uint16_t flags, const uint8_t *name, uint16_t type,
                       uint16_t udp_bytes)
{
	size_t name_bytes = dns_name_bytes(name);
	uint8_t *at = to + DNS_HEADER_BYTES + name_bytes;

	memset(to, 0, DNS_QUERY_BYTES);
	put_be16(to, id);
	put_be16(to + 2, flags);
	to[5] = 1; /* question */
	memcpy(to + DNS_HEADER_BYTES, name, name_bytes);
	put_be32(at, (uint32_t)type << 16 | DNS_IN);
	at += 4;
	if (udp_bytes) {
		to[11] = 1; /* additional: the root, DNS_OPT, no flags, no data */
		at[2] = DNS_OPT;
		put_be16(at + 3, udp_bytes);
		at += 11;
	}
	return (size_t)(at - to);
}

void dns_write(struct dns_writer *w, void *data, size_t room, uint16_t id, uint16_t flags)
{
	assert(room >= DNS_HEADER_BYTES);
	*w = (struct dns_writer){
		.data = data, .room = MIN(room, (size_t)UINT16_MAX),
		.len = DNS_HEADER_BYTES, .mark = DNS_HEADER_BYTES,
	};
	memset(data, 0, DNS_HEADER_BYTES);
	put_be16(w->data, id);
	dns_write_flags(w, flags);
}

void dns_write_flags(struct dns_writer *w, uint16_t flags)
{
	put_be16(w->data + 2, flags);
}

void dns_put_bytes(struct dns_writer *w, const void *bytes, size_t len)
{
	if (len > w->room - w->len) {
		w->is_full = true;
		return;
	}
	if (len)
		memcpy(w->data + w->len, bytes, len);
	w->len += len;
}

void dns_put_16(struct dns_writer *w, uint16_t x)
{
	x = be16(x);
	dns_put_bytes(w, &x, sizeof(x));
}

/* Writes a label, and remembers its place: later names may end with the name from here on. */
static void put_label(struct dns_writer *w, const uint8_t *label)
{
	if (w->name_count < ARRAY_SIZE(w->names) && w->len <= POINTER_MAX)
		w->names[w->name_count++] = (uint16_t)w->len;
	dns_put_bytes(w, label, *label + 1u);
}

/* Ends an entry of section: counts it, or removes it if it did not fit. */
static int finish(struct dns_writer *w, enum dns_section section)
{
	uint8_t *count = w->data + 4 + 2 * section;

	if (w->is_full) {
		w->is_full = false;
		w->len = w->mark;
		return -EMSGSIZE;
	}
	put_be16(count, (uint16_t)(get_be16(count) + 1));
	w->mark = w->len;
	return 0;
}

int dns_write_question(struct dns_writer *w, const uint8_t *name, uint16_t type, uint16_t class)
{
	for (; *name; name += *name + 1)
		put_label(w, name);
	dns_put_bytes(w, name, 1);
	dns_put_16(w, type);
	dns_put_16(w, class);
	return finish(w, DNS_QUESTIONS);
}

int dns_write_edns(struct dns_writer *w, uint16_t udp_bytes, uint16_t rcode)
{
	dns_put_bytes(w, "\0\0\51", 3); /* the root, DNS_OPT */
	dns_put_16(w, udp_bytes);
	dns_put_16(w, (uint16_t)(rcode >> 4 << 8));
	dns_put_bytes(w, "\0\0\0", 4); /* no flags, no data */
	return finish(w, DNS_ADDITIONAL);
}

void dns_put_name(struct dns_writer *w, const uint8_t *name)
{
	for (; *name; name += *name + 1) {
		for (size_t i = 0; i < w->name_count; i++) {
			/* places in the name being written, or in one that did not fit, hold no complete name, and so
			 * never match */
			if (dns_name_is_at(w->data, w->len, w->names[i], name)) {
				dns_put_16(w, (uint16_t)(POINTER << 8 | w->names[i]));
				return;
			}
		}
		put_label(w, name);
	}
	dns_put_bytes(w, name, 1);
}

void dns_record_begin(struct dns_writer *w, const uint8_t *name, uint16_t type, uint16_t class,
                      uint32_t ttl_s)
{
	uint8_t rest[RECORD_REST] = { 0 };

	dns_put_name(w, name);
	put_be16(rest, type);
	put_be16(rest + 2, class);
	put_be32(rest + 4, ttl_s);
	dns_put_bytes(w, rest, sizeof(rest));
	w->data_at = w->len;
}

int dns_record_end(struct dns_writer *w, enum dns_section section)
{
	if (!w->is_full)
		put_be16(w->data + w->data_at - 2, (uint16_t)(w->len - w->data_at));
	return finish(w, section);
}
