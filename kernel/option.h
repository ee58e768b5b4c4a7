/* SPDX-License-Identifier: ISC */
/* Start options: "key=value" or "key" words from the hypervisor's command line, the device tree's
 * bootargs, or argv. init/main.c joins the tables of what is configured; an unknown key or a bad
 * value stops the start with a line that names it and says what is allowed. */
#ifndef KERNEL_OPTION_H
#define KERNEL_OPTION_H

#include "kernel/util.h"

struct option {
	const char *key;
	const char *expects; /* for the message: "an IPv4 address and prefix length, as 10.0.0.2/24" */
	/* 0, or -EINVAL for a value that is wrong. value is "" for a bare key. */
	int (*parse)(const char *value, void *target);
	void *target;
};

/* Parses words[0..count) against tables (each ends with a NULL key; the array ends with NULL).
 * 0, or -EINVAL after writing the message to error. Keys that VMMs append by themselves are
 * passed over. Borrows words; targets may keep pointers into them. */
int option_parse(char *const *words, size_t count, const struct option *const *tables, char *error,
                 size_t error_size);
/* Splits a command line in place at white space, "…" quoting a word's white space.
 * Gives the number of words, or -E2BIG when there are more than max. */
int option_split(char *line, char **words, size_t max);

int option_u16(const char *value, void *target);    /* uint16_t: 0 to 65535 */
int option_port(const char *value, void *target);   /* uint16_t: 1 to 65535 */
int option_string(const char *value, void *target); /* const char * */
int option_flag(const char *value, void *target);   /* bool: bare key, true, false */

#endif
