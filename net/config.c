/* SPDX-License-Identifier: ISC */
/* The static address. A gateway that somebody asked for and cannot be had stops the start; one that is
 * only the default gives way to the address that somebody asked for. */
#include "net/config.h"

#include <errno.h>

#include "net/ipv4/ipv4.h"

#define LOG_TAG "net"
#include "kernel/log.h"

int option_gateway(const char *value, void *target)
{
	struct stack_config *config = target;

	config->gateway_given = true;
	return option_ip(value, &config->gateway);
}

int stack_config_complete(struct stack_config *config, char *error, size_t error_size)
{
	bool address_given = config->ip.addr.family != IP_NONE;
	char address[IP_TEXT_MAX], gateway[IP_TEXT_MAX];
	int result;

	if ((!address_given && option_ip_prefix(CONFIG_NET_ADDRESS, &config->ip) < 0) ||
	    (!config->gateway_given && option_ip(CONFIG_NET_GATEWAY, &config->gateway) < 0)) {
		format(error, error_size, "CONFIG_NET_ADDRESS or CONFIG_NET_GATEWAY is no address");
		return -EINVAL;
	}
	result = ipv4_check_address(&config->ip, &config->gateway);
	ip_format(address, &config->ip.addr);
	ip_format(gateway, &config->gateway);
	if (result == -ENETUNREACH && address_given && !config->gateway_given) {
		log_warn("the default gateway is outside of the subnet: none is used ip=%s/%u gw=%s", address,
		         config->ip.len, gateway);
		config->gateway = (struct ip_addr){ .family = IP_NONE };
		result = 0;
	}
	if (result == -ENETUNREACH)
		format(error, error_size, "gw=%s is not another host in the subnet of ip=%s/%u", gateway, address,
		       config->ip.len);
	else if (result < 0)
		format(error, error_size, "ip=%s/%u is not an address that a host can have", address, config->ip.len);
	return result < 0 ? -EINVAL : 0;
}
