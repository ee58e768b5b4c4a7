/* SPDX-License-Identifier: ISC */
/* Options of the IP header, converted between the application's values and the header's. */
#include "net/wishes.h"

#include <errno.h>

#define DSCP_MAX 63
#define DSCP_SHIFT 2 /* RFC 2474 §3; the bits below are ECN, which the transport sets */

int ip_wish(struct ip_wishes *w, enum stack_option option, int32_t value)
{
	bool is_ttl = option == STACK_TTL;

	if (!is_ttl && option != STACK_DSCP)
		return -ENOPROTOOPT;
	if (value < is_ttl || value > (is_ttl ? UINT8_MAX : DSCP_MAX))
		return -EINVAL;
	if (is_ttl)
		w->ttl = (uint8_t)value;
	else
		w->tos = (uint8_t)(value << DSCP_SHIFT);
	return 0;
}

int ip_wished(const struct ip_wishes *w, enum stack_option option, int32_t *value)
{
	if (option != STACK_TTL && option != STACK_DSCP)
		return -ENOPROTOOPT;
	*value = option == STACK_DSCP ? w->tos >> DSCP_SHIFT : w->ttl ? w->ttl : IP_TTL;
	return 0;
}
