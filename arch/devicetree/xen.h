/* SPDX-License-Identifier: ISC */
/* A guest of Xen's counterpart of buses, for arch/devicetree/machine.c. */
#ifndef ARCH_DEVICETREE_XEN_H
#define ARCH_DEVICETREE_XEN_H

struct fdt;

/* Sets up Xen as the tree describes it, events and the console; panics if there is none. After irq_init. */
void xen_tree_init(const struct fdt *tree);
/* Ends the domain, once the console has been read. xl treats a failure according to on_crash. */
void xen_tree_end(int status) __attribute__((noreturn));

#endif
