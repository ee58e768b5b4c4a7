/* SPDX-License-Identifier: ISC */
/* Common to the parts of this folder. */
#ifndef DRIVERS_PCI_PCI_PRIV_H
#define DRIVERS_PCI_PCI_PRIV_H

#include "drivers/pci/pci.h"

#define PCI_BUSES_MAX 32     /* that we number or map: more than any machine has */
#define PCI_COMMAND_MEMORY 2 /* decodes memory, also for a bridge's buses */

/* If the function is a bridge that is closed, opens it, numbering unnumbered buses behind it from last + 1
 * on. Gives the last bus behind it; 0: it is no bridge. */
uint32_t pci_bridge_open(uint32_t function, uint32_t last);
/* Takes a free range for the function, bytes long, at a multiple of its length; 0: there is none. */
uint32_t pci_room(uint32_t function, uint64_t bytes);

#endif
