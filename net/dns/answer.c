/* SPDX-License-Identifier: ISC */
/* What an answer says. From the name that was asked, alias by alias, to addresses: records of other
 * names, and of other types, are passed over, wherever they stand, so that a server can say nothing of
 * what it was not asked (RFC 5452 §6). Negative answers: RFC 2308 §2. */
#include <errno.h>
#include <string.h>

#include "net/bytes.h"
#include "net/dns/dns_priv.h"

#define SOA_NUMBERS 20 /* bytes behind the two names of its data; the last four are MINIMUM */

struct answer {
	const uint8_t *data;
	size_t len;
	struct dns_header header;
	struct dns_chase *chase;
	uint32_t negative_ttl_s;
	bool has_soa, has_ns, has_bad_version;
};

int dns_answer_open(const uint8_t *data, size_t len, uint16_t id, const struct dns_chase *c, bool exact)
{
	struct dns_question q;
	struct dns_header h;
	int n;

	if (dns_read_header(data, len, &h) < 0 || h.id != id ||
	    (h.flags & (DNS_RESPONSE | DNS_OPCODE)) != DNS_RESPONSE)
		return -EBADMSG;
	/* one that did not understand the question may leave it out */
	if (h.counts[DNS_QUESTIONS] == 0 && (h.flags & DNS_RCODE) == DNS_FORMAT_ERROR)
		return DNS_HEADER_BYTES;
	n = dns_read_question(data, len, DNS_HEADER_BYTES, &q);
	if (n < 0 || h.counts[DNS_QUESTIONS] != 1 || q.type != c->type || q.class != DNS_IN ||
	    !dns_name_equal(q.name, c->name))
		return -EBADMSG;
	if (exact && memcmp(q.name, c->name, dns_name_bytes(q.name)))
		return -EILSEQ;
	return DNS_HEADER_BYTES + n;
}

static int take_alias(struct answer *a, const struct dns_record *record)
{
	struct dns_chase *c = a->chase;

	if (++c->aliases > CONFIG_DNS_ALIASES)
		return -ELOOP;
	return dns_read_name(a->data, a->len, record->data_at, c->name) == record->data_len ? 0 : -EBADMSG;
}

static int take_address(struct answer *a, const struct dns_record *record)
{
	struct dns_addresses *found = &a->chase->found;
	struct ip_addr addr = { .family = record->type == DNS_A ? IP_V4 : IP_V6 };

	if (record->data_len != (record->type == DNS_A ? 4 : 16))
		return -EBADMSG;
	memcpy(addr.bytes, a->data + record->data_at, record->data_len);
	if (found->count < ARRAY_SIZE(found->addrs))
		found->addrs[found->count++] = addr;
	return 0;
}

static int see_answer(struct answer *a, const struct dns_record *record)
{
	struct dns_chase *c = a->chase;
	uint8_t owner[DNS_NAME_BYTES];

	if (record->type != c->type && (record->type != DNS_CNAME || c->found.count))
		return 0;
	dns_read_name(a->data, a->len, record->name_at, owner);
	if (!dns_name_equal(owner, c->name))
		return 0;
	c->found.ttl_s = MIN(c->found.ttl_s, dns_ttl(record));
	return record->type == DNS_CNAME ? take_alias(a, record) : take_address(a, record);
}

static int see_authority(struct answer *a, const struct dns_record *record)
{
	uint8_t zone[DNS_NAME_BYTES];
	size_t numbers = record->data_at;

	if (record->type == DNS_NS)
		a->has_ns = true;
	if (record->type != DNS_SOA)
		return 0;
	dns_read_name(a->data, a->len, record->name_at, zone);
	if (!dns_name_is_in(a->chase->name, zone))
		return 0;
	for (int i = 0; i < 2; i++) {
		int n = dns_read_name(a->data, a->len, numbers, NULL);

		if (n < 0)
			return n;
		numbers += (size_t)n;
	}
	if (numbers + SOA_NUMBERS != (size_t)record->data_at + record->data_len)
		return -EBADMSG;
	a->has_soa = true;
	a->negative_ttl_s = MIN(dns_ttl(record), get_be32(a->data + numbers + SOA_NUMBERS - 4));
	return 0;
}

static int see_additional(struct answer *a, const struct dns_record *record)
{
	if (record->type == DNS_OPT && record->ttl_s >> 24)
		a->has_bad_version = true;
	return 0;
}

/* Shows see each record of a section that begins at at. Gives where it ends, or what see or reading had
 * to complain of. */
static int walk(struct answer *a, size_t at, enum dns_section section,
                int (*see)(struct answer *a, const struct dns_record *record))
{
	struct dns_record record;

	for (unsigned i = a->header.counts[section]; i > 0; i--) {
		int n = dns_read_record(a->data, a->len, at, &record), error = 0;

		if (n < 0)
			return n;
		if (record.class == DNS_IN || record.type == DNS_OPT)
			error = see(a, &record);
		if (error < 0)
			return error;
		at += (size_t)n;
	}
	return (int)at;
}

/* Aliases mostly stand in their order, and then once is enough. */
static int walk_answers(struct answer *a, size_t at)
{
	struct dns_chase *c = a->chase;
	unsigned before;
	int end;

	do {
		before = c->aliases;
		end = walk(a, at, DNS_ANSWERS, see_answer);
	} while (end > 0 && c->aliases != before && !c->found.count);
	return end;
}

/* Nothing that is malformed or false stands in a. */
static int conclude(struct answer *a, unsigned aliases_before)
{
	struct dns_chase *c = a->chase;
	bool is_no_name = (a->header.flags & DNS_RCODE) == DNS_NAME_ERROR;

	if (a->has_bad_version)
		return -EPROTO;
	if (c->found.count && !is_no_name)
		return c->found.count;
	if (!is_no_name && !a->has_soa) {
		if (c->aliases != aliases_before)
			return 0;
		if (a->has_ns) /* "ask those": we do not (RFC 2308 §2.2) */
			return -EIO;
	}
	c->found.count = 0;
	c->found.ttl_s = a->has_soa ? MIN(c->found.ttl_s, a->negative_ttl_s) : 0;
	c->found.ttl_s = MIN(c->found.ttl_s, (uint32_t)CONFIG_DNS_NEGATIVE_SECONDS);
	return is_no_name ? -ENOENT : -ENODATA;
}

int dns_answer_read(const uint8_t *data, size_t len, size_t at, struct dns_chase *c)
{
	struct answer a = { .data = data, .len = len, .chase = c };
	unsigned aliases_before = c->aliases;
	int end;

	dns_read_header(data, len, &a.header);
	if (a.header.flags & DNS_TRUNCATED)
		return -EMSGSIZE;
	switch (a.header.flags & DNS_RCODE) {
	case DNS_NO_ERROR: case DNS_NAME_ERROR:
		break;
	case DNS_FORMAT_ERROR: case DNS_NOT_IMPLEMENTED:
		return -EPROTO;
	default:
		return -EIO;
	}
	end = walk_answers(&a, at);
	if (end >= 0)
		end = walk(&a, (size_t)end, DNS_AUTHORITIES, see_authority);
	if (end >= 0)
		end = walk(&a, (size_t)end, DNS_ADDITIONAL, see_additional);
	return end < 0 ? end : conclude(&a, aliases_before);
}
