/* SPDX-License-Identifier: ISC */
/* The MC146818, a PC's date and time. They change once a second, and a flag announces that. Firmware keeps
 * them in UTC, 24 hours, in this century. */
#include "drivers/clock/cmos.h"
#include "arch/x86_64/cpu.h"
#include "kernel/calendar.h"

#define CMOS_INDEX 0x70
#define CMOS_DATA 0x71
#define CMOS_A 0x0a
#define CMOS_B 0x0b
#define CMOS_D 0x0d
#define CMOS_VALID 0x80 /* of register D, whose other bits are always zero */

static uint8_t cmos(uint8_t reg)
{
	out8(CMOS_INDEX, reg);
	return in8(CMOS_DATA);
}

static uint32_t cmos_number(uint8_t reg, bool bcd)
{
	uint8_t value = cmos(reg);

	return bcd ? (value >> 4) * 10u + (value & 15) : value;
}

uint64_t cmos_seconds(void)
{
	uint32_t year, month, day, hour, minute, second, patience = 100000;
	bool bcd = !(cmos(CMOS_B) & 4);

	if (cmos(CMOS_D) != CMOS_VALID)
		return 0;
	do {
		while ((cmos(CMOS_A) & 0x80) && patience > 0)
			patience--;
		second = cmos_number(0, bcd);
		minute = cmos_number(2, bcd);
		hour = cmos_number(4, bcd);
		day = cmos_number(7, bcd);
		month = cmos_number(8, bcd);
		year = cmos_number(9, bcd);
	} while (second != cmos_number(0, bcd) && patience > 0 && patience--);
	if (second > 59 || minute > 59 || hour > 23 || !day || day > 31 || !month || month > 12 || year > 99)
		return 0;
	return ((calendar_days(2000 + year, month, day) * UINT64_C(24) + hour) * 60 + minute) * 60 + second;
}
