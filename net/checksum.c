/* SPDX-License-Identifier: ISC */
/* The Internet checksum, a register at a time (RFC 1071 §2): one's-complement addition does not
 * care for the word's size or byte order, and 2^64-1 is a multiple of 2^16-1, so that a sum
 * which starts at an odd byte is the even one turned by eight bits. */
#include "net/checksum.h"

#include <string.h>

#include "net/bytes.h"

/* Addition with end-around carry. */
static inline uint64_t add(uint64_t a, uint64_t b)
{
	a += b;
	return a + (a < b);
}

enum { WORD = sizeof(size_t) }; /* bytes of a register */

static inline size_t load(const uint8_t *p)
{
	size_t x;

	memcpy(&x, p, sizeof(x));
	return x;
}

/* The same for a word of the data; those of four bytes are too few to overflow a sum that had 33 bits. */
static inline uint64_t add_word(uint64_t sum, size_t word)
{
	return WORD == 8 ? add(sum, word) : sum + word;
}

uint64_t checksum_add(uint64_t sum, const void *data, size_t len)
{
	const uint8_t *p = data;

	if (WORD == 4)
		sum = (sum >> 32) + (uint32_t)sum;
	for (; len >= 4 * WORD; len -= 4 * WORD, p += 4 * WORD) {
		sum = add_word(sum, load(p));
		sum = add_word(sum, load(p + WORD));
		sum = add_word(sum, load(p + 2 * WORD));
		sum = add_word(sum, load(p + 3 * WORD));
	}
	for (; len >= WORD; len -= WORD, p += WORD)
		sum = add_word(sum, load(p));
	if (WORD == 8 && len >= 4) { /* most headers end so */
		uint32_t half;

		memcpy(&half, p, sizeof(half));
		sum = add_word(sum, half);
		p += 4;
		len -= 4;
	}
	if (len >= 2) {
		uint16_t word;

		memcpy(&word, p, sizeof(word));
		sum = add_word(sum, word);
		p += 2;
		len -= 2;
	}
	return len ? add_word(sum, be16((uint16_t)(*p << 8))) : sum;
}

uint64_t checksum_add_buf(uint64_t sum, const struct buf *b)
{
	bool odd = false;

	for (; b; b = b->next) {
		uint64_t part = checksum_add(0, b->data, b->len);

		sum = add(sum, odd ? part << 8 | part >> 56 : part);
		odd ^= b->len & 1;
	}
	return sum;
}

uint16_t checksum_of(const void *data, size_t len)
{
	return checksum_finish(checksum_add(0, data, len));
}

uint16_t checksum_of_header(const void *header, size_t words)
{
	const uint8_t *p = header;
	uint64_t sum = 0;
	uint32_t word;

	for (; words > 0; words--, p += sizeof(word)) {
		memcpy(&word, p, sizeof(word));
		sum += word;
	}
	return checksum_finish(sum);
}

uint64_t checksum_pseudo(const struct ip_addr *src, const struct ip_addr *dst, uint8_t protocol,
                         uint32_t len)
{
	/* unused address bytes are zero and so add nothing */
	uint64_t sum = checksum_add(0, src->bytes, sizeof(src->bytes));

	sum = checksum_add(sum, dst->bytes, sizeof(dst->bytes));
	return add(sum, (uint64_t)be32(len) + be16(protocol));
}

/* Adds both halves to each other, in both places at once: the upper sum gets the lower one's carry. */
uint16_t checksum_fold(uint64_t sum)
{
	uint32_t half = (uint32_t)((sum + (sum << 32 | sum >> 32)) >> 32);

	return (uint16_t)((half + (half << 16 | half >> 16)) >> 16);
}

uint16_t checksum_update(uint16_t checksum, uint16_t old_word, uint16_t new_word)
{
	uint16_t updated = checksum_finish((uint64_t)(uint16_t)~checksum + (uint16_t)~old_word + new_word);

	/* 0 is wrong when everything else is zero, 0xffff never is */
	return updated ? updated : 0xffff;
}
