/* SPDX-License-Identifier: ISC */
/* The interface's static address: Kconfig's, or what the start options ip= and gw= say. */
#ifndef NET_CONFIG_H
#define NET_CONFIG_H

#include "kernel/option.h"
#include "net/stack.h"

/* The two options, for a table of struct option; config is a struct stack_config that begins as zero. */
#define STACK_OPTIONS(config) \
	{ "ip", "an IPv4 address and prefix length, as 10.0.0.2/24", option_ip_prefix, &(config).ip }, \
	{ "gw", "an IPv4 address, as 10.0.0.1", option_gateway, &(config) }
int option_gateway(const char *value, void *target);

/* Once the options are parsed: fills in from Kconfig what they left open. Kconfig's gateway is left out,
 * which the log tells, where it lies outside of an address that was given. 0, or -EINVAL with a line for
 * the user in error: what there is cannot be an interface's address, or cannot be its gateway. */
int stack_config_complete(struct stack_config *config, char *error, size_t error_size);

#endif
