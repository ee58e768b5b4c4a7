/* SPDX-License-Identifier: ISC */
/* The basics of every guest: the shared page (Xen's public/xen.h), the parameters of its domain
 * (public/hvm/params.h), and how it waits and ends (public/sched.h). */
#include "drivers/xen/xen.h"
#include "drivers/xen/event.h"
#include "drivers/xen/hypercall.h"
#include "kernel/dev/clock.h"
#include "kernel/panic.h"

#include <xen/hvm/hvm_op.h>
#include <xen/hvm/params.h>
#include <xen/memory.h>
#include <xen/sched.h>

#define VECTOR_KIND ((uint64_t)HVM_PARAM_CALLBACK_TYPE_VECTOR << 56)

volatile struct shared_info *xen_shared;
static uint64_t lent_place;

volatile void *xen_lend(uint32_t page, uint32_t space, uint32_t index)
{
	uint64_t at = lent_place + (uint64_t)page * PAGE_BYTES;
	struct xen_add_to_physmap op = {
		.domid = DOMID_SELF, .space = space, .idx = index, .gpfn = at / PAGE_BYTES,
	};

	if (xen_call(__HYPERVISOR_memory_op, XENMEM_add_to_physmap, (uintptr_t)&op, 0) < 0)
		return NULL;
	return xen_map(at);
}

volatile void *xen_place(uint32_t page)
{
	return xen_map(lent_place + (uint64_t)page * PAGE_BYTES);
}

uint64_t xen_wall_start_ns(void)
{
	uint32_t version;
	uint64_t ns;

	do {
		version = __atomic_load_n(&xen_shared->wc_version, __ATOMIC_ACQUIRE);
		ns = ((uint64_t)xen_shared->wc_sec_hi << 32 | xen_shared->wc_sec) * NS_PER_S + xen_shared->wc_nsec;
		__atomic_thread_fence(__ATOMIC_ACQUIRE);
	} while (version & 1 || version != xen_shared->wc_version);
	return ns;
}

uint64_t xen_parameter(uint32_t index)
{
	struct xen_hvm_param op = { .domid = DOMID_SELF, .index = index };

	return xen_call(__HYPERVISOR_hvm_op, HVMOP_get_param, (uintptr_t)&op, 0) < 0 ? 0 : op.value;
}

volatile void *xen_parameter_ring(uint32_t frame_index, uint32_t port_index, uint32_t *port)
{
	uint64_t frame = xen_parameter(frame_index);

	*port = (uint32_t)xen_parameter(port_index);
	return frame && *port ? xen_map(frame * PAGE_BYTES) : NULL;
}

#ifdef HVM_PARAM_CALLBACK_TYPE_VECTOR
void xen_set_callback(uint64_t callback)
{
	struct xen_hvm_param op = {
		.domid = DOMID_SELF, .index = HVM_PARAM_CALLBACK_IRQ, .value = callback,
	};

	if (xen_call(__HYPERVISOR_hvm_op, HVMOP_set_param, (uintptr_t)&op, 0) < 0)
		panic("this Xen is too old: no events by a vector");
}

void xen_set_vector(uint8_t vector)
{
	xen_set_callback(VECTOR_KIND | vector);
}
#endif

void xen_attach(void)
{
	xen_shared = xen_lend(XEN_SHARED_PAGE, XENMAPSPACE_shared_info, 0);
	if (!xen_shared)
		panic("Xen does not lend its page");
	event_init();
}

void xen_init(uint64_t place)
{
	lent_place = place;
	xen_attach();
}

/* Xen on ARM gives no access to the clock that SCHEDOP_poll's timeout is in, so the CPU is yielded to other
 * domains again and again. With no other domain to run that takes a whole CPU, for as long as the console is
 * full. */
static void yield_until(uint32_t port, uint64_t deadline_ns)
{
	while (!event_is_pending(port) && clock_now_ns() < deadline_ns)
		xen_call(__HYPERVISOR_sched_op, SCHEDOP_yield, 0, 0);
}

void xen_poll(uint32_t port, uint64_t timeout_ns)
{
	if (IS_ENABLED(CONFIG_ARM_MACHINE)) {
		yield_until(port, clock_now_ns() + timeout_ns);
	} else {
		struct sched_poll op = { .nr_ports = 1, .timeout = xen_clock_system_ns() + timeout_ns };

		set_xen_guest_handle(op.ports, &port);
		xen_call(__HYPERVISOR_sched_op, SCHEDOP_poll, (uintptr_t)&op, 0);
	}
}

void xen_shutdown(uint32_t reason)
{
	struct sched_shutdown op = { .reason = reason };

	for (;;)
		xen_call(__HYPERVISOR_sched_op, SCHEDOP_shutdown, (uintptr_t)&op, 0);
}
