/* SPDX-License-Identifier: ISC */
/* A cache of recently found keys and their entries: sets of four, chosen by the key's hash; the least
 * recently used of a set makes room. Keys are compared byte by byte, so one in capital letters misses and is
 * looked for in the directory. So is a key that is too long for the cache, from its longest cached parent
 * folder on. */
#include <errno.h>
#include <string.h>

#include "fs/fat/fat_priv.h"
#include "kernel/fnv.h"
#include "kernel/instance.h"

#define WAYS 4

struct fat_key {
	struct fat_entry entry;
	uint32_t hash, used; /* used 0: never */
	uint16_t len;
	char key[94];
};
LIMIT_BYTES(FAT_KEYS, sizeof(struct fat_key), 128);

#define SETS (CONFIG_FAT_KEYS / WAYS)

int fat_keys_create(struct fat *fat)
{
	fat->keys = instance_alloc(SETS * WAYS * sizeof(struct fat_key));
	return fat->keys ? 0 : -ENOMEM;
}

void fat_keys_destroy(struct fat *fat)
{
	instance_free(fat->keys, SETS * WAYS * sizeof(struct fat_key));
}

static uint32_t hash_of(const char *key, size_t len)
{
	uint32_t h = FNV_BASIS;

	for (size_t i = 0; i < len; i++)
		h = fnv_add(h, (uint8_t)key[i]);
	return h ^ h >> 15;
}

static struct fat_key *set_of(struct fat *fat, uint32_t hash)
{
	return &fat->keys[hash % SETS * WAYS];
}

const struct fat_entry *fat_keys_find(struct fat *fat, const char *key, size_t key_len)
{
	struct fat_key *k;
	uint32_t hash;

	if (key_len > sizeof(k->key))
		return NULL;
	hash = hash_of(key, key_len);
	k = set_of(fat, hash);
	for (int i = 0; i < WAYS; i++, k++)
		if (k->hash == hash && k->used && k->len == key_len && !memcmp(k->key, key, key_len)) {
			k->used = ++fat->key_tick;
			return &k->entry;
		}
	return NULL;
}

void fat_keys_add(struct fat *fat, const char *key, size_t key_len, const struct fat_entry *e)
{
	struct fat_key *k, *oldest;
	uint32_t hash;

	if (key_len > sizeof(k->key))
		return;
	hash = hash_of(key, key_len);
	k = oldest = set_of(fat, hash);
	for (int i = 0; i < WAYS; i++)
		if (k[i].used < oldest->used)
			oldest = &k[i];
	oldest->entry = *e;
	oldest->hash = hash;
	oldest->used = ++fat->key_tick;
	oldest->len = (uint16_t)key_len;
	memcpy(oldest->key, key, key_len);
}

void fat_keys_forget(struct fat *fat, uint64_t place)
{
	for (int i = 0; i < SETS * WAYS; i++)
		if (fat->keys[i].entry.place == place || place == UINT64_MAX)
			fat->keys[i].used = 0;
}
