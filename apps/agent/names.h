/* SPDX-License-Identifier: ISC */
/* The names of errors, as a suite reads them. */
#ifndef APPS_AGENT_NAMES_H
#define APPS_AGENT_NAMES_H

/* "ECONNRESET" for -ECONNRESET; one that has no name here is "EUNKNOWN". */
const char *error_name(int error);

#endif
