/* SPDX-License-Identifier: ISC */
/* Path MTU discovery (RFC 1191): remembers for ten minutes the MTU that routers on the way to a destination
 * have reported. Senders learn it when they next look at their route, and also when it is forgotten: then
 * larger packets are tried again.
 *
 * Only reports that a transport has verified count (ip_too_big), and an attacker who guessed right cannot
 * make us send tiny packets: below CONFIG_IPV4_PMTU_MIN they do not shrink, but may be fragmented on the
 * way. */
#include "kernel/dev/clock.h"
#include "net/ipv4/ipv4_priv.h"

#define LIFE_NS (600 * NS_PER_S) /* RFC 1191 §6.3 */

/* Some paths have expired: makes senders look at their routes again. */
static void forget(struct timer *t)
{
	struct ipv4 *ip = container_of(t, struct ipv4, path_timer);
	uint64_t next_ns = UINT64_MAX, now_ns = clock_now_ns();

	for (size_t i = 0; i < ARRAY_SIZE(ip->paths); i++)
		if (ip->paths[i].expires_ns > now_ns)
			next_ns = MIN(next_ns, ip->paths[i].expires_ns);
	if (next_ns < UINT64_MAX)
		timer_start(t, next_ns);
	ipv4_changed(ip);
}

void pmtu_init(struct ipv4 *ip)
{
	timer_init(&ip->path_timer, forget);
}

void pmtu_done(struct ipv4 *ip)
{
	timer_stop(&ip->path_timer);
}

void pmtu_look(struct ipv4 *ip, struct ip_route *r)
{
	uint32_t dst = get_be32(r->dst.bytes);
	uint64_t now_ns;

	r->payload_bytes = r->link_bytes;
	r->may_be_cut = false;
	if (!timer_is_running(&ip->path_timer)) /* the usual case: no path is known */
		return;
	now_ns = clock_now_ns();
	for (size_t i = 0; i < ARRAY_SIZE(ip->paths); i++) {
		const struct ipv4_path *p = &ip->paths[i];

		if (p->dst == dst && p->expires_ns > now_ns) {
			r->payload_bytes = MIN(p->payload_bytes, r->link_bytes);
			r->may_be_cut = p->may_be_cut;
		}
	}
}

void pmtu_too_big(struct ip_route *r, uint32_t mtu)
{
	struct ipv4 *ip = container_of(r->ip, struct ipv4, ip);
	uint32_t dst = get_be32(r->dst.bytes);
	struct ipv4_path *oldest = ip->paths, *p = ip->paths;

	pmtu_look(ip, r);
	if (mtu >= r->payload_bytes + (uint32_t)IPV4_HEADER_BYTES)
		return;
	for (; p < ip->paths + ARRAY_SIZE(ip->paths) && p->dst != dst; p++)
		if (p->expires_ns < oldest->expires_ns)
			oldest = p;
	if (p == ip->paths + ARRAY_SIZE(ip->paths))
		p = oldest;
	p->expires_ns = clock_now_ns() + LIFE_NS;
	if (!timer_is_running(&ip->path_timer))
		timer_start(&ip->path_timer, p->expires_ns);
	p->dst = dst;
	p->may_be_cut = mtu < CONFIG_IPV4_PMTU_MIN;
	p->payload_bytes = r->payload_bytes;
	if (mtu != IP_MTU_UNKNOWN)
		p->payload_bytes = (uint16_t)(MAX(mtu, (uint32_t)CONFIG_IPV4_PMTU_MIN) - IPV4_HEADER_BYTES);
	pmtu_look(ip, r);
	ipv4_changed(ip);
}

uint32_t pmtu_below(uint32_t bytes)
{
	/* RFC 1191 §7.1: usual MTUs of links */
	static const uint16_t plateaus[] = { 32000, 17914, 8166, 4352, 2002, 1492, 1006, 508, 296, 68 };
	size_t i = 0;

	while (i < ARRAY_SIZE(plateaus) - 1 && plateaus[i] >= bytes)
		i++;
	return plateaus[i];
}
