/* SPDX-License-Identifier: ISC */
/* Segments as words: what a line says of one, and one that was seen as a line would say it. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "tests/tcp/wire.h"

/* Fields that are a word and a number. The others have a form of their own. */
static const char *const names[WIRE_FIELDS] = {
	[WIRE_SEQ] = "seq", [WIRE_ACK] = "ack", [WIRE_DATA] = "data", [WIRE_WINDOW] = "win",
	[WIRE_URGENT] = "urg", [WIRE_RESERVED] = "reserved", [WIRE_MSS] = "mss", [WIRE_UTO] = "uto",
	[WIRE_SCALE] = "wscale",
	[WIRE_TTL] = "ttl", [WIRE_DSCP] = "dscp", [WIRE_ECN] = "ecn", [WIRE_MTU] = "mtu",
	[WIRE_TIMES] = "times", [WIRE_AFTER] = "after",
};

static const struct { const char *name; uint8_t bit; } flag_names[] = {
	{ "SYN", WIRE_SYN }, { "FIN", WIRE_FIN }, { "RST", WIRE_RST }, { "PSH", WIRE_PSH },
	{ "ACK", WIRE_ACK_FLAG }, { "URG", WIRE_URG }, { "ECE", WIRE_ECE }, { "CWR", WIRE_CWR },
};

/* -- reading -- */

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
	if (word[0] == '=' && (f == WIRE_SEQ || f == WIRE_ACK)) {
		w->absolute |= WIRE_BIT(f);
		word++;
	}
	w->value[f] = parse_value(l, word, f == WIRE_AFTER);
	w->given |= WIRE_BIT(f);
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
	wire_set(w, WIRE_SACKS, n);
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
		w->absent |= WIRE_BIT(f);
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
		wire_set(w, WIRE_SACK_OK, 1);
	} else if (strcmp(word, "df") == 0) {
		wire_set(w, WIRE_DF, 1);
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
	for (size_t i = 0; i < WIRE_ERRORS; i++)
		if (strcmp(wire_errors[i].name, word) == 0)
			w->icmp = wire_errors[i].name;
	if (!w->icmp)
		fail(l, "unknown error: %s", word);
	w->given &= ~WIRE_BIT(WIRE_DATA);
}

void wire_parse(struct wire *w, const struct line *l, unsigned at)
{
	const char *word = line_take(l, &at, "a segment");

	*w = (struct wire){ .any = strcmp(word, "*") == 0 };
	wire_set(w, WIRE_DATA, 0);
	wire_set(w, WIRE_TIMES, 1);
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
	if (!w->any && !w->icmp && !wire_has(w, WIRE_SEQ))
		fail(l, "no sequence number: seq *, if it is to be any");
	if (w->flags & WIRE_ACK_FLAG && !wire_has(w, WIRE_ACK))
		fail(l, "ACK without its number: ack *, if it is to be any");
}

/* -- showing -- */

const char *wire_field_name(enum wire_field f)
{
	static const char *const others[WIRE_FIELDS] = {
		[WIRE_SACK_OK] = "sackOK", [WIRE_TS_VALUE] = "ts", [WIRE_TS_ECHO] = "ts echo",
		[WIRE_SACKS] = "sack", [WIRE_DF] = "df",
	};

	return names[f] ? names[f] : others[f];
}

/* Behind what is in to already. */
__attribute__((format(printf, 2, 3))) static void add(char to[WIRE_TEXT], const char *format, ...)
{
	size_t len = strlen(to);
	va_list args;

	va_start(args, format);
	vsnprintf(to + len, WIRE_TEXT - len, format, args);
	va_end(args);
}

static void add_flags(char to[WIRE_TEXT], const struct wire *w)
{
	if (!w->flags)
		add(to, "-");
	for (size_t i = 0; i < ARRAY_SIZE(flag_names); i++)
		if (w->flags & flag_names[i].bit)
			add(to, "%s%s", *to ? "," : "", flag_names[i].name);
}

void wire_print(const struct wire *w, char to[WIRE_TEXT])
{
	static const uint32_t zeros = WIRE_BIT(WIRE_SEQ) | WIRE_BIT(WIRE_ACK) | WIRE_BIT(WIRE_DATA) |
	                              WIRE_BIT(WIRE_WINDOW) | WIRE_BIT(WIRE_SCALE); /* are worth showing */

	*to = '\0';
	if (w->icmp)
		add(to, "icmp %s", w->icmp);
	else
		add_flags(to, w);
	for (unsigned f = 0; f < WIRE_TTL; f++)
		if (names[f] && wire_has(w, f) && (w->value[f].least || zeros & WIRE_BIT(f)))
			add(to, " %s %d", names[f], (int)w->value[f].least);
	if (wire_has(w, WIRE_SACK_OK))
		add(to, " sackOK");
	if (wire_has(w, WIRE_TS_VALUE))
		add(to, " ts %u %u", w->value[WIRE_TS_VALUE].least, w->value[WIRE_TS_ECHO].least);
	if (wire_has(w, WIRE_SACKS))
		add(to, " sack");
	for (unsigned i = 0; wire_has(w, WIRE_SACKS) && i < w->value[WIRE_SACKS].least; i++)
		add(to, " %u-%u", w->sacks[i].start, w->sacks[i].end);
}
