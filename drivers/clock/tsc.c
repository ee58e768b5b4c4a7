/* SPDX-License-Identifier: ISC */
/* The time stamp counter as a clock. Its rate comes from the first of: KVM's clock page (Linux
 * Documentation/virt/kvm/x86/msr.rst), CPUID leaf 0x40000010 of hypervisors, leaf 0x15, or a measurement
 * against the local APIC's timer, which counts nanoseconds on QEMU and KVM, or against the 8254. The first
 * measurement is short, for a quick boot; before the timer is first used it is replaced by one over the whole
 * time since boot, or by a longer one. All are kept in KVM's format, with one reader for all. */
#include "drivers/clock/tsc.h"
#include "arch/x86_64/cpu.h"
#include "drivers/clock/cmos.h"
#include "drivers/irq/apic.h"
#include "kernel/dev/clock.h"

#define MSR_KVM_WALL 0x4b564d00
#define MSR_KVM_CLOCK 0x4b564d01
#define KVM_FEATURE_CLOCK 3 /* bit of leaf 0x40000001 */
#define SHORT_TICKS 10000   /* nanoseconds of a first measurement, good to a few percent */
#define LONG_TICKS 1000000  /* of a final measurement */
#define PIT_HZ 1193182
#define PIT_WINDOW (PIT_HZ / 200)

/* KVM's clock page; without KVM we write it ourselves. */
struct time_page {
	uint32_t version; /* odd while it is being written */
	uint32_t pad;
	uint64_t tsc, system_ns; /* of the same moment */
	uint32_t mul;            /* nanoseconds = (ticks << shift) * mul >> 32 */
	int8_t shift;
	uint8_t flags, pad_2[2];
};
static_assert(sizeof(struct time_page) == 32, "KVM's clock page");

/* The same for the wall clock, at KVM's time zero. */
struct wall_page {
	uint32_t version, seconds, nanoseconds;
};

/* Readings of the timer and the time stamp counter at one moment. */
struct moment {
	uint64_t ticks, tsc;
};

static volatile struct time_page page __attribute__((aligned(32)));
static uint64_t start_ns; /* KVM's time at machine_boot_ticks */
static uint64_t latest_ns;
static bool is_kvm_clock;
static bool refine;         /* the rate is a short measurement's */
static struct moment count; /* shortly after the timer was started */

static uint64_t scale(uint64_t ticks, uint32_t mul, int shift)
{
	ticks = shift < 0 ? ticks >> -shift : ticks << shift;
	return (uint64_t)((unsigned __int128)ticks * mul >> 32);
}

uint64_t clock_ticks_to_ns(uint64_t ticks)
{
	return scale(ticks, page.mul, page.shift);
}

static uint64_t page_now_ns(void)
{
	uint32_t version;
	uint64_t ns;

	do {
		version = page.version;
		__asm__ volatile("" : : : "memory");
		ns = page.system_ns + scale(rdtsc() - page.tsc, page.mul, page.shift);
		__asm__ volatile("" : : : "memory");
	} while (version & 1 || version != page.version);
	return ns;
}

uint64_t clock_now_ns(void)
{
	uint64_t ns = page_now_ns() - start_ns;

	/* Without a stable counter KVM's pages may differ by a little. */
	if (ns < latest_ns)
		return latest_ns;
	latest_ns = ns;
	return ns;
}

static void set_rate(uint64_t hz)
{
	uint64_t scaled = hz;
	int8_t shift = 0;

	while (scaled <= NS_PER_S) {
		scaled <<= 1;
		shift++;
	}
	page.mul = (uint32_t)((NS_PER_S << 32) / scaled);
	page.shift = shift;
	irq_timer_set_tsc_rate(hz);
}

static bool has_kvm_clock(uint32_t features)
{
	uint64_t at = (uintptr_t)&page;

	if (!(features & 1u << KVM_FEATURE_CLOCK))
		return false;
	wrmsr(MSR_KVM_CLOCK, at | 1);
	if (!page.mul)
		return false;
	/* The page's time may lie before machine_boot_ticks. */
	start_ns = page_now_ns() - clock_ticks_to_ns(rdtsc() - machine_boot_ticks);
	/* hz = 10^9 * 2^32 / mul, undone by shift */
	at = (NS_PER_S << 32) / page.mul;
	irq_timer_set_tsc_rate(page.shift < 0 ? at << -page.shift : at >> page.shift);
	return true;
}

/* Counts the 8254's channel 2 down, and gives the rates of the other counters. false: there is no 8254. */
static bool measure_by_pit(uint64_t *tsc_hz, uint64_t *timer_hz)
{
	uint64_t tsc;
	uint32_t patience = 10000000;

	out8(0x61, (in8(0x61) & ~2u) | 1);
	out8(0x43, 0xb0);
	out8(0x42, PIT_WINDOW & 0xff);
	out8(0x42, PIT_WINDOW >> 8);
	irq_timer_count();
	tsc = rdtsc();
	if (in8(0x61) & 0x20)
		return false; /* no device: all ones */
	while (!(in8(0x61) & 0x20))
		if (!--patience)
			return false;
	*timer_hz = (uint64_t)irq_timer_ticks() * PIT_HZ / PIT_WINDOW;
	*tsc_hz = (rdtsc() - tsc) * PIT_HZ / PIT_WINDOW;
	return true;
}

/* Takes the quickest of a few readings: the host may take the CPU away between the two counters. */
static struct moment read_both(void)
{
	struct moment best = { 0, 0 };
	uint64_t least = UINT64_MAX;

	for (int i = 0; i < 4; i++) {
		uint64_t before = rdtsc(), ticks = irq_timer_ticks(), took = rdtsc() - before;

		if (took < least) {
			least = took;
			best = (struct moment){ ticks, before + took / 2 };
		}
	}
	return best;
}

static uint64_t measure_by_timer(void)
{
	struct moment now = read_both();
	uint64_t tsc = now.tsc - count.tsc, ticks = now.ticks - count.ticks;

	/* Divided first: ticks of four seconds on a quick CPU times 10^9 do not fit into 64 bits. */
	return tsc / ticks * NS_PER_S + tsc % ticks * NS_PER_S / ticks;
}

static uint64_t measure_for(uint32_t ticks)
{
	irq_timer_count();
	count = read_both();
	while (irq_timer_ticks() - count.ticks < ticks)
		;
	return measure_by_timer();
}

/* The clock does not jump: the new rate holds from here on. */
void clock_refine(void)
{
	uint64_t hz, now;

	if (!refine)
		return;
	refine = false;
	hz = irq_timer_ticks() == UINT32_MAX ? measure_for(LONG_TICKS) : measure_by_timer();
	now = rdtsc();
	page.system_ns += clock_ticks_to_ns(now - page.tsc);
	page.tsc = now;
	set_rate(hz);
}

static uint64_t hz_by_cpuid(uint32_t hypervisor_leaves)
{
	struct cpuid r;

	if (hypervisor_leaves >= 0x40000010) {
		r = cpuid(0x40000010, 0);
		if (r.ebx)
			irq_timer_set_rate(r.ebx * UINT64_C(1000));
		if (r.eax)
			return r.eax * UINT64_C(1000);
	}
	if (cpuid(0, 0).eax >= 0x15) {
		r = cpuid(0x15, 0);
		if (r.eax && r.ebx && r.ecx)
			return (uint64_t)r.ecx * r.ebx / r.eax;
	}
	return 0;
}

static uint64_t kvm_wall_ns(const volatile struct wall_page *wall)
{
	uint32_t version;
	uint64_t ns;

	do {
		version = wall->version;
		ns = wall->seconds * NS_PER_S + wall->nanoseconds;
	} while (version & 1 || version != wall->version);
	return ns;
}

static uint64_t wall_at_start(void)
{
	static volatile struct wall_page wall;
	uint64_t at = (uintptr_t)&wall, seconds;

	if (is_kvm_clock) {
		wrmsr(MSR_KVM_WALL, at);
		return kvm_wall_ns(&wall) + start_ns;
	}
	seconds = cmos_seconds();
	return seconds ? seconds * NS_PER_S - clock_now_ns() : 0;
}

uint64_t clock_wall_ns(void)
{
	static uint64_t base_ns;
	static bool asked;

	if (!asked) {
		asked = true;
		base_ns = wall_at_start();
	}
	return base_ns ? base_ns + clock_now_ns() : 0;
}

void clock_init(void)
{
	bool guest = cpuid(1, 0).ecx >> 31;
	struct cpuid hypervisor = guest ? cpuid(0x40000000, 0) : (struct cpuid){ 0 };
	bool is_kvm = hypervisor.ebx == 0x4b4d564b; /* "KVMK" */
	bool is_tcg = hypervisor.ebx == 0x54474354; /* "TCGT" */
	uint64_t hz, timer_hz = NS_PER_S;

	irq_timer_set_rate(timer_hz);
	is_kvm_clock = is_kvm && has_kvm_clock(cpuid(0x40000001, 0).eax);
	if (is_kvm_clock)
		return;
	page.tsc = machine_boot_ticks;
	hz = hz_by_cpuid(hypervisor.eax);
	if (!hz && !is_kvm && !is_tcg && measure_by_pit(&hz, &timer_hz))
		irq_timer_set_rate(timer_hz);
	if (!hz) {
		hz = measure_for(SHORT_TICKS);
		refine = true;
	}
	set_rate(hz);
}
