/* SPDX-License-Identifier: ISC */
/* Shared by the files of the resolver. */
#ifndef NET_DNS_DNS_PRIV_H
#define NET_DNS_DNS_PRIV_H

#include "kernel/buf.h"
#include "kernel/pool.h"
#include "net/dns/message.h"
#include "net/dns/resolver.h"
#include "net/stack.h"

/* A name and type to look up. A key has small letters, and zeros behind its name: keys compare as bytes. */
struct dns_key {
	uint8_t name[DNS_NAME_BYTES];
	uint8_t zero;
	uint16_t type;
};
static_assert(sizeof(struct dns_key) == DNS_NAME_BYTES + 3, "no padding");

/* -- answer.c: reading an answer; without effects -- */

/* The way from a name to its addresses. */
struct dns_chase {
	struct dns_addresses found; /* ttl_s: the least on the way so far */
	uint8_t aliases;            /* followed so far */
	struct dns_key asked;       /* the name, or its last alias so far, in letters' cases as sent */
};

/* Is data an answer to this question? Gives where its answers begin, or -EBADMSG: it answers another
 * question, -EILSEQ: exact was asked for, and only the case of letters differs. */
int dns_answer_open(const uint8_t *data, size_t len, uint16_t id, const struct dns_chase *c, bool exact);

/* Follows an opened answer; at: as given by dns_answer_open. Gives
 *   > 0        number of addresses in c->found
 *   0          the name is an alias of c->asked, of which nothing is said: to be asked next
 *   -ENOENT, -ENODATA   there are none; c->found.ttl_s: for how long, 0: not given
 *   -ELOOP     more aliases than DNS_ALIASES
 *   -EMSGSIZE  it is cut short
 *   -EPROTO    the server does not understand EDNS0
 *   -EIO, -EBADMSG   the server has failed, refuses, or gives a referral; the answer is malformed
 * The content of c is undefined after an error from -ELOOP on. */
int dns_answer_read(const uint8_t *data, size_t len, size_t at, struct dns_chase *c);

/* -- cache.c -- */

struct dns_entry {
	uint64_t used_ns, expires_ns; /* 0: never used */
	int16_t error; /* negative errno; 0: found */
	struct dns_addresses found;
	struct dns_key key;
};
LIMIT_BYTES(DNS_ENTRIES, CONFIG_DNS_ADDRESSES == 4 ? sizeof(struct dns_entry) : 360, 360);

struct dns_cache {
	struct dns_entry *entries;
	uint32_t set_mask;
	uint8_t secret[16];
};

/* count: rounded up to a power of two, at least 4. 0, -ENOMEM. */
int dns_cache_init(struct dns_cache *c, uint32_t count);
void dns_cache_destroy(struct dns_cache *c);
/* NULL: key is not in the cache, or has expired. */
const struct dns_entry *dns_cache_find(struct dns_cache *c, const struct dns_key *key);
/* Keeps the result for found->ttl_s seconds. */
void dns_cache_put(struct dns_cache *c, const struct dns_key *key, int error,
                   const struct dns_addresses *found);

/* -- exchange.c: one question over TCP -- */

/* result: 0 with the answer, which is lent; or a negative errno. */
typedef void dns_exchange_fn(void *arg, int result, const uint8_t *data, size_t len);

struct dns_exchange;
/* Asks question, of at most DNS_QUERY_BYTES, which is copied. done is called once from the loop, unless the
 * exchange is cancelled before; *out is invalid from then on. 0, -ENOBUFS. */
int dns_exchange_start(struct dns_exchange **out, struct stack *stack, const struct endpoint *to,
                       const uint8_t *question, size_t len, dns_exchange_fn *done, void *arg);
void dns_exchange_cancel(struct dns_exchange *x);

/* -- lookup.c: one name being asked for -- */

struct dns_lookup {
	struct dns_resolver *resolver;
	struct list link;              /* in resolver->active */
	struct list askers;            /* of struct dns_query; not empty */
	struct timer timer;            /* the answer is late */
	struct dns_exchange *exchange; /* of a pending question over TCP; or NULL */
	uint16_t id;
	uint16_t port;                 /* source port of a pending question over UDP; or 0 */
	uint8_t first, turn;           /* server first + turn is asked, round after round */
	uint8_t failed;                /* a bit for each server that is not asked again */
	uint8_t manner;                /* enum manner */
	uint8_t shortages;             /* times that there was no room for the question */
	uint16_t wrong;                /* datagrams that did not answer this question */
	int error;                     /* of the last server */
	struct endpoint to;            /* the server that is asked */
	struct dns_chase chase;        /* from key on */
	struct dns_key key;            /* being looked up */
};
LIMIT_BYTES(DNS_LOOKUPS, CONFIG_DNS_ADDRESSES == 4 ? sizeof(struct dns_lookup) : 712, 712);
static_assert(CONFIG_DNS_SERVERS_MAX <= 8, "a bit each");

/* NULL: all are in use. The caller then adds the first asker, and starts it. */
struct dns_lookup *dns_lookup_create(struct dns_resolver *r, const struct dns_key *key);
/* Asks from the first server on; a pending question is dropped. l may have ended, and be freed, when this
 * returns. */
void dns_lookup_start(struct dns_lookup *l);
/* Frees l, which has no askers. */
void dns_lookup_release(struct dns_lookup *l);

/* -- resolver.c -- */

struct dns_resolver {
	struct stack *stack;
	uint8_t first; /* the server that answered last */
	struct dns_config config;
	struct dns_stats stats;
	struct list active;
	struct pool lookups;
	struct dns_cache cache;
	struct dns_servers servers;
};

/* error: 0 when q->found is filled in. */
void dns_query_settle(struct dns_query *q, int error);

#endif
