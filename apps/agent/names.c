/* SPDX-License-Identifier: ISC */
/* The names of the errors that the stack and the agent give. */
#include "apps/agent/names.h"

#include <errno.h>

#include "kernel/util.h"

#define NAME(error) { error, #error }

const char *error_name(int error)
{
	static const struct {
		uint8_t error;
		char name[16];
	} names[] = {
		NAME(EACCES), NAME(EADDRINUSE), NAME(EADDRNOTAVAIL), NAME(EAFNOSUPPORT), NAME(EAGAIN),
		NAME(EALREADY), NAME(EBADF), NAME(EBADMSG), NAME(EBUSY), NAME(ECANCELED), NAME(ECONNABORTED),
		NAME(ECONNREFUSED), NAME(ECONNRESET), NAME(EDESTADDRREQ), NAME(EHOSTUNREACH), NAME(EINPROGRESS),
		NAME(EINTR), NAME(EINVAL), NAME(EIO), NAME(EISCONN), NAME(EMFILE), NAME(EMSGSIZE), NAME(ENETDOWN),
		NAME(ENETUNREACH), NAME(ENFILE), NAME(ENOBUFS), NAME(ENODEV), NAME(ENOMEM), NAME(ENOPROTOOPT),
		NAME(ENOSYS), NAME(ENOTCONN), NAME(EOPNOTSUPP), NAME(EPERM), NAME(EPIPE), NAME(EPROTO),
		NAME(EPROTONOSUPPORT), NAME(ERANGE), NAME(ETIMEDOUT),
	};

	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (names[i].error == -error)
			return names[i].name;
	return "EUNKNOWN";
}
