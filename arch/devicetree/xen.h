/* SPDX-License-Identifier: ISC */
/* What a guest of Xen has in place of buses, behind the device tree: for arch/devicetree/machine.c. */
#ifndef ARCH_DEVICETREE_XEN_H
#define ARCH_DEVICETREE_XEN_H

struct fdt;

/* Finds Xen by the tree, its events and the console; panics where there is none. After irq_init. */
void xen_tree_init(const struct fdt *tree);
/* Ends the domain, once the console has been read. What a failure is to xl depends on its on_crash. */
void xen_tree_end(int status) __attribute__((noreturn));

#endif
