/* SPDX-License-Identifier: ISC */
/* Xen's clock: the shared page has a time, the time stamp counter at that time, and its rate (public/xen.h,
 * vcpu_time_info). Xen may write them while we read: the version is odd then, or another afterwards. */
#include "arch/x86_64/cpu.h"
#include "drivers/xen/hypercall.h"
#include "drivers/xen/xen.h"
#include "kernel/dev/clock.h"

static uint64_t start_ns; /* Xen's time at machine_boot_ticks */
static uint64_t latest_ns;

/* Scales a difference. A negative one counts as 0: the counter may have been read on another CPU of the host,
 * a little behind. */
static uint64_t scale(int64_t ticks, uint32_t mul, int shift)
{
	uint64_t count = ticks < 0 ? 0 : (uint64_t)ticks;

	count = shift < 0 ? count >> -shift : count << shift;
	return (uint64_t)((unsigned __int128)count * mul >> 32);
}

static uint64_t read_at(uint64_t ticks)
{
	volatile struct vcpu_time_info *time = &xen_shared->vcpu_info[0].time;
	uint32_t version;
	uint64_t ns;

	do {
		version = __atomic_load_n(&time->version, __ATOMIC_ACQUIRE);
		ns = time->system_time +
		     scale((int64_t)(ticks - time->tsc_timestamp), time->tsc_to_system_mul, time->tsc_shift);
		__atomic_thread_fence(__ATOMIC_ACQUIRE);
	} while (version & 1 || version != time->version);
	return ns;
}

uint64_t xen_clock_system_ns(void)
{
	return read_at(rdtsc());
}

uint64_t clock_now_ns(void)
{
	latest_ns = MAX(latest_ns, xen_clock_system_ns() - start_ns);
	return latest_ns;
}

uint64_t clock_wall_ns(void)
{
	uint64_t ns = xen_wall_start_ns();

	return ns ? ns + start_ns + clock_now_ns() : 0;
}

/* machine_boot_ticks lies before the page's time, so the difference is scaled on its own. */
void xen_clock_init(void)
{
	volatile struct vcpu_time_info *time = &xen_shared->vcpu_info[0].time;
	uint64_t now = rdtsc();

	start_ns = read_at(now) -
	           scale((int64_t)(now - machine_boot_ticks), time->tsc_to_system_mul, time->tsc_shift);
}

void xen_clock_resume(uint64_t now_ns)
{
	start_ns = xen_clock_system_ns() - now_ns;
}

uint64_t xen_clock_deadline(uint64_t deadline_ns)
{
	if (deadline_ns == DEADLINE_NEVER)
		return 0;
	return start_ns + MIN(deadline_ns, (uint64_t)INT64_MAX / 2); /* Xen's time is signed */
}
