/* SPDX-License-Identifier: ISC */
/* Network taps (tuntap.rst of Linux's documentation). The constants are the kernel's ABI, spelled out
 * here because musl brings no linux/if_tun.h. */
#define _GNU_SOURCE
#include "arch/unix/host_priv.h"

#include <fcntl.h>
#include <net/if.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#define TUN_SET_IFF _IOW('T', 202, int)
#define TUN_SET_OFFLOAD _IOW('T', 208, unsigned)
#define TUN_GET_IFF _IOR('T', 210, unsigned)
#define TUN_SET_VNET_HDR_SZ _IOW('T', 216, int)
#define TUN_IFF_TAP 0x0002
#define TUN_IFF_NO_PI 0x1000
#define TUN_IFF_VNET_HDR 0x4000
#define TUN_OFFLOAD_CSUM 1
#define TUN_OFFLOAD_TSO4 2
#define VNET_HEADER_BYTES 10
#define MTU_USUAL 1500

/* An fd from the parent process may belong to an interface of another network namespace, which cannot be seen
 * here: then usual values are assumed. */
static void tap_describe(struct ifreq *request, struct host_tap *out)
{
	int s = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	out->mtu = MTU_USUAL;
	out->up = true;
	if (s < 0)
		return;
	if (ioctl(s, SIOCGIFMTU, request) == 0)
		out->mtu = MIN(request->ifr_mtu, UINT16_MAX);
	if (ioctl(s, SIOCGIFHWADDR, request) == 0)
		memcpy(out->mac, request->ifr_hwaddr.sa_data, 6);
	if (ioctl(s, SIOCGIFFLAGS, request) == 0)
		out->up = request->ifr_flags & IFF_UP;
	close(s);
}

static void tap_set_offloads(struct host_tap *out)
{
	int bytes = VNET_HEADER_BYTES;

	if (ioctl(out->fd, TUN_SET_VNET_HDR_SZ, &bytes) == 0)
		out->header_bytes = bytes;
	if (ioctl(out->fd, TUN_SET_OFFLOAD, TUN_OFFLOAD_CSUM | TUN_OFFLOAD_TSO4) == 0)
		out->offloads = HOST_TAP_CSUM | HOST_TAP_TSO4;
	else if (ioctl(out->fd, TUN_SET_OFFLOAD, TUN_OFFLOAD_CSUM) == 0)
		out->offloads = HOST_TAP_CSUM;
}

int host_tap_open(const char *name, struct host_tap *out)
{
	struct ifreq request = { .ifr_flags = TUN_IFF_TAP | TUN_IFF_NO_PI | TUN_IFF_VNET_HDR };
	int error;

	memset(out, 0, sizeof(*out));
	if (strlen(name) >= sizeof(request.ifr_name) || *name == '\0')
		return -EINVAL;
	strcpy(request.ifr_name, name);
	out->fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
	if (out->fd < 0)
		return errno == EACCES ? -EPERM : errno == ENODEV ? -ENOENT : -errno;
	if (ioctl(out->fd, TUN_SET_IFF, &request) < 0) {
		error = errno;
		close(out->fd);
		return -error;
	}
	tap_set_offloads(out);
	tap_describe(&request, out);
	return 0;
}

int host_tap_adopt(int fd, struct host_tap *out)
{
	struct ifreq request = { 0 };
	int flags = fcntl(fd, F_GETFL), type = 0;
	socklen_t size = sizeof(type);

	memset(out, 0, sizeof(*out));
	if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0)
		return -errno;
	out->fd = fd;
	if (ioctl(fd, TUN_GET_IFF, &request) == 0) {
		if (!(request.ifr_flags & TUN_IFF_TAP) || !(request.ifr_flags & TUN_IFF_NO_PI))
			return -EINVAL;
		if (request.ifr_flags & TUN_IFF_VNET_HDR)
			tap_set_offloads(out);
		tap_describe(&request, out);
		return 0;
	}
	if (getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &size) < 0 ||
	    (type != SOCK_DGRAM && type != SOCK_SEQPACKET))
		return -EINVAL;
	out->mtu = MTU_USUAL;
	out->up = true;
	return 0;
}
