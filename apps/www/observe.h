/* SPDX-License-Identifier: ISC */
/* The server's own pages: /metrics and /capture.pcapng. */
#ifndef APPS_WWW_OBSERVE_H
#define APPS_WWW_OBSERVE_H

#include "net/http/route.h"

struct stack;

/* The routes of the server over stack. There is one instance: the routes are static. */
struct http_routes *observe_routes(struct stack *stack);

#endif
