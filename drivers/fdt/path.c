/* SPDX-License-Identifier: ISC */
/* Paths and aliases (Devicetree Specification 0.4 §2.2.3, §3.3). */
#include "drivers/fdt/fdt.h"

#include <string.h>

#define ALIAS_BYTES 32 /* with its NUL */

/* The length of the name at the start of path. strcspn takes any set of characters, and 300 bytes of code. */
static size_t name_bytes(const char *path)
{
	size_t bytes = 0;

	while (path[bytes] && path[bytes] != '/' && path[bytes] != ':')
		bytes++;
	return bytes;
}

/* Moves n to the child called name, bytes long, with its unit address or without; somewhere else, if it has
 * none. */
static bool descend(const struct fdt *tree, struct fdt_node *n, const char *name, size_t bytes)
{
	uint32_t depth = n->depth + 1;

	while (fdt_next(tree, n) && n->depth >= depth) {
		const char *its = fdt_name(tree, n);

		if (n->depth == depth && !strncmp(its, name, bytes) &&
		    (!its[bytes] || (its[bytes] == '@' && !memchr(name, '@', bytes))))
			return true;
	}
	return false;
}

/* Moves n along path; somewhere else, if it leads nowhere. */
static bool follow(const struct fdt *tree, struct fdt_node *n, const char *path)
{
	while (*path && *path != ':') {
		size_t bytes = name_bytes(path);

		if (bytes && !descend(tree, n, path, bytes))
			return false;
		path += bytes + (path[bytes] == '/');
	}
	return true;
}

/* Moves n, the root, along the path that the alias stands for. */
static bool follow_alias(const struct fdt *tree, struct fdt_node *n, const char *name, size_t bytes)
{
	struct fdt_node aliases = *n;
	char alias[ALIAS_BYTES] = "";
	const char *path;

	if (bytes >= sizeof(alias) || !descend(tree, &aliases, "aliases", 7))
		return false;
	memcpy(alias, name, bytes);
	path = fdt_string(tree, &aliases, alias);
	return path && *path == '/' && follow(tree, n, path);
}

bool fdt_at(const struct fdt *tree, struct fdt_node *n, const char *path)
{
	size_t bytes = name_bytes(path);

	n->depth = 0;
	if (fdt_next(tree, n) && (!bytes || follow_alias(tree, n, path, bytes)) && follow(tree, n, path + bytes))
		return true;
	n->depth = 0;
	return false;
}
