/* SPDX-License-Identifier: ISC */
/* Hypercalls on ARM (Xen's public/arch-arm.h): the tag marks them as Xen's. Both CPUs differ only in the
 * names of registers. */
#include "drivers/xen/hypercall.h"

#ifdef CONFIG_ARCH_AARCH64
#define ARGUMENT "x"
#define NUMBER "x16"
#else
#define ARGUMENT "r"
#define NUMBER "r12"
#endif

static_assert(XEN_HYPERCALL_TAG == 0xea1, "public/arch-arm.h");

long xen_call(uint32_t number, uintptr_t a, uintptr_t b, uintptr_t c)
{
	register uintptr_t which __asm__(NUMBER) = number;
	register uintptr_t first __asm__(ARGUMENT "0") = a;
	register uintptr_t second __asm__(ARGUMENT "1") = b;
	register uintptr_t third __asm__(ARGUMENT "2") = c;

	__asm__ volatile("hvc #0xea1" : "+r"(first), "+r"(second), "+r"(third), "+r"(which) : : "memory");
	return (long)first;
}
