/* SPDX-License-Identifier: ISC */
/* The resolver without memory, and over a wire that loses, delays, doubles and damages. */
#include <errno.h>

#include "net/tcp/tcp_priv.h"
#include "tests/lib/lan.h"
#include "tests/unit/net/dns/world.h"

TestSuite(hardship, .init = world_begin, .fini = world_end, .timeout = 60);

/* -- without memory -- */

static unsigned found;

static void look_up_once(void *arg)
{
	intptr_t result = look_up(arg);

	cr_expect(result > 0 || result == -ENOBUFS || result == -EIO || result == -ETIMEDOUT, "%ld",
	          (long)result);
	found += result > 0;
	test_run_for_ns(300 * NS_PER_S);
}

Test(hardship, without_memory)
{
	for (int i = 0; i < 2; i++) { /* TCP knows that these are not empty */
		test_alloc_spare(&direct_tcp(stacks[i])->slices);
		test_alloc_spare(&direct_tcp(stacks[i])->wait_table.pool);
	}
	server.zone = big;
	look_up_once("big.example.com"); /* the stacks get to know each other */
	found = 0;
	cr_expect_gt(test_alloc_fail_each(look_up_once, "big.example.com"), 10);
	cr_expect_gt(found, 3);
}

static void create(void *arg)
{
	struct dns_config config = DNS_CONFIG_DEFAULTS;
	struct dns_resolver *r;
	int error = dns_resolver_create(&r, arg, &config);

	cr_expect_eq(error, test_alloc_failed() ? -ENOMEM : 0);
	if (!error)
		dns_resolver_destroy(r);
}

Test(hardship, is_not_created_without_memory)
{
	cr_expect_eq(test_alloc_fail_each(create, stacks[0]), 3);
}

/* -- a bad wire -- */

Test(bad_wire, names_are_found_all_the_same, .timeout = 120)
{
	lan_prepare();
	for (uint64_t seed = 1; seed <= 20; seed++) {
		unsigned got = 0;

		world_start(&(struct cable_config){ .seed = seed, .faults = {
			.lose = 150, .duplicate = 50, .reorder = 50, .corrupt = 30, .delay_ns = 5 * NS_PER_MS,
			.jitter_ns = 50 * NS_PER_MS } });
		for (int i = 0; i < 10; i++) {
			intptr_t result = look_up(i % 3 ? "short.example.com" : "alias.example.com");

			cr_expect(result > 0 || result == -ETIMEDOUT, "seed %u: %ld", (unsigned)seed, (long)result);
			cr_expect(result < 0 || first_is(1, i % 3 ? 3 : 1));
			got += result > 0;
			test_run_for_ns(101 * NS_PER_S);
		}
		cr_expect_geq(got, 8, "seed %u: %u", (unsigned)seed, got);
		world_stop();
	}
}
