/* SPDX-License-Identifier: ISC */
/* Suspension is one hypercall (public/sched.h, SHUTDOWN_suspend). It returns 1 in the same domain, where only
 * time has passed: after a checkpoint, or a migration that failed. It returns 0 in a new domain, which has
 * our memory and nothing else: lent pages are to be lent again, only the event channels of the console and
 * xenstore are open, no grant is in force, and each backend waits for us to connect. */
#define LOG_TAG "suspend"
#include "arch/x86_64/cpu.h"
#include "drivers/xen/event.h"
#include "drivers/xen/frontend.h"
#include "drivers/xen/grant.h"
#include "drivers/xen/hypercall.h"
#include "drivers/xen/store.h"
#include "drivers/xen/vchan.h"
#include "drivers/xen/xen.h"
#include "kernel/dev/clock.h"
#include "kernel/dev/entropy.h"
#include "kernel/log.h"
#include "kernel/panic.h"
#include "kernel/random.h"

#include <xen/hvm/params.h>
#include <xen/sched.h>

/* The order matters: later steps read the clock; and a device gives up its event channel, now closed, before
 * its number is another's. */
static void attach_all(uint64_t callback, uint64_t now_ns)
{
	xen_set_callback(callback);
	xen_attach();
	xen_clock_resume(now_ns);
	if (IS_ENABLED(CONFIG_XEN_GRANTS) && grant_resume() < 0)
		panic("Xen does not lend its grants again");
	if (IS_ENABLED(CONFIG_XEN_FRONTEND))
		frontend_disconnect();
	if (IS_ENABLED(CONFIG_CONSOLE_XEN))
		xen_console_resume();
	store_resume();
	if (IS_ENABLED(CONFIG_XEN_FRONTEND))
		frontend_resume();
	if (IS_ENABLED(CONFIG_XEN_VCHAN))
		xen_vchan_resume();
}

/* The same memory may be restored in several domains, which must not share secrets: mixes in random numbers
 * of the CPU's, or at least the time stamp. */
static void renew_random(void)
{
	uint64_t fresh[4] = { rdtsc() };

	entropy_read_cpu(fresh, sizeof(fresh));
	random_mix(fresh, sizeof(fresh));
}

void xen_suspend(void)
{
	struct sched_shutdown op = { .reason = SHUTDOWN_suspend };
	uint64_t callback = xen_parameter(HVM_PARAM_CALLBACK_IRQ), now_ns;
	long result;

	if (IS_ENABLED(CONFIG_XEN_VCHAN))
		xen_vchan_suspend();
	if (IS_ENABLED(CONFIG_CONSOLE_XEN))
		xen_console_drain();
	now_ns = clock_now_ns();
	result = xen_call(__HYPERVISOR_sched_op, SCHEDOP_shutdown, (uintptr_t)&op, 0);
	if (result == 0)
		attach_all(callback, now_ns);
	else
		xen_clock_resume(now_ns);
	renew_random();
	log_info("result=%ld", result);
}
