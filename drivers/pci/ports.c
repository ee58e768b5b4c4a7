/* SPDX-License-Identifier: ISC */
/* The host bridge of the PC: configuration space by I/O ports (PCI Local Bus 3.0 §3.2.2.3.2). Every supported
 * x86 machine with PCI has them, and the 256 bytes that they reach are enough. */
#include "arch/arch.h"
#include "arch/x86_64/cpu.h"
#include "drivers/pci/pci.h"

#define ADDRESS 0xcf8
#define DATA 0xcfc

__attribute__((noinline)) uint32_t pci_read(uint32_t function, uint32_t offset)
{
	out32(ADDRESS, UINT32_C(1) << 31 | function | offset);
	return in32(DATA);
}

__attribute__((noinline)) void pci_write(uint32_t function, uint32_t offset, uint32_t value)
{
	out32(ADDRESS, UINT32_C(1) << 31 | function | offset);
	out32(DATA, value);
}

uint32_t pci_first_bus(void)
{
	return 0;
}

/* BARs have the CPU's addresses. */
volatile void *pci_reach(uint64_t address, uint64_t bytes)
{
	return arch_map_device(address, bytes);
}
