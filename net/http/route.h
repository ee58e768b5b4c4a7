/* SPDX-License-Identifier: ISC */
/* Chooses an application's handler for a request, by path and method.
 *
 *   static const struct http_route routes[] = {
 *           { "metrics", HTTP_METHOD(GET), answer_metrics },
 *           { "file-*", HTTP_METHOD(GET) | HTTP_METHOD(PUT), answer_file },
 *           { 0 },
 *   };
 *   static struct http_routes table = { .routes = routes, .arg = &app };
 *
 *   config.handler = http_route;
 *   config.arg = &table; */
#ifndef NET_HTTP_ROUTE_H
#define NET_HTTP_ROUTE_H

#include "net/http/server.h"

#define HTTP_METHOD(name) (1u << HTTP_##name)

struct http_route {
	const char *path;      /* as in request->key; with a '*' at its end, all keys that begin so */
	uint32_t methods;      /* that handler answers; GET includes HEAD */
	http_handler *handler;
};

struct http_routes {
	const struct http_route *routes; /* the first whose path matches counts; ended by one without a path */
	void *arg;                       /* for the handlers */
	char allow[80];                  /* the table's own */
};

/* An http_handler, with a struct http_routes as its argument. A method that the route does not have gets 405
 * with Allow (RFC 9110 §15.5.6), OPTIONS gets 204 with Allow; -ENOENT, for the store, if no route matches. */
int http_route(void *routes, const struct http_request *request, struct http_reply *reply);

#endif
