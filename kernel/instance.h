/* SPDX-License-Identifier: ISC */
/* Memory of instances: what a *_create takes and its *_destroy gives back. malloc is the applications':
 * an image whose application does not call it is spared it, and the time that it takes to get going. */
#ifndef KERNEL_INSTANCE_H
#define KERNEL_INSTANCE_H

#include "kernel/util.h"

/* Zeroed, aligned to 16 bytes. NULL: no memory. */
void *instance_alloc(size_t bytes);
/* bytes as they were asked for; NULL may be given back too. */
void instance_free(void *memory, size_t bytes);

#endif
