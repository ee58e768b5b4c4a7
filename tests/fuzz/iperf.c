/* SPDX-License-Identifier: ISC */
/* Fuzzes what iperf reads of the other side's JSON. Checked besides what the sanitizers see: numbers are
 * found in order, and what is taken as parameters is within bounds. */
#include "apps/iperf/protocol.h"
#include "tests/lib/check.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

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
	if (iperf_parse_parameters(text, size, &p) == 0)
		CHECK(p.streams >= 1 && p.streams <= 128 && p.seconds <= 86400 && p.omit_seconds <= 86400);
	return 0;
}
