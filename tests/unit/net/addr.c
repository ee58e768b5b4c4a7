/* SPDX-License-Identifier: ISC */
/* Text forms of addresses: valid ones, and above all invalid ones. */
#include <criterion/criterion.h>
#include <errno.h>

#include "net/addr.h"

Test(addr, text_goes_both_ways)
{
	static const char *const good[] = { "0.0.0.0", "10.0.0.2", "255.255.255.255", "1.20.100.9" };

	for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
		char text[IP_TEXT_MAX];
		struct ip_addr a;

		cr_assert_eq(ip_parse(good[i], &a), 0, "%s", good[i]);
		cr_expect_eq(a.family, IP_V4);
		cr_expect_str_eq(ip_format(text, &a), good[i]);
	}
}

Test(addr, only_the_exact_form_is_an_address)
{
	static const char *const bad[] = {
		"", ".", "1", "1.2.3", "1.2.3.", "1.2.3.4.", "1.2.3.4.5", ".1.2.3.4", "1..2.3", "256.0.0.1",
		"1.2.3.999", "1.2.3.1000", "01.2.3.4", "1.2.3.04", "1.2.3.4 ", " 1.2.3.4", "1.2.3.4/24", "1.2.3.-4",
		"+1.2.3.4", "0x1.2.3.4", "a.b.c.d", "1.2.3.4x", "00.0.0.0", "::1",
	};

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		struct ip_addr a = ip_v4(9, 9, 9, 9), before = a;

		cr_expect_eq(ip_parse(bad[i], &a), -EINVAL, "%s", bad[i]);
		cr_expect(ip_equal(&a, &before), "%s changed the target", bad[i]);
		if (*bad[i])
			cr_expect_eq(option_ip(bad[i], &a), -EINVAL, "%s", bad[i]);
	}
}

Test(addr, an_empty_option_is_no_address)
{
	struct ip_addr a = ip_v4(9, 9, 9, 9);

	cr_assert_eq(option_ip("", &a), 0);
	cr_assert_eq(a.family, IP_NONE);
}

Test(addr, prefixes)
{
	static const char *const bad[] = {
		"10.0.0.2", "10.0.0.2/", "10.0.0.2/33", "10.0.0.2/024", "10.0.0.2/24 ", "10.0.0/24", "/24",
		"10.0.0.2/-1", "10.0.0.2/2x", "10.0.0.2//24", "10.0.0.2/240",
	};
	struct ip_prefix p;
	struct ip_addr expected = ip_v4(10, 0, 0, 2);

	cr_assert_eq(option_ip_prefix("10.0.0.2/24", &p), 0);
	cr_expect(ip_equal(&p.addr, &expected));
	cr_expect_eq(p.len, 24);
	cr_assert_eq(option_ip_prefix("10.0.0.2/0", &p), 0);
	cr_expect_eq(p.len, 0);
	cr_assert_eq(option_ip_prefix("10.0.0.2/32", &p), 0);
	cr_expect_eq(p.len, 32);
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		cr_expect_eq(option_ip_prefix(bad[i], &p), -EINVAL, "%s", bad[i]);
	cr_expect(ip_equal(&p.addr, &expected) && p.len == 32);
}

Test(addr, options_fill_in_their_targets)
{
	struct ip_addr a, expected = ip_v4(192, 168, 1, 254);

	cr_assert_eq(option_ip("192.168.1.254", &a), 0);
	cr_expect(ip_equal(&a, &expected));
}

Test(addr, equality_looks_at_family_and_bytes)
{
	struct ip_addr a = ip_v4(1, 2, 3, 4), b = a, none = { IP_NONE, { 1, 2, 3, 4 } };
	char text[IP_TEXT_MAX];

	cr_expect(ip_equal(&a, &b));
	b.bytes[3] = 5;
	cr_expect_not(ip_equal(&a, &b));
	cr_expect_not(ip_equal(&a, &none));
	cr_expect_str_eq(ip_format(text, &none), "-");
}
