/* SPDX-License-Identifier: ISC */
/* What the parts of this folder have for each other. */
#ifndef DRIVERS_PCI_PCI_PRIV_H
#define DRIVERS_PCI_PCI_PRIV_H

#include "drivers/pci/pci.h"

#define PCI_BUSES_MAX 32     /* that we number or map: more than anybody has */
#define PCI_COMMAND_MEMORY 2 /* it answers, and what is behind it */

/* Opens the function if it is a bridge that is closed; where nobody has numbered what is behind it, with the
 * numbers after last. Gives the last bus behind it; 0 for what is no bridge. */
uint32_t pci_bridge_open(uint32_t function, uint32_t last);
/* Where so many bytes are free for the function, at a multiple of as many; 0 when nowhere. */
uint32_t pci_room(uint32_t function, uint64_t bytes);

#endif
