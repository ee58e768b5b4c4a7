/* SPDX-License-Identifier: ISC */
/* Fields of the IP header that an application may choose for the packets it sends: the same for TCP and UDP,
 * over either IP version and either stack (RFC 9293 MUST-48 and MUST-49, RFC 1122 §4.1.4). */
#ifndef NET_WISHES_H
#define NET_WISHES_H

#include "net/ip.h"
#include "net/stack.h"

/* Sets STACK_TTL or STACK_DSCP, to values in the ranges of net/stack.h. 0, -EINVAL; -ENOPROTOOPT: another
 * option. */
int ip_wish(struct ip_wishes *w, enum stack_option option, int32_t value);
/* 0, -ENOPROTOOPT. */
int ip_wished(const struct ip_wishes *w, enum stack_option option, int32_t *value);

#endif
