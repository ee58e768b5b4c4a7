/* SPDX-License-Identifier: ISC */
/* User timeouts on the wire where our own is longer than any that a peer gets (RFC 5482 §3.1). */
#include <criterion/criterion.h>

#include "net/tcp/tcp_priv.h"

Test(tcp_user_timeout, never_shorter_than_ours)
{
	static const uint16_t told[] = { 5, 700, 0x8000 | 20, 0x8000 | 0x7fff };

	for (size_t i = 0; i < ARRAY_SIZE(told); i++) {
		struct tcp_conn c = { 0 };
		struct segment s = { .options = SEG_HAS_USER_TIMEOUT, .user_timeout = told[i] };

		user_timeout_receive(&c, &s);
		cr_assert_eq(c.user_timeout_ds, CONFIG_TCP_USER_TIMEOUT_SECONDS * 10);
	}
}
