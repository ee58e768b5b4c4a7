/* SPDX-License-Identifier: ISC */
/* What the server says about itself: /metrics and /capture.pcapng. */
#ifndef APPS_WWW_OBSERVE_H
#define APPS_WWW_OBSERVE_H

#include "net/http/route.h"

struct stack;

/* The routes of the server over this stack: there is one. */
struct http_routes *observe_routes(struct stack *stack);

#endif
