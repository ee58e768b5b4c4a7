/* SPDX-License-Identifier: ISC */
/* The server over a vchan, too: WWW_VCHAN. */
#ifndef APPS_WWW_VCHAN_H
#define APPS_WWW_VCHAN_H

#include "kernel/option.h"
#include "net/http/server.h"

extern uint16_t vchan_client; /* the domain that may connect; 0 is dom0 */

#ifdef CONFIG_WWW_VCHAN
#define VCHAN_OPTIONS { "vchan-client", "the number of a domain, 0 to 65535", option_u16, &vchan_client },
#else
#define VCHAN_OPTIONS
#endif

/* As vchan_listen. */
int vchan_serve(struct http_server *server);
/* Is it a flow of that client, rather than a connection of the network? */
bool vchan_has(const struct flow *flow);

#endif
