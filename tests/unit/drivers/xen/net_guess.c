/* SPDX-License-Identifier: ISC */
/* A backend that uses pages before it was told of them: grants are given in order, and can be guessed. */
#include "drivers/xen/grant.h"

static int32_t grant_guessed_page(uint16_t domain, const void *p, bool read_only);
#define grant_page grant_guessed_page

#include "drivers/xen/net_transmit.c"

#undef grant_page

#include "tests/lib/test.h"
#include "tests/unit/drivers/xen/fake.h"

static struct xen_net net;
static unsigned grants_left;
static uint32_t guessed; /* the grant that was had first */
static bool is_let_go;
static _Alignas(PAGE_BYTES) uint8_t memory[4 * PAGE_BYTES];

static int32_t grant_guessed_page(uint16_t domain, const void *p, bool read_only)
{
	int32_t ref;

	if (!grants_left)
		return -ENOSPC;
	grants_left--;
	ref = grant_page(domain, p, read_only);
	if (!guessed) {
		guessed = (uint32_t)ref;
		fake_hold(guessed, true);
	}
	return ref;
}

static void let_go(struct storage *s)
{
	(void)s;
	is_let_go = true;
}

static void begin(void)
{
	fake_begin();
	cr_assert_eq(buf_init(8, 8), 0);
	cr_assert_eq(grant_init(), 0);
	cr_assert_eq(xen_ring_create(&net.tx, 0, sizeof(struct netif_tx_request),
	                             sizeof(struct netif_tx_response)), 0);
	xen_net_transmit_init(&net);
	net.dev.mtu = NETDEV_MTU_USUAL;
	net.link_up = net.can_gather = true;
}

TestSuite(xen_net_guess, .init = begin, .timeout = 60);

/* Neither the memory nor the grant is reused before the backend has released it. */
Test(xen_net_guess, memory_of_a_frame_that_is_not_sent_is_kept)
{
	struct storage counted = { .refs = 1, .free = let_go };
	struct buf *b = buf_alloc_header();

	memset(buf_push(b, 54), 0, 54);
	buf_append(b, buf_alloc_slice(&counted, memory + PAGE_BYTES - 100, 200));
	storage_put(&counted);
	grants_left = 2;
	cr_assert_eq(xen_net_send(&net.dev, b), -ENOBUFS);
	cr_assert(!is_let_go && net.quarantined == 1);
	cr_assert_eq(fake_grants_out(), 1 + 1, "the ring's and the one that was guessed");
	fake_hold(guessed, false);
	xen_net_transmit_take_back(&net);
	cr_assert(is_let_go && net.quarantined == 0);
	cr_assert_eq(fake_grants_out(), 1);
}

/* A frame without any grant has nothing to wait for. */
Test(xen_net_guess, a_frame_without_grants_is_freed)
{
	struct storage counted = { .refs = 1, .free = let_go };
	struct buf *b = buf_alloc_slice(&counted, memory, 60);

	storage_put(&counted);
	cr_assert_eq(xen_net_send(&net.dev, b), -ENOBUFS);
	cr_assert(is_let_go);
}
