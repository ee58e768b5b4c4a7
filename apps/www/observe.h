/* SPDX-License-Identifier: ISC */
/* What the server says about itself: /metrics and /capture.pcapng. */
#ifndef APPS_WWW_OBSERVE_H
#define APPS_WWW_OBSERVE_H

#include "net/http/server.h"

/* A handler of net/http/server.h, with the stack as its argument. */
int observe_answer(void *stack, const struct http_request *request, struct http_reply *reply);

#endif
