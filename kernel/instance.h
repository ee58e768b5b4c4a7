/* SPDX-License-Identifier: ISC */
/* Memory of instances: a *_create takes it and its *_destroy gives it back. malloc is left to applications,
 * so an image whose application does not call it has neither its code nor its start-up time. */
#ifndef KERNEL_INSTANCE_H
#define KERNEL_INSTANCE_H

#include "kernel/util.h"

/* Zeroed, aligned to 16 bytes. NULL: no memory. */
void *instance_alloc(size_t bytes);
/* bytes: as given to instance_alloc. memory may be NULL. */
void instance_free(void *memory, size_t bytes);

#endif
