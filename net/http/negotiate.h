/* SPDX-License-Identifier: ISC */
/* The content codings that a client accepts (RFC 9110 §12.5.3). */
#ifndef NET_HTTP_NEGOTIATE_H
#define NET_HTTP_NEGOTIATE_H

#include "net/http/parse.h"

/* Reads the Accept-Encoding fields of request. Gives the coding to send if the value has it, a bit of enum
 * kv_codings (fs/kv.h), or 0: none. Sets *identity if a value without coding is acceptable. */
uint8_t http_negotiate(const struct http_request *request, bool *identity);

#endif
