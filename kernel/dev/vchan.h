/* SPDX-License-Identifier: ISC */
/* Byte streams to other domains of the same hypervisor, over shared memory and event channels: flows without
 * a network. Each end names a stream by the peer's domain and a path in xenstore. */
#ifndef KERNEL_DEV_VCHAN_H
#define KERNEL_DEV_VCHAN_H

#include "kernel/flow.h"

/* Offers a stream to domain at path, "data/…" below this domain's home; borrows path for ever. It has one
 * client at a time, and is offered again when that has left. accept takes flow and gives 0; if it fails, flow
 * is aborted. 0, or -ENOMEM, -ENOSPC (grants, event channels), -ENODEV (no xenstore), -ESRCH (no domain of
 * that number), -EPERM (the hypervisor forbids sharing, as Xen on ARM does with any domain but dom0).
 *
 * The protocol cannot close one direction alone: after flow_shutdown the peer can neither read nor write, and
 * leaves. When the peer leaves, reads reach the end of the stream and writes fail with -ECONNRESET. */
int vchan_listen(uint16_t domain, const char *path, int (*accept)(void *arg, struct flow *flow), void *arg);

/* Fulfilled with 0: flow is the caller's. -ENOENT: it is not offered at present; -EBUSY: it has a client;
 * -EBADMSG: the server describes an impossible or too large stream (XEN_MAP_PAGES); -ENAMETOOLONG, -ENOMEM,
 * -ENOSPC, -ENODEV, -ETIMEDOUT, -ECANCELED. */
struct vchan_connect {
	struct promise promise;
	struct flow *flow;
	void *state; /* the driver's */
};
/* Connects as a client to domain; path is below that domain's home unless it begins with a slash. */
void vchan_connect(struct vchan_connect *op, uint16_t domain, const char *path);

#endif
