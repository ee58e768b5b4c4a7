/* SPDX-License-Identifier: ISC */
/* A store on a device that the test is: operations settle when it says so, values come in pieces as small as
 * it wants, reads fail, memory is short, values change meanwhile. A value's bytes follow from their place, so
 * that one may be longer than there is memory. */
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
	const struct fake_value *values; /* ended by one without a key */
	const char *text;       /* the bytes of the first of them; NULL: they follow from their place, too */
	bool waits;             /* operations stay pending until fake_kv_settle */
	bool gives_data;        /* gets give lines and data of constant memory, as crunch does */
	uint32_t piece_bytes;   /* of a read at most; 0: as many as are asked for */
	uint32_t slice_bytes;   /* of a slice of it at most; 0: all in one */
	size_t pieces_max;      /* reads fail with -ENOBUFS while so many slices are out; 0: never */
	int get_error, read_error; /* what the next of them fails with, once; 0 */
	uint64_t read_error_at; /* … but not before this offset */
	struct list pending;    /* by link of struct fake_op */
	size_t slices_out, slices_peak; /* given and not yet put */
	size_t gets, reads, cancelled;
};

void fake_kv_init(struct fake_kv *f, const struct fake_value *values);
/* Settles what is pending now, oldest first; gives how many that were. */
size_t fake_kv_settle(struct fake_kv *f);
/* The byte of every value at this place. */
char fake_kv_byte(uint64_t offset);

#endif
