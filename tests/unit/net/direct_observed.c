/* SPDX-License-Identifier: ISC */
/* The direct stack with a capturing interface in between. */
#define CONFIG_NET_OBSERVE 1

#include "net/direct.c"

#include "tests/lib/lan.h"
#include "tests/lib/test.h"

static struct lan lan;

Test(direct_observed, what_a_device_can_do_is_looked_at_when_the_link_returns)
{
	struct stack_config config = { .ip = { ip_v4(10, 0, 0, 2), 24 } };
	struct direct *d;

	lan_init(&lan, NETDEV_TX_CSUM | NETDEV_TSO4);
	cr_assert_eq(direct_create(&d, &lan.dev, &config), 0);
	cr_expect_eq(capture_netdev(d->capture)->features, NETDEV_TX_CSUM | NETDEV_TSO4);
	lan.dev.features = 0;
	netdev_tell_returned(&lan.dev);
	cr_expect_eq(capture_netdev(d->capture)->features, 0);
	direct_destroy(d);
	lan_done(&lan);
}
