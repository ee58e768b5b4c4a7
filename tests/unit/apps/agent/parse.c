/* SPDX-License-Identifier: ISC */
/* Lines and commands: those that the grammar accepts, those that it refuses and its reasons, and hostile
 * lines placed against the end of their memory. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "apps/agent/line.h"
#include "apps/agent/names.h"
#include "apps/agent/parse.h"
#include "tests/lib/test.h"

TestSuite(parse, .init = test_begin, .fini = test_end);
TestSuite(line, .init = test_begin, .fini = test_end);

static struct command command;
static const char *reason;
static char *exact;

/* Parses text in a block of exactly its size, which the address sanitizer watches; valid until the next. */
static int parse(const char *text)
{
	size_t len = strlen(text);

	free(exact);
	exact = malloc(len);
	memcpy(exact, text, len);
	return command_parse(exact, len, &command, &reason);
}

static void done(void)
{
	free(exact);
	exact = NULL;
}

static void expect_endpoint(const char *address, uint16_t port)
{
	char text[IP_TEXT_MAX];

	cr_expect_str_eq(ip_format(text, &command.endpoint.addr), address);
	cr_expect_eq(command.endpoint.port, port);
}

#define EXPECT_VERB(text, expected) \
	do { \
		cr_assert_eq(parse(text), 0, "%s: %s", text, reason); \
		cr_expect_eq(command.verb, expected, "%s", text); \
		cr_expect(reason == NULL); \
	} while (0)

Test(parse, every_command)
{
	EXPECT_VERB("17 socket tcp", VERB_SOCKET);
	cr_expect(word_is(&command.id, "17") && !command.is_udp);
	EXPECT_VERB("a.b-c socket udp", VERB_SOCKET);
	cr_expect(word_is(&command.id, "a.b-c") && command.is_udp);
	EXPECT_VERB("1 bind 3 10.0.0.2 65535", VERB_BIND);
	cr_expect_eq(command.handle, 3);
	expect_endpoint("10.0.0.2", 65535);
	EXPECT_VERB("1 listen 3 5", VERB_LISTEN);
	cr_expect_eq(command.number, 5);
	EXPECT_VERB("1 accept 4294967295", VERB_ACCEPT);
	cr_expect_eq(command.handle, UINT32_MAX);
	EXPECT_VERB("1 connect 0 10.0.0.1 80", VERB_CONNECT);
	expect_endpoint("10.0.0.1", 80);
	EXPECT_VERB("1 send 2 00fFaB", VERB_SEND);
	cr_expect(word_is(&command.data, "00fFaB") && !command.has_endpoint);
	EXPECT_VERB("1 send 2 ff 10.0.0.1 53", VERB_SEND);
	cr_expect(command.has_endpoint);
	expect_endpoint("10.0.0.1", 53);
	EXPECT_VERB("1 send 2 -", VERB_SEND);
	cr_expect_eq(command.data.len, 0);
	EXPECT_VERB("1 recv 2 4294967295", VERB_RECV);
	cr_expect_eq(command.number, UINT32_MAX);
	EXPECT_VERB("1 shutdown 2 rd", VERB_SHUTDOWN);
	cr_expect_eq(command.directions, DIRECTION_IN);
	EXPECT_VERB("1 shutdown 2 wr", VERB_SHUTDOWN);
	cr_expect_eq(command.directions, DIRECTION_OUT);
	EXPECT_VERB("1 shutdown 2 rdwr", VERB_SHUTDOWN);
	cr_expect_eq(command.directions, DIRECTION_IN | DIRECTION_OUT);
	EXPECT_VERB("1 close 2", VERB_CLOSE);
	EXPECT_VERB("1 abort 2", VERB_ABORT);
	EXPECT_VERB("1 set 2 linger -1", VERB_SET);
	cr_expect(word_is(&command.option, "linger") && command.number == -1);
	EXPECT_VERB("1 get 2 info", VERB_GET);
	cr_expect(word_is(&command.option, "info"));
	EXPECT_VERB("1 poll 2 in 100", VERB_POLL);
	cr_expect_eq(command.directions, DIRECTION_IN);
	EXPECT_VERB("1 poll 2 out -1", VERB_POLL);
	cr_expect_eq(command.directions, DIRECTION_OUT);
	EXPECT_VERB(" \t1\t resetall \t", VERB_RESETALL);
	done();
}

Test(parse, what_is_wrong_is_said)
{
	static const struct {
		const char *line, *reason;
	} cases[] = {
		{ "", "no id" }, { "  ", "no id" }, { "1", "no such command" }, { "1 jump 2", "no such command" },
		{ "1 sockets tcp", "no such command" }, { "1 Socket tcp", "no such command" },
		{ "\001 socket tcp", "printable" }, { "\377 socket tcp", "printable" },
		{ "123456789012345678901234567890123 socket tcp", "id is too long" }, { "1 socket", "tcp or udp" },
		{ "1 socket sctp", "tcp or udp" }, { "1 socket tcp x", "too many words" },
		{ "1 resetall 3", "too many words" }, { "1 accept", "handle" }, { "1 accept x", "handle" },
		{ "1 accept -1", "handle" }, { "1 accept 4294967296", "handle" }, { "1 accept 1x", "handle" },
		{ "1 accept 99999999999999999999999999999999", "handle" }, { "1 bind 1", "address" },
		{ "1 bind 1 10.0.0.256 1", "address" }, { "1 bind 1 10.0.0 1", "address" },
		{ "1 bind 1 1111111111111111111111111111111111111111111111111111 1", "address" },
		{ "1 bind 1 10.0.0.1", "port" }, { "1 bind 1 10.0.0.1 65536", "port" },
		{ "1 bind 1 10.0.0.1 -1", "port" }, { "1 send 1", "data is missing" },
		{ "1 send 1 abc", "half a byte" }, { "1 send 1 0x12", "hexadecimal" },
		{ "1 send 1 ag", "hexadecimal" }, { "1 send 1 @`", "hexadecimal" },
		{ "1 send 1 ff 10.0.0.1", "port" }, { "1 send 1 ff 10.0.0.1 1 1", "too many words" },
		{ "1 recv 1", "number is missing" }, { "1 recv 1 1k", "not a number" },
		{ "1 recv 1 -2", "not a number" }, { "1 recv 1 4294967296", "too large" },
		{ "1 shutdown 1 both", "rd, wr or rdwr" }, { "1 shutdown 1", "rd, wr or rdwr" },
		{ "1 poll 1 rdwr 1", "in or out" }, { "1 poll 1 in", "missing" },
		{ "1 set 1", "option is missing" }, { "1 set 1 nodelay", "number is missing" },
		{ "1 get 1", "option is missing" }, { "1 get 1 info 2", "too many words" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		cr_expect_eq(parse(cases[i].line), -EINVAL, "%s", cases[i].line);
		cr_expect(reason && strstr(reason, cases[i].reason), "%s: %s", cases[i].line, reason);
		cr_expect(command.id.len <= COMMAND_ID_MAX);
	}
	done();
}

/* The id is kept for the answer, unless it has characters that would upset a terminal. */
Test(parse, a_wrong_line_has_its_id)
{
	parse("x7 jump");
	cr_expect(word_is(&command.id, "x7"));
	parse("\033[2J socket tcp");
	cr_expect_eq(command.id.len, 0);
	parse("123456789012345678901234567890123 socket tcp");
	cr_expect(word_is(&command.id, "12345678901234567890123456789012"));
	done();
}

Test(parse, every_beginning_of_a_line_is_looked_at_and_no_further)
{
	static const char whole[] = "1 send 2 00ff 10.0.0.1 53";

	for (size_t len = 0; len < sizeof(whole); len++) {
		char part[sizeof(whole)];

		memcpy(part, whole, len);
		part[len] = '\0';
		parse(part);
	}
	done();
}

Test(parse, decodes)
{
	uint8_t bytes[4] = { 0 };

	cr_assert_eq(parse("1 send 2 00fFa1"), 0);
	command_decode(&command, bytes);
	cr_expect(memcmp(bytes, "\x00\xff\xa1\x00", 4) == 0);
	done();
}

Test(parse, errors_have_names)
{
	cr_expect_str_eq(error_name(-ECONNRESET), "ECONNRESET");
	cr_expect_str_eq(error_name(-EAGAIN), "EAGAIN");
	cr_expect_str_eq(error_name(-EPROTONOSUPPORT), "EPROTONOSUPPORT");
	cr_expect_str_eq(error_name(-9999), "EUNKNOWN");
}

/* -- lines -- */

static char text[8];
static struct line line = { .text = text, .size = sizeof(text) };

static void expect_line(const char **at, size_t *left, const char *expected, bool is_too_long)
{
	cr_assert(line_feed(&line, at, left));
	cr_expect(line.len == strlen(expected) && !memcmp(line.text, expected, line.len), "%.*s", (int)line.len,
	          line.text);
	cr_expect_eq(line.is_too_long, is_too_long);
	line_clear(&line);
}

Test(line, ends_in_every_way)
{
	const char *at = "one\n\n\r\ntwo\r\nthree\rfour";
	size_t left = strlen(at);

	expect_line(&at, &left, "one", false);
	expect_line(&at, &left, "two", false);
	expect_line(&at, &left, "three", false);
	cr_expect(!line_feed(&line, &at, &left) && left == 0);
	at = "teen\n";
	left = 5;
	expect_line(&at, &left, "fourteen", false);
}

Test(line, a_long_one_is_skipped_and_said_to_be)
{
	const char *at = "12345678\n123456789\nnext\n";
	size_t left = strlen(at);

	expect_line(&at, &left, "12345678", false);
	expect_line(&at, &left, "12345678", true);
	expect_line(&at, &left, "next", false);
	for (int i = 0; i < 1000; i++) {
		at = "xxxxxxxxxxxx";
		left = strlen(at);
		cr_assert(!line_feed(&line, &at, &left));
	}
	at = "\rok\n";
	left = strlen(at);
	expect_line(&at, &left, "xxxxxxxx", true);
	expect_line(&at, &left, "ok", false);
}
