/* SPDX-License-Identifier: ISC */
/* Fuzzes the reader of the peer's JSON in iperf. Checks, besides the sanitizers, that numbers are found in
 * order, that parameters are within bounds, and that our own JSON is read back the same. */
#include "apps/iperf/protocol.h"
#include "tests/lib/check.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void say_again(const struct iperf_parameters *p)
{
	struct iperf_stream_result results[128] = { { p->seconds, p->omit_seconds * NS_PER_MS, -1 } };
	char text[RESULTS_BYTES(128)];
	struct iperf_parameters again;
	size_t len = iperf_write_parameters(text, sizeof(text), p);

	CHECK(len < 256 && iperf_parse_parameters(text, len, &again) == 0);
	CHECK(again.streams == p->streams && again.seconds == p->seconds && again.reverse == p->reverse);
	len = iperf_write_results(text, sizeof(text), results, p->streams);
	CHECK(len < sizeof(text) && iperf_parse_results(text, len) == p->seconds);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *text = (const char *)data;
	struct iperf_parameters p;
	size_t at = 0, before = 0;
	int64_t number;

	while (json_next_number(text, size, "bytes", &at, &number) == 0) {
		CHECK(at > before && at <= size);
		before = at;
	}
	CHECK(at <= size);
	iperf_parse_results(text, size);
	if (iperf_parse_parameters(text, size, &p) == 0) {
		CHECK(p.streams >= 1 && p.streams <= 128 && p.seconds <= 86400 && p.omit_seconds <= 86400);
		say_again(&p);
	}
	return 0;
}
