/* SPDX-License-Identifier: ISC */
/* The Internet checksum against a slow and obvious one: every length, offset and division into slices. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "net/bytes.h"
#include "net/checksum.h"
#include "net/ip.h"
#include "tests/lib/lan.h"

/* The definition: 16 bits at a time, host order. */
static uint16_t naive(const uint8_t *p, size_t len)
{
	uint32_t sum = 0;

	for (size_t i = 0; i < len; i++)
		sum += i % 2 ? p[i] : (uint32_t)p[i] << 8;
	while (sum >> 16)
		sum = (sum >> 16) + (sum & 0xffff);
	return (uint16_t)sum;
}

/* Zero has two forms in one's complement. */
static bool same(uint16_t a, uint16_t b)
{
	return a == b || (a % 0xffff == 0 && b % 0xffff == 0);
}

static uint8_t bytes[4096];

static void fill(unsigned seed)
{
	srand(seed);
	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = rand() % 4 ? (uint8_t)rand() : 0xff;
}

Test(checksum, example_of_rfc_1071)
{
	static const uint8_t example[] = { 0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7 };

	cr_expect_eq(be16(checksum_fold(checksum_add(0, example, sizeof(example)))), 0xddf2);
	cr_expect_eq(be16(checksum_finish(checksum_add(0, example, sizeof(example)))), 0x220d);
}

Test(checksum, of_headers)
{
	fill(7);
	for (size_t words = 0; words <= 15; words++)
		for (size_t at = 0; at < 40; at += 2) {
			uint16_t got = be16((uint16_t)~checksum_of_header(bytes + at, words));

			cr_expect(same(got, naive(bytes + at, words * 4)), "%zu words at %zu", words, at);
		}
}

Test(checksum, every_length_and_alignment)
{
	fill(1);
	for (size_t len = 0; len <= 200; len++) {
		for (size_t at = 0; at < 9; at++) {
			uint8_t *exact = malloc(len ? len : 1); /* the sanitizer watches its ends */
			uint16_t got;

			memcpy(exact, bytes + at, len);
			got = be16(checksum_fold(checksum_add(0, exact, len)));
			cr_expect(same(got, naive(bytes + at, len)), "%zu bytes at %zu", len, at);
			free(exact);
		}
	}
}

Test(checksum, carries_are_not_lost)
{
	memset(bytes, 0xff, sizeof(bytes));
	cr_expect_eq(checksum_fold(checksum_add(UINT64_MAX, bytes, sizeof(bytes))), 0xffff);
	cr_expect_eq(checksum_finish(checksum_add(0, bytes, 4)), 0);
}

Test(checksum, slices_of_any_length)
{
	lan_prepare();
	for (unsigned seed = 0; seed < 300; seed++) {
		uint32_t total = 1 + (uint32_t)rand() % 1500;
		struct buf *first = NULL, **end = &first;

		fill(seed);
		for (uint32_t at = 0, n; at < total; at += n) {
			n = MIN((uint32_t)rand() % 70, total - at);
			*end = buf_alloc_slice(NULL, bytes + at, n);
			cr_assert_not_null(*end);
			end = &(*end)->next;
		}
		cr_expect(same(be16(checksum_fold(checksum_add_buf(0, first))), naive(bytes, total)), "seed %u: %u",
		          seed, total);
		buf_free(first);
	}
}

Test(checksum, pseudo_headers)
{
	struct ip_addr a = ip_v4(192, 168, 1, 2), b = ip_v4(10, 255, 0, 9);
	uint8_t by_hand[12] = { 192, 168, 1, 2, 10, 255, 0, 9, 0, IP_UDP, 0x12, 0x34 };

	cr_expect_eq(be16(checksum_fold(checksum_pseudo(&a, &b, IP_UDP, 0x1234))), naive(by_hand, 12));
}

Test(checksum, updates_are_like_summing_again)
{
	fill(7);
	for (size_t at = 2; at < 60; at += 2) {
		uint16_t old_word, new_word = (uint16_t)(at * 997), before;

		memset(bytes, 0, 2);
		before = checksum_finish(checksum_add(0, bytes, 64));
		memcpy(&old_word, bytes + at, 2);
		memcpy(bytes + at, &new_word, 2);
		cr_expect_eq(checksum_update(before, old_word, new_word),
		             checksum_finish(checksum_add(0, bytes, 64)));
	}
}

Test(checksum, updates_to_all_zeros)
{
	/* the sum of nothing but zeros is the one that only 0xffff completes */
	uint16_t word = 0x0008, checksum = checksum_update((uint16_t)~word, word, 0);
	uint16_t message[4] = { 0, checksum, 0, 0 };

	cr_expect_eq(checksum, 0xffff);
	cr_expect_eq(checksum_finish(checksum_add(0, message, sizeof(message))), 0);
}
