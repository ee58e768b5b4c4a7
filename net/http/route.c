/* SPDX-License-Identifier: ISC */
/* A table of routes is searched from its start: applications have only a few. */
#include <errno.h>
#include <string.h>

#include "kernel/format.h"
#include "net/http/route.h"

static bool fits(const struct http_route *route, struct http_text key)
{
	size_t len = strlen(route->path);

	if (len && route->path[len - 1] == '*')
		return key.len >= len - 1 && !memcmp(route->path, key.at, len - 1);
	return key.len == len && !memcmp(route->path, key.at, len);
}

/* "Allow: GET, HEAD, OPTIONS". */
static void format_allow(char *to, size_t size, uint32_t methods)
{
	size_t at = format(to, size, "Allow: OPTIONS");

	for (int method = 0; method < HTTP_METHOD_UNKNOWN; method++)
		if (methods & 1u << method && method != HTTP_OPTIONS)
			at += format(to + at, size - at, ", %s", http_method_name(method));
	format(to + at, size - at, "\r\n");
}

int http_route(void *arg, const struct http_request *request, struct http_reply *reply)
{
	struct http_routes *table = arg;
	const struct http_route *route = table->routes;
	uint32_t methods;

	while (route->path && !fits(route, request->key))
		route++;
	if (!route->path)
		return -ENOENT;
	methods = route->methods | (route->methods & HTTP_METHOD(GET) ? HTTP_METHOD(HEAD) : 0);
	if (methods & 1u << request->verb)
		return route->handler(table->arg, request, reply);
	format_allow(table->allow, sizeof(table->allow), methods);
	reply->status = request->verb == HTTP_OPTIONS ? 204 : 405;
	reply->header = table->allow;
	return 0;
}
