/* SPDX-License-Identifier: ISC */
/* RFC 9937 §6.2. */
#include "net/tcp/prr.h"

uint32_t prr_allowance(struct prr *p, uint32_t mss, uint32_t ssthresh, uint32_t delivered, uint32_t pipe,
                       bool safe)
{
	uint64_t due, most;

	p->delivered += delivered;
	if (pipe > ssthresh) {
		due = ((uint64_t)p->delivered * ssthresh + p->flight - 1) / p->flight;
		due = due > p->out ? due - p->out : 0;
	} else {
		due = p->delivered > p->out ? p->delivered - p->out : 0;
		due = MAX(due, (uint64_t)delivered);
		if (safe)
			due += mss;
		most = ssthresh - pipe;
		due = MIN(due, most);
	}
	if (p->out == 0 || pipe == 0)
		due = MAX(due, (uint64_t)mss); /* neither the first retransmission nor an empty network waits */
	return (uint32_t)due;
}
