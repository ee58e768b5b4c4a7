/* SPDX-License-Identifier: ISC */
/* The kind of an abort, from ARM's fault status: 0001LL is a translation fault, 0011LL a permission fault, at
 * level LL of the tables. */
#include "arch/common/fault.h"

#define STATUS 0x3f
#define KIND 0x3c
#define KIND_TRANSLATION 0x04
#define KIND_PERMISSION 0x0c
#define STATUS_ALIGNMENT 0x21

const char *fault_abort_kind(uint32_t status, bool write, bool execution)
{
	if ((status & KIND) == KIND_TRANSLATION)
		return execution ? "execution where no page is" :
		       write     ? "write where no page is" : "read where no page is";
	if ((status & KIND) == KIND_PERMISSION)
		return execution ? "execution of a no-execute page" : write ? "write to read-only page" : "read";
	return (status & STATUS) == STATUS_ALIGNMENT ? "alignment" : "refused by the bus or the tables";
}
