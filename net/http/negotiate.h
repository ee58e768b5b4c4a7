/* SPDX-License-Identifier: ISC */
/* Which content codings a client takes (RFC 9110 §12.5.3). */
#ifndef NET_HTTP_NEGOTIATE_H
#define NET_HTTP_NEGOTIATE_H

#include "net/http/parse.h"

/* The Accept-Encoding fields of request. Gives the coding to send where there is a choice, a bit of enum
 * kv_codings (fs/kv.h), or 0: none. Sets *identity when a value without coding will do. */
uint8_t http_negotiate(const struct http_request *request, bool *identity);

#endif
