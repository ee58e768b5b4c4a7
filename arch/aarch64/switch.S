/* SPDX-License-Identifier: ISC */
/* Stacks are switched as in a process. */
#include "arch/unix/switch_aarch64.S"
