/* SPDX-License-Identifier: ISC */
/* GICv3 and 4 (IHI 0069): a distributor, a redistributor for each CPU, and system registers. */
#include "arch/arch.h"
#include "drivers/irq/gic.h"
#include CONFIG_CPU_HEADER

#include <errno.h>

/* The distributor's (§12.9); a redistributor's second frame has those of the first 32 interrupts. */
enum { CONTROL = 0x000, GROUP = 0x080, SET_ENABLE = 0x100, ROUTER = 0x6000, DISTRIBUTOR_BYTES = 0x10000 };
/* A redistributor's (§12.11). */
enum { TYPE = 0x08, WAKER = 0x14, FRAME = 0x10000, FRAMES = 2 * FRAME };
#define CONTROL_AFFINITY 0x10
#define CONTROL_ON 0x13 /* and both groups, as seen from either security state */
#define CONTROL_PENDING (UINT32_C(1) << 31)
#define TYPE_VIRTUAL 2  /* two more frames */
#define TYPE_LAST 0x10
#define WAKER_SLEEP 2
#define WAKER_ASLEEP 4
#define PATIENCE 1000000 /* reads of the register */

/* System registers (§12.2). */
#define ICC_PMR s3_0_c4_c6_0
#define ICC_DIR s3_0_c12_c11_1
#define ICC_IAR1 s3_0_c12_c12_0
#define ICC_EOIR1 s3_0_c12_c12_1
#define ICC_BPR1 s3_0_c12_c12_3
#define ICC_CTLR s3_0_c12_c12_4
#define ICC_SRE s3_0_c12_c12_5
#define ICC_IGRPEN1 s3_0_c12_c12_7
#define END_MODE 2
#define READ(name) CPU_READ_1(name)
#define CPU_READ_1(name) CPU_READ(name)
#define WRITE(name, value) CPU_WRITE_1(name, value)
#define CPU_WRITE_1(name, value) CPU_WRITE(name, value)
#define IDENTIFIER 0xffffff

static volatile uint8_t *distributor, *own; /* own: this CPU's redistributor's second frame */
static uint64_t own_address;                /* physical, of its first */
static uint64_t affinity;                   /* of this CPU, as ROUTER takes it */

static volatile uint32_t *reg(volatile uint8_t *base, uint32_t offset)
{
	return (volatile uint32_t *)(base + offset);
}

/* This CPU's redistributor among those in range. */
static volatile uint8_t *find(const struct fdt_range *range)
{
	uint32_t wanted = (uint32_t)(affinity >> 8 & 0xff000000) | (affinity & 0xffffff), type;
	volatile uint8_t *frames;

	for (uint64_t at = 0; at + FRAMES <= range->bytes; at += type & TYPE_VIRTUAL ? 2 * FRAMES : FRAMES) {
		frames = arch_map_device(range->start + at, FRAMES);
		if (!frames)
			return NULL;
		own_address = range->start + at;
		if (*reg(frames, TYPE + 4) == wanted)
			return frames;
		type = *reg(frames, TYPE);
		if (type & TYPE_LAST)
			return NULL;
	}
	return NULL;
}

/* Writes to a register and waits until a bit of it is zero. */
OUT_OF_LINE static bool set(volatile uint32_t *to, uint32_t value, uint32_t bit)
{
	*to = value;
	for (unsigned i = 0; i < PATIENCE; i++) {
		cpu_pause();
		if (!(*to & bit))
			return true;
	}
	return false;
}

static bool wake(volatile uint8_t *frames)
{
	return set(reg(frames, WAKER), *reg(frames, WAKER) & ~(uint32_t)WAKER_SLEEP, WAKER_ASLEEP);
}

/* Turns both groups off before affinity routing may be changed (§12.9.4), whatever firmware has left. */
static bool switch_on(void)
{
	volatile uint32_t *control = reg(distributor, CONTROL);

	return set(control, *control & CONTROL_AFFINITY, CONTROL_PENDING) &&
	       set(control, CONTROL_AFFINITY, CONTROL_PENDING) && set(control, CONTROL_ON, CONTROL_PENDING);
}

static int init(const struct fdt *tree, const struct fdt_node *n)
{
	volatile uint8_t *frames = NULL;
	struct fdt_range at;

	affinity = CPU_READ(mpidr_el1) & UINT64_C(0xff00ffffff);
	distributor = fdt_map(tree, n, 0, DISTRIBUTOR_BYTES);
	for (uint32_t i = 1; !frames && fdt_reg(tree, n, i, &at) == 0; i++)
		frames = find(&at);
	if (!distributor || !frames || !wake(frames))
		return -ENODEV;
	own = frames + FRAME;
	WRITE(ICC_SRE, READ(ICC_SRE) | 1);
	cpu_synchronise();
	if (!(READ(ICC_SRE) & 1) || !switch_on())
		return -ENODEV;
	WRITE(ICC_PMR, 0xff);
	WRITE(ICC_BPR1, 0);
	WRITE(ICC_CTLR, END_MODE);
	WRITE(ICC_IGRPEN1, 1);
	cpu_synchronise();
	return 0;
}

static void enable(unsigned id, bool edge)
{
	volatile uint8_t *base = id < GIC_SPI ? own : distributor;

	*reg(base, GROUP + id / 32 * 4) |= UINT32_C(1) << id % 32;
	gic_configure(base, id, edge);
	if (id >= GIC_SPI)
		*(volatile uint64_t *)(distributor + ROUTER + id * 8) = affinity;
	gic_set_bit(base, SET_ENABLE, id);
}

static unsigned acknowledge(void)
{
	unsigned id = READ(ICC_IAR1) & IDENTIFIER;

	cpu_complete(); /* it is active before its poller is marked */
	return id;
}

static void end(unsigned id)
{
	WRITE(ICC_EOIR1, id);
	cpu_synchronise();
}

/* Messages are never active (§4.1.1). */
static void deactivate(unsigned id)
{
	if (id >= GIC_LPI)
		return;
	WRITE(ICC_DIR, id);
	cpu_synchronise();
}

volatile uint8_t *gicv3_redistributor(void)
{
	return own - FRAME;
}

uint64_t gicv3_redistributor_address(void)
{
	return own_address;
}

const struct gic gicv3 = { init, enable, acknowledge, end, deactivate };
