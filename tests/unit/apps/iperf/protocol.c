/* SPDX-License-Identifier: ISC */
/* iperf3's JSON is understood, and text that is not JSON does no harm. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "apps/iperf/protocol.h"
#include "tests/lib/test.h"

TestSuite(protocol, .init = test_begin, .fini = test_end);

static struct iperf_parameters parameters;

/* Parses text in a block of exactly its size, which the address sanitizer watches. */
static int parse(const char *text)
{
	size_t len = strlen(text);
	char *exact = malloc(len);
	int result;

	memcpy(exact, text, len);
	result = iperf_parse_parameters(exact, len, &parameters);
	iperf_parse_results(exact, len);
	free(exact);
	return result;
}

Test(protocol, parameters_of_iperf3)
{
	cr_assert_eq(parse("{\"tcp\":true,\"omit\":2,\"time\":10,\"num\":0,\"blockcount\":0,"
	                   "\"parallel\":3,\"reverse\":true,"
	                   "\"len\":131072,\"pacing_timer\":1000,\"client_version\":\"3.12\"}"), 0);
	cr_expect(!parameters.is_udp && parameters.reverse && !parameters.bidirectional);
	cr_expect(parameters.streams == 3 && parameters.seconds == 10 && parameters.omit_seconds == 2);
	cr_assert_eq(parse("{ \"udp\" : true ,\n\t\"bidirectional\":true, \"time\" : 5.7 }"), 0);
	cr_expect(parameters.is_udp && parameters.bidirectional && !parameters.reverse);
	cr_expect(parameters.streams == 1 && parameters.seconds == 5 && parameters.omit_seconds == 0);
	cr_assert_eq(parse("{\"udp\":false}"), 0);
	cr_expect(!parameters.is_udp);
}

Test(protocol, a_key_in_a_text_is_none)
{
	cr_assert_eq(parse("{\"title\":\"\\\"time\\\":7\",\"time\":3,\"x\":\"parallel\",\"y\":[\"omit\"]}"), 0);
	cr_expect(parameters.seconds == 3 && parameters.streams == 1 && parameters.omit_seconds == 0);
}

Test(protocol, what_cannot_be_is_refused)
{
	cr_expect_eq(parse("{\"parallel\":0}"), -EBADMSG);
	cr_expect_eq(parse("{\"parallel\":129}"), -EBADMSG);
	cr_expect_eq(parse("{\"parallel\":99999999999999999999999999}"), -EBADMSG);
	cr_expect_eq(parse("{\"time\":-1}"), -EBADMSG);
	cr_expect_eq(parse("{\"time\":86401}"), -EBADMSG);
	cr_expect_eq(parse("{\"omit\":-9223372036854775808}"), -EBADMSG);
}

Test(protocol, every_beginning_of_a_text)
{
	static const char whole[] = "{\"time\" : -12.5, \"a\\\\\\\"b\":\"\\u0041\", "
		"\"bytes\":true,\"bytes\":false}\\";
	char part[sizeof(whole)];

	for (size_t len = 0; len < sizeof(whole); len++) {
		memcpy(part, whole, len);
		part[len] = '\0';
		parse(part);
	}
	cr_expect_eq(parse(""), 0);
}

Test(protocol, results_there_and_back)
{
	struct iperf_stream_result results[3] = {
		{ 1000, 2 * NS_PER_S, -1 }, { 234, 0, 5 }, { UINT64_C(1) << 40, 0, -1 },
	};
	char text[MESSAGE_BYTES];
	size_t len = iperf_write_results(text, sizeof(text), results, 3);

	cr_assert_lt(len, sizeof(text));
	cr_expect_eq(iperf_parse_results(text, len), 1234 + (UINT64_C(1) << 40));
	cr_expect(strstr(text, "\"id\":1,\"bytes\":1000,") && strstr(text, "\"id\":3,") &&
	          strstr(text, "\"id\":4,"));
	cr_expect(strstr(text, "\"end_time\":2.000}"), "%s", text);
	cr_expect(strstr(text, "\"retransmits\":5,") && strstr(text, "\"sender_has_retransmits\":1,"));
}

/* The most streams, with the largest numbers, fit into RESULTS_BYTES. */
Test(protocol, the_longest_results_fit)
{
	struct iperf_stream_result results[128];
	char *text = malloc(RESULTS_BYTES(128));
	size_t len;

	for (size_t i = 0; i < 128; i++)
		results[i] = (struct iperf_stream_result){ UINT64_MAX, UINT32_MAX * NS_PER_MS, INT64_MAX };
	len = iperf_write_results(text, RESULTS_BYTES(128), results, 128);
	cr_expect_lt(len, RESULTS_BYTES(128));
	cr_expect_str_eq(text + len - 3, "}]}");
	free(text);
}

Test(protocol, parameters_there_and_back)
{
	struct iperf_parameters p = { .reverse = true, .streams = 7, .seconds = 86400 };
	char text[MESSAGE_BYTES];
	size_t len = iperf_write_parameters(text, sizeof(text), &p);

	cr_assert_eq(iperf_parse_parameters(text, len, &parameters), 0);
	cr_expect(memcmp(&p, &parameters, sizeof(p)) == 0);
}
