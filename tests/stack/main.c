/* SPDX-License-Identifier: ISC */
/* An application that reaches the direct stack as a whole, and does nothing: what the stack's text comes
 * to ("make check"). Beside it lie two configurations: full has every option on and every call that an
 * application can make, plain has every option off and the calls that listen, open and send. They are taken
 * by address, so that none is folded into a use of it that other applications do not have. */
#include "kernel/app.h"
#include "net/capture.h"
#include "net/dns/lease.h"
#include "net/ethernet.h"
#include "net/ipv4/ipv4.h"
#include "net/metrics.h"
#include "net/tcp/tcp.h"
#include "net/udp.h"

const struct option app_options[] = { { 0 } };

static const void *const plain[] = {
	direct_tcp_listen, direct_tcp_unlisten, direct_tcp_connect_from, direct_udp_listen, direct_udp_unlisten,
	direct_udp_send, direct_udp_send_from,
};

static const void *const full[] = {
	direct_tcp_set, direct_tcp_get, direct_tcp_info, direct_tcp_ends, direct_udp_join, direct_udp_leave,
	direct_lease, direct_lease_listen, direct_ready, direct_address,
	ethernet_listen_other, ipv4_listen_other, udp_listen_other, tcp_listen_other, udp_listen_errors,
	ipv4_add_address, ipv4_remove_address, ipv4_add_route, ipv4_remove_route,
	dns_resolver_create, dns_resolver_destroy, dns_resolver_set_servers, dns_resolve, dns_resolver_stats,
	dns_lease_follow, option_dns, capture_snapshot, direct_capture, metrics_snapshot,
};

int app_start(const struct app *app, struct promise *done)
{
	(void)app;
	__asm__ volatile("" : : "r"(plain));
	if (IS_ENABLED(CONFIG_NET_OBSERVE))
		__asm__ volatile("" : : "r"(full));
	promise_fulfil(done, 0);
	return 0;
}
