/* SPDX-License-Identifier: ISC */
/* The static address: from Kconfig, from start options, and from both together. */
#include <errno.h>
#include <string.h>

#include "net/config.h"
#include "tests/lib/test.h"

TestSuite(config, .init = test_begin, .fini = test_end);

static struct stack_config config;
static char wrong[128];

static const struct option options[] = { STACK_START_OPTIONS(config), STACK_MTU_OPTION(config), { 0 } };

/* words: one option each, up to NULL. */
static int complete(char *const *words)
{
	const struct option *const tables[] = { options, NULL };
	size_t count = 0;

	while (words[count])
		count++;
	config = (struct stack_config){ 0 };
	cr_assert_eq(option_parse(words, count, tables, wrong, sizeof(wrong)), 0, "%s", wrong);
	return stack_config_complete(&config, wrong, sizeof(wrong));
}

static void expect(char *const *words, const char *address, unsigned len, const char *gateway)
{
	char text[IP_TEXT_MAX];

	cr_assert_eq(complete(words), 0, "%s", wrong);
	cr_expect_str_eq(ip_format(text, &config.ip.addr), address);
	cr_expect_eq(config.ip.len, len);
	cr_expect_str_eq(ip_format(text, &config.gateway), gateway);
}

#define WORDS(...) ((char *const[]){ __VA_ARGS__, NULL })

Test(config, kconfigs_unless_options_say_otherwise)
{
	expect(WORDS(NULL), "10.0.0.2", 24, "10.0.0.1");
	expect(WORDS("ip=10.0.0.77/16"), "10.0.0.77", 16, "10.0.0.1");
	expect(WORDS("gw=10.0.0.254"), "10.0.0.2", 24, "10.0.0.254");
	expect(WORDS("gw=192.168.1.1", "ip=192.168.1.2/24"), "192.168.1.2", 24, "192.168.1.1");
	cr_expect_str_eq(test_console_text(), "");
}

Test(config, an_empty_gateway_is_none)
{
	expect(WORDS("gw="), "10.0.0.2", 24, "-");
	expect(WORDS("gw=", "ip=192.168.1.2/24"), "192.168.1.2", 24, "-");
	cr_expect_str_eq(test_console_text(), "");
}

/* The default gateway is in another subnet, or is now our own address. */
Test(config, the_default_gateway_gives_way_to_a_given_address)
{
	static char *const moved[] = { "ip=192.168.1.2/24", "ip=10.0.0.1/24" };

	for (size_t i = 0; i < ARRAY_SIZE(moved); i++) {
		test_console_clear();
		cr_assert_eq(complete(WORDS(moved[i])), 0);
		cr_expect_eq(config.gateway.family, IP_NONE);
		cr_expect(strstr(test_console_text(), "gw=10.0.0.1"), "%s", test_console_text());
	}
}

Test(config, what_was_asked_for_and_cannot_be_is_named)
{
	static const struct {
		char *words[3];
		const char *named;
	} cases[] = {
		{ { "gw=192.168.1.1" }, "gw=192.168.1.1 " },
		{ { "gw=10.0.0.2" }, "gw=10.0.0.2 " },
		{ { "ip=192.168.1.2/24", "gw=10.0.0.1" }, "gw=10.0.0.1 " },
		{ { "ip=10.0.0.0/24" }, "ip=10.0.0.0/24 " },
		{ { "ip=127.0.0.1/8", "gw=" }, "ip=127.0.0.1/8 " },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		cr_expect_eq(complete(cases[i].words), -EINVAL);
		cr_expect(strstr(wrong, cases[i].named) == wrong, "%s", wrong);
	}
}

Test(config, dhcp_by_a_start_option)
{
	cr_assert_eq(complete(WORDS("dhcp")), 0);
	cr_expect(config.dhcp && config.ip.addr.family == IP_NONE);
	cr_expect_str_eq(config.hostname, CONFIG_NET_HOSTNAME);
	cr_assert_eq(complete(WORDS("dhcp", "hostname=rain")), 0);
	cr_expect_str_eq(config.hostname, "rain");
	cr_assert_eq(complete(WORDS("ip=10.9.9.9/24", "gw=10.0.0.1", "dhcp=true")), 0);
	cr_expect(config.dhcp && config.ip.addr.bytes[1] == 9, "to be asked for first");
	expect(WORDS("dhcp=false", "ip=10.0.0.77/16"), "10.0.0.77", 16, "10.0.0.1");
	cr_expect_not(config.dhcp);
	expect(WORDS("dhcp=false"), "10.0.0.2", 24, "10.0.0.1");
	cr_expect_str_eq(test_console_text(), "");
}

Test(config, dhcp_is_yes_or_no)
{
	const struct option *const tables[] = { options, NULL };

	config = (struct stack_config){ 0 };
	cr_expect_eq(option_parse(WORDS("dhcp=maybe"), 1, tables, wrong, sizeof(wrong)), -EINVAL);
	cr_expect(strstr(wrong, "dhcp=maybe"), "%s", wrong);
}

Test(config, an_mtu_is_at_least_what_the_internet_asks_for)
{
	static const struct option *const tables[] = { options, NULL };
	static char *const wrong_words[] = { "mtu=67", "mtu=0", "mtu=", "mtu=65536", "mtu=1500x" };

	expect(WORDS(NULL), "10.0.0.2", 24, "10.0.0.1");
	cr_expect_eq(config.mtu, 0);
	expect(WORDS("mtu=68"), "10.0.0.2", 24, "10.0.0.1");
	cr_expect_eq(config.mtu, 68);
	for (size_t i = 0; i < ARRAY_SIZE(wrong_words); i++) {
		cr_expect_eq(option_parse(&wrong_words[i], 1, tables, wrong, sizeof(wrong)), -EINVAL);
		cr_expect(strstr(wrong, "expects 68 or more bytes"), "%s", wrong);
	}
}
