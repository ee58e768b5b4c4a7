/* SPDX-License-Identifier: ISC */
/* Dates in HTTP (RFC 9110 §5.6.7): "Sun, 06 Nov 1994 08:49:37 GMT". Seconds count from 1970-01-01. */
#ifndef NET_HTTP_DATE_H
#define NET_HTTP_DATE_H

#include "net/http/parse.h"

#define HTTP_DATE_BYTES 29

/* Writes HTTP_DATE_BYTES characters, without a terminator. */
void http_date_format(char *to, uint32_t seconds);
/* 0, or -EBADMSG. Today's form, or one of the two obsolete ones, which still have to be read. */
int http_date_parse(struct http_text text, uint32_t *seconds);

#endif
