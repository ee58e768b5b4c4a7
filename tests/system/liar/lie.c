/* SPDX-License-Identifier: ISC */
/* Lies, drawn from a seed. */
#include "tests/system/liar/liar.h"

#include "tests/lib/dice.h"

#include <stdio.h>
#include <string.h>

#include <xen/xen.h>

#include <xen/io/ring.h>

uint64_t below(struct liar *l, uint64_t n)
{
	return test_random(&l->random) % n;
}

/* Two of three answers are true, so that the guest makes progress between lies. */
bool lies_now(struct liar *l)
{
	if (!l->lies || below(l, 3))
		return false;
	l->lies--;
	return true;
}

int64_t odd_number(struct liar *l)
{
	static const int64_t numbers[] = {
		0, 1, -1, 7, 31, 32, 255, 256, 4095, 4096, 4097, INT16_MAX, INT16_MIN, UINT16_MAX, INT32_MAX,
		INT32_MIN, UINT32_MAX, INT64_MAX, INT64_MIN,
	};
	size_t count = sizeof(numbers) / sizeof(numbers[0]);
	uint64_t which = below(l, 2 * count);

	return which < count ? numbers[which] : (int64_t)below(l, 1 << 20);
}

void scribble(struct liar *l, void *at, size_t bytes)
{
	for (size_t i = 0; i < bytes; i++)
		((uint8_t *)at)[i] = (uint8_t)below(l, 256);
}

void odd_text(struct liar *l, char *text, size_t size)
{
	static const char *const texts[] = {
		"", " ", "-1", "0", "1 ", "0x10", "+4", "1e3", "yes", "18446744073709551616", "18446744073709551615",
		"9223372036854775807", "9223372036854775808", "4294967296", "65535", "32768",
		"00000000000000000000002", "%s%n", "../../..",
	};
	size_t count = sizeof(texts) / sizeof(texts[0]), length;

	switch (below(l, 4)) {
	case 0:
		snprintf(text, size, "%lld", (long long)odd_number(l));
		break;
	case 1: /* long, and of bytes that are not text */
		length = below(l, size);
		for (size_t i = 0; i < length; i++)
			text[i] = (char)(1 + below(l, 255));
		text[length] = '\0';
		break;
	default:
		snprintf(text, size, "%s", texts[below(l, count)]);
	}
}

/* The indices are at the same places in every ring. The caller spoils the producer of answers; that of
 * requests is restored, because we read it ourselves. */
void lie_about_indices(struct liar *l, void *ring)
{
	volatile uint32_t *indices = ring; /* req_prod, req_event, rsp_prod, rsp_event */
	uint32_t req_prod = indices[0];
	size_t which = below(l, 3);

	indices[which == 2 ? 3 : which] = (uint32_t)odd_number(l);
	for (uint64_t i = below(l, 300); i; i--)
		xenevtchn_notify(l->events, (evtchn_port_t)l->port);
	indices[0] = req_prod;
}
