/* SPDX-License-Identifier: ISC */
/* What an application may choose of the IP headers of all that it sends: the same for TCP and UDP, over
 * either IP version and either stack (RFC 9293 MUST-48 and MUST-49, RFC 1122 §4.1.4). */
#ifndef NET_WISHES_H
#define NET_WISHES_H

#include "net/ip.h"
#include "net/stack.h"

/* STACK_TTL and STACK_DSCP, with the values that net/stack.h says. 0, -EINVAL; -ENOPROTOOPT: another
 * option. */
int ip_wish(struct ip_wishes *w, enum stack_option option, int32_t value);
/* 0, -ENOPROTOOPT. */
int ip_wished(const struct ip_wishes *w, enum stack_option option, int32_t *value);

#endif
