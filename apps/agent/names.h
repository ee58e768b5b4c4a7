/* SPDX-License-Identifier: ISC */
/* The names of errors, as a suite reads them. */
#ifndef APPS_AGENT_NAMES_H
#define APPS_AGENT_NAMES_H

/* "ECONNRESET" for -ECONNRESET; "EUNKNOWN" for an error without a name here. */
const char *error_name(int error);

#endif
