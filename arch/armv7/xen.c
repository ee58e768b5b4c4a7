/* SPDX-License-Identifier: ISC */
/* The way into Xen (its public/arch-arm.h): the tag says that it is meant for the hypervisor. */
#include "drivers/xen/hypercall.h"

static_assert(XEN_HYPERCALL_TAG == 0xea1, "public/arch-arm.h");

long xen_call(uint32_t number, uintptr_t a, uintptr_t b, uintptr_t c)
{
	register uint32_t r12 __asm__("r12") = number;
	register uint32_t r0 __asm__("r0") = a;
	register uint32_t r1 __asm__("r1") = b;
	register uint32_t r2 __asm__("r2") = c;

	__asm__ volatile("hvc #0xea1" : "+r"(r0), "+r"(r1), "+r"(r2), "+r"(r12) : : "memory");
	return (long)r0;
}
