/* SPDX-License-Identifier: ISC */
/* Both sides publish their producer index after the entries and then read the index at which the other side
 * wants an event, in this order, so that at least one of them sees the other's write. */
#include "drivers/xen/ring.h"
#include "drivers/xen/grant.h"
#include "kernel/page.h"

#include <errno.h>
#include <string.h>

static uint32_t size_of(uint32_t entry_bytes)
{
	uint32_t fit = (PAGE_BYTES - (uint32_t)sizeof(struct xen_ring_page)) / entry_bytes, size = 1;

	while (size * 2 <= fit)
		size *= 2;
	return size;
}

int xen_ring_create(struct xen_ring *r, uint16_t domain, uint32_t request_bytes, uint32_t answer_bytes)
{
	uint32_t entry_bytes = MAX(request_bytes, answer_bytes);
	struct xen_ring_page *page;
	int32_t ref;

	xen_ring_destroy(r);
	if (r->page)
		return -EBUSY;
	page = page_alloc(1, true);
	if (!page)
		return -ENOMEM;
	ref = grant_page(domain, page, false);
	if (ref < 0) {
		page_free(page, 1);
		return ref;
	}
	page->req_event = page->rsp_event = 1;
	*r = (struct xen_ring){
		.page = page, .ref = (uint32_t)ref, .size = size_of(entry_bytes),
		.entry_bytes = (uint16_t)entry_bytes, .answer_bytes = (uint16_t)answer_bytes,
	};
	return 0;
}

void xen_ring_destroy(struct xen_ring *r)
{
	if (!r->page || !grant_end(r->ref))
		return;
	page_free((void *)r->page, 1);
	r->page = NULL;
}

bool xen_ring_is_mapped(const struct xen_ring *r)
{
	return grant_is_used(r->ref);
}

uint32_t xen_ring_room(const struct xen_ring *r)
{
	return r->size - (r->made - r->taken);
}

static uint8_t *entry(const struct xen_ring *r, uint32_t index)
{
	return (uint8_t *)r->page->entries + (index & (r->size - 1)) * r->entry_bytes;
}

void xen_ring_put(struct xen_ring *r, const void *request, size_t bytes)
{
	memcpy(entry(r, r->made++), request, bytes);
}

bool xen_ring_push(struct xen_ring *r)
{
	uint32_t before = r->pushed;

	if (before == r->made)
		return false;
	r->pushed = r->made;
	__atomic_store_n(&r->page->req_prod, r->pushed, __ATOMIC_RELEASE);
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	return r->pushed - r->page->req_event < r->pushed - before;
}

int xen_ring_take(struct xen_ring *r, void *answer)
{
	uint32_t there = __atomic_load_n(&r->page->rsp_prod, __ATOMIC_ACQUIRE) - r->taken;

	if (!there)
		return 0;
	if (there > r->pushed - r->taken)
		return -EBADMSG;
	memcpy(answer, entry(r, r->taken++), r->answer_bytes);
	__atomic_signal_fence(__ATOMIC_SEQ_CST); /* the compiler must not read the entry again either */
	return 1;
}

uint32_t xen_ring_place(const struct xen_ring *r)
{
	return (r->taken - 1) & (r->size - 1);
}

bool xen_ring_expect(struct xen_ring *r, uint32_t count)
{
	r->page->rsp_event = r->taken + count;
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	return __atomic_load_n(&r->page->rsp_prod, __ATOMIC_ACQUIRE) != r->taken;
}
