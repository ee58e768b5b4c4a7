/* SPDX-License-Identifier: ISC */
/* ARCH_FAR of arch/arch.h for code whose addresses are one instruction, which reaches a MiB. */
#ifndef ARCH_AARCH64_FAR_H
#define ARCH_AARCH64_FAR_H

#define ARCH_FAR(symbol) \
	({ \
		__typeof__(&*(symbol)) arch_far; \
		__asm__("ldr %0, =%c1" : "=r"(arch_far) : "i"(symbol)); \
		arch_far; \
	})

#endif
