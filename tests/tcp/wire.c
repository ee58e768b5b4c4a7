/* SPDX-License-Identifier: ISC */
/* The words of segments, and their bytes. A codec of its own, not net/tcp/segment.c: what both ends got
 * wrong alike would not be seen. RFC 9293 §3.1, RFC 7323, RFC 2018, RFC 792. */
#include "tests/tcp/wire.h"

#include <stdio.h>
#include <string.h>

#include "net/bytes.h"

enum { IP = 14, TCP = 34, END = 0, NOP = 1, MSS = 2, SCALE = 3, SACK_OK = 4, SACK = 5, TIMESTAMPS = 8 };

#define BIT(field) (1u << (field))

/* Fields that are a word and a number. The others have a form of their own. */
static const char *const names[WIRE_FIELDS] = {
	[WIRE_SEQ] = "seq", [WIRE_ACK] = "ack", [WIRE_DATA] = "data", [WIRE_WINDOW] = "win",
	[WIRE_URGENT] = "urg", [WIRE_RESERVED] = "reserved", [WIRE_MSS] = "mss", [WIRE_SCALE] = "wscale",
	[WIRE_TTL] = "ttl", [WIRE_ECN] = "ecn", [WIRE_MTU] = "mtu", [WIRE_TIMES] = "times",
	[WIRE_AFTER] = "after",
};

static const struct { const char *name; uint8_t bit; } flag_names[] = {
	{ "SYN", WIRE_SYN }, { "FIN", WIRE_FIN }, { "RST", WIRE_RST }, { "PSH", WIRE_PSH },
	{ "ACK", WIRE_ACK_FLAG }, { "URG", WIRE_URG }, { "ECE", WIRE_ECE }, { "CWR", WIRE_CWR },
};

static const struct { const char *name; uint8_t type, code; } icmp_names[] = {
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

/* -- words -- */

static bool has(const struct wire *w, enum wire_field f)
{
	return w->given & BIT(f);
}

static void set(struct wire *w, enum wire_field f, uint32_t value)
{
	w->value[f] = (struct range){ value, value };
	w->given |= BIT(f);
}

static enum wire_field field_named(const char *word)
{
	unsigned f = 0;

	while (f < WIRE_FIELDS && !(names[f] && strcmp(names[f], word) == 0))
		f++;
	return f;
}

static void parse_flags(struct wire *w, const struct line *l, const char *word)
{
	char copy[64], *rest = copy, *name;

	w->flags_matter = 0xff & ~WIRE_PSH; /* RFC 9293 leaves it to the sender, but for the last segment */
	snprintf(copy, sizeof(copy), "%s", word);
	while ((name = strsep(&rest, ","))) {
		size_t i = 0;

		while (i < ARRAY_SIZE(flag_names) && strcmp(flag_names[i].name, name) != 0)
			i++;
		if (i < ARRAY_SIZE(flag_names))
			w->flags |= flag_names[i].bit;
		else if (strcmp(name, "-") != 0)
			fail(l, "not a flag: %s", name);
	}
	w->flags_matter |= w->flags;
}

static struct range parse_value(const struct line *l, const char *word, bool is_time)
{
	if (strcmp(word, "*") == 0)
		return (struct range){ 0, UINT32_MAX };
	return line_range(l, word, is_time);
}

static void parse_number(struct wire *w, const struct line *l, enum wire_field f, const char *word)
{
	if (word[0] == '=') {
		w->absolute |= BIT(f);
		word++;
	}
	w->value[f] = parse_value(l, word, f == WIRE_AFTER);
	w->given |= BIT(f);
}

static void parse_sacks(struct wire *w, const struct line *l, unsigned *at)
{
	unsigned n = 0, start, end;

	while (*at < l->count && sscanf(l->words[*at], "%u-%u", &start, &end) == 2) {
		if (n == WIRE_SACK_BLOCKS)
			fail(l, "more than %u blocks", WIRE_SACK_BLOCKS);
		w->sacks[n].start = start;
		w->sacks[n++].end = end;
		++*at;
	}
	set(w, WIRE_SACKS, n);
	if (line_takes(l, at, "*"))
		w->value[WIRE_SACKS].most = WIRE_SACK_BLOCKS;
	else if (n == 0)
		fail(l, "sack without blocks, as in 11-21");
}

/* Hexadecimal digits, as they are. */
static void parse_bytes(struct wire *w, const struct line *l, const char *digits)
{
	unsigned byte;

	for (; digits[0] && digits[1] && sscanf(digits, "%2x", &byte) == 1; digits += 2) {
		if (w->options_bytes == sizeof(w->options))
			fail(l, "more options than fit");
		w->options[w->options_bytes++] = (uint8_t)byte;
	}
	if (*digits)
		fail(l, "not pairs of hexadecimal digits: %s", digits);
}

static void parse_absence(struct wire *w, const struct line *l, const char *word)
{
	enum wire_field f = field_named(word);

	if (strcmp(word, "sackOK") == 0)
		f = WIRE_SACK_OK;
	else if (strcmp(word, "ts") == 0)
		f = WIRE_TS_VALUE;
	else if (strcmp(word, "sack") == 0)
		f = WIRE_SACKS;
	else if (strcmp(word, "df") == 0)
		f = WIRE_DF;
	if (strcmp(word, "PSH") == 0)
		w->flags_matter |= WIRE_PSH;
	else if (f == WIRE_FIELDS)
		fail(l, "nothing that can be absent: %s", word);
	else
		w->absent |= BIT(f);
}

static uint32_t parse_address(const struct line *l, const char *word)
{
	unsigned a, b, c, d;
	char more;

	if (sscanf(word, "%u.%u.%u.%u%c", &a, &b, &c, &d, &more) != 4 || (a | b | c | d) > 255)
		fail(l, "not an address: %s", word);
	return a << 24 | b << 16 | c << 8 | d;
}

/* Words that are neither a field and a number nor any of these are unknown. */
static void parse_special(struct wire *w, const struct line *l, const char *word, unsigned *at)
{
	if (strcmp(word, "sackOK") == 0) {
		set(w, WIRE_SACK_OK, 1);
	} else if (strcmp(word, "df") == 0) {
		set(w, WIRE_DF, 1);
	} else if (strcmp(word, "ts") == 0) {
		parse_number(w, l, WIRE_TS_VALUE, line_take(l, at, "a timestamp"));
		parse_number(w, l, WIRE_TS_ECHO, line_take(l, at, "a timestamp's echo"));
	} else if (strcmp(word, "sack") == 0) {
		parse_sacks(w, l, at);
	} else if (strcmp(word, "bytes") == 0) {
		parse_bytes(w, l, line_take(l, at, "an option's bytes"));
	} else if (strcmp(word, "no") == 0) {
		parse_absence(w, l, line_take(l, at, "what is absent"));
	} else if (strcmp(word, "from") == 0) {
		w->src = parse_address(l, line_take(l, at, "an address"));
	} else if (strcmp(word, "to") == 0) {
		w->dst = parse_address(l, line_take(l, at, "an address"));
	} else if (strcmp(word, "bad-checksum") == 0) {
		w->bad_checksum = true;
	} else if (strcmp(word, "header-words") == 0) {
		w->header_words = line_number(l, line_take(l, at, "a number"));
	} else {
		fail(l, "unknown word: %s", word);
	}
}

static void parse_icmp(struct wire *w, const struct line *l, const char *word)
{
	for (size_t i = 0; i < ARRAY_SIZE(icmp_names); i++)
		if (strcmp(icmp_names[i].name, word) == 0)
			w->icmp = icmp_names[i].name;
	if (!w->icmp)
		fail(l, "unknown error: %s", word);
	w->given &= ~BIT(WIRE_DATA);
}

void wire_parse(struct wire *w, const struct line *l, unsigned at)
{
	const char *word = line_take(l, &at, "a segment");

	*w = (struct wire){ .any = strcmp(word, "*") == 0 };
	set(w, WIRE_DATA, 0);
	set(w, WIRE_TIMES, 1);
	if (strcmp(word, "icmp") == 0)
		parse_icmp(w, l, line_take(l, &at, "the kind of error"));
	else if (!w->any)
		parse_flags(w, l, word);
	while (at < l->count) {
		enum wire_field f;

		word = l->words[at++];
		f = field_named(word);
		if (f < WIRE_FIELDS)
			parse_number(w, l, f, line_take(l, &at, "a number"));
		else
			parse_special(w, l, word, &at);
	}
	if (!w->any && !w->icmp && !has(w, WIRE_SEQ))
		fail(l, "no sequence number: seq *, if it is to be any");
	if (w->flags & WIRE_ACK_FLAG && !has(w, WIRE_ACK))
		fail(l, "ACK without its number: ack *, if it is to be any");
}

/* -- to bytes -- */

static uint32_t on_wire(const struct wire *w, enum wire_field f, uint32_t base)
{
	return has(w, f) ? w->value[f].least + (w->absolute & BIT(f) ? 0 : base) : 0;
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

	if (has(w, WIRE_MSS))
		p = put(put(p, 2, MSS << 8 | 4), 2, w->value[WIRE_MSS].least);
	if (has(w, WIRE_SACK_OK))
		p = put(p, 2, SACK_OK << 8 | 2);
	if (has(w, WIRE_TS_VALUE)) {
		p = put(p, 2, TIMESTAMPS << 8 | 10);
		p = put(put(p, 4, w->value[WIRE_TS_VALUE].least), 4, on_wire(w, WIRE_TS_ECHO, b->clock));
	}
	if (has(w, WIRE_SCALE))
		p = put(put(p, 2, SCALE << 8 | 3), 1, w->value[WIRE_SCALE].least);
	if (has(w, WIRE_SACKS)) {
		p = put(p, 2, SACK << 8 | (2 + 8 * w->value[WIRE_SACKS].least));
		for (unsigned i = 0; i < w->value[WIRE_SACKS].least; i++)
			p = put(put(p, 4, b->stack + w->sacks[i].start), 4, b->stack + w->sacks[i].end);
	}
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
	p = put(p, 1, words << 4 | (has(w, WIRE_RESERVED) ? w->value[WIRE_RESERVED].least : 0));
	p = put(p, 1, w->flags);
	p = put(p, 2, has(w, WIRE_WINDOW) ? w->value[WIRE_WINDOW].least : 65535);
	put(p, 4, has(w, WIRE_URGENT) ? w->value[WIRE_URGENT].least : 0);
	frame_add(f, bytes, (size_t)(end - bytes));
	frame_add(f, pattern_at(FROM_PEER, seq - b->peer - !(w->flags & WIRE_SYN)), len);
}

/* What the stack is told that it has sent: a segment from seq on. */
static void emit_icmp(const struct wire *w, const struct bases *b, struct frame *f)
{
	uint8_t quoted[28] = { 0x45, 0, 5, 220, 0, 0, 0x40, 0, 63, 6 };
	size_t i = 0;

	while (icmp_names[i].name != w->icmp)
		i++;
	put(put(quoted + 12, 4, LAN_IP), 4, LAN_PEER_IP);
	put(put(put(quoted + 20, 2, w->dst_port), 2, w->src_port), 4, on_wire(w, WIRE_SEQ, b->stack));
	frame_icmp(f, icmp_names[i].type, icmp_names[i].code, has(w, WIRE_MTU) ? w->value[WIRE_MTU].least : 0,
	           quoted, sizeof(quoted));
}

void wire_emit(const struct wire *w, const struct bases *b, struct frame *f)
{
	frame_ipv4(f, w->icmp ? 1 : 6, w->src ? w->src : LAN_PEER_IP, w->dst ? w->dst : LAN_IP);
	if (w->icmp)
		emit_icmp(w, b, f);
	else
		emit_tcp(w, b, f);
	if (has(w, WIRE_TTL))
		f->bytes[IP + 8] = (uint8_t)w->value[WIRE_TTL].least;
	if (has(w, WIRE_ECN))
		f->bytes[IP + 1] |= (uint8_t)w->value[WIRE_ECN].least;
	frame_finish(f);
	if (w->bad_checksum)
		f->bytes[TCP + 16] ^= 0x55;
}

/* -- from bytes -- */

/* One option of len bytes at p. */
static const char *read_option(struct wire *w, struct bases *b, const uint8_t *p, unsigned len)
{
	static const uint8_t lengths[] = { [MSS] = 4, [SCALE] = 3, [SACK_OK] = 2, [TIMESTAMPS] = 10 };

	if (p[0] == SACK) {
		if (len % 8 != 2 || len == 2 || len > 2 + 8 * WIRE_SACK_BLOCKS)
			return "its SACK option has a wrong length";
		set(w, WIRE_SACKS, len / 8);
		for (unsigned i = 0; i < len / 8; i++) {
			w->sacks[i].start = get_be32(p + 2 + 8 * i) - b->peer;
			w->sacks[i].end = get_be32(p + 6 + 8 * i) - b->peer;
		}
		return NULL;
	}
	if (p[0] >= ARRAY_SIZE(lengths) || lengths[p[0]] != len)
		return "it has an unknown option";
	if (p[0] == MSS)
		set(w, WIRE_MSS, get_be16(p + 2));
	if (p[0] == SCALE)
		set(w, WIRE_SCALE, p[2]);
	if (p[0] == SACK_OK)
		set(w, WIRE_SACK_OK, 1);
	if (p[0] == TIMESTAMPS) {
		if (!b->clock_known)
			b->clock = get_be32(p + 2);
		b->clock_known = true;
		set(w, WIRE_TS_VALUE, get_be32(p + 2) - b->clock);
		set(w, WIRE_TS_ECHO, get_be32(p + 6));
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
	set(w, WIRE_SEQ, w->raw_seq - b->stack);
	if (w->flags & WIRE_ACK_FLAG)
		set(w, WIRE_ACK, w->raw_ack - b->peer);
	set(w, WIRE_RESERVED, t[12] & 15);
	set(w, WIRE_WINDOW, get_be16(t + 14));
	set(w, WIRE_URGENT, get_be16(t + 18));
	set(w, WIRE_DATA, len);
	if (len && memcmp(t + header, pattern_at(FROM_STACK, w->raw_seq - b->stack - 1), len) != 0)
		return "its payload is not what was written";
	return read_options(w, b, t + 20, t + header);
}

const char *wire_read(struct wire *w, struct bases *b, const struct frame *f)
{
	*w = (struct wire){ .dst = frame_32(f, IP + 16), .src = frame_32(f, IP + 12) };
	if (!frame_ipv4_is_right(f) || f->bytes[IP] != 0x45)
		return "it is no IPv4 packet with right checksums";
	set(w, WIRE_TTL, f->bytes[IP + 8]);
	set(w, WIRE_ECN, f->bytes[IP + 1] & 3);
	if (f->bytes[IP + 6] & 0x40)
		set(w, WIRE_DF, 1);
	if (f->bytes[IP + 9] == 6)
		return read_tcp(w, b, f);
	for (size_t i = 0; f->bytes[IP + 9] == 1 && i < ARRAY_SIZE(icmp_names); i++)
		if (f->bytes[TCP] == icmp_names[i].type && f->bytes[TCP + 1] == icmp_names[i].code)
			w->icmp = icmp_names[i].name;
	return w->icmp ? NULL : "it is neither TCP nor an error of ICMP";
}

/* -- comparing and showing -- */

static bool sacks_differ(const struct wire *want, const struct wire *got)
{
	return memcmp(want->sacks, got->sacks, want->value[WIRE_SACKS].least * sizeof(*want->sacks)) != 0;
}

const char *wire_mismatch(const struct wire *want, const struct wire *got)
{
	static const char *const others[WIRE_FIELDS] = {
		[WIRE_SACK_OK] = "sackOK", [WIRE_TS_VALUE] = "ts", [WIRE_TS_ECHO] = "ts echo",
		[WIRE_SACKS] = "sack", [WIRE_DF] = "df",
	};

	if (want->any)
		return NULL;
	if (want->icmp != got->icmp)
		return "kind";
	if ((want->flags ^ got->flags) & want->flags_matter)
		return "flags";
	for (unsigned f = 0; f < WIRE_TIMES; f++) {
		uint32_t value = got->value[f].least;
		const struct range *r = &want->value[f];

		if (want->absolute & BIT(f))
			value = f == WIRE_SEQ ? got->raw_seq : got->raw_ack;
		if ((want->absent & got->given & BIT(f)) ||
		    (has(want, f) && f != WIRE_MTU && (!has(got, f) || value < r->least || value > r->most)))
			return names[f] ? names[f] : others[f];
	}
	return has(want, WIRE_SACKS) && sacks_differ(want, got) ? "sack" : NULL;
}

static size_t print_flags(const struct wire *w, char *to, size_t size)
{
	size_t n = 0;

	for (size_t i = 0; i < ARRAY_SIZE(flag_names); i++)
		if (w->flags & flag_names[i].bit)
			n += (size_t)snprintf(to + n, size - n, "%s%s", n ? "," : "", flag_names[i].name);
	return n ? n : (size_t)snprintf(to, size, "-");
}

void wire_print(const struct wire *w, char *to, size_t size)
{
	static const uint32_t tacit = BIT(WIRE_TTL) | BIT(WIRE_ECN) | BIT(WIRE_TIMES) | BIT(WIRE_AFTER);
	static const uint32_t usual = BIT(WIRE_URGENT) | BIT(WIRE_RESERVED); /* when they are zero */
	size_t n;

	n = w->icmp ? (size_t)snprintf(to, size, "icmp %s", w->icmp) : print_flags(w, to, size);
	for (unsigned f = 0; f < WIRE_FIELDS; f++)
		if (names[f] && has(w, f) && !(tacit & BIT(f)) && !(usual & BIT(f) && w->value[f].least == 0))
			n += (size_t)snprintf(to + n, size - n, " %s %d", names[f], (int)w->value[f].least);
	if (has(w, WIRE_SACK_OK))
		n += (size_t)snprintf(to + n, size - n, " sackOK");
	if (has(w, WIRE_TS_VALUE))
		n += (size_t)snprintf(to + n, size - n, " ts %u %u", w->value[WIRE_TS_VALUE].least,
		                      w->value[WIRE_TS_ECHO].least);
	if (has(w, WIRE_SACKS))
		n += (size_t)snprintf(to + n, size - n, " sack");
	for (unsigned i = 0; has(w, WIRE_SACKS) && i < w->value[WIRE_SACKS].least; i++)
		n += (size_t)snprintf(to + n, size - n, " %u-%u", w->sacks[i].start, w->sacks[i].end);
}
