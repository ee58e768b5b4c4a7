/* SPDX-License-Identifier: ISC */
/* The environment of the resolver's tests: our stack with the resolver at 10.0.0.1, another at the end of a
 * wire with a server at 10.0.0.2, and a second server at our own address. */
#ifndef TESTS_UNIT_NET_DNS_WORLD_H
#define TESTS_UNIT_NET_DNS_WORLD_H

#include "net/direct.h"
#include "net/dns/resolver.h"
#include "tests/lib/cable.h"
#include "tests/lib/dns_server.h"
#include "tests/lib/test.h"

#define TRY_NS (CONFIG_DNS_TRY_MS * NS_PER_MS)

extern struct cable *cable;
extern struct direct *stacks[2];
extern struct dns_server server, near;
extern struct dns_resolver *resolver; /* at first it knows the far server only */
extern struct dns_query query;
extern struct ip_addr addrs[3];
enum { FAR, NEAR, NOBODY };
/* More addresses than a datagram has room for, of big.example.com. The other zone is in world.c. */
extern struct dns_zone big[120];

/* A suite's .init and .fini; over another cable than a good one: world_start. */
void world_begin(void);
void world_end(void);
void world_start(const struct cable_config *config);
void world_stop(void);

/* Asks and waits: the number of addresses, or the error. */
intptr_t look_up(const char *name);
/* Was 10.b.0.d the first address found? */
bool first_is(uint8_t b, uint8_t d);
/* Question n of those that the far server has seen. */
const struct dns_asked *asked(unsigned n);
struct dns_stats stats(void);

#endif
