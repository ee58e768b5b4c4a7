/* SPDX-License-Identifier: ISC */
/* The layers above must leave a device some of its receive buffers, and a connection's window must fit into
 * the half of them that it may hold. Kconfig cannot compare numbers of several layers; this does, so that no
 * image is built that stops receiving. */
#ifndef INIT_LIMITS_H
#define INIT_LIMITS_H

#include "kernel/util.h"

#ifdef CONFIG_XEN_BLK
/* 2 and 1 are the rings' grants, 256 those of frames being sent, 8 the toolstack's. */
#ifdef CONFIG_XEN_NET
#define LIMITS_NET_GRANTS (256 + CONFIG_XEN_NET_RX_RING + 2)
#else
#define LIMITS_NET_GRANTS 0
#endif
static_assert(8 + LIMITS_NET_GRANTS + 1 + CONFIG_XEN_BLK_REQUESTS * (CONFIG_XEN_BLK_SEGMENTS + 1) <=
                      CONFIG_XEN_GRANT_FRAMES * 512,
              "XEN_GRANT_FRAMES must have room for XEN_BLK_REQUESTS of XEN_BLK_SEGMENTS each");
#endif

#ifdef CONFIG_NET_IP
#ifdef CONFIG_IPV4_FRAGMENTS
#define LIMITS_HELD (CONFIG_TCP_RECEIVE_BUFS + CONFIG_IPV4_FRAGMENT_BUFS)
#else
#define LIMITS_HELD CONFIG_TCP_RECEIVE_BUFS
#endif
static_assert(CONFIG_TCP_RECEIVE_BYTES / 730 <= CONFIG_TCP_RECEIVE_BUFS,
              "TCP_RECEIVE_BUFS must be TCP_RECEIVE_BYTES / 730 or more: a connection may hold half of them");
/* The numbers are what the drivers keep in their rings: their RESERVE. */
#ifdef CONFIG_VIRTIO_NET
static_assert(LIMITS_HELD + 42 <= CONFIG_VIRTIO_NET_BUFFERS,
              "VIRTIO_NET_BUFFERS must be more than TCP_RECEIVE_BUFS and IPV4_FRAGMENT_BUFS together, by 42");
#endif
#ifdef CONFIG_XEN_NET
static_assert(LIMITS_HELD + 19 <= CONFIG_XEN_NET_BUFFERS,
              "XEN_NET_BUFFERS must be more than TCP_RECEIVE_BUFS and IPV4_FRAGMENT_BUFS together, by 19");
#endif
#ifdef CONFIG_TAP
static_assert(LIMITS_HELD + 8 <= CONFIG_TAP_RX_BUFFERS,
              "TAP_RX_BUFFERS must be more than TCP_RECEIVE_BUFS and IPV4_FRAGMENT_BUFS together, by 8");
#endif
#endif

#endif
