/* SPDX-License-Identifier: ISC */
/* resolve: looks up the names on its command line, one after the other, prints a line "name address seconds"
 * for each address, and ends, with status 0 if each name had one. */
#include <errno.h>
#include <string.h>

#include "kernel/app.h"
#include "kernel/dev/clock.h"
#include "kernel/dev/console.h"
#include "kernel/fiber.h"
#include "kernel/format.h"
#include "net/dns/lease.h"

#define LOG_TAG "resolve"
#include "kernel/log.h"

enum { NAMES_MAX = 32, LINE_BYTES = 512, PATIENCE_S = 60 };

static const char *names[NAMES_MAX];
static size_t name_count;
static struct dns_servers servers;
static struct dns_lease lease;
static struct dns_resolver *resolver;

/* Appends a name. */
static int option_name(const char *value, void *target)
{
	(void)target;
	if (!*value || name_count == NAMES_MAX)
		return -EINVAL;
	names[name_count++] = value;
	return 0;
}

const struct option app_options[] = {
	{ "name", "a name to look up, as www.example.com; up to 32 times", option_name, NULL },
	DNS_OPTION(servers),
	{ 0 },
};

static const char *reason(int error)
{
	switch (error) {
	case -EINVAL:
		return "is no name";
	case -ENOENT:
		return "does not exist";
	case -ENODATA:
		return "has no address";
	case -ELOOP:
		return "has too many aliases";
	case -ETIMEDOUT:
		return "got no answer";
	case -EHOSTUNREACH:
		return "had nobody to be asked of: no server, or no way there (dns=)";
	default:
		return "is not known to the servers: they failed";
	}
}

static void print(const char *name, const struct dns_query *q)
{
	char line[LINE_BYTES], text[IP_TEXT_MAX];

	if (q->promise.state == PROMISE_FAILED) {
		format(line, sizeof(line), "%s %s\n", name, reason(q->promise.error));
		console_write(line, strlen(line));
		return;
	}
	for (unsigned i = 0; i < q->found.count; i++) {
		format(line, sizeof(line), "%s %s %u\n", name, ip_format(text, &q->found.addrs[i]), q->found.ttl_s);
		console_write(line, strlen(line));
	}
}

/* Fulfils done with the number of names that have no address. */
static intptr_t look_up_all(void *done)
{
	struct dns_query query;
	intptr_t missing = 0;

	for (size_t i = 0; i < name_count; i++) {
		uint64_t deadline_ns = clock_now_ns() + PATIENCE_S * NS_PER_S;

		dns_resolve(resolver, &query, names[i], IP_V4, deadline_ns);
		missing += fiber_await(&query.promise, DEADLINE_NEVER) < 0;
		print(names[i], &query);
	}
	promise_fulfil(done, missing);
	return 0;
}

int app_start(const struct app *app, struct promise *done)
{
	struct dns_config config = DNS_CONFIG_DEFAULTS;
	bool given = servers.count > 0;
	int error;

	if (!given && option_dns(CONFIG_DNS_SERVERS, &servers) < 0) {
		log_error("DNS_SERVERS=%s: expects IPv4 addresses, as 10.0.0.3,10.0.0.4", CONFIG_DNS_SERVERS);
		return -EINVAL;
	}
	error = dns_resolver_create(&resolver, app->stack, &config);
	if (error < 0)
		return error;
	dns_resolver_set_servers(resolver, servers.addrs, servers.count);
	if (IS_ENABLED(CONFIG_NET_DHCP) && !given)
		dns_lease_follow(&lease, resolver, (struct direct *)app->stack);
	return fiber_start(look_up_all, done, NULL);
}
