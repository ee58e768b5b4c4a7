/* SPDX-License-Identifier: ISC */
/* What init/main.c needs of options that not every configuration has. */
#ifndef INIT_DEFAULTS_H
#define INIT_DEFAULTS_H

#ifdef CONFIG_NET_DIRECT
#define DEFAULT_ADDRESS CONFIG_NET_ADDRESS
#define DEFAULT_GATEWAY CONFIG_NET_GATEWAY
#else
#define DEFAULT_ADDRESS ""
#define DEFAULT_GATEWAY ""
#endif

#endif
