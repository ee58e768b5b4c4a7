/* SPDX-License-Identifier: ISC */
/* Do a process's floating-point registers keep their values when others use the CPU?  registers SECONDS
 * prints the number of looks in which they had not. */
#include <inttypes.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define REGISTERS 4
#define LOOKS 200 /* between two readings of the clock */

static bool changes(const uint64_t mine[2])
{
	uint64_t now[REGISTERS][2];

	__asm__ volatile("movups (%0), %%xmm0\n\tmovaps %%xmm0, %%xmm1\n\t"
	                 "movaps %%xmm0, %%xmm2\n\tmovaps %%xmm0, %%xmm3\n\t"
	                 "mov $3000, %%ecx\n1:\tdec %%ecx\n\tjnz 1b\n\t"
	                 "movups %%xmm0, (%1)\n\tmovups %%xmm1, 16(%1)\n\t"
	                 "movups %%xmm2, 32(%1)\n\tmovups %%xmm3, 48(%1)"
	                 : : "r"(mine), "r"(now) : "ecx", "memory", "cc", "xmm0", "xmm1", "xmm2", "xmm3");
	for (int i = 0; i < REGISTERS; i++)
		if (memcmp(now[i], mine, sizeof(now[i])))
			return true;
	return false;
}

int main(int count, char **words)
{
	uint64_t mine[2] = { (uint64_t)getpid() * UINT64_C(0x100000001), ~(uint64_t)getpid() }, changed = 0;
	time_t end = time(NULL) + (count > 1 ? atoi(words[1]) : 1);

	while (time(NULL) < end)
		for (int i = 0; i < LOOKS; i++)
			changed += changes(mine);
	printf("changed=%" PRIu64 "\n", changed);
	return 0;
}
