/* SPDX-License-Identifier: ISC */
/* A DNS stub resolver: names to addresses, by asking recursive servers (RFC 1034 §5.3.1).
 *
 *   struct dns_config config = DNS_CONFIG_DEFAULTS;
 *   dns_resolver_create(&resolver, app->stack, &config);
 *   dns_resolver_set_servers(resolver, addrs, count);
 *   dns_resolve(resolver, &query, "www.example.com", IP_V4, deadline_ns);
 *   fiber_await(&query.promise, …), or promise_wait(&query.promise, …)
 *
 * Against forged answers (RFC 5452) each question has its own random id, port and letters' cases
 * (draft-vixie-dnsext-dns0x20); only records that lead from the name to its addresses are taken. An
 * answer that is too long for UDP is asked for over TCP (RFC 7766). Answers are cached within bounds,
 * negative ones too (RFC 2308). All numbers are Kconfig's. */
#ifndef NET_DNS_RESOLVER_H
#define NET_DNS_RESOLVER_H

#include "kernel/timer.h"
#include "net/addr.h"

struct dns_resolver;
struct stack; /* net/stack.h */

enum { DNS_PORT = 53 };

struct dns_config {
	uint16_t port;      /* of all servers */
	uint32_t rounds;    /* times that each server is asked, 1 to 8 */
	uint64_t try_ns;    /* time for an answer in the first round */
	uint32_t lookups;   /* names asked for at a time */
	uint32_t entries;   /* names in the cache */
};

#define DNS_CONFIG_DEFAULTS { \
	.port = DNS_PORT, \
	.rounds = CONFIG_DNS_ROUNDS, \
	.try_ns = CONFIG_DNS_TRY_MS * NS_PER_MS, \
	.lookups = CONFIG_DNS_LOOKUPS, \
	.entries = CONFIG_DNS_ENTRIES, \
}

struct dns_addresses {
	uint32_t ttl_s; /* how long they are valid from now on */
	uint8_t count;
	struct ip_addr addrs[CONFIG_DNS_ADDRESSES];
};
LIMIT_BYTES(DNS_ADDRESSES, sizeof(struct ip_addr), 17);
LIMIT_BYTES(DNS_SERVERS_MAX, sizeof(struct ip_addr), 17);

/* A query, in the caller's storage. Fulfilled with the number of addresses in found, at least 1.
 * Fails with
 *   -EINVAL        text is no name
 *   -ENOENT        there is no such name (NXDOMAIN)
 *   -ENODATA       the name has no such addresses
 *   -ELOOP         too many aliases
 *   -ETIMEDOUT     no answer in time, or by the deadline
 *   -EIO           each server failed, refused, or made no sense
 *   -EHOSTUNREACH  no server is known, or none can be reached
 *   -ENOBUFS       too many names are being asked for, or no memory for packets
 *   -ECANCELED     the promise was cancelled, or the resolver destroyed */
struct dns_query {
	struct promise promise;
	struct dns_addresses found;
	/* the resolver's own */
	struct list link;
	struct timer deadline;
	struct dns_lookup *lookup;
};

/* 0, or -ENOMEM. Copies config; borrows stack until destroyed. */
int dns_resolver_create(struct dns_resolver **out, struct stack *stack, const struct dns_config *config);
/* Cancels every query. The loop has to run once more before the stack may go. */
void dns_resolver_destroy(struct dns_resolver *r);

/* Sets the servers to ask from now on, in this order; only DNS_SERVERS_MAX are used. Copies addrs. */
void dns_resolver_set_servers(struct dns_resolver *r, const struct ip_addr *addrs, size_t count);

/* Asks for name's addresses of this family (IP_V4 or IP_V6). "localhost" (RFC 6761 §6.3) and addresses
 * as text are answered without a server. Borrows q until its promise has settled, which may be at once. */
void dns_resolve(struct dns_resolver *r, struct dns_query *q, const char *name, enum ip_family family,
                 uint64_t deadline_ns);

struct dns_stats {
	uint32_t queries;     /* dns_resolve was called */
	uint32_t cache_hits;
	uint32_t questions;   /* sent to servers, over TCP too */
	uint32_t over_tcp;
	uint32_t timeouts;    /* questions without an answer */
	uint32_t failures;    /* servers that failed, refused, made no sense or could not be reached */
	uint32_t wrong;       /* datagrams that did not answer the question */
	uint32_t lookups, lookups_peak; /* in use now */
};
void dns_resolver_stats(const struct dns_resolver *r, struct dns_stats *out);

/* Servers as a start option or Kconfig gives them. */
struct dns_servers {
	uint8_t count;
	struct ip_addr addrs[CONFIG_DNS_SERVERS_MAX];
};

/* Parses "10.0.0.3,10.0.0.4" to target, a struct dns_servers; "" gives none. 0; -EINVAL: it is undefined. */
int option_dns(const char *value, void *target);
/* For a table of struct option. */
#define DNS_OPTION(servers) { "dns", "IPv4 addresses, as 10.0.0.3,10.0.0.4", option_dns, &(servers) }

#endif
