/* SPDX-License-Identifier: ISC */
/* The codec of DHCP. A table lists the options wanted of a reply; each is searched for by itself and joined
 * from its pieces (RFC 3396), in the order of that RFC's §5: options, file, sname. */
#include "net/dhcp/message.h"

#include <errno.h>

#include "net/bytes.h"

enum {
	BOOTREPLY = 2,
	BROADCAST = 0x8000,        /* of flags */
	BOOTP_BYTES = 300,         /* RFC 1542 §2.1: relays drop shorter messages */
	MAGIC = 0x63825363,
	IN_FILE = 1, IN_SNAME = 2, /* bits of option 52 */
};

enum option {
	PAD = 0, MASK = 1, ROUTERS = 3, DNS = 6, HOSTNAME = 12, DOMAIN = 15, MTU = 26, NTP = 42,
	REQUESTED = 50, SECONDS = 51, OVERLOAD = 52, TYPE = 53, SERVER = 54, PARAMETERS = 55, REPLY_BYTES = 57,
	RENEW = 58, REBIND = 59, CLIENT_ID = 61, CLASSLESS_ROUTES = 121, END = 255,
};

struct dhcp_header {
	uint8_t op, hardware, hardware_len, hops;
	uint32_t xid;
	uint16_t secs, flags;
	uint8_t ciaddr[4], yiaddr[4], siaddr[4], giaddr[4];
	uint8_t chaddr[16];
	uint8_t sname[64], file[128];
	uint32_t magic;
} __attribute__((packed));
static_assert(sizeof(struct dhcp_header) == 240, "wire format");

/* The beginning of each header; and of the client's identifier (RFC 4361 §6.1), before its MAC address:
 * type, association, DUID of a link-layer address. It is the same at each start without being stored. */
static const uint8_t header_start[] = { 1, 1, 6, 0 };
static const uint8_t id_start[] = { 255, 0, 0, 0, 1, 0, 3, 0, 1 };

enum { ID_BYTES = sizeof(id_start) + 6 };

/* -- writing -- */

static uint8_t *put(uint8_t *at, const void *bytes, size_t len)
{
	memcpy(at, bytes, len);
	return at + len;
}

static uint8_t *put_option(uint8_t *at, enum option code, const void *value, size_t len)
{
	*at++ = (uint8_t)code;
	*at++ = (uint8_t)len;
	return put(at, value, len);
}

static OUT_OF_LINE uint8_t *put_address(uint8_t *at, enum option code, const struct ip_addr *a)
{
	return a ? put_option(at, code, a->bytes, 4) : at;
}

size_t dhcp_write(const struct dhcp_query *q, uint8_t *to)
{
	/* RFC 3442: routes before routers */
	static const uint8_t parameters[] = {
		MASK, CLASSLESS_ROUTES, ROUTERS, DNS, HOSTNAME, DOMAIN, MTU, NTP, SECONDS, RENEW, REBIND,
	};
	struct dhcp_header *h = (void *)to;
	uint8_t *at = to + sizeof(*h);
	uint16_t reply_bytes = be16(q->reply_bytes);

	memset(to, 0, DHCP_QUERY_BYTES);
	put(to, header_start, sizeof(header_start));
	h->xid = be32(q->xid);
	h->secs = be16(q->secs);
	h->flags = q->broadcast ? be16(BROADCAST) : 0;
	if (q->client)
		put(h->ciaddr, q->client->bytes, 4);
	put(h->chaddr, q->mac, 6);
	h->magic = be32(MAGIC);
	at = put_option(at, TYPE, &q->type, 1);
	at = put_option(at, CLIENT_ID, id_start, sizeof(id_start));
	at[-(int)sizeof(id_start) - 1] = ID_BYTES;
	at = put(at, q->mac, 6);
	at = put_address(at, REQUESTED, q->requested);
	at = put_address(at, SERVER, q->server);
	if (q->type != DHCP_DECLINE) { /* RFC 2131 table 5 */
		at = put_option(at, REPLY_BYTES, &reply_bytes, 2);
		at = put_option(at, PARAMETERS, parameters, sizeof(parameters));
		if (q->hostname && *q->hostname)
			at = put_option(at, HOSTNAME, q->hostname, strnlen(q->hostname, DHCP_HOSTNAME_BYTES - 1));
	}
	*at++ = END;
	return MAX((size_t)(at - to), (size_t)BOOTP_BYTES);
}

/* -- reading -- */

/* A message, and whether its file and sname fields hold options, too. */
struct source {
	const uint8_t *data;
	size_t len;
	uint8_t overload;
};

/* Joins the pieces of an option, up to size bytes of it: gives how many were copied, 0 when there is none,
 * or -EBADMSG when an option leaves its field. */
static int gather(const struct source *s, uint8_t code, uint8_t *to, int size)
{
	static const struct {
		uint8_t at, len;
	} fields[] = {
		[0] = { sizeof(struct dhcp_header), 0 }, /* the rest */
		[IN_FILE] = { offsetof(struct dhcp_header, file), sizeof(((struct dhcp_header *)0)->file) },
		[IN_SNAME] = { offsetof(struct dhcp_header, sname), sizeof(((struct dhcp_header *)0)->sname) },
	};
	int used = 0;

	for (unsigned i = 0; i < ARRAY_SIZE(fields); i++) {
		const uint8_t *at = s->data + fields[i].at, *end = i ? at + fields[i].len : s->data + s->len;

		if (i && !(s->overload & i))
			continue;
		for (; at < end && *at != END; at++) {
			int len;

			if (*at == PAD)
				continue;
			if (end - at < 2 || end - at - 2 < at[1])
				return -EBADMSG;
			len = *at == code ? MIN(at[1], size - used) : 0;
			memcpy(to + used, at + 2, (size_t)len);
			used += len;
			at += 1 + at[1];
		}
	}
	return used;
}

/* An address that no host can have becomes IP_NONE. */
static void get_address(struct ip_addr *to, const uint8_t *bytes)
{
	uint32_t a = get_be32(bytes);

	*to = (struct ip_addr){ 0 };
	if (a >> 24 == 0 || a >> 24 == 127 || a >= 0xe0000000)
		return;
	to->family = IP_V4;
	memcpy(to->bytes, bytes, 4);
}

static void get_addresses(struct ip_addr *to, int max, const uint8_t *value, int len)
{
	for (const struct ip_addr *end = to + max; len >= 4 && to < end; len -= 4, value += 4) {
		get_address(to, value);
		to += to->family != IP_NONE;
	}
}

/* Only harmless characters, as names go to logs and into requests. */
static bool is_name_byte(uint8_t c)
{
	uint8_t small = c | 0x20;

	return (small >= 'a' && small <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '.' || c == '_';
}

/* to: size bytes that are zero, and stay so if the name is too long or has odd characters. */
static void get_name(char *to, int size, const uint8_t *value, int len)
{
	while (len > 0 && value[len - 1] == 0) /* RFC 2132 §2 */
		len--;
	for (int i = 0; i < len; i++)
		if (!is_name_byte(value[i]))
			return;
	if (len < size)
		memcpy(to, value, (size_t)len);
}

/* RFC 3442: a prefix's length, its significant bytes, a router. Stops at a malformed route. */
static void get_routes(struct dhcp_route *r, const uint8_t *value, int len)
{
	for (const struct dhcp_route *end = r + DHCP_ROUTES; r < end && len > 0;) {
		struct dhcp_route next = { .to.len = *value };
		int bytes = (*value + 7) / 8;

		len -= 1 + bytes + 4;
		if (*value > 32 || len < 0)
			return;
		memcpy(next.to.addr.bytes, value + 1, (size_t)bytes);
		value += 1 + bytes;
		next.to.addr.family = IP_V4;
		get_address(&next.via, value);
		if (next.via.family != IP_NONE || get_be32(value) == 0)
			*r++ = next;
		value += 4;
	}
}

/* Routers by preference (RFC 2132 §3.5), to be ignored where there are routes (RFC 3442). */
static void get_routers(struct dhcp_route *r, const uint8_t *value, int len)
{
	const struct dhcp_route *end = r + DHCP_ROUTES;

	if (r->to.addr.family != IP_NONE)
		return;
	for (; len >= 4 && r < end; len -= 4, value += 4) {
		get_address(&r->via, value);
		r->to.addr.family = r->via.family;
		r += r->via.family != IP_NONE;
	}
}

enum kind { NUMBER, ADDRESSES, NAME, ROUTES, ROUTER_LIST };

#define AT(member) offsetof(struct dhcp_reply, member)

/* size: of a number the option's exact bytes; of addresses the most of them; of a name the room. */
static const struct wanted {
	uint8_t code, kind;
	uint16_t size, at;
} wanted[] = {
	{ TYPE, NUMBER, 1, AT(type) },
	{ MASK, NUMBER, 4, AT(mask) },
	{ SECONDS, NUMBER, 4, AT(lease.seconds) },
	{ RENEW, NUMBER, 4, AT(lease.renew_s) },
	{ REBIND, NUMBER, 4, AT(lease.rebind_s) },
	{ MTU, NUMBER, 2, AT(lease.mtu) },
	{ SERVER, ADDRESSES, 1, AT(lease.server) },
	{ DNS, ADDRESSES, DHCP_SERVERS, AT(lease.dns) },
	{ NTP, ADDRESSES, DHCP_SERVERS, AT(lease.ntp) },
	{ HOSTNAME, NAME, DHCP_HOSTNAME_BYTES, AT(lease.hostname) },
	{ DOMAIN, NAME, DHCP_DOMAIN_BYTES, AT(lease.domain) },
	{ CLASSLESS_ROUTES, ROUTES, DHCP_ROUTES, AT(lease.routes) },
	{ ROUTERS, ROUTER_LIST, DHCP_ROUTES, AT(lease.routes) }, /* behind them */
};

static void get_option(void *to, const struct wanted *w, const uint8_t *value, int len)
{
	switch ((enum kind)w->kind) {
	case NUMBER:
		for (int i = 0; i < len && len == w->size; i++)
			((uint8_t *)to)[i] = value[__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__ ? len - 1 - i : i];
		break;
	case ADDRESSES:
		get_addresses(to, w->size, value, len);
		break;
	case NAME:
		get_name(to, w->size, value, len);
		break;
	case ROUTES:
		get_routes(to, value, len);
		break;
	case ROUTER_LIST:
		get_routers(to, value, len);
		break;
	}
}

/* The prefix length of a netmask; without a mask that of the address's class (RFC 950); 0: it has holes. */
static uint8_t prefix_of(uint32_t mask, uint32_t address)
{
	if (mask == 0)
		return address < 0x80000000 ? 8 : address < 0xc0000000 ? 16 : 24;
	if (~mask & (~mask + 1))
		return 0;
	return (uint8_t)(~mask ? __builtin_clz(~mask) : 32);
}

/* Fills in the fields of out, which is zero, that come from options. */
static int get_options(const struct source *s, const uint8_t mac[6], struct dhcp_reply *out)
{
	uint8_t value[DHCP_DOMAIN_BYTES + 1]; /* longer than any value used, so that longer ones are noticed */
	int len = gather(s, CLIENT_ID, value, sizeof(value));

	/* -EBADMSG counts as a wrong length; as it is the same for every option, none is checked for it below */
	if (len && (len != ID_BYTES || memcmp(value, id_start, sizeof(id_start)) != 0 ||
	            memcmp(value + sizeof(id_start), mac, 6) != 0)) /* RFC 6842 §3 */
		return -EBADMSG;
	for (const struct wanted *w = wanted; w < wanted + ARRAY_SIZE(wanted); w++) {
		len = gather(s, w->code, value, sizeof(value));
		get_option((uint8_t *)out + w->at, w, value, len);
	}
	return out->type ? 0 : -EBADMSG;
}

int dhcp_parse(const uint8_t *data, size_t len, const uint8_t mac[6], struct dhcp_reply *out)
{
	const struct dhcp_header *h = (const void *)data;
	struct source s = { data, len, 0 };
	uint8_t overload = 0;

	if (len < sizeof(*h) || h->op != BOOTREPLY || memcmp(data + 1, header_start + 1, 2) != 0 ||
	    memcmp(h->chaddr, mac, 6) != 0 || h->magic != be32(MAGIC))
		return -EBADMSG;
	memset(out, 0, sizeof(*out));
	gather(&s, OVERLOAD, &overload, 1);
	s.overload = overload;
	if (get_options(&s, mac, out) < 0)
		return -EBADMSG;
	out->xid = be32(h->xid);
	get_address(&out->lease.ip.addr, h->yiaddr);
	out->lease.ip.len = prefix_of(out->mask, get_be32(h->yiaddr));
	return out->lease.ip.len ? (int)len : -EBADMSG;
}
