/* SPDX-License-Identifier: ISC */
/* The interface's address: from the start options, else from Kconfig. ip= alone is a static address, in any
 * image; dhcp asks a server, for the address of ip= first when both are given. */
#ifndef NET_CONFIG_H
#define NET_CONFIG_H

#include "kernel/option.h"
#include "net/stack.h"

#ifdef CONFIG_NET_DHCP
#define STACK_DHCP_OPTIONS(config) \
	{ "hostname", "a name for the DHCP server", option_string, &(config).hostname },
#else
#define STACK_DHCP_OPTIONS(config)
#endif

/* The options, for a table of struct option; config is a struct stack_config that begins as zero. A stack
 * that is composed by hand takes its MTU from the interface. */
#define STACK_START_OPTIONS(config) \
	STACK_DHCP_OPTIONS(config) \
	{ "ip", "an IPv4 address and prefix length, as 10.0.0.2/24", option_ip_prefix, &(config).ip }, \
	{ "gw", "an IPv4 address, as 10.0.0.1", option_gateway, &(config) }, \
	{ "dhcp", "nothing, true or false", option_dhcp, &(config) }
#define STACK_MTU_OPTION(config) \
	{ "mtu", "68 or more bytes", option_mtu, &(config).mtu }
int option_gateway(const char *value, void *target);
int option_dhcp(const char *value, void *target);
int option_mtu(const char *value, void *target); /* uint16_t */

/* Called once the options are parsed: fills in missing values from Kconfig. Kconfig's gateway is left
 * out, with a warning in the log, if it does not fit an address that was given. 0, or -EINVAL with a line for
 * the user in error: no valid interface address, no valid gateway for it, or no DHCP client in the image. */
int stack_config_complete(struct stack_config *config, char *error, size_t error_size);

#endif
