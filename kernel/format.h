/* SPDX-License-Identifier: ISC */
/* Text from values: a subset of printf's formats that the compiler checks. %s %.*s %c %d %u %x %p
 * %%, with h, hh, l, ll and z, width (also *), zero padding and "-" for left; precision for %s
 * only, and not negative; no floating point. Ours because musl's printf costs 10 kB. */
#ifndef KERNEL_FORMAT_H
#define KERNEL_FORMAT_H

#include <stdarg.h>

#include "kernel/util.h"

/* Formats into to (always terminated when size > 0); gives the length without truncation. */
size_t format(char *to, size_t size, const char *format, ...) __attribute__((format(printf, 3, 4)));
size_t format_v(char *to, size_t size, const char *format, va_list args)
	__attribute__((format(printf, 3, 0)));

#endif
