/* SPDX-License-Identifier: ISC */
/* Event channels. Each port has a pending bit, which Xen sets, and a mask bit, which we set; Xen raises the
 * upcall when the pending bit of an unmasked port gets set. The bits lie in two levels: a word tells which
 * words have events, those tell which ports; or Xen tells the ports by a queue (event_fifo.c).
 *
 * Xen hands out the lowest free port number, so a small table is enough. */
#include "drivers/xen/event.h"
#include "drivers/xen/event_fifo.h"
#include "drivers/xen/hypercall.h"
#include "drivers/xen/xen.h"

#include <errno.h>
#include <string.h>
#include <xen/event_channel.h>
#include <xen/sched.h>

#define WORD_BITS (8 * sizeof(xen_ulong_t))
#define WAIT_PORTS 128 /* Xen's limit */

static struct poller *pollers[CONFIG_XEN_EVENTS];
LIMIT_BYTES(XEN_EVENTS, sizeof(pollers[0]), 8);

static inline bool is_fifo(void)
{
	return IS_ENABLED(CONFIG_XEN_EVENTS_FIFO) && event_fifo_is_used;
}

static long event_op(unsigned op, void *argument)
{
	return xen_call(__HYPERVISOR_event_channel_op, op, (uintptr_t)argument, 0);
}

static inline bool set_bit(volatile xen_ulong_t *words, uint32_t port)
{
	xen_ulong_t bit = (xen_ulong_t)1 << port % WORD_BITS;

	return __atomic_fetch_or(&words[port / WORD_BITS], bit, __ATOMIC_SEQ_CST) & bit;
}

static inline bool clear_bit(volatile xen_ulong_t *words, uint32_t port)
{
	xen_ulong_t bit = (xen_ulong_t)1 << port % WORD_BITS;

	return __atomic_fetch_and(&words[port / WORD_BITS], ~bit, __ATOMIC_SEQ_CST) & bit;
}

static inline bool has_bit(const volatile xen_ulong_t *words, uint32_t port)
{
	return words[port / WORD_BITS] >> port % WORD_BITS & 1;
}

/* -- a port's bits -- */

static void mask(uint32_t port)
{
	if (is_fifo())
		event_fifo_set(port, EVTCHN_FIFO_MASKED);
	else
		set_bit(xen_shared->evtchn_mask, port);
}

static bool is_masked(uint32_t port)
{
	if (is_fifo())
		return event_fifo_has(port, EVTCHN_FIFO_MASKED);
	return has_bit(xen_shared->evtchn_mask, port);
}

static void unmask(uint32_t port)
{
	if (is_fifo())
		event_fifo_clear(port, EVTCHN_FIFO_MASKED);
	else
		clear_bit(xen_shared->evtchn_mask, port);
}

/* Clears the pending bit. Was it set? */
static bool clear_pending(uint32_t port)
{
	if (is_fifo())
		return event_fifo_clear(port, EVTCHN_FIFO_PENDING);
	return clear_bit(xen_shared->evtchn_pending, port);
}

/* -- the upcall -- */

static void take(uint32_t port)
{
	struct poller *p = port < ARRAY_SIZE(pollers) ? pollers[port] : NULL;

	if (p)
		mask(port);
	clear_pending(port);
	if (p)
		poller_mark(p);
}

/* An event that comes during the scan is either seen by it or raises the next upcall: each level is read only
 * after the bit that announces it has been cleared. */
void event_upcall(void)
{
	volatile struct vcpu_info *cpu = &xen_shared->vcpu_info[0];
	xen_ulong_t words, bits;

	__atomic_store_n(&cpu->evtchn_upcall_pending, 0, __ATOMIC_SEQ_CST);
	if (is_fifo()) {
		event_fifo_upcall(take);
		return;
	}
	words = __atomic_exchange_n(&cpu->evtchn_pending_sel, 0, __ATOMIC_SEQ_CST);
	for (; words; words &= words - 1) {
		uint32_t word = (uint32_t)__builtin_ctzll(words);

		bits = xen_shared->evtchn_pending[word] & ~xen_shared->evtchn_mask[word];
		for (; bits; bits &= bits - 1)
			take((uint32_t)(word * WORD_BITS) + (uint32_t)__builtin_ctzll(bits));
	}
}

void event_init(void)
{
	memset(pollers, 0, sizeof(pollers));
	for (size_t i = 0; i < ARRAY_SIZE(xen_shared->evtchn_mask); i++)
		xen_shared->evtchn_mask[i] = ~(xen_ulong_t)0;
	if (IS_ENABLED(CONFIG_XEN_EVENTS_FIFO))
		event_fifo_init();
}

/* Xen raises no upcall for an event that came while the port was masked. */
void event_again(uint32_t port)
{
	unmask(port);
	if (clear_pending(port) && pollers[port])
		poller_mark(pollers[port]);
}

bool event_is_pending(uint32_t port)
{
	if (is_fifo())
		return event_fifo_has(port, EVTCHN_FIFO_PENDING);
	return has_bit(xen_shared->evtchn_pending, port);
}

void event_forget(uint32_t port)
{
	clear_pending(port);
}

int event_attach(uint32_t port, struct poller *p)
{
	if (port >= ARRAY_SIZE(pollers))
		return -ENOSPC;
	pollers[port] = p;
	event_again(port);
	return 0;
}

static void close_port(uint32_t port)
{
	struct evtchn_close op = { .port = port };

	event_op(EVTCHNOP_close, &op);
}

static int attach_new(uint32_t made, struct poller *p, uint32_t *port)
{
	int error = event_attach(made, p);

	if (error)
		close_port(made);
	else
		*port = made;
	return error;
}

int event_offer(uint16_t domain, struct poller *p, uint32_t *port)
{
	struct evtchn_alloc_unbound op = { .dom = DOMID_SELF, .remote_dom = domain };

	long error = event_op(EVTCHNOP_alloc_unbound, &op);

	return error < 0 ? (int)error : attach_new(op.port, p, port);
}

int event_connect(uint16_t domain, uint32_t offered, struct poller *p, uint32_t *port)
{
	struct evtchn_bind_interdomain op = { .remote_dom = domain, .remote_port = offered };

	if (event_op(EVTCHNOP_bind_interdomain, &op) < 0)
		return -ENOENT;
	return attach_new(op.local_port, p, port);
}

bool event_marks(uint32_t port, const struct poller *p)
{
	return port < ARRAY_SIZE(pollers) && pollers[port] == p;
}

bool event_is_connected(uint32_t port)
{
	struct evtchn_status op = { .dom = DOMID_SELF, .port = port };

	return event_op(EVTCHNOP_status, &op) == 0 && op.status == EVTCHNSTAT_interdomain;
}

void event_close(uint32_t port)
{
	if (port >= ARRAY_SIZE(pollers) || !pollers[port])
		return;
	mask(port);
	pollers[port] = NULL;
	close_port(port);
}

/* A pending port ends the poll at once. A masked port is left out: its event has been reported, and its
 * poller will look. */
void event_wait(uint64_t until_ns)
{
	evtchn_port_t ports[WAIT_PORTS];
	struct sched_poll op = { .timeout = until_ns };

	for (uint32_t port = 0; port < ARRAY_SIZE(pollers) && op.nr_ports < WAIT_PORTS; port++)
		if (pollers[port] && !is_masked(port))
			ports[op.nr_ports++] = port;
	set_xen_guest_handle(op.ports, ports);
	xen_call(__HYPERVISOR_sched_op, SCHEDOP_poll, (uintptr_t)&op, 0);
}

void event_send(uint32_t port)
{
	struct evtchn_send op = { .port = port };

	event_op(EVTCHNOP_send, &op);
}
