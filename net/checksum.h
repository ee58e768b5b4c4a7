/* SPDX-License-Identifier: ISC */
/* The Internet checksum (RFC 1071). Sums are 64-bit one's-complement accumulators in memory
 * order: the result of checksum_finish is stored as it is, without a byte swap. */
#ifndef NET_CHECKSUM_H
#define NET_CHECKSUM_H

#include "kernel/buf.h"
#include "net/addr.h"

/* Adds len bytes that start at an even offset of the data summed; an odd last byte counts as though
 * a zero followed it. */
uint64_t checksum_add(uint64_t sum, const void *data, size_t len);
/* Adds the packet, across slices of any length. */
uint64_t checksum_add_buf(uint64_t sum, const struct buf *b);
/* The pseudo header of TCP and UDP: RFC 9293 §3.1, RFC 8200 §8.1. len: transport header and payload. */
uint64_t checksum_pseudo(const struct ip_addr *src, const struct ip_addr *dst, uint8_t protocol,
                         uint32_t len);
/* Folds to 16 bits, not inverted: the content of the field that BUF_CSUM_PARTIAL expects. */
uint16_t checksum_fold(uint64_t sum);

/* The value for the checksum field; 0 when the sum included a right one. */
static inline uint16_t checksum_finish(uint64_t sum)
{
	return (uint16_t)~checksum_fold(sum);
}

/* The checksum of len bytes. */
uint16_t checksum_of(const void *data, size_t len);
/* The checksum of a header of 32-bit words, quick as they are too few for a plain sum to overflow. */
uint16_t checksum_of_header(const void *header, size_t words);

/* The checksum after a change of one 16-bit word that it covers (RFC 1624); all in memory order.
 * Never 0, whose other form 0xffff is right wherever 0 is. */
uint16_t checksum_update(uint16_t checksum, uint16_t old_word, uint16_t new_word);

#endif
