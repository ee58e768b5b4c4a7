/* SPDX-License-Identifier: ISC */
/* A store under the control of a test: it decides when operations settle, how small pieces are, which reads
 * fail, when memory is short and when values change. A value's bytes follow from their offset, so that a
 * value may be larger than memory. */
#ifndef TESTS_LIB_FAKE_KV_H
#define TESTS_LIB_FAKE_KV_H

#include "fs/kv.h"

struct fake_value {
	const char *key;
	uint64_t size;
	const char *etag;
	uint64_t modified_ns;
};

struct fake_kv {
	struct kv kv;
	const struct fake_value *values; /* the last has no key */
	const char *text;       /* the bytes of the first value; NULL: they follow from their offset, too */
	bool waits;             /* operations stay pending until fake_kv_settle */
	bool gives_data;        /* gets give header and data in constant memory, as crunch does */
	uint32_t piece_bytes;   /* of a read at most; 0: no limit */
	uint32_t slice_bytes;   /* of a slice at most; 0: one slice a read */
	size_t pieces_max;      /* reads fail with -ENOBUFS while this many slices are out; 0: never */
	int get_error, read_error; /* of the next get or read, once; 0: none */
	uint64_t read_error_at; /* … but not before this offset */
	struct list pending;    /* by link of struct fake_op */
	size_t slices_out, slices_peak; /* given and not yet put */
	size_t gets, reads, cancelled;
};

void fake_kv_init(struct fake_kv *f, const struct fake_value *values);
/* Settles the operations pending now, oldest first; gives their number. */
size_t fake_kv_settle(struct fake_kv *f);
/* The byte of every value at this offset. */
char fake_kv_byte(uint64_t offset);

#endif
