/* SPDX-License-Identifier: ISC */
/* Hexadecimal digits. */
#ifndef KERNEL_HEX_H
#define KERNEL_HEX_H

/* The value of a digit, in either case; -1: c is no hexadecimal digit. */
int hex_digit(char c);

#endif
