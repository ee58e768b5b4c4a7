/* SPDX-License-Identifier: ISC */
/* The command line that a loader or a device tree brings. */
#ifndef ARCH_COMMON_START_OPTIONS_H
#define ARCH_COMMON_START_OPTIONS_H

#include "kernel/util.h"

/* Splits a copy of line (NULL: there is none) into words, for machine_init; panics when it is too long. Once.
 * Gives how many words there are. */
size_t start_options(const char *line, char ***words);

#endif
