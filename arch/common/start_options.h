/* SPDX-License-Identifier: ISC */
/* The command line from a loader or a device tree. */
#ifndef ARCH_COMMON_START_OPTIONS_H
#define ARCH_COMMON_START_OPTIONS_H

#include "kernel/util.h"

/* Splits a copy of line (NULL: there is none) into words, for machine_init; panics if it is too long. To be
 * called once. Gives the number of words. */
size_t start_options(const char *line, char ***words);

#endif
