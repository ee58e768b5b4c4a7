/* SPDX-License-Identifier: ISC */
/* The part of iperf3's JSON that is needed: a key is a string with a colon behind it, and its number follows.
 * No tree is built, and no read goes beyond the text, whatever is in it. */
#include "apps/iperf/protocol.h"

#include <errno.h>
#include <string.h>

#include "kernel/format.h"

enum { SECONDS_MAX = 86400, STREAMS_MAX = 128 };

static size_t skip_blanks(const char *text, size_t len, size_t at)
{
	while (at < len && (text[at] == ' ' || (text[at] >= '\t' && text[at] <= '\r')))
		at++;
	return at;
}

/* at: behind the opening quote. Gives the index of the closing one, or len. */
static size_t string_end(const char *text, size_t len, size_t at)
{
	while (at < len && text[at] != '"')
		at += text[at] == '\\' ? 2 : 1;
	return MIN(at, len);
}

/* Gives the index behind the colon of the next key, or len. */
static size_t find_key(const char *text, size_t len, const char *key, size_t at)
{
	size_t key_len = strlen(key), end, next;

	for (; at < len; at++) {
		if (text[at] != '"')
			continue;
		end = string_end(text, len, at + 1);
		next = skip_blanks(text, len, end + 1);
		if (next < len && text[next] == ':' && end - at - 1 == key_len &&
		    !memcmp(text + at + 1, key, key_len))
			return next + 1;
		at = end;
	}
	return len;
}

static bool starts_with(const char *text, size_t len, const char *word)
{
	return len >= strlen(word) && !memcmp(text, word, strlen(word));
}

int json_next_number(const char *text, size_t len, const char *key, size_t *at, int64_t *out)
{
	bool is_negative;
	int64_t n = 0;

	*at = skip_blanks(text, len, find_key(text, len, key, *at));
	if (starts_with(text + *at, len - *at, "true") || starts_with(text + *at, len - *at, "false")) {
		*out = text[*at] == 't';
		return 0;
	}
	is_negative = *at < len && text[*at] == '-';
	*at += is_negative;
	if (*at >= len || text[*at] < '0' || text[*at] > '9')
		return -ENOENT;
	for (; *at < len && text[*at] >= '0' && text[*at] <= '9'; ++*at)
		n = n > INT64_MAX / 10 - 1 ? INT64_MAX : n * 10 + (text[*at] - '0');
	*out = is_negative ? -n : n;
	return 0;
}

static int64_t number(const char *text, size_t len, const char *key, int64_t otherwise)
{
	size_t at = 0;
	int64_t n;

	return json_next_number(text, len, key, &at, &n) < 0 ? otherwise : n;
}

int iperf_parse_parameters(const char *text, size_t len, struct iperf_parameters *out)
{
	int64_t streams = number(text, len, "parallel", 1), seconds = number(text, len, "time", 0);
	int64_t omit_seconds = number(text, len, "omit", 0);

	if (streams < 1 || streams > STREAMS_MAX || seconds < 0 || seconds > SECONDS_MAX || omit_seconds < 0 ||
	    omit_seconds > SECONDS_MAX)
		return -EBADMSG;
	*out = (struct iperf_parameters){
		.is_udp = number(text, len, "udp", 0),
		.is_sctp = number(text, len, "sctp", 0),
		.reverse = number(text, len, "reverse", 0),
		.bidirectional = number(text, len, "bidirectional", 0),
		.streams = (uint32_t)streams,
		.seconds = (uint32_t)seconds,
		.omit_seconds = (uint32_t)omit_seconds,
	};
	return 0;
}

uint64_t iperf_parse_results(const char *text, size_t len)
{
	uint64_t sum = 0;
	size_t at = 0;
	int64_t n;

	while (json_next_number(text, len, "bytes", &at, &n) == 0)
		sum += (uint64_t)MAX(n, 0);
	return sum;
}

size_t iperf_write_parameters(char *to, size_t size, const struct iperf_parameters *p)
{
	return format(to, size, "{\"tcp\":true,\"omit\":0,\"time\":%u,\"num\":0,\"blockcount\":0,"
	              "\"parallel\":%u,%s\"len\":131072,\"pacing_timer\":1000,"
	              "\"client_version\":\"3.12\"}", p->seconds, p->streams,
	              p->reverse ? "\"reverse\":true," : "");
}

/* iperf3 numbers a test's streams 1, 3, 4, 5 … and expects the same numbers here. */
size_t iperf_write_results(char *to, size_t size, const struct iperf_stream_result *results, size_t count)
{
	int knows_retransmits = -1;
	size_t at;

	assert(size >= RESULTS_BYTES(count));
	for (size_t i = 0; i < count; i++)
		knows_retransmits = results[i].retransmits >= 0 ? 1 : knows_retransmits;
	at = format(to, size, "{\"cpu_util_total\":0,\"cpu_util_user\":0,\"cpu_util_system\":0,"
	            "\"sender_has_retransmits\":%d,\"streams\":[", knows_retransmits);
	for (size_t i = 0; i < count; i++) {
		unsigned ms = (unsigned)(results[i].elapsed_ns / NS_PER_MS);

		at += format(to + at, size - at, "%s{\"id\":%u,\"bytes\":%llu,\"retransmits\":%lld,\"jitter\":0,"
		             "\"errors\":0,\"packets\":0,\"start_time\":0,\"end_time\":%u.%03u}", i ? "," : "",
		             i ? (unsigned)i + 2 : 1, (unsigned long long)results[i].bytes,
		             (long long)results[i].retransmits, ms / 1000, ms % 1000);
	}
	return at + format(to + at, size - at, "]}");
}
