/* SPDX-License-Identifier: ISC */
/* The address. A gateway that was asked for but does not fit the address stops the start; Kconfig's
 * default gateway is dropped instead, if it does not fit an address that was asked for. */
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

int option_dhcp(const char *value, void *target)
{
	struct stack_config *config = target;

	config->dhcp_given = true;
	return option_flag(value, &config->dhcp);
}

/* An address that was given is not checked: a server that does not grant it refuses it. */
static int complete_dhcp(struct stack_config *config, char *error, size_t error_size)
{
	if (!IS_ENABLED(CONFIG_NET_DHCP)) {
		format(error, error_size, "dhcp: there is no DHCP client in this image: make configure DHCP=true");
		return -EINVAL;
	}
	if (!config->hostname)
		config->hostname = CONFIG_NET_HOSTNAME;
	config->dhcp = true;
	return 0;
}

int option_mtu(const char *value, void *target)
{
	uint16_t *mtu = target;

	return option_u16(value, mtu) < 0 || *mtu < IP_MTU_LEAST ? -EINVAL : 0;
}

int stack_config_complete(struct stack_config *config, char *error, size_t error_size)
{
	bool address_given = config->ip.addr.family != IP_NONE;
	char address[IP_TEXT_MAX], gateway[IP_TEXT_MAX];
	int result;

	if (config->dhcp_given ? config->dhcp : !IS_ENABLED(CONFIG_NET_STATIC) && !address_given)
		return complete_dhcp(config, error, error_size);
	if ((!address_given && option_ip_prefix(CONFIG_NET_ADDRESS, &config->ip) < 0) ||
	    (!config->gateway_given && option_ip(CONFIG_NET_GATEWAY, &config->gateway) < 0)) {
		format(error, error_size, "CONFIG_NET_ADDRESS or CONFIG_NET_GATEWAY is no address");
		return -EINVAL;
	}
	result = ipv4_check_address(&config->ip, &config->gateway);
	if (result == 0)
		return 0;
	ip_format(address, &config->ip.addr);
	if (result == -EINVAL) {
		format(error, error_size, "ip=%s/%u is not an address that a host can have", address, config->ip.len);
		return -EINVAL;
	}
	format(error, error_size, "gw=%s is not another host in the subnet of ip=%s/%u",
	       ip_format(gateway, &config->gateway), address, config->ip.len);
	if (config->gateway_given || !address_given)
		return -EINVAL;
	log_warn("no default gateway: %s", error);
	config->gateway.family = IP_NONE;
	return 0;
}
