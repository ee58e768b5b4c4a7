/* SPDX-License-Identifier: ISC */
/* Device trees for tests, from their source. */
#ifndef TESTS_LIB_TREE_H
#define TESTS_LIB_TREE_H

#include "drivers/fdt/fdt.h"
#include "tests/lib/test.h"

/* A blob in a block of exactly its size, so that reads beyond it are caught. */
struct blob {
	uint8_t *bytes;
	uint32_t count;
};

/* The header's fields (§5.2), as offsets. */
enum blob_field { BLOB_MAGIC = 0, BLOB_TOTAL = 4, BLOB_STRUCTURE = 8, BLOB_STRINGS = 12,
	          BLOB_RESERVATIONS = 16, BLOB_VERSION = 20, BLOB_COMPATIBLE = 24, BLOB_CPU = 28,
	          BLOB_STRINGS_BYTES = 32, BLOB_STRUCTURE_BYTES = 36 };

/* The blob that dtc makes of a source, to which "/dts-v1/;" is added. */
struct blob blob_compile(const char *source);
void blob_free(struct blob *blob);
uint32_t blob_get(const struct blob *blob, uint32_t at);
void blob_put(struct blob *blob, uint32_t at, uint32_t value);

/* Opens the tree in a valid blob. */
struct fdt tree_open(const struct blob *blob);
/* Makes every query of every node and property; asserts that results lie in the blob. Gives the nodes'
 * number. */
unsigned tree_walk(const struct fdt *tree);

#endif
