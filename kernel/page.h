/* SPDX-License-Identifier: ISC */
/* Page allocator over the machine's memory map. Physical equals virtual address. First fit over the
 * free runs in address order: a call costs one step per free run before the one it finds. */
#ifndef KERNEL_PAGE_H
#define KERNEL_PAGE_H

#include "kernel/util.h"

#define PAGE_BYTES 4096

/* Gives [start, end) of usable RAM to the allocator; called by the machine at boot, per region. */
void page_add_region(uintptr_t start, uintptr_t end);
/* count contiguous pages, zeroed or not as zero says, address a multiple of PAGE_BYTES.
 * NULL when there is no such run. */
void *page_alloc(size_t count, bool zero);
void page_free(void *pages, size_t count);

struct page_stats {
	size_t total, used, peak, refused; /* pages */
};
void page_stats(struct page_stats *out);

/* Pages that the C library's malloc holds of those, now and at most; counted by posix/syscall.c. A process's
 * malloc asks the host, so both stay 0. */
extern struct page_share {
	size_t used, peak;
} page_malloc;

#endif
