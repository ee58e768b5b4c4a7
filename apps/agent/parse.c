/* SPDX-License-Identifier: ISC */
/* The grammar of the suite's lines, as a table: per verb the kinds of its arguments, in order. Words are
 * separated by blanks; they are not copied, and every read stays inside the line. */
#include "apps/agent/parse.h"

#include <errno.h>

#include "kernel/hex.h"

enum argument {
	ARGUMENT_NONE, ARGUMENT_HANDLE, ARGUMENT_PROTOCOL, ARGUMENT_ENDPOINT, ARGUMENT_ENDPOINT_OR_NOT,
	ARGUMENT_NUMBER, ARGUMENT_HEX, ARGUMENT_SHUTDOWN, ARGUMENT_POLL, ARGUMENT_OPTION,
};

static const struct {
	const char *name;
	uint8_t arguments[3]; /* enum argument */
} verbs[] = {
	[VERB_SOCKET] = { "socket", { ARGUMENT_PROTOCOL } },
	[VERB_BIND] = { "bind", { ARGUMENT_HANDLE, ARGUMENT_ENDPOINT } },
	[VERB_LISTEN] = { "listen", { ARGUMENT_HANDLE, ARGUMENT_NUMBER } },
	[VERB_ACCEPT] = { "accept", { ARGUMENT_HANDLE } },
	[VERB_CONNECT] = { "connect", { ARGUMENT_HANDLE, ARGUMENT_ENDPOINT } },
	[VERB_SEND] = { "send", { ARGUMENT_HANDLE, ARGUMENT_HEX, ARGUMENT_ENDPOINT_OR_NOT } },
	[VERB_RECV] = { "recv", { ARGUMENT_HANDLE, ARGUMENT_NUMBER } },
	[VERB_SHUTDOWN] = { "shutdown", { ARGUMENT_HANDLE, ARGUMENT_SHUTDOWN } },
	[VERB_CLOSE] = { "close", { ARGUMENT_HANDLE } },
	[VERB_ABORT] = { "abort", { ARGUMENT_HANDLE } },
	[VERB_SET] = { "set", { ARGUMENT_HANDLE, ARGUMENT_OPTION, ARGUMENT_NUMBER } },
	[VERB_GET] = { "get", { ARGUMENT_HANDLE, ARGUMENT_OPTION } },
	[VERB_POLL] = { "poll", { ARGUMENT_HANDLE, ARGUMENT_POLL, ARGUMENT_NUMBER } },
	[VERB_RESETALL] = { "resetall", { ARGUMENT_NONE } },
};

/* The rest of the line. */
struct rest {
	const char *at, *end;
};

static bool is_blank(char c)
{
	return c == ' ' || c == '\t';
}

static struct word next_word(struct rest *rest)
{
	struct word w;

	while (rest->at < rest->end && is_blank(*rest->at))
		rest->at++;
	w.at = rest->at;
	while (rest->at < rest->end && !is_blank(*rest->at))
		rest->at++;
	w.len = (size_t)(rest->at - w.at);
	return w;
}

bool word_is(const struct word *w, const char *text)
{
	return w->len == strlen(text) && !memcmp(w->at, text, w->len);
}

/* Accepts -1, or 0 to UINT32_MAX. */
static const char *parse_number(const struct word *w, int64_t *out)
{
	uint64_t n = 0;

	*out = -1;
	if (word_is(w, "-1"))
		return NULL;
	if (w->len == 0)
		return "a number is missing";
	for (size_t i = 0; i < w->len; i++) {
		if (w->at[i] < '0' || w->at[i] > '9')
			return "not a number";
		n = n * 10 + (uint64_t)(w->at[i] - '0');
		if (n > UINT32_MAX)
			return "the number is too large";
	}
	*out = (int64_t)n;
	return NULL;
}

static const char *parse_handle(const struct word *w, uint32_t *out)
{
	int64_t n;

	if (parse_number(w, &n) || n < 0)
		return "a handle is a number";
	*out = (uint32_t)n;
	return NULL;
}

static const char *parse_endpoint(const struct word *address, const struct word *port, struct endpoint *out)
{
	char text[IP_TEXT_MAX];
	int64_t n;

	if (address->len >= sizeof(text))
		return "not an address";
	memcpy(text, address->at, address->len);
	text[address->len] = '\0';
	if (ip_parse(text, &out->addr) < 0)
		return "not an address";
	if (parse_number(port, &n) || n < 0 || n > UINT16_MAX)
		return "a port is a number from 0 to 65535";
	out->port = (uint16_t)n;
	return NULL;
}

static const char *parse_hex(const struct word *w, struct word *out)
{
	*out = *w;
	if (w->len == 0)
		return "data is missing: hexadecimal digits, or - for none";
	if (word_is(w, "-")) {
		out->len = 0;
		return NULL;
	}
	for (size_t i = 0; i < w->len; i++)
		if (hex_digit(w->at[i]) < 0)
			return "data is hexadecimal digits";
	return w->len % 2 ? "data has half a byte" : NULL;
}

/* a, b or both: 1, 2 or 3. */
static const char *parse_directions(const struct word *w, const char *const names[3], const char *wrong,
                                    uint8_t *out)
{
	for (uint8_t i = 0; i < 3; i++) {
		if (names[i] && word_is(w, names[i])) {
			*out = i + 1;
			return NULL;
		}
	}
	return wrong;
}

static const char *parse_protocol(const struct word *w, bool *is_udp)
{
	*is_udp = word_is(w, "udp");
	return *is_udp || word_is(w, "tcp") ? NULL : "the protocol is tcp or udp";
}

/* Parses an optional endpoint. */
static const char *parse_optional_endpoint(struct rest *rest, struct command *out)
{
	struct word address = next_word(rest), port;

	if (address.len == 0)
		return NULL;
	out->has_endpoint = true;
	port = next_word(rest);
	return parse_endpoint(&address, &port, &out->endpoint);
}

static const char *parse_argument(enum argument kind, struct rest *rest, struct command *out)
{
	static const char *const shutdown_names[] = { "rd", "wr", "rdwr" };
	static const char *const poll_names[] = { "in", "out", NULL };
	struct word w, port;

	if (kind == ARGUMENT_NONE)
		return NULL;
	if (kind == ARGUMENT_ENDPOINT_OR_NOT)
		return parse_optional_endpoint(rest, out);
	w = next_word(rest);
	switch (kind) {
	case ARGUMENT_HANDLE:
		return parse_handle(&w, &out->handle);
	case ARGUMENT_PROTOCOL:
		return parse_protocol(&w, &out->is_udp);
	case ARGUMENT_ENDPOINT:
		port = next_word(rest);
		return parse_endpoint(&w, &port, &out->endpoint);
	case ARGUMENT_NUMBER:
		return parse_number(&w, &out->number);
	case ARGUMENT_HEX:
		return parse_hex(&w, &out->data);
	case ARGUMENT_SHUTDOWN:
		return parse_directions(&w, shutdown_names, "shutdown rd, wr or rdwr", &out->directions);
	case ARGUMENT_POLL:
		return parse_directions(&w, poll_names, "poll in or out", &out->directions);
	default:
		out->option = w;
		return w.len ? NULL : "an option is missing";
	}
}

/* An id cannot have blanks, which separate words; control characters in it could upset the answer's
 * reader. */
static const char *check_id(struct word *id)
{
	for (size_t i = 0; i < id->len; i++) {
		if ((uint8_t)id->at[i] <= ' ' || (uint8_t)id->at[i] >= 0x7f) {
			id->len = 0;
			return "the id is not made of printable characters";
		}
	}
	if (id->len > COMMAND_ID_MAX) {
		id->len = COMMAND_ID_MAX;
		return "the id is too long";
	}
	return id->len ? NULL : "no id";
}

static const char *parse(struct rest *rest, struct command *out)
{
	const char *wrong = check_id(&out->id);
	struct word w;
	size_t verb = 0;

	if (wrong)
		return wrong;
	w = next_word(rest);
	while (verb < ARRAY_SIZE(verbs) && !word_is(&w, verbs[verb].name))
		verb++;
	if (verb == ARRAY_SIZE(verbs))
		return "no such command";
	out->verb = (enum verb)verb;
	for (size_t i = 0; i < ARRAY_SIZE(verbs[verb].arguments); i++) {
		wrong = parse_argument(verbs[verb].arguments[i], rest, out);
		if (wrong)
			return wrong;
	}
	return next_word(rest).len ? "too many words" : NULL;
}

int command_parse(const char *line, size_t len, struct command *out, const char **reason)
{
	struct rest rest = { line, line + len };

	memset(out, 0, sizeof(*out));
	out->id = next_word(&rest);
	*reason = parse(&rest, out);
	return *reason ? -EINVAL : 0;
}

void command_decode(const struct command *c, uint8_t *to)
{
	for (size_t i = 0; i < c->data.len; i += 2)
		*to++ = (uint8_t)(hex_digit(c->data.at[i]) << 4 | hex_digit(c->data.at[i + 1]));
}
