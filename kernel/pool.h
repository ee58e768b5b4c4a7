/* SPDX-License-Identifier: ISC */
/* Fixed pools of equal objects: all memory is taken at creation, allocation and release are O(1),
 * an empty pool refuses and counts. */
#ifndef KERNEL_POOL_H
#define KERNEL_POOL_H

#include "kernel/util.h"

struct pool {
	void *free_list;
	void *memory;
	size_t object_bytes, total, used, peak, refused;
	size_t fresh; /* objects that have been given out at least once lie before this one */
};

/* count: 1 or more; align: power of two, from 8 to PAGE_BYTES. Takes whole pages. 0, -ENOMEM. */
int pool_init(struct pool *p, size_t object_bytes, size_t align, size_t count);
void pool_destroy(struct pool *p); /* all objects must have come back */
void *pool_alloc(struct pool *p);  /* not zeroed; NULL when empty */
void pool_free(struct pool *p, void *object);
bool pool_owns(const struct pool *p, const void *object);

#endif
