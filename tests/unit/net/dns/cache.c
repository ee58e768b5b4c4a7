/* SPDX-License-Identifier: ISC */
/* The cache: its entries, their time to live, and eviction. */
#include <errno.h>
#include <string.h>

#include "kernel/format.h"
#include "kernel/random.h"
#include "net/dns/dns_priv.h"
#include "tests/lib/test.h"

static struct dns_cache cache;

static void begin(void)
{
	test_begin();
	if (!random_is_ready())
		cr_assert_eq(random_init(), 0);
	cr_assert_eq(dns_cache_init(&cache, 4), 0);
}

static void finish(void)
{
	dns_cache_destroy(&cache);
	test_end();
}

TestSuite(cache, .init = begin, .fini = finish);

static const struct dns_key *key_of(unsigned i, uint16_t type)
{
	static struct dns_key key;
	char text[32];

	key = (struct dns_key){ .type = type };
	format(text, sizeof(text), "h%u.example.com", i);
	cr_assert_gt(dns_name_from_text(key.name, text), 0);
	return &key;
}

static void put(unsigned i, uint16_t type, int error, uint32_t ttl_s)
{
	struct dns_addresses found = { .ttl_s = ttl_s, .count = 1, .addrs = { ip_v4(10, 0, 0, (uint8_t)i) } };

	dns_cache_put(&cache, key_of(i, type), error, &found);
}

static bool knows(unsigned i)
{
	return dns_cache_find(&cache, key_of(i, DNS_A)) != NULL;
}

Test(cache, remembers_for_the_time_to_live)
{
	const struct dns_entry *e;

	cr_expect_not(knows(1));
	put(1, DNS_A, 0, 10);
	e = dns_cache_find(&cache, key_of(1, DNS_A));
	cr_assert(e && e->error == 0 && e->found.count == 1 && e->found.addrs[0].bytes[3] == 1);
	cr_expect(!dns_cache_find(&cache, key_of(1, DNS_AAAA)) && !knows(2));
	clock_advance_ns(10 * NS_PER_S - 1);
	cr_expect(knows(1));
	clock_advance_ns(1);
	cr_expect_not(knows(1));
}

Test(cache, types_are_apart_and_errors_are_kept)
{
	put(1, DNS_A, 0, 10);
	put(1, DNS_AAAA, -ENODATA, 20);
	cr_expect_eq(dns_cache_find(&cache, key_of(1, DNS_A))->error, 0);
	cr_expect_eq(dns_cache_find(&cache, key_of(1, DNS_AAAA))->error, -ENODATA);
}

Test(cache, newer_news_replace_older)
{
	for (uint32_t i = 1; i <= 10; i++)
		put(1, DNS_A, i % 2 ? -ENOENT : 0, i);
	cr_expect(dns_cache_find(&cache, key_of(1, DNS_A))->error == 0);
	for (unsigned i = 2; i <= 4; i++)
		put(i, DNS_A, 0, 10);
	cr_expect(knows(1) && knows(2) && knows(3) && knows(4), "it had taken but one place");
}

Test(cache, the_one_not_used_for_longest_makes_room)
{
	for (unsigned i = 1; i <= 4; i++, clock_advance_ns(1000))
		put(i, DNS_A, 0, 10);
	cr_expect(knows(1));
	clock_advance_ns(1000);
	put(5, DNS_A, 0, 10);
	cr_expect(knows(1) && !knows(2) && knows(3) && knows(4) && knows(5));
}

Test(cache, the_one_that_is_over_makes_room_first)
{
	for (unsigned i = 1; i <= 4; i++, clock_advance_ns(1000))
		put(i, DNS_A, 0, i == 3 ? 1 : 100);
	clock_advance_ns(2 * NS_PER_S);
	put(5, DNS_A, 0, 10);
	cr_expect(knows(1) && knows(2) && !knows(3) && knows(4) && knows(5));
}

Test(cache, is_bounded)
{
	unsigned known = 0;

	dns_cache_destroy(&cache);
	cr_assert_eq(dns_cache_init(&cache, 60), 0); /* 64 */
	for (unsigned i = 0; i < 1000; i++)
		put(i, DNS_A, 0, 1000);
	for (unsigned i = 0; i < 1000; i++)
		known += knows(i);
	cr_expect_eq(known, 64);
}

Test(cache, without_memory)
{
	struct dns_cache none;

	test_alloc_fail_at(1);
	cr_expect_eq(dns_cache_init(&none, 4), -ENOMEM);
}
