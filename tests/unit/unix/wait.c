/* SPDX-License-Identifier: ISC */
/* Waiting for the host, also where a filter of system calls, as container runtimes have one, refuses
 * the newest way to wait. */
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "arch/unix/host.h"
#include "tests/lib/test.h"

#define EPOLL_PWAIT2 441

static unsigned seen;

static void notify(struct host_watch *w, unsigned events)
{
	(void)w;
	seen |= events;
}

/* Makes the host fail epoll_pwait2 with this errno, until the test's process ends. */
static void refuse_pwait2(uint32_t error)
{
	struct sock_filter filter[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, EPOLL_PWAIT2, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | error),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = { ARRAY_SIZE(filter), filter };

	cr_assert_eq(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), 0);
	cr_assert_eq(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program, 0, 0), 0);
	cr_assert_eq(syscall(EPOLL_PWAIT2, -1, NULL, 0, NULL, NULL, 0), -1);
	cr_assert_eq(errno, (int)error);
}

/* Waits without an event for a while, and then notices one. */
static void waits_and_notices(void)
{
	uint64_t begun = host_monotonic_ns();
	struct host_watch watch;
	int ends[2];

	cr_assert_eq(pipe(ends), 0);
	cr_assert_eq(host_watch_add(&watch, ends[0], HOST_READABLE, notify), 0);
	host_wait(5 * NS_PER_MS + 1);
	cr_assert_eq(seen, 0);
	cr_assert_gt(host_monotonic_ns() - begun, 5 * NS_PER_MS, "it has not waited");
	cr_assert_eq(write(ends[1], "", 1), 1);
	host_wait(NS_PER_S);
	cr_assert_eq(seen, HOST_READABLE);
	host_watch_remove(&watch);
	close(ends[0]);
	close(ends[1]);
}

Test(wait, waits_and_notices) { waits_and_notices(); }

Test(wait, where_the_host_does_not_know_the_newest_way)
{
	refuse_pwait2(ENOSYS);
	waits_and_notices();
}

Test(wait, where_the_host_does_not_permit_it)
{
	refuse_pwait2(EPERM);
	waits_and_notices();
}
