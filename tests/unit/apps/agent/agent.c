/* SPDX-License-Identifier: ISC */
/* The whole agent on a whole stack that connects to itself: typed commands and their answers. The bounds
 * are tests/Makefile's: 6 handles, 10 operations, 2000 bytes, a backlog of 3, 3 datagrams. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "kernel/app.h"
#include "net/direct.h"
#include "tests/lib/lan.h"
#include "tests/lib/test.h"

static struct lan lan;
static struct app app;
static struct promise done;

static void run(void)
{
	for (int i = 0; i < 100; i++) { /* acknowledgements may be delayed */
		test_settle();
		clock_advance_ns(NS_PER_MS);
	}
	test_settle();
	lan_forget(&lan);
}

static void begin(void)
{
	struct stack_config config = { .ip = { ip_v4(10, 0, 0, 2), 24 }, .gateway = ip_v4(10, 0, 0, 1) };

	lan_init(&lan, 0);
	test_begin();
	cr_assert_eq(direct_create((struct direct **)&app.stack, &lan.dev, &config), 0);
	promise_init(&done, NULL);
	cr_assert_eq(app_start(&app, &done), 0);
	run();
	test_console_clear();
}

static void end(void)
{
	test_assert_pending(&done);
	test_console_type(NULL);
	run();
	test_assert_value(&done, 0);
	direct_destroy((struct direct *)app.stack);
	test_end();
	lan_done(&lan);
}

TestSuite(agent, .init = begin, .fini = end);

/* Does text match wanted, in which "*" stands for any number? */
static bool matches(const char *text, const char *wanted)
{
	for (; *wanted; wanted++) {
		if (*wanted == '*') {
			size_t digits = strspn(text, "0123456789");

			if (!digits)
				return false;
			text += digits;
		} else if (*text++ != *wanted) {
			return false;
		}
	}
	return !*text;
}

/* Types lines, one or more, each with its line feed, at once; answers: the whole output expected then. */
static void ask(const char *lines, const char *answers)
{
	test_console_clear();
	test_console_type(lines);
	run();
	cr_expect(matches(test_console_text(), answers), "%sgave\n%sand not\n%s", lines, test_console_text(),
	          answers);
}

/* Handle 1 listens, 2 has connected to it from port 4000, and 3 is the accepted connection. */
static void connect_to_ourselves(void)
{
	ask("a socket tcp\nb bind 1 10.0.0.2 80\nc listen 1 5\n", "a 0 1\nb 0 10.0.0.2 80\nc 0\n");
	ask("d socket tcp\ne bind 2 0.0.0.0 4000\nf accept 1\ng connect 2 10.0.0.2 80\n",
	    "d 0 2\ne 0 0.0.0.0 4000\ng 0 10.0.0.2 4000\nf 0 3 10.0.0.2 4000\n");
}

Test(agent, tcp_there_and_back)
{
	connect_to_ourselves();
	ask("1 recv 3 100\n", "");
	ask("2 send 2 00ff10\n", "2 3\n1 3 00ff10\n");
	ask("1 send 3 AABB\n", "1 2\n");
	ask("2 recv 2 1\n3 recv 2 1\n", "2 1 aa\n3 1 bb\n");
	ask("1 shutdown 2 wr\n", "1 0\n");
	ask("2 recv 3 10\n3 recv 3 10\n4 send 2 00\n", "2 0\n3 0\n4 -EPIPE\n");
	ask("1 send 3 01\n2 recv 2 10\n", "1 1\n2 1 01\n");
	ask("1 close 3\n2 recv 2 10\n", "1 0\n2 0\n");
	ask("3 close 2\n4 close 1\n", "3 0\n4 0\n");
}

Test(agent, poll_tells_and_takes_nothing_away)
{
	ask("1 socket tcp\n2 poll 1 in 0\n3 bind 1 10.0.0.2 80\n4 listen 1 1\n", "1 0 1\n2 -ENOTCONN\n"
	    "3 0 10.0.0.2 80\n4 0\n");
	ask("1 poll 1 in 50\n", "1 0\n");
	ask("1 poll 1 in -1\n2 poll 1 out 10\n", "2 0\n");
	ask("2 socket tcp\n3 connect 2 10.0.0.2 80\n", "2 0 2\n3 0 10.0.0.2 *\n1 1\n");
	ask("1 poll 1 in 0\n2 accept 1\n", "1 1\n2 0 3 10.0.0.2 *\n");
}

Test(agent, poll_and_recv)
{
	connect_to_ourselves();
	ask("1 poll 3 in 20\n2 poll 3 out 20\n", "2 1\n1 0\n");
	ask("1 poll 3 in -1\n2 poll 3 in -1\n", "");
	ask("3 send 2 010203\n", "3 3\n1 1\n2 1\n");
	ask("1 poll 3 in 0\n2 poll 3 in 0\n3 recv 3 10\n4 poll 3 in 10\n", "1 1\n2 1\n3 3 010203\n4 0\n");
	ask("1 send 2 0405\n", "1 2\n");
	ask("2 poll 3 in 0\n3 recv 3 1\n4 poll 3 in 0\n5 recv 3 1\n", "2 1\n3 1 04\n4 1\n5 1 05\n");
	ask("1 close 2\n2 poll 3 in 10\n", "1 0\n2 1\n");
	ask("3 recv 3 1\n", "3 0\n");
}

Test(agent, closing_answers_what_waits)
{
	connect_to_ourselves();
	ask("1 recv 3 10\n2 recv 3 10\n3 poll 3 in -1\n4 accept 1\n", "");
	ask("5 close 3\n6 close 3\n", "1 -ECANCELED\n2 -ECANCELED\n3 -ECANCELED\n5 0\n6 -EBADF\n");
	ask("7 recv 2 10\n", "7 0\n");
	ask("8 resetall\n9 close 1\n", "4 -ECANCELED\n8 0\n9 -EBADF\n");
}

Test(agent, an_abort_resets)
{
	connect_to_ourselves();
	ask("1 recv 3 10\n", "");
	ask("2 abort 2\n", "2 0\n1 -ECONNRESET\n");
	ask("1 recv 3 10\n2 poll 3 in 0\n3 get 3 error\n4 send 3 00\n", "1 -ECONNRESET\n2 1\n3 0 -ECONNRESET\n"
	    "4 -ECONNRESET\n");
}

Test(agent, what_was_not_asked_for_makes_closing_a_reset)
{
	connect_to_ourselves();
	ask("1 send 2 0102\n", "1 2\n");
	ask("2 poll 3 in 0\n3 recv 3 1\n4 poll 3 in 0\n", "2 1\n3 1 01\n4 1\n");
	ask("1 close 3\n", "1 0\n");
	ask("2 recv 2 1\n", "2 -ECONNRESET\n");
}

Test(agent, a_connection_comes_from_where_it_is_bound_to)
{
	connect_to_ourselves();
	ask("1 socket tcp\n2 bind 4 0.0.0.0 4000\n", "1 0 4\n2 -EADDRINUSE\n");
	ask("1 close 2\n2 bind 4 0.0.0.0 4000\n3 connect 4 10.0.0.2 80\n",
	    "1 0\n2 0 0.0.0.0 4000\n3 -EADDRINUSE\n");
	ask("1 recv 3 1\n", "1 0\n");
}

Test(agent, connecting_in_vain)
{
	ask("1 socket tcp\n2 connect 1 10.0.0.2 81\n", "1 0 1\n2 -ECONNREFUSED\n");
	ask("1 get 1 error\n", "1 0 -ECONNREFUSED\n");
	ask("1 connect 1 192.168.1.1 81\n2 get 1 error\n3 get 1 info\n",
	    "2 0 0\n3 0 state=SYN-SENT,timestamps=0,sack=0,scale=0,ecn=0,cur_mss=0,smoothed_rtt_us=0,"
	    "rtt_var_us=0,cur_rto_us=0,cur_cwnd=0,cur_ssthresh=0,"
	    "cur_rwin_rcvd=0,cur_rwin_sent=0,in_flight=0,app_wqueue=0,app_rqueue=0,segs_retrans=0\n");
	ask("2 connect 1 10.0.0.2 1\n3 send 1 00\n4 recv 1 1\n5 poll 1 in 10\n6 poll 1 out -1\n",
	    "2 -EALREADY\n3 -ENOTCONN\n4 -ENOTCONN\n5 0\n");
	ask("7 close 1\n", "1 -ECANCELED\n6 -ECANCELED\n7 0\n");
}

Test(agent, the_backlog_is_bounded)
{
	ask("1 socket tcp\n2 bind 1 10.0.0.2 80\n3 listen 1 2\n", "1 0 1\n2 0 10.0.0.2 80\n3 0\n");
	for (int i = 2; i <= 4; i++) {
		char lines[100], answers[100];

		snprintf(lines, sizeof(lines), "1 socket tcp\n2 connect %d 10.0.0.2 80\n", i);
		snprintf(answers, sizeof(answers), "1 0 %d\n2 0 10.0.0.2 *\n", i);
		ask(lines, answers);
	}
	ask("1 recv 2 1\n2 recv 3 1\n3 recv 4 1\n", "3 -ECONNRESET\n");
	ask("4 close 1\n", "4 0\n1 -ECONNRESET\n2 -ECONNRESET\n");
}

Test(agent, udp_there_and_back)
{
	ask("1 socket udp\n2 bind 1 10.0.0.2 53\n3 socket udp\n"
	    "4 bind 2 0.0.0.0 53\n5 bind 2 0.0.0.0 54\n",
	    "1 0 1\n2 0 10.0.0.2 53\n3 0 2\n4 -EADDRINUSE\n5 0 0.0.0.0 54\n");
	ask("1 send 2 00\n2 send 2 aabb 10.0.0.2 53\n3 recv 1 100\n",
	    "1 -EDESTADDRREQ\n2 2\n3 2 aabb 10.0.0.2 54\n");
	ask("1 connect 2 10.0.0.2 53\n2 send 2 01\n3 send 2 -\n4 poll 1 in 10\n5 poll 1 out 0\n",
	    "1 0\n2 1\n3 0\n5 1\n4 1\n");
	ask("1 recv 1 100\n2 recv 1 100\n3 recv 1 1\n", "1 1 01 10.0.0.2 54\n2 0 - 10.0.0.2 54\n");
	ask("4 send 2 010203\n", "4 3\n3 1 01 10.0.0.2 54\n"); /* the rest of a datagram is lost */
	ask("1 recv 1 10\n2 shutdown 2 wr\n3 send 2 00\n4 shutdown 2 rd\n5 recv 2 1\n",
	    "2 0\n3 -EPIPE\n4 0\n5 0\n");
	ask("2 listen 2 1\n3 accept 2\n", "2 -EOPNOTSUPP\n3 -EOPNOTSUPP\n");
	ask("2 close 1\n", "1 -ECANCELED\n2 0\n");
}

Test(agent, what_is_sent_comes_from_where_a_handle_is_bound)
{
	ask("1 socket tcp\n2 bind 1 0.0.0.0 80\n3 listen 1 5\n4 accept 1\n5 socket tcp\n"
	    "6 bind 2 127.0.0.1 4000\n",
	    "1 0 1\n2 0 0.0.0.0 80\n3 0\n5 0 2\n6 0 127.0.0.1 4000\n");
	ask("1 connect 2 10.0.0.2 80\n", "1 0 127.0.0.1 4000\n4 0 3 127.0.0.1 4000\n");
	ask("1 socket tcp\n2 bind 4 127.0.0.1 4001\n3 connect 4 10.0.0.9 80\n",
	    "1 0 4\n2 0 127.0.0.1 4001\n3 -EADDRNOTAVAIL\n");
	ask("1 socket udp\n2 bind 5 0.0.0.0 53\n3 socket udp\n4 bind 6 127.0.0.1 54\n5 send 6 00 10.0.0.2 53\n"
	    "6 recv 5 1\n7 send 6 00 10.0.0.9 53\n",
	    "1 0 5\n2 0 0.0.0.0 53\n3 0 6\n4 0 127.0.0.1 54\n5 1\n7 -EADDRNOTAVAIL\n6 1 00 127.0.0.1 54\n");
}

Test(agent, datagrams_from_others_are_not_for_a_connected_handle)
{
	ask("1 socket udp\n2 bind 1 10.0.0.2 99\n3 connect 1 10.0.0.2 98\n4 poll 1 in -1\n",
	    "1 0 1\n2 0 10.0.0.2 99\n3 0\n");
	ask("1 socket udp\n2 bind 2 10.0.0.2 97\n3 connect 2 10.0.0.2 99\n4 send 2 01\n",
	    "1 0 2\n2 0 10.0.0.2 97\n3 0\n4 1\n");
	ask("1 socket udp\n2 bind 3 10.0.0.2 98\n3 send 3 02 10.0.0.2 99\n5 recv 1 9\n",
	    "1 0 3\n2 0 10.0.0.2 98\n3 1\n4 1\n5 1 02 10.0.0.2 98\n");
}

/* RFC 1122 §4.1.3.3: no listener at 53. */
Test(agent, what_is_reported_of_datagrams_is_told_once)
{
	ask("1 socket udp\n2 bind 1 10.0.0.2 54\n3 send 1 00 10.0.0.2 53\n4 poll 1 in 20\n",
	    "1 0 1\n2 0 10.0.0.2 54\n3 1\n4 0\n"); /* it has no peer */
	ask("1 connect 1 10.0.0.2 53\n2 send 1 00\n", "1 0\n2 1\n");
	ask("3 get 1 error\n4 poll 1 in 0\n5 recv 1 1\n6 get 1 error\n7 poll 1 in 20\n",
	    "3 0 -ECONNREFUSED\n4 1\n5 -ECONNREFUSED\n6 0 0\n7 0\n");
	ask("1 recv 1 1\n2 send 1 00\n", "2 1\n1 -ECONNREFUSED\n");
	ask("1 send 1 00 10.0.0.2 52\n2 get 1 error\n", "1 1\n2 0 0\n");
	ask("1 get 1 error\n2 send 1 00\n", "1 0 0\n2 1\n");
	ask("3 connect 1 10.0.0.2 51\n4 get 1 error\n", "3 0\n4 0 0\n");
}

Test(agent, more_datagrams_than_there_is_room_for_are_dropped)
{
	ask("1 socket udp\n2 bind 1 10.0.0.2 53\n3 socket udp\n4 connect 2 10.0.0.2 53\n",
	    "1 0 1\n2 0 10.0.0.2 53\n3 0 2\n4 0\n");
	ask("1 send 2 01\n2 send 2 02\n3 send 2 03\n4 send 2 04\n", "1 1\n2 1\n3 1\n4 1\n");
	ask("1 shutdown 1 rd\n2 poll 1 in 0\n", "1 -ENOTCONN\n2 1\n");
}

Test(agent, handles_and_operations_are_bounded)
{
	ask("1 socket tcp\n2 socket tcp\n3 socket tcp\n4 socket udp\n5 socket udp\n6 socket udp\n7 socket udp\n",
	    "1 0 1\n2 0 2\n3 0 3\n4 0 4\n5 0 5\n6 0 6\n7 -ENFILE\n");
	ask("1 close 3\n2 socket udp\n3 recv 7 1\n4 recv 0 1\n", "1 0\n2 0 3\n3 -EBADF\n4 -EBADF\n");
	for (int i = 0; i < 10; i++)
		ask("r recv 4 1\n", "");
	ask("b recv 4 1\n", "b -ENOBUFS\n");
	ask("b close 4\nc poll 5 in 10\n", "r -ECANCELED\nr -ECANCELED\nr -ECANCELED\nr -ECANCELED\n"
	    "r -ECANCELED\nr -ECANCELED\nr -ECANCELED\nr -ECANCELED\nr -ECANCELED\nr -ECANCELED\nb 0\nc 0\n");
}

Test(agent, what_cannot_be_has_its_error)
{
	connect_to_ourselves();
	ask("1 connect 2 10.0.0.2 80\n2 connect 1 10.0.0.2 80\n3 bind 2 10.0.0.2 1\n4 listen 2 1\n5 accept 2\n",
	    "1 -EISCONN\n2 -EINVAL\n3 -EINVAL\n4 -EINVAL\n5 -EINVAL\n");
	ask("1 socket tcp\n2 bind 4 10.0.0.3 1\n3 bind 4 10.0.0.2 80\n4 recv 1 1\n5 recv 2 0\n6 recv 2 -1\n",
	    "1 0 4\n2 -EADDRNOTAVAIL\n3 -EADDRINUSE\n4 -ENOTCONN\n5 -EINVAL\n6 -EINVAL\n");
	ask("1 send 1 00\n2 send 2 00 10.0.0.2 80\n3 shutdown 1 wr\n4 set 2 nosuch 1\n5 get 2 nosuch\n",
	    "1 -ENOTCONN\n2 -EISCONN\n3 -ENOTCONN\n4 -ENOPROTOOPT\n5 -ENOPROTOOPT\n");
	ask("\001\001 x\n", "? -EINVAL the id is not made of printable characters\n");
	ask("x y\n", "x -EINVAL no such command\n");
}

Test(agent, a_full_send_and_a_line_too_long)
{
	static char line[4200], answer[4200];
	int n;

	connect_to_ourselves();
	n = sprintf(line, "1 send 2 ");
	memset(line + n, 'a', 4000);
	strcpy(line + n + 4000, "\n");
	ask(line, "1 2000\n");
	n = sprintf(answer, "1 2000 ");
	memset(answer + n, 'a', 4000);
	strcpy(answer + n + 4000, "\n");
	ask("1 recv 3 4000000000\n", answer);
	n = sprintf(line, "1 send 2 ");
	memset(line + n, 'a', 4002);
	strcpy(line + n + 4002, "\n");
	test_console_clear();
	line[n + 4002] = '\0';
	test_console_type(line);
	run();
	ask("\n", "1 -EMSGSIZE\n");
	for (int i = 0; i < 3; i++) {
		test_console_type(line);
		run();
	}
	ask("\n2 close 2\n", "1 -EINVAL the line is too long\n2 0\n");
}

/* A connection may have 16 slices in flight (TCP_CONN_SLICES). */
Test(agent, a_send_that_there_is_no_room_for_waits)
{
	char line[64];

	connect_to_ourselves();
	test_console_clear();
	for (int i = 0; i < 18; i++) {
		snprintf(line, sizeof(line), "%d send 2 %02x\n", i, i);
		test_console_type(line);
	}
	test_console_type("18 poll 2 out -1\n");
	run();
	cr_expect(matches(test_console_text(), "0 1\n1 1\n2 1\n3 1\n4 1\n5 1\n6 1\n7 1\n8 1\n9 1\n10 1\n11 1\n"
	                  "12 1\n13 1\n14 1\n15 1\n16 1\n17 1\n18 1\n"), "%s", test_console_text());
	ask("1 recv 3 99\n", "1 18 000102030405060708090a0b0c0d0e0f1011\n");
	test_console_clear();
	for (int i = 0; i < 20; i++)
		test_console_type("s send 2 00\n");
	ask("1 poll 2 out -1\n2 close 2\n", "s 1\ns 1\ns 1\ns 1\ns 1\ns 1\ns 1\ns 1\n"
	    "s 1\ns 1\ns 1\ns 1\ns 1\ns 1\ns 1\ns 1\n"
	    "s -ECANCELED\ns -ECANCELED\ns -ECANCELED\ns -ECANCELED\n1 -ECANCELED\n2 0\n");
}

Test(agent, without_memory_a_command_fails_and_the_next_does_not)
{
	connect_to_ourselves();
	for (uint64_t nth = 1; nth <= 2; nth++) {
		test_alloc_fail_at(nth);
		ask("1 recv 3 10\n2 socket udp\n", nth == 1 ? "1 -ENOMEM\n2 0 4\n" : "2 -ENOMEM\n");
		cr_expect(test_alloc_failed());
		ask("3 close 4\n", nth == 1 ? "3 0\n" : "3 -EBADF\n");
	}
	for (uint64_t nth = 1; nth <= 2; nth++) {
		test_alloc_fail_at(nth);
		ask("1 send 2 01\n", "1 -ENOMEM\n");
	}
	test_alloc_fail_at(1);
	ask("4 socket tcp\n", "4 -ENOMEM\n");
}

/* Each option is set and read back: on a connection, on one not yet open, and on accepted ones. */
Test(agent, options)
{
	static const struct {
		const char *name;
		int value, below, above; /* the value, and two out of its range */
	} options[] = {
		{ "nodelay", 0, -1, 2 }, { "cork", 1, -1, 2 }, { "keepalive", 1, -1, 2 },
		{ "keepidle", 17, 0, 32768 }, { "keepintvl", 18, 0, 32768 }, { "keepcnt", 19, 0, 128 },
		{ "linger", 20, -2, 32768 },
		{ "rcvbuf", 4096, -1, -2 }, { "sndbuf", 8192, -1, -2 }, { "usertimeout", 9000, -1, -2 },
		{ "mss", 500, 63, 65536 }, { "ttl", 7, 0, 256 }, { "dscp", 46, -1, 64 },
	};
	char lines[200], answers[200];

	connect_to_ourselves();
	ask("1 socket tcp\n2 bind 4 10.0.0.2 81\n3 get 4 nodelay\n", "1 0 4\n2 0 10.0.0.2 81\n3 -ENOTCONN\n");
	for (size_t i = 0; i < ARRAY_SIZE(options); i++) {
		for (int handle = 2; handle <= 4; handle += 2) {
			snprintf(lines, sizeof(lines), "1 set %d %s %d\n2 get %d %s\n3 set %d %s %d\n4 set %d %s %d\n",
			         handle, options[i].name, options[i].value, handle, options[i].name,
			         handle, options[i].name, options[i].below, handle, options[i].name, options[i].above);
			snprintf(answers, sizeof(answers), "1 0\n2 0 %d\n3 -EINVAL%s\n4 -EINVAL%s\n", options[i].value,
			         options[i].below < -1 ? " not a number" : "",
			         options[i].above < -1 ? " not a number" : "");
			ask(lines, answers);
		}
	}
	ask("1 listen 4 1\n2 socket tcp\n3 connect 5 10.0.0.2 81\n", "1 0\n2 0 5\n3 0 10.0.0.2 *\n");
	ask("1 accept 4\n", "1 0 6 10.0.0.2 *\n");
	for (size_t i = 0; i < ARRAY_SIZE(options); i++) {
		snprintf(lines, sizeof(lines), "1 get 6 %s\n", options[i].name);
		snprintf(answers, sizeof(answers), "1 0 %d\n", options[i].value);
		ask(lines, answers);
	}
	ask("1 set 2 error 1\n2 set 2 info 1\n3 get 2 error\n", "1 -ENOPROTOOPT\n2 -ENOPROTOOPT\n3 0 0\n");
	ask("1 get 2 info\n", "1 0 state=ESTABLISHED,timestamps=1,sack=1,scale=1,ecn=*,cur_mss=500,"
	    "smoothed_rtt_us=*,rtt_var_us=*,cur_rto_us=*,cur_cwnd=*,cur_ssthresh=*,cur_rwin_rcvd=*,"
	    "cur_rwin_sent=*,in_flight=0,app_wqueue=0,app_rqueue=0,segs_retrans=0\n");
}

Test(agent, of_udp_there_are_those_of_the_header)
{
	ask("1 socket udp\n2 set 1 nodelay 1\n3 get 1 nodelay\n4 get 1 error\n5 get 1 info\n",
	    "1 0 1\n2 -ENOPROTOOPT\n3 -ENOPROTOOPT\n4 0 0\n5 -ENOPROTOOPT\n");
	ask("1 get 1 ttl\n2 set 1 ttl 9\n3 get 1 ttl\n4 set 1 dscp 64\n", "1 -ENOTCONN\n2 0\n3 0 9\n4 -EINVAL\n");
	ask("1 bind 1 10.0.0.2 99\n2 get 1 ttl\n3 get 1 dscp\n", "1 0 10.0.0.2 99\n2 0 9\n3 0 0\n");
	ask("1 set 1 dscp 46\n2 get 1 dscp\n3 set 1 ttl 0\n", "1 0\n2 0 46\n3 -EINVAL\n");
}

/* The peer does not read: 32 kB fill its window, and only 2 kB more are accepted. */
Test(agent, poll_out_waits_for_room_in_sndbuf)
{
	static char line[2100];
	unsigned tells = 0;

	connect_to_ourselves();
	ask("1 set 2 sndbuf 2048\n2 poll 2 out 0\n", "1 0\n2 1\n");
	strcpy(line, "s send 2 ");
	memset(line + 9, 'a', 2048);
	strcpy(line + 9 + 2048, "\n");
	for (int i = 0; i < 34; i++)
		ask(line, "s 1024\n");
	ask("1 poll 2 out 20\n", "1 0\n");
	ask("1 poll 2 out -1\n", "");
	for (int i = 0; i < 17; i++) {
		test_console_clear();
		test_console_type("r recv 3 2000\n");
		run();
		tells += strstr(test_console_text(), "\n1 1\n") != NULL;
	}
	cr_expect_eq(tells, 1);
	ask("2 send 2 00\n", "2 1\n");
}
