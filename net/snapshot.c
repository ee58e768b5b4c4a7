/* SPDX-License-Identifier: ISC */
/* Memory that is freed when its last reader drops its count. */
#include "net/snapshot.h"

#include "kernel/instance.h"

struct snapshot {
	struct storage storage;
	size_t bytes_taken;
	uint8_t bytes[];
};

static void release(struct storage *s)
{
	struct snapshot *snapshot = container_of(s, struct snapshot, storage);

	instance_free(snapshot, snapshot->bytes_taken);
}

OUT_OF_LINE void *snapshot_create(struct slice *out, size_t len)
{
	size_t bytes = sizeof(struct snapshot) + len + 1;
	struct snapshot *s = instance_alloc(bytes);

	if (!s)
		return NULL;
	s->storage.refs = 1;
	s->storage.free = release;
	s->bytes_taken = bytes;
	*out = (struct slice){ s->bytes, len, &s->storage };
	return s->bytes;
}
