/* SPDX-License-Identifier: ISC */
/* The codec of DHCP. Options are looked for one by one: a message has few, and so each, however many
 * pieces it is in (RFC 3396), is one call. The order is that of RFC 3396 §5: options, file, sname. */
#include "net/dhcp/message.h"

#include <errno.h>

#include "net/bytes.h"

enum {
	BOOTREQUEST = 1,
	BOOTREPLY = 2,
	BROADCAST = 0x8000,     /* of flags: answer to everybody, we have no address to be reached at */
	BOOTP_BYTES = 300,      /* RFC 1542 §2.1: relays drop what is shorter */
	MAGIC = 0x63825363,
	IN_FILE = 1, IN_SNAME = 2, /* bits of option 52 */
	OPTION_BYTES_MAX = 255,
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

/* RFC 4361 §6.1: type 255, an identity of the association, a DUID made of the link-layer address. It is
 * the same at each start, for there is no disk to keep another one on. */
struct client_id {
	uint8_t type, association[4], duid_type[2], hardware[2], mac[6];
};
static_assert(sizeof(struct client_id) == 15, "wire format");

static struct client_id client_id_of(const uint8_t mac[6])
{
	struct client_id id = {
		.type = 255, .association = { 0, 0, 0, 1 }, .duid_type = { 0, 3 }, .hardware = { 0, 1 },
	};

	memcpy(id.mac, mac, sizeof(id.mac));
	return id;
}

/* -- writing -- */

static uint8_t *put_option(uint8_t *at, enum option code, const void *value, size_t len)
{
	*at++ = (uint8_t)code;
	*at++ = (uint8_t)len;
	memcpy(at, value, len);
	return at + len;
}

size_t dhcp_write(const struct dhcp_query *q, uint8_t *to)
{
	/* RFC 3442: routes before routers */
	static const uint8_t parameters[] = {
		MASK, CLASSLESS_ROUTES, ROUTERS, DNS, HOSTNAME, DOMAIN, MTU, NTP, SECONDS, RENEW, REBIND,
	};
	struct client_id id = client_id_of(q->mac);
	struct dhcp_header *h = (void *)to;
	uint8_t *at = to + sizeof(*h), reply_bytes[2];

	memset(to, 0, DHCP_QUERY_BYTES);
	h->op = BOOTREQUEST;
	h->hardware = 1;
	h->hardware_len = 6;
	h->xid = be32(q->xid);
	h->secs = be16(q->secs);
	h->flags = q->client.family == IP_NONE ? be16(BROADCAST) : 0;
	memcpy(h->ciaddr, q->client.bytes, 4);
	memcpy(h->chaddr, q->mac, 6);
	h->magic = be32(MAGIC);
	at = put_option(at, TYPE, &q->type, 1);
	at = put_option(at, CLIENT_ID, &id, sizeof(id));
	if (q->requested.family != IP_NONE)
		at = put_option(at, REQUESTED, q->requested.bytes, 4);
	if (q->server.family != IP_NONE)
		at = put_option(at, SERVER, q->server.bytes, 4);
	if (q->type != DHCP_DECLINE && q->type != DHCP_RELEASE) { /* RFC 2131 table 5 */
		put_be16(reply_bytes, q->reply_bytes);
		at = put_option(at, REPLY_BYTES, reply_bytes, 2);
		at = put_option(at, PARAMETERS, parameters, sizeof(parameters));
		if (q->hostname && *q->hostname)
			at = put_option(at, HOSTNAME, q->hostname, strnlen(q->hostname, DHCP_HOSTNAME_BYTES - 1));
	}
	*at++ = END;
	return MAX((size_t)(at - to), (size_t)BOOTP_BYTES);
}

/* -- reading -- */

/* The fields of a message that hold options, in order. */
struct fields {
	struct {
		const uint8_t *at;
		size_t len;
	} field[3];
	unsigned count;
};

static void add_field(struct fields *f, const uint8_t *at, size_t len)
{
	f->field[f->count].at = at;
	f->field[f->count++].len = len;
}

/* Joins the pieces of an option, up to size bytes of it, which OPTION_BYTES_MAX times the pieces may exceed:
 * gives how many were copied, 0 when there is none, or -EBADMSG when an option leaves its field. */
static int gather(const struct fields *f, enum option code, void *to, size_t size)
{
	size_t used = 0;

	for (unsigned i = 0; i < f->count; i++) {
		const uint8_t *at = f->field[i].at, *end = at + f->field[i].len;

		while (at < end && *at != END) {
			size_t len;

			if (*at == PAD) {
				at++;
				continue;
			}
			if (end - at < 2 || end - at - 2 < at[1])
				return -EBADMSG;
			len = *at == code ? MIN((size_t)at[1], size - used) : 0;
			if (len)
				memcpy((uint8_t *)to + used, at + 2, len);
			used += len;
			at += 2 + at[1];
		}
	}
	return (int)used;
}

/* A number of two or four bytes; 0 when there is none of that length. */
static uint32_t get_number(const struct fields *f, enum option code, size_t bytes)
{
	uint8_t value[5]; /* longer than any, to see that */

	if (gather(f, code, value, sizeof(value)) != (int)bytes)
		return 0;
	return bytes == 2 ? get_be16(value) : get_be32(value);
}

static bool is_host(uint32_t a)
{
	return a >> 24 != 0 && a >> 24 != 127 && a < 0xe0000000;
}

static struct ip_addr addr_of(const uint8_t *bytes)
{
	return is_host(get_be32(bytes)) ? ip_v4(bytes[0], bytes[1], bytes[2], bytes[3]) : (struct ip_addr){ 0 };
}

static void get_addresses(const struct fields *f, enum option code, struct ip_addr *to, int max)
{
	uint8_t value[4 * 16];
	int len = gather(f, code, value, sizeof(value)), count = 0;

	for (int at = 0; at + 4 <= len && count < max; at += 4) {
		to[count] = addr_of(value + at);
		count += to[count].family != IP_NONE;
	}
}

/* What a name may be made of: it goes to logs and into requests. */
static bool is_name_byte(uint8_t c)
{
	uint8_t small = c | 0x20;

	return (small >= 'a' && small <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '.' || c == '_';
}

/* to: size bytes that are zero. Left so when the name is too long or odd. */
static void get_name(const struct fields *f, enum option code, char *to, size_t size)
{
	uint8_t value[DHCP_DOMAIN_BYTES + 1];
	int len = gather(f, code, value, sizeof(value));

	while (len > 0 && value[len - 1] == 0) /* RFC 2132 §2 */
		len--;
	for (int i = 0; i < len; i++)
		if (!is_name_byte(value[i]))
			return;
	if (len < (int)size)
		memcpy(to, value, (size_t)len);
}

/* RFC 3442: a prefix's length, as many of its bytes as matter, a router. Stops at what is malformed. */
static void get_routes(const struct fields *f, struct dhcp_route *routes)
{
	uint8_t value[9 * DHCP_ROUTES];
	int len = gather(f, CLASSLESS_ROUTES, value, sizeof(value)), at = 0;

	for (struct dhcp_route *r = routes; r < routes + DHCP_ROUTES && at < len;) {
		int bytes = (value[at] + 7) / 8;
		const uint8_t *via = value + at + 1 + bytes;

		if (value[at] > 32 || at + 1 + bytes + 4 > len)
			return;
		r->via = addr_of(via);
		if (r->via.family != IP_NONE || get_be32(via) == 0) {
			r->to.len = value[at];
			r->to.addr.family = IP_V4;
			memcpy(r->to.addr.bytes, value + at + 1, (size_t)bytes);
			r++;
		}
		at += 1 + bytes + 4;
	}
}

/* The prefix length of a netmask; without one that of the address's class, as in RFC 950's time; 0: none. */
static uint8_t prefix_of(uint32_t mask, uint32_t address)
{
	if (mask == 0)
		return address < 0x80000000 ? 8 : address < 0xc0000000 ? 16 : 24;
	if (~mask & (~mask + 1))
		return 0;
	return (uint8_t)(32 - __builtin_popcount(~mask));
}

static int get_lease(const struct fields *f, const struct dhcp_header *h, struct dhcp_lease *lease)
{
	lease->ip.addr = addr_of(h->yiaddr);
	lease->ip.len = prefix_of(get_number(f, MASK, 4), get_be32(h->yiaddr));
	if (lease->ip.len == 0)
		return -EBADMSG;
	get_addresses(f, SERVER, &lease->server, 1);
	get_routes(f, lease->routes);
	if (lease->routes[0].to.addr.family == IP_NONE) /* RFC 3442: else it is to be ignored */
		get_addresses(f, ROUTERS, &lease->gateway, 1);
	get_addresses(f, DNS, lease->dns, DHCP_SERVERS);
	get_addresses(f, NTP, lease->ntp, DHCP_SERVERS);
	lease->seconds = get_number(f, SECONDS, 4);
	lease->renew_s = get_number(f, RENEW, 4);
	lease->rebind_s = get_number(f, REBIND, 4);
	lease->mtu = (uint16_t)get_number(f, MTU, 2);
	get_name(f, HOSTNAME, lease->hostname, sizeof(lease->hostname));
	get_name(f, DOMAIN, lease->domain, sizeof(lease->domain));
	return 0;
}

int dhcp_parse(const uint8_t *data, size_t len, const uint8_t mac[6], struct dhcp_reply *out)
{
	const struct dhcp_header *h = (const void *)data;
	struct client_id ours = client_id_of(mac);
	uint8_t overload = 0, id[sizeof(ours) + 1];
	struct fields f = { .count = 0 };
	int id_len;

	if (len < sizeof(*h) || h->op != BOOTREPLY || h->hardware != 1 || h->hardware_len != 6 ||
	    memcmp(h->chaddr, mac, 6) != 0 || h->magic != be32(MAGIC))
		return -EBADMSG;
	add_field(&f, data + sizeof(*h), len - sizeof(*h));
	gather(&f, OVERLOAD, &overload, 1);
	if (overload & IN_FILE)
		add_field(&f, h->file, sizeof(h->file));
	if (overload & IN_SNAME)
		add_field(&f, h->sname, sizeof(h->sname));
	memset(out, 0, sizeof(*out));
	if (gather(&f, TYPE, &out->type, 1) != 1)
		return -EBADMSG;
	id_len = gather(&f, CLIENT_ID, id, sizeof(id));
	if (id_len && (id_len != (int)sizeof(ours) || memcmp(id, &ours, sizeof(ours)) != 0)) /* RFC 6842 §3 */
		return -EBADMSG;
	out->xid = be32(h->xid);
	return get_lease(&f, h, &out->lease) < 0 ? -EBADMSG : (int)len;
}
