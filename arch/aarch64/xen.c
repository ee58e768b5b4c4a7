/* SPDX-License-Identifier: ISC */
/* The way into Xen (its public/arch-arm.h): the tag says that it is meant for the hypervisor. */
#include "drivers/xen/hypercall.h"

static_assert(XEN_HYPERCALL_TAG == 0xea1, "public/arch-arm.h");

long xen_call(uint32_t number, uintptr_t a, uintptr_t b, uintptr_t c)
{
	register uint64_t x16 __asm__("x16") = number;
	register uint64_t x0 __asm__("x0") = a;
	register uint64_t x1 __asm__("x1") = b;
	register uint64_t x2 __asm__("x2") = c;

	__asm__ volatile("hvc #0xea1" : "+r"(x0), "+r"(x1), "+r"(x2), "+r"(x16) : : "memory");
	return (long)x0;
}
