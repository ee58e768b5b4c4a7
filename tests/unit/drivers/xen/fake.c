/* SPDX-License-Identifier: ISC */
/* Event channels of two levels, a grant table without a reader, and an xenstored that answers within the
 * hypercall that notifies it. A frame number of 32 bits is only the lower part of a process's page number:
 * the upper part is the one at which a page is mapped. */
#define _GNU_SOURCE /* mincore */
#define ARCH_X86_64_CPU_H
#include <string.h>
#include <sys/mman.h>

#include "tests/unit/drivers/xen/fake.h"

static uint64_t rdtsc(void)
{
	return 1;
}

#include "drivers/xen/suspend.c"

#include "drivers/xen/event.h"
#include "drivers/xen/store.h"
#include "drivers/xen/xen.h"
#include "kernel/format.h"
#include "kernel/loop.h"
#include "tests/lib/test.h"

#include <xen/hvm/hvm_op.h>
#include <xen/hvm/params.h>
#include <xen/memory.h>
#include <xen/sched.h>

enum { VALUES = 128, WATCHES = 16, FIRST_PLACE = XEN_MAP_PAGE };

struct fake fake;
bool fake_has_queues;
_Alignas(PAGE_BYTES) uint8_t fake_places[FAKE_PLACES][PAGE_BYTES];

static _Alignas(PAGE_BYTES) uint8_t shared_page[PAGE_BYTES], store_page[PAGE_BYTES];
static _Alignas(PAGE_BYTES) uint8_t grant_page_memory[PAGE_BYTES];

static struct {
	char path[128], value[128];
} values[VALUES];
static struct {
	char path[128], token[32];
} watches[WATCHES];
static uint8_t request[sizeof(struct xsd_sockmsg) + XENSTORE_PAYLOAD_MAX];
static uint32_t request_bytes;

/* -- functions of the machine file -- */

volatile void *arch_map_device(uint64_t start, uint64_t bytes)
{
	cr_assert_eq(bytes, PAGE_BYTES);
	if (start == FAKE_PLACE + XEN_SHARED_PAGE * PAGE_BYTES)
		return shared_page;
	if (start == FAKE_PLACE + XEN_GRANT_PAGE * PAGE_BYTES)
		return grant_page_memory;
	if (start >= FAKE_PLACE + FIRST_PLACE * PAGE_BYTES &&
	    start < FAKE_PLACE + (FIRST_PLACE + FAKE_PLACES) * PAGE_BYTES)
		return fake_places[(start - FAKE_PLACE) / PAGE_BYTES - FIRST_PLACE];
	return (volatile void *)(uintptr_t)start;
}

uint64_t xen_clock_system_ns(void)
{
	return clock_now_ns();
}

/* The clock driver's own test links the real one. */
__attribute__((weak)) void xen_clock_resume(uint64_t now_ns)
{
	fake.clock_ns = now_ns;
}

int entropy_read_cpu(void *to, size_t n)
{
	memset(to, 0x77, n);
	return 0;
}

/* -- xenstored -- */

void fake_come_back(const char *state)
{
	fake_set(state, "6"); /* XenbusStateClosed */
	test_settle();
	fake_set(state, "2"); /* XenbusStateInitWait */
	test_settle();
	clock_on_block(DEADLINE_NEVER);
	test_settle();
}

void fake_answer(const void *bytes, uint32_t count)
{
	const char *from = bytes;

	for (; count && fake.store->rsp_prod - fake.store->rsp_cons < XENSTORE_RING_SIZE; count--)
		fake.store->rsp[MASK_XENSTORE_IDX(fake.store->rsp_prod++)] = *from++;
	cr_assert_eq(count, 0, "the guest does not read its answers");
	fake_raise(FAKE_STORE_PORT);
}

void fake_message(uint32_t type, uint32_t id, const void *body, uint32_t count)
{
	struct xsd_sockmsg header = { type, id, 0, count };
	uint8_t all[sizeof(header) + 1024];

	cr_assert_leq(count, 1024);
	memcpy(all, &header, sizeof(header));
	memcpy(all + sizeof(header), body, count);
	for (uint32_t at = 0, n; at < sizeof(header) + count; at += n) {
		n = MIN((uint32_t)sizeof(header) + count - at, (uint32_t)XENSTORE_RING_SIZE / 2);
		fake_answer(all + at, n);
		if (at + n < sizeof(header) + count)
			test_settle();
	}
}

static void fire(const char *path)
{
	for (size_t i = 0; i < WATCHES; i++) {
		char body[256];
		size_t len = strlen(watches[i].path);

		if (fake.loses_watches || !*watches[i].path || strncmp(watches[i].path, path, len))
			continue;
		memcpy(body, path, strlen(path) + 1);
		memcpy(body + strlen(path) + 1, watches[i].token, strlen(watches[i].token) + 1);
		fake_message(XS_WATCH_EVENT, 0, body, (uint32_t)(strlen(path) + strlen(watches[i].token) + 2));
	}
}

static size_t find(const char *path)
{
	size_t i = 0;

	while (i < VALUES && strcmp(values[i].path, path))
		i++;
	return i;
}

const char *fake_get(const char *path)
{
	size_t i = find(path);

	return i < VALUES ? values[i].value : NULL;
}

uint64_t fake_get_number(const char *path)
{
	int64_t number = fake_get(path) ? store_number(fake_get(path), UINT32_MAX) : -1;

	cr_assert_geq(number, 0, "%s is no number", path);
	return (uint64_t)number;
}

static void unmap_rings(void)
{
	for (size_t i = 0; i < FAKE_GRANTS; i++)
		fake.grants[i].flags &= (uint16_t)~GTF_writing;
}

static void put_value(const char *path, const char *value, size_t len)
{
	size_t i = find(path);

	if (strstr(path, "/state") && !(value && len == 1 && *value == '4')) /* XenbusStateConnected */
		unmap_rings();
	i = i < VALUES ? i : find("");
	cr_assert_lt(i, VALUES);
	format(values[i].path, sizeof(values[i].path), "%s", value ? path : "");
	format(values[i].value, sizeof(values[i].value), "%.*s", (int)len, value ? value : "");
	fire(path);
}

void fake_set(const char *path, const char *value)
{
	put_value(path, value, value ? strlen(value) : 0);
}

static void watch(uint32_t type, const char *path, const char *token)
{
	size_t i = 0;

	cr_assert(*path, "a watch for no path");
	while (i < WATCHES && strcmp(watches[i].token, token))
		i++;
	if (type == XS_WATCH && i < WATCHES)
		return; /* it is there already */
	for (i = 0; i < WATCHES && strcmp(watches[i].token, type == XS_WATCH ? "" : token);)
		i++;
	cr_assert_lt(i, WATCHES);
	format(watches[i].path, sizeof(watches[i].path), "%s", type == XS_WATCH ? path : "");
	format(watches[i].token, sizeof(watches[i].token), "%s", type == XS_WATCH ? token : "");
}

static void list(uint32_t id, const char *path)
{
	char names[256];
	size_t len = strlen(path), at = 0;

	for (size_t i = 0; i < VALUES; i++) {
		const char *name = values[i].path + len + 1;

		if (!strncmp(values[i].path, path, len) && values[i].path[len] == '/' && !strchr(name, '/')) {
			memcpy(names + at, name, strlen(name) + 1);
			at += strlen(name) + 1;
		}
	}
	if (at)
		fake_message(XS_DIRECTORY, id, names, (uint32_t)at);
	else
		fake_message(XS_ERROR, id, "ENOENT", 7);
}

static void answer(const struct xsd_sockmsg *h, const char *path, size_t rest)
{
	const char *more = path + strlen(path) + 1;

	if (fake.refused && h->type == fake.refused) {
		fake_message(XS_ERROR, h->req_id, "ENOSPC", 7);
		return;
	}
	if (h->type == XS_WRITE && fake.keeps_values) {
		fake_message(XS_ERROR, h->req_id, "EACCES", 7);
		return;
	}
	if (h->type == XS_READ && !fake_get(path))
		fake_message(XS_ERROR, h->req_id, "ENOENT", 7);
	else if (h->type == XS_READ)
		fake_message(XS_READ, h->req_id, fake_get(path), (uint32_t)strlen(fake_get(path)));
	else if (h->type == XS_DIRECTORY)
		list(h->req_id, path);
	else if (h->type == XS_TRANSACTION_START)
		fake_message(h->type, h->req_id, "7", 2);
	else if (h->type == XS_TRANSACTION_END && fake.conflict)
		fake_message(XS_ERROR, h->req_id, "EAGAIN", 7);
	else
		fake_message(h->type, h->req_id, "OK", 3);
	if (h->type == XS_TRANSACTION_END)
		fake.conflict = false;
	if (h->type == XS_SET_PERMS)
		format(fake.permissions, sizeof(fake.permissions), "%s %s", more, more + strlen(more) + 1);
	if (h->type == XS_WRITE)
		put_value(path, more, rest);
	else if (h->type == XS_RM)
		put_value(path, NULL, 0);
	else if (h->type == XS_WATCH || h->type == XS_UNWATCH)
		watch(h->type, path, more);
	if (h->type == XS_WATCH)
		fire(path);
}

static void serve(void)
{
	while (!fake.store_is_deaf && fake.store->req_cons != fake.store->req_prod) {
		struct xsd_sockmsg h;
		char *body = (char *)request + sizeof(h);

		request[request_bytes++] = (uint8_t)fake.store->req[MASK_XENSTORE_IDX(fake.store->req_cons++)];
		memcpy(&h, request, sizeof(h));
		if (request_bytes < sizeof(h) || request_bytes < sizeof(h) + h.len)
			continue;
		request_bytes = 0;
		fake.store_type = h.type;
		cr_assert(h.len && memchr(body, 0, h.len), "a request without a path");
		if (!fake.store_is_mute)
			answer(&h, body, h.len - strlen(body) - 1);
	}
}

/* -- Xen -- */

static bool is_pending(uint32_t port)
{
	if (fake.words)
		return fake.words[port] >> EVTCHN_FIFO_PENDING & 1;
	return fake.shared->evtchn_pending[port / 64] >> port % 64 & 1;
}

/* Appends as Xen does: behind the queue's tail, if that is still in the queue. */
static void append(uint32_t port)
{
	volatile event_word_t *word = &fake.words[port], *tail = &fake.words[fake.tail];
	bool was_pending = is_pending(port);

	*word |= UINT32_C(1) << EVTCHN_FIFO_PENDING;
	if (was_pending || *word >> EVTCHN_FIFO_MASKED & 1 || *word >> EVTCHN_FIFO_LINKED & 1)
		return;
	*word |= UINT32_C(1) << EVTCHN_FIFO_LINKED;
	if (fake.tail && fake.tail != port && *tail >> EVTCHN_FIFO_LINKED & 1) {
		*tail |= port;
	} else {
		fake.control->head[EVTCHN_FIFO_PRIORITY_DEFAULT] = port;
		fake.control->ready |= 1 << EVTCHN_FIFO_PRIORITY_DEFAULT;
	}
	fake.tail = port;
}

void fake_raise(uint32_t port)
{
	xen_ulong_t bit = (xen_ulong_t)1 << port % 64;

	if (fake.loses_events)
		return;
	if (fake.words) {
		append(port);
		event_upcall();
		return;
	}
	if (is_pending(port))
		return;
	fake.shared->evtchn_pending[port / 64] |= bit;
	if (fake.shared->evtchn_mask[port / 64] & bit)
		return;
	fake.shared->vcpu_info[0].evtchn_pending_sel |= (xen_ulong_t)1 << port / 64;
	fake.shared->vcpu_info[0].evtchn_upcall_pending = 1;
	event_upcall();
}

static long queue_op(uintptr_t op, void *argument)
{
	struct evtchn_init_control *control = argument;
	struct evtchn_expand_array *array = argument;

	if (!fake_has_queues)
		return -38;
	if (op == EVTCHNOP_init_control)
		fake.control = (void *)(control->control_gfn * PAGE_BYTES + control->offset);
	else
		fake.words = (void *)(array->array_gfn * PAGE_BYTES);
	return 0;
}

static long event_op(uintptr_t op, void *argument)
{
	struct evtchn_alloc_unbound *alloc = argument;
	struct evtchn_close *close = argument;
	struct evtchn_send *send = argument;
	struct evtchn_bind_interdomain *bind = argument;
	struct evtchn_status *status = argument;

	if (op == EVTCHNOP_init_control || op == EVTCHNOP_expand_array)
		return queue_op(op, argument);
	if (op == EVTCHNOP_bind_interdomain && (!fake.offered || bind->remote_port != fake.offered))
		return -22;
	if (op == EVTCHNOP_bind_interdomain) {
		fake.open[fake.next_port] = fake.connected[fake.next_port] = true;
		bind->local_port = fake.next_port++;
		return 0;
	}
	if (op == EVTCHNOP_status) {
		status->status = fake.connected[status->port] ? EVTCHNSTAT_interdomain : EVTCHNSTAT_unbound;
		return 0;
	}
	if (op == EVTCHNOP_alloc_unbound && fake.offer_error)
		return fake.offer_error;
	if (op == EVTCHNOP_alloc_unbound) {
		cr_assert_lt(fake.next_port, FAKE_PORTS);
		fake.open[fake.next_port] = true;
		alloc->port = fake.next_port++;
	} else if (op == EVTCHNOP_close) {
		cr_assert(fake.open[close->port]);
		fake.open[close->port] = false;
	} else {
		cr_assert_eq(op, EVTCHNOP_send);
		fake.sent[send->port]++;
		if (send->port == FAKE_STORE_PORT)
			serve();
	}
	return 0;
}

static long grant_op(uintptr_t op, void *argument, uintptr_t count)
{
	struct gnttab_map_grant_ref *map = argument;
	struct gnttab_unmap_grant_ref *unmap = argument;
	uint64_t address = op == GNTTABOP_map_grant_ref ? map->host_addr : unmap->host_addr;
	size_t place = (address - (uintptr_t)fake_places) / PAGE_BYTES;

	cr_assert(count == 1 && place < FAKE_PLACES && address % PAGE_BYTES == 0);
	if (op == GNTTABOP_map_grant_ref) {
		cr_assert(map->flags == GNTMAP_host_map && !fake.mapped[place]);
		map->status = fake.map ? fake.map(map->dom, map->ref, fake_places[place]) : GNTST_bad_gntref;
		map->handle = (grant_handle_t)(1000 + place);
		if (map->status == GNTST_okay)
			fake.mapped[place] = map->ref;
		return 0;
	}
	cr_assert(op == GNTTABOP_unmap_grant_ref && fake.mapped[place] && unmap->handle == 1000 + place);
	unmap->status = fake.unmaps_nothing ? GNTST_general_error : GNTST_okay;
	if (!fake.unmaps_nothing)
		fake.mapped[place] = 0;
	return 0;
}

unsigned fake_mapped(void)
{
	unsigned count = 0;

	for (size_t i = 0; i < FAKE_PLACES; i++)
		count += fake.mapped[i] != 0;
	return count;
}

void fake_restore(void)
{
	memset(shared_page, 0, sizeof(shared_page));
	memset(grant_page_memory, 0, sizeof(grant_page_memory));
	memset(store_page, 0, sizeof(store_page));
	memset(watches, 0, sizeof(watches));
	memset(fake.open, 0, sizeof(fake.open));
	fake.parameters[HVM_PARAM_CALLBACK_IRQ] = 0;
	request_bytes = 0;
	fake.next_port = 3;
	fake.words = NULL;
	fake.tail = 0;
}

/* The result of SCHEDOP_shutdown, which returns only for suspend. */
static long shut_down(uint32_t reason)
{
	cr_assert_eq(reason, SHUTDOWN_suspend);
	if (!fake.saved)
		return -22;
	fake.saved();
	return fake.parameters[HVM_PARAM_CALLBACK_IRQ] ? 1 : 0;
}

/* The guest must not touch a page that Xen has. */
static long move_page(uintptr_t what, const struct xen_memory_reservation *r)
{
	void *page = (void *)(uintptr_t)(*r->extent_start.p * PAGE_BYTES);
	bool gives = what == XENMEM_decrease_reservation;

	cr_assert(r->domid == DOMID_SELF && r->nr_extents == 1 && r->extent_order == 0);
	cr_assert(gives || what == XENMEM_populate_physmap);
	if (fake.keeps_memory)
		return 0;
	cr_assert_eq(mprotect(page, PAGE_BYTES, gives ? PROT_NONE : PROT_READ | PROT_WRITE), 0);
	fake.given_back += gives ? 1 : -1;
	return 1;
}

/* true: there is an event already. */
static bool wait(const struct sched_poll *op)
{
	bool is_over = false;

	fake.until_ns = op->timeout;
	fake.waited_for = 0;
	for (uint32_t i = 0; i < op->nr_ports; i++) {
		fake.waited_for |= UINT64_C(1) << op->ports.p[i];
		is_over |= is_pending(op->ports.p[i]);
	}
	return is_over;
}

long xen_call(uint32_t number, uintptr_t a, uintptr_t b, uintptr_t c)
{
	struct xen_hvm_param *parameter = (void *)b;

	fake.calls++;
	switch (number) {
	case __HYPERVISOR_memory_op:
		if (a != XENMEM_add_to_physmap)
			return move_page(a, (void *)b);
		return fake.lends_nothing ? -12 : 0;
	case __HYPERVISOR_hvm_op:
		if (a == HVMOP_set_param)
			fake.parameters[parameter->index] = parameter->value;
		else
			parameter->value = fake.parameters[parameter->index];
		return 0;
	case __HYPERVISOR_event_channel_op:
		return event_op(a, (void *)b);
	case __HYPERVISOR_grant_table_op:
		return grant_op(a, (void *)b, c);
	case __HYPERVISOR_sched_op:
		if (a == SCHEDOP_shutdown)
			return shut_down(((struct sched_shutdown *)b)->reason);
		if (a == SCHEDOP_yield)
			fake.shared->evtchn_pending[0] |= fake.yield_raises ? UINT64_C(1) << fake.yield_raises : 0;
		if (a == SCHEDOP_yield || (a == SCHEDOP_poll && !wait((struct sched_poll *)b)))
			clock_advance_ns(NS_PER_MS);
		return 0;
	}
	cr_assert(false, "hypercall %u", number);
	return -38;
}

static bool is_mapped(uintptr_t page)
{
	unsigned char there;

	return mincore((void *)page, PAGE_BYTES, &there) == 0;
}

uint8_t *fake_granted(uint32_t ref, bool read_only)
{
	struct grant_entry_v1 *entry = &fake.grants[ref];
	uintptr_t page = (uintptr_t)entry->frame * PAGE_BYTES, high = UINT64_C(0x700000000000);

	cr_assert_lt(ref, FAKE_GRANTS);
	cr_assert_eq(entry->flags & ~(GTF_reading | GTF_writing),
	             GTF_permit_access | (read_only ? GTF_readonly : 0), "grant %u: flags %x", ref, entry->flags);
	while (high > UINT64_C(0x400000000000) && !is_mapped(page | high))
		high -= UINT64_C(0x100000000000);
	cr_assert(is_mapped(page | high));
	return (uint8_t *)(page | high);
}

void *fake_map_ring(const char *path)
{
	uint32_t ref = (uint32_t)fake_get_number(path);
	uint8_t *page = fake_granted(ref, false);

	fake.grants[ref].flags |= GTF_writing;
	return page;
}

void fake_hold(uint32_t ref, bool hold)
{
	if (hold)
		fake.grants[ref].flags |= GTF_reading;
	else
		fake.grants[ref].flags &= (uint16_t)~GTF_reading;
}

unsigned fake_grants_out(void)
{
	unsigned out = 0;

	for (size_t i = 0; i < FAKE_GRANTS; i++)
		out += fake.grants[i].flags != 0;
	return out;
}

void fake_begin(void)
{
	test_begin();
	fake = (struct fake){
		.shared = (void *)shared_page, .grants = (void *)grant_page_memory, .store = (void *)store_page,
		.next_port = 3,
	};
	fake.parameters[HVM_PARAM_STORE_PFN] = (uintptr_t)store_page / PAGE_BYTES;
	fake.parameters[HVM_PARAM_STORE_EVTCHN] = FAKE_STORE_PORT;
	if (!xen_shared) /* else it begins again within a test */
		xen_init(FAKE_PLACE);
	xen_set_vector(32);
	cr_assert_eq(store_init(), 0);
}
