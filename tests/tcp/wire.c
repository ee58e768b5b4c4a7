/* SPDX-License-Identifier: ISC */
/* Segments as bytes. A codec of its own, not net/tcp/segment.c: what both ends got wrong alike would not be
 * seen. RFC 9293 §3.1, RFC 7323, RFC 2018, RFC 792. */
#include "tests/tcp/wire.h"

#include <string.h>

#include "net/bytes.h"

enum { IP = 14, TCP = 34, END = 0, NOP = 1, MSS = 2, SCALE = 3, SACK_OK = 4, SACK = 5, TIMESTAMPS = 8,
       USER_TIMEOUT = 28 };

const struct wire_error wire_errors[WIRE_ERRORS] = {
	{ "net-unreachable", 3, 0 }, { "host-unreachable", 3, 1 }, { "protocol-unreachable", 3, 2 },
	{ "port-unreachable", 3, 3 }, { "needs-fragmentation", 3, 4 }, { "source-route-failed", 3, 5 },
	{ "source-quench", 4, 0 }, { "time-exceeded", 11, 0 }, { "parameter-problem", 12, 0 },
};

const uint8_t *pattern_at(int from, uint32_t offset)
{
	static uint8_t bytes[2][PATTERN_BYTES];
	static bool made;

	for (uint32_t i = 0; !made && i < PATTERN_BYTES; i++) {
		bytes[FROM_PEER][i] = (uint8_t)(i * 7 ^ i >> 8 ^ i >> 16);
		bytes[FROM_STACK][i] = (uint8_t)(i * 11 ^ i >> 7 ^ i >> 15);
	}
	made = true;
	return &bytes[from][offset % (PATTERN_BYTES / 2)];
}

/* -- to bytes -- */

static uint32_t on_wire(const struct wire *w, enum wire_field f, uint32_t base)
{
	return wire_has(w, f) ? w->value[f].least + (w->absolute & WIRE_BIT(f) ? 0 : base) : 0;
}

static uint8_t *put(uint8_t *p, unsigned bytes, uint32_t value)
{
	while (bytes-- > 0)
		*p++ = (uint8_t)(value >> bytes * 8);
	return p;
}

/* Gives where the options end. */
static uint8_t *emit_options(const struct wire *w, const struct bases *b, uint8_t *p)
{
	uint8_t *begin = p;

	if (wire_has(w, WIRE_MSS))
		p = put(put(p, 2, MSS << 8 | 4), 2, w->value[WIRE_MSS].least);
	if (wire_has(w, WIRE_SACK_OK))
		p = put(p, 2, SACK_OK << 8 | 2);
	if (wire_has(w, WIRE_TS_VALUE)) {
		p = put(p, 2, TIMESTAMPS << 8 | 10);
		p = put(put(p, 4, w->value[WIRE_TS_VALUE].least), 4, on_wire(w, WIRE_TS_ECHO, b->clock));
	}
	if (wire_has(w, WIRE_SCALE))
		p = put(put(p, 2, SCALE << 8 | 3), 1, w->value[WIRE_SCALE].least);
	if (wire_has(w, WIRE_SACKS)) {
		p = put(p, 2, SACK << 8 | (2 + 8 * w->value[WIRE_SACKS].least));
		for (unsigned i = 0; i < w->value[WIRE_SACKS].least; i++)
			p = put(put(p, 4, b->stack + w->sacks[i].start), 4, b->stack + w->sacks[i].end);
	}
	if (wire_has(w, WIRE_UTO))
		p = put(put(p, 2, USER_TIMEOUT << 8 | 4), 2, w->value[WIRE_UTO].least);
	memcpy(p, w->options, w->options_bytes);
	p += w->options_bytes;
	while ((p - begin) % 4)
		*p++ = NOP;
	return p;
}

static void emit_tcp(const struct wire *w, const struct bases *b, struct frame *f)
{
	uint32_t seq = on_wire(w, WIRE_SEQ, b->peer), len = w->value[WIRE_DATA].least;
	uint8_t bytes[128], *p = bytes, *end;
	unsigned words;

	p = put(put(p, 2, w->src_port), 2, w->dst_port);
	p = put(put(p, 4, seq), 4, on_wire(w, WIRE_ACK, b->stack));
	end = emit_options(w, b, bytes + 20);
	words = w->header_words ? w->header_words : (unsigned)(end - bytes) / 4;
	if (words > 15)
		fail(NULL, "a segment has more options than fit");
	p = put(p, 1, words << 4 | (wire_has(w, WIRE_RESERVED) ? w->value[WIRE_RESERVED].least : 0));
	p = put(p, 1, w->flags);
	p = put(p, 2, wire_has(w, WIRE_WINDOW) ? w->value[WIRE_WINDOW].least : 65535);
	put(p, 4, wire_has(w, WIRE_URGENT) ? w->value[WIRE_URGENT].least : 0);
	frame_add(f, bytes, (size_t)(end - bytes));
	frame_add(f, pattern_at(FROM_PEER, seq - b->peer - !(w->flags & WIRE_SYN)), len);
}

/* An ICMP error about a segment of the stack's from seq on. */
static void emit_icmp(const struct wire *w, const struct bases *b, struct frame *f)
{
	uint8_t quoted[28] = { 0x45, 0, 5, 220, 0, 0, 0x40, 0, 63, 6 };
	const struct wire_error *e = wire_errors;

	while (e->name != w->icmp)
		e++;
	put(put(quoted + 12, 4, LAN_IP), 4, LAN_PEER_IP);
	put(put(put(quoted + 20, 2, w->dst_port), 2, w->src_port), 4, on_wire(w, WIRE_SEQ, b->stack));
	frame_icmp(f, e->type, e->code, wire_has(w, WIRE_MTU) ? w->value[WIRE_MTU].least : 0, quoted,
	           sizeof(quoted));
}

void wire_emit(const struct wire *w, const struct bases *b, struct frame *f)
{
	frame_ipv4(f, w->icmp ? 1 : 6, w->src ? w->src : LAN_PEER_IP, w->dst ? w->dst : LAN_IP);
	if (w->icmp)
		emit_icmp(w, b, f);
	else
		emit_tcp(w, b, f);
	if (wire_has(w, WIRE_TTL))
		f->bytes[IP + 8] = (uint8_t)w->value[WIRE_TTL].least;
	if (wire_has(w, WIRE_DSCP))
		f->bytes[IP + 1] |= (uint8_t)(w->value[WIRE_DSCP].least << 2);
	if (wire_has(w, WIRE_ECN))
		f->bytes[IP + 1] |= (uint8_t)w->value[WIRE_ECN].least;
	frame_finish(f);
	if (w->bad_checksum)
		f->bytes[TCP + 16] ^= 0x55;
}

/* -- from bytes -- */

/* One option of len bytes at p. */
static const char *read_option(struct wire *w, struct bases *b, const uint8_t *p, unsigned len)
{
	static const uint8_t lengths[] = { [MSS] = 4, [SCALE] = 3, [SACK_OK] = 2, [TIMESTAMPS] = 10,
	                                   [USER_TIMEOUT] = 4 };

	if (p[0] == SACK) {
		if (len % 8 != 2 || len == 2 || len > 2 + 8 * WIRE_SACK_BLOCKS)
			return "its SACK option has a wrong length";
		wire_set(w, WIRE_SACKS, len / 8);
		for (unsigned i = 0; i < len / 8; i++) {
			w->sacks[i].start = get_be32(p + 2 + 8 * i) - b->peer;
			w->sacks[i].end = get_be32(p + 6 + 8 * i) - b->peer;
		}
		return NULL;
	}
	if (p[0] >= ARRAY_SIZE(lengths) || lengths[p[0]] != len)
		return "it has an unknown option";
	if (p[0] == MSS)
		wire_set(w, WIRE_MSS, get_be16(p + 2));
	if (p[0] == USER_TIMEOUT)
		wire_set(w, WIRE_UTO, get_be16(p + 2));
	if (p[0] == SCALE)
		wire_set(w, WIRE_SCALE, p[2]);
	if (p[0] == SACK_OK)
		wire_set(w, WIRE_SACK_OK, 1);
	if (p[0] == TIMESTAMPS) {
		if (!b->clock_known)
			b->clock = get_be32(p + 2);
		b->clock_known = true;
		wire_set(w, WIRE_TS_VALUE, get_be32(p + 2) - b->clock);
		wire_set(w, WIRE_TS_ECHO, get_be32(p + 6));
	}
	return NULL;
}

static const char *read_options(struct wire *w, struct bases *b, const uint8_t *p, const uint8_t *end)
{
	const char *wrong = NULL;

	while (p < end && *p != END && !wrong) {
		if (*p == NOP) {
			p++;
			continue;
		}
		if (end - p < 2 || p[1] < 2 || p[1] > end - p)
			return "its options are malformed";
		wrong = read_option(w, b, p, p[1]);
		p += p[1];
	}
	return wrong;
}

static const char *read_tcp(struct wire *w, struct bases *b, const struct frame *f)
{
	const uint8_t *t = f->bytes + TCP;
	unsigned header = (t[12] >> 4) * 4u;
	uint32_t len = (uint32_t)(f->len - TCP) - header;

	if (header < 20 || TCP + header > f->len)
		return "its data offset is wrong";
	w->flags = t[13];
	if (w->flags & WIRE_SYN && !b->stack_known) {
		b->stack = get_be32(t + 4);
		b->stack_known = true;
	}
	w->src_port = get_be16(t);
	w->raw_seq = get_be32(t + 4);
	w->raw_ack = get_be32(t + 8);
	wire_set(w, WIRE_SEQ, w->raw_seq - b->stack);
	if (w->flags & WIRE_ACK_FLAG)
		wire_set(w, WIRE_ACK, w->raw_ack - b->peer);
	wire_set(w, WIRE_RESERVED, t[12] & 15);
	wire_set(w, WIRE_WINDOW, get_be16(t + 14));
	wire_set(w, WIRE_URGENT, get_be16(t + 18));
	wire_set(w, WIRE_DATA, len);
	if (len && memcmp(t + header, pattern_at(FROM_STACK, w->raw_seq - b->stack - 1), len) != 0)
		return "its payload is not what was written";
	return read_options(w, b, t + 20, t + header);
}

const char *wire_read(struct wire *w, struct bases *b, const struct frame *f)
{
	*w = (struct wire){ .dst = frame_32(f, IP + 16), .src = frame_32(f, IP + 12) };
	if (!frame_ipv4_is_right(f) || f->bytes[IP] != 0x45)
		return "it is no IPv4 packet with right checksums";
	wire_set(w, WIRE_TTL, f->bytes[IP + 8]);
	wire_set(w, WIRE_DSCP, f->bytes[IP + 1] >> 2);
	wire_set(w, WIRE_ECN, f->bytes[IP + 1] & 3);
	if (f->bytes[IP + 6] & 0x40)
		wire_set(w, WIRE_DF, 1);
	if (f->bytes[IP + 9] == 6)
		return read_tcp(w, b, f);
	for (size_t i = 0; f->bytes[IP + 9] == 1 && i < WIRE_ERRORS; i++)
		if (f->bytes[TCP] == wire_errors[i].type && f->bytes[TCP + 1] == wire_errors[i].code)
			w->icmp = wire_errors[i].name;
	return w->icmp ? NULL : "it is neither TCP nor an error of ICMP";
}

/* -- comparing -- */

static bool sacks_differ(const struct wire *want, const struct wire *got)
{
	return memcmp(want->sacks, got->sacks, want->value[WIRE_SACKS].least * sizeof(*want->sacks)) != 0;
}

const char *wire_mismatch(const struct wire *want, const struct wire *got)
{
	if (want->any)
		return NULL;
	if (want->icmp != got->icmp)
		return "kind";
	if ((want->flags ^ got->flags) & want->flags_matter)
		return "flags";
	for (unsigned f = 0; f < WIRE_TIMES; f++) {
		uint32_t value = got->value[f].least;
		const struct range *r = &want->value[f];

		if (want->absolute & WIRE_BIT(f))
			value = f == WIRE_SEQ ? got->raw_seq : got->raw_ack;
		if (want->absent & got->given & WIRE_BIT(f))
			return wire_field_name(f);
		if (wire_has(want, f) && (!wire_has(got, f) || value < r->least || value > r->most))
			return wire_field_name(f);
	}
	return wire_has(want, WIRE_SACKS) && sacks_differ(want, got) ? "sack" : NULL;
}
