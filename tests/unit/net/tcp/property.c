/* SPDX-License-Identifier: ISC */
/* For any behaviour of two applications and of the wire, each byte arrives, once and in order, both ends
 * close, and no memory is left. Everything follows from a seed; each seed runs in a fresh process. SEEDS sets
 * their number, and
 *
 *     SEED=17 build/tests/bin/net/tcp/property
 *
 * replays the seed that a failing run has named; CABLE_PCAP=file records its frames. */
#include <criterion/criterion.h>
#include <errno.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/lib/chatter.h"
#include "tests/lib/check.h"
#include "tests/lib/clock.h"
#include "tests/lib/lan.h"
#include "tests/lib/pair.h"
#include "tests/lib/test.h"

extern char **environ;

#define SEEDS "300"
#define CONNECTIONS 3
#define BYTES 200000u
#define BAD_MS 20000     /* then the wire is good, so that no connection gives up */
#define RUDE_MS 200000
#define LIMIT_MS 1200000

static uint64_t dice;

static uint32_t roll(uint32_t below)
{
	return (uint32_t)(test_random(&dice) % below);
}

/* A random number up to most in one of one_in runs, else 0. */
static uint32_t sometimes(uint32_t one_in, uint32_t most)
{
	return roll(one_in) ? 0 : roll(most + 1);
}

/* One roll a statement, so that every compiler rolls the same. */
static struct cable_config roll_cable(void)
{
	static const uint16_t mtus[] = { 1500, 1500, 576, 1280, 9000 };
	struct cable_config config = { .distinct = true, .pcap = getenv("CABLE_PCAP") };
	struct cable_faults *f = &config.faults;

	config.seed = test_random(&dice);
	config.mtu = mtus[roll(ARRAY_SIZE(mtus))];
	if (roll(2)) {
		config.features = NETDEV_TX_CSUM | NETDEV_RX_CSUM | (roll(2) ? NETDEV_TSO4 : 0);
		config.large_receive = config.features & NETDEV_TSO4 && roll(2);
	}
	config.split_receive = !roll(4);
	f->lose = sometimes(2, 200);
	f->duplicate = sometimes(3, 100);
	f->reorder = sometimes(3, 200);
	f->corrupt = sometimes(4, 50);
	f->delay_ns = sometimes(2, 100) * NS_PER_MS;
	f->jitter_ns = roll(50) * NS_PER_MS;
	if (!roll(4)) {
		f->bits_per_second = 1000000 + roll(50000000);
		f->queue_frames = 5 + roll(50);
	}
	return config;
}

/* The path's MTU changes now and then, and the wire gets better. */
static void change_wire(struct pair *p, struct cable_config *config, uint32_t ms, bool routers)
{
	if (ms >= BAD_MS) {
		config->faults = (struct cable_faults){ .delay_ns = config->faults.delay_ns };
	} else if (routers && !roll(20)) {
		config->faults.path_mtu = roll(3) ? 600 + roll(900) : 0;
	}
	cable_set_faults(p->cable, &config->faults);
}

static bool is_over(const struct chatter *c)
{
	return c->closed || c->error < 0;
}

/* A rude chatter's reset may be lost: a peer without data to send does not notice, and is not awaited. */
static bool all_over(const struct chatter c[][2], uint32_t count, uint32_t ms)
{
	for (uint32_t i = 0; i < count; i++) {
		bool some = is_over(&c[i][0]) || is_over(&c[i][1]), rude = c[i][0].rude || c[i][1].rude;

		if (!(is_over(&c[i][0]) && is_over(&c[i][1])) && !(some && rude && ms >= RUDE_MS))
			return false;
	}
	return true;
}

static void check(struct chatter c[2])
{
	bool rude = c[0].rude || c[1].rude;

	for (int end = 0; end < 2; end++) {
		CHECK(rude || c[end].error == 0);
		CHECK(rude || c[end].got == c[!end].len);
		CHECK(c[end].got <= c[!end].len);
		chatter_end(&c[end]);
	}
}

static void run(void)
{
	static struct chatter chatters[CONNECTIONS][2];
	struct cable_config config = roll_cable();
	uint32_t count = 1 + roll(CONNECTIONS), ms = 0;
	bool routers = !roll(4);
	struct pair pair;
	int error;

	pair_create(&pair, &config);
	for (uint32_t i = 0; i < count; i++) {
		struct flow *flow;

		do
			flow = pair_connect(&pair, &error);
		while (error == -EHOSTUNREACH || error == -ETIMEDOUT); /* ARP and half-open entries end sooner */
		CHECK(flow);
		for (uint32_t end = 0; end < 2; end++) {
			struct chatter *c = &chatters[i][end];

			*c = (struct chatter){ .seed = test_random(&dice), .voice = end, .ear = !end };
			c->len = roll(BYTES);
			c->rude = !roll(16);
			chatter_start(c, end ? pair.accepted : flow);
		}
	}
	for (; !all_over(chatters, count, ms); ms += 100) {
		CHECK(ms < LIMIT_MS);
		change_wire(&pair, &config, ms, routers);
		test_run_for_ns(100 * NS_PER_MS + 1);
	}
	for (uint32_t i = 0; i < count; i++)
		check(chatters[i]);
	pair_destroy(&pair);
}

/* -- one process for each seed -- */

static bool run_in_process(uint64_t seed)
{
	pid_t child = fork();
	int status;

	CHECK(child >= 0);
	if (child == 0) {
		int64_t live = test_alloc_live();

		dice = seed;
		run();
		CHECK(test_alloc_live() == live);
		_exit(0);
	}
	CHECK(waitpid(child, &status, 0) == child);
	return status == 0;
}

/* The runs are forked by a separate process, in which the test framework has started no threads yet; in
 * emulation that is one more emulator. */
__attribute__((constructor)) static void run_many(void)
{
	const char *range = getenv("PROPERTY_RANGE");
	unsigned long first, n, failed = 0;

	if (!range || sscanf(range, "%lu %lu", &first, &n) != 2)
		return;
	lan_prepare();
	for (unsigned long seed = first; seed < first + n; seed++)
		if (!run_in_process(seed)) {
			fprintf(stderr, "failed: SEED=%lu build/tests/bin/net/tcp/property\n", seed);
			failed++;
		}
	exit(failed > 0);
}

Test(tcp_property, every_byte_arrives_once_and_nothing_is_left)
{
	char path[4096] = { 0 }, *argv[] = { "sh", "-c", "exec $EMULATOR \"$0\"", path, NULL };
	const char *one = getenv("SEED"), *many = getenv("SEEDS");
	char range[64];
	int status;
	pid_t child;

	snprintf(range, sizeof(range), "%s %s", one ? one : "1", one ? "1" : many ? many : SEEDS);
	setenv("PROPERTY_RANGE", range, 1);
	cr_assert_gt(readlink("/proc/self/exe", path, sizeof(path) - 1), 0);
	cr_assert_eq(posix_spawn(&child, "/bin/sh", NULL, NULL, argv, environ), 0);
	cr_assert_eq(waitpid(child, &status, 0), child);
	cr_assert_eq(status, 0, "these seeds failed: see above");
}
