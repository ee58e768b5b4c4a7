/* SPDX-License-Identifier: ISC */
/* The access log: a line for each answer on the console, in the common log format. */
#ifndef APPS_WWW_ACCESS_H
#define APPS_WWW_ACCESS_H

#include "net/addr.h"
#include "net/http/server.h"

#define ACCESS_LINE_BYTES 400

/* Writes a line, with its end, for an answer to client (NULL: not on the network) at wall_ns (0: not known);
 * gives its length. request and body_bytes as struct http_config's log has them. A longer target is cut. */
size_t access_format(char to[ACCESS_LINE_BYTES], const struct ip_addr *client, uint64_t wall_ns,
                     const struct http_request *request, uint16_t status, uint64_t body_bytes);

/* As struct http_config's log; arg is not used. */
void access_log(void *arg, struct flow *flow, const struct http_request *request, uint16_t status,
                uint64_t body_bytes);

#endif
