/* SPDX-License-Identifier: ISC */
/* Byte streams to other domains of the same hypervisor, by memory that both share and events: flows, which no
 * network is needed for. Both ends name a stream by the domain at the other one and by a path in xenstore. */
#ifndef KERNEL_DEV_VCHAN_H
#define KERNEL_DEV_VCHAN_H

#include "kernel/flow.h"

/* Offers a stream to domain at path, "data/…" below this domain's home; borrows path for good. It has one
 * client at a time, and is offered again when that has gone. accept takes flow and gives 0, or fails, and
 * flow is aborted. 0, or -ENOMEM, -ENOSPC (grants, event channels), -ENODEV (no xenstore), -ESRCH: there is
 * no such domain; -EPERM: the hypervisor lets the two share nothing, as Xen on ARM any but dom0.
 *
 * The other end cannot be told of an end in one direction alone: after flow_shutdown it may neither read
 * nor write, and leaves. Its own end is the end of what is read, and fails what is written with
 * -ECONNRESET. */
int vchan_listen(uint16_t domain, const char *path, int (*accept)(void *arg, struct flow *flow), void *arg);

/* Fulfilled with 0: flow is the caller's. -ENOENT: it is not offered, or not now; -EBUSY: it has a client;
 * -EBADMSG: what the server says of it cannot be, or is too large (XEN_MAP_PAGES); -ENAMETOOLONG, -ENOMEM,
 * -ENOSPC, -ENODEV, -ETIMEDOUT, -ECANCELED. */
struct vchan_connect {
	struct promise promise;
	struct flow *flow;
	void *state; /* the driver's */
};
/* As the client of domain, the path being below its home unless it begins with a slash. */
void vchan_connect(struct vchan_connect *op, uint16_t domain, const char *path);

#endif
