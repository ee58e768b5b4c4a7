/* SPDX-License-Identifier: ISC */
/* Reading an answer: from the name that was asked, alias by alias, to addresses. Records of other names
 * and other types are skipped in every section, so that a server cannot plant records that were not
 * asked for (RFC 5452 §6). Negative answers: RFC 2308 §2. */
#include <errno.h>
#include <string.h>

#include "net/bytes.h"
#include "net/dns/dns_priv.h"

#define SOA_BYTES 22 /* at least: two names, five numbers of four bytes; MINIMUM is the last */

struct answer {
	const uint8_t *data;
	size_t len;
	struct dns_chase *chase;
	uint32_t negative_ttl_s; /* 0: not given */
	bool has_soa, has_ns, has_bad_version;
};

static uint16_t flags_of(const uint8_t *data)
{
	return get_be16(data + 2);
}

static uint16_t count_of(const uint8_t *data, enum dns_section section)
{
	return get_be16(data + 4 + 2 * section);
}

int dns_answer_open(const uint8_t *data, size_t len, uint16_t id, const struct dns_chase *c, bool exact)
{
	size_t name_bytes = dns_name_bytes(c->asked.name), end = DNS_HEADER_BYTES + name_bytes + 4;
	const uint8_t *name = data + DNS_HEADER_BYTES, *type = name + name_bytes;

	if (len < DNS_HEADER_BYTES || get_be16(data) != id ||
	    (flags_of(data) & (DNS_RESPONSE | DNS_OPCODE)) != DNS_RESPONSE)
		return -EBADMSG;
	/* a server that did not understand the question may leave it out */
	if (count_of(data, DNS_QUESTIONS) == 0 && (flags_of(data) & DNS_RCODE) == DNS_FORMAT_ERROR)
		return DNS_HEADER_BYTES;
	/* the name cannot be compressed, as no name is before it */
	if (count_of(data, DNS_QUESTIONS) != 1 || len < end || !dns_name_equal(c->asked.name, name) ||
	    get_be16(type) != c->asked.type || get_be16(type + 2) != DNS_IN)
		return -EBADMSG;
	return exact && memcmp(name, c->asked.name, name_bytes) ? -EILSEQ : (int)end;
}

/* Is the name at `at` the one asked for, or, with is_zone, a zone that has it? */
static OUT_OF_LINE bool is_about(const struct answer *a, size_t at, bool is_zone)
{
	const uint8_t *asked = a->chase->asked.name;
	uint8_t there[DNS_NAME_BYTES];

	dns_read_name(a->data, a->len, at, there); /* cannot fail: it has been read before */
	return is_zone ? dns_name_is_in(asked, there) : dns_name_equal(asked, there);
}

static int take_alias(struct answer *a, const struct dns_record *record)
{
	struct dns_chase *c = a->chase;

	if (++c->aliases > CONFIG_DNS_ALIASES)
		return -ELOOP;
	return dns_read_name(a->data, a->len, record->data_at, c->asked.name) == record->data_len ? 0 : -EBADMSG;
}

static int take_address(struct answer *a, const struct dns_record *record)
{
	struct dns_addresses *found = &a->chase->found;
	struct ip_addr *to = &found->addrs[found->count];

	if (record->data_len != (record->type == DNS_A ? 4 : 16))
		return -EBADMSG;
	if (found->count == ARRAY_SIZE(found->addrs))
		return 0;
	memset(to, 0, sizeof(*to));
	to->family = record->type == DNS_A ? IP_V4 : IP_V6;
	memcpy(to->bytes, a->data + record->data_at, record->data_len);
	found->count++;
	return 0;
}

static int see_answer(struct answer *a, const struct dns_record *record)
{
	struct dns_chase *c = a->chase;
	bool is_alias = record->type == DNS_CNAME;

	if ((is_alias ? c->found.count != 0 : record->type != c->asked.type) ||
	    !is_about(a, record->name_at, false))
		return 0;
	c->found.ttl_s = MIN(c->found.ttl_s, dns_ttl(record));
	return is_alias ? take_alias(a, record) : take_address(a, record);
}

/* Of the SOA of a zone that has the name, only MINIMUM is used (RFC 2308 §4). */
static int see_authority(struct answer *a, const struct dns_record *record)
{
	a->has_ns |= record->type == DNS_NS;
	if (record->type != DNS_SOA || !is_about(a, record->name_at, true))
		return 0;
	if (record->data_len < SOA_BYTES)
		return -EBADMSG;
	a->has_soa = true;
	a->negative_ttl_s = MIN(dns_ttl(record), get_be32(a->data + record->data_at + record->data_len - 4));
	a->negative_ttl_s = MIN(a->negative_ttl_s, (uint32_t)CONFIG_DNS_NEGATIVE_SECONDS);
	return 0;
}

static int see(struct answer *a, enum dns_section section, const struct dns_record *record)
{
	if (section == DNS_ADDITIONAL) {
		a->has_bad_version |= record->type == DNS_OPT && record->ttl_s >> 24;
		return 0;
	}
	if (record->class != DNS_IN)
		return 0;
	return section == DNS_ANSWERS ? see_answer(a, record) : see_authority(a, record);
}

/* Reads all records of the section that begins at `at`. Gives its end, or -EBADMSG, -ELOOP. */
static int walk(struct answer *a, size_t at, enum dns_section section)
{
	struct dns_record record;

	for (unsigned i = count_of(a->data, section); i > 0; i--) {
		int n = dns_read_record(a->data, a->len, at, &record);
		int error = n < 0 ? n : see(a, section, &record);

		if (error < 0)
			return error;
		at += (size_t)n;
	}
	return (int)at;
}

/* Repeats the walk while it finds aliases but no address; mostly they are in order, and once is enough. */
static int walk_answers(struct answer *a, size_t at)
{
	struct dns_chase *c = a->chase;
	unsigned before;
	int end;

	do {
		before = c->aliases;
		end = walk(a, at, DNS_ANSWERS);
	} while (end > 0 && c->aliases != before && !c->found.count);
	return end;
}

/* Gives the result of dns_answer_read once all sections have been read without an error. */
static int conclude(struct answer *a, unsigned aliases_before)
{
	struct dns_chase *c = a->chase;
	bool is_no_name = (flags_of(a->data) & DNS_RCODE) == DNS_NAME_ERROR;

	if (a->has_bad_version)
		return -EPROTO;
	if (c->found.count && !is_no_name)
		return c->found.count;
	if (!is_no_name && !a->has_soa) {
		if (c->aliases != aliases_before)
			return 0;
		if (a->has_ns) /* a referral, which we do not follow (RFC 2308 §2.2) */
			return -EIO;
	}
	c->found.count = 0;
	c->found.ttl_s = MIN(c->found.ttl_s, a->negative_ttl_s);
	return is_no_name ? -ENOENT : -ENODATA;
}

int dns_answer_read(const uint8_t *data, size_t len, size_t at, struct dns_chase *c)
{
	struct answer a = { .data = data, .len = len, .chase = c };
	unsigned aliases_before = c->aliases;
	enum dns_section section;
	int end;

	if (flags_of(data) & DNS_TRUNCATED)
		return -EMSGSIZE;
	switch (flags_of(data) & DNS_RCODE) {
	case DNS_NO_ERROR: case DNS_NAME_ERROR:
		break;
	case DNS_FORMAT_ERROR: case DNS_NOT_IMPLEMENTED:
		return -EPROTO;
	default:
		return -EIO;
	}
	end = walk_answers(&a, at);
	for (section = DNS_AUTHORITIES; section < DNS_SECTIONS && end >= 0; section++)
		end = walk(&a, (size_t)end, section);
	return end < 0 ? end : conclude(&a, aliases_before);
}
