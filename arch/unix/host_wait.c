/* SPDX-License-Identifier: ISC */
/* Waiting for the host: epoll(7). Its events are our interrupts. */
#define _GNU_SOURCE
#include "arch/unix/host_priv.h"

#include <stdint.h>
#include <sys/epoll.h>
#include <sys/syscall.h>
#include <unistd.h>

#define WAIT_EVENTS 64
#ifndef SYS_epoll_pwait2
#define SYS_epoll_pwait2 441 /* the same number on every architecture that musl knows */
#endif

static int epoll_fd = -1;

static int epoll_get(void)
{
	if (epoll_fd < 0)
		epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	return epoll_fd;
}

int host_watch_add(struct host_watch *w, int fd, unsigned events,
                   void (*notify)(struct host_watch *w, unsigned events))
{
	struct epoll_event event = { .data.ptr = w };

	if (events & HOST_READABLE)
		event.events |= EPOLLIN | EPOLLRDHUP;
	if (events & HOST_WRITABLE)
		event.events |= EPOLLOUT;
	if (events & HOST_EDGE)
		event.events |= EPOLLET;
	w->fd = fd;
	w->notify = notify;
	return result(epoll_ctl(epoll_get(), EPOLL_CTL_ADD, fd, &event));
}

void host_watch_remove(struct host_watch *w)
{
	struct epoll_event ignored = { 0 };

	epoll_ctl(epoll_get(), EPOLL_CTL_DEL, w->fd, &ignored);
}

/* epoll_pwait2 sleeps to the nanosecond. Kernels before 5.11 lack it, and system call filters that do not
 * know it refuse it, with any errno: then whole milliseconds are used, rounded up so that no wait ends before
 * the deadline. */
static int wait_events(struct epoll_event *events, uint64_t timeout_ns)
{
	struct { int64_t s, ns; } timeout = { timeout_ns / NS_PER_S, timeout_ns % NS_PER_S };
	uint64_t ms = timeout_ns / NS_PER_MS + (timeout_ns % NS_PER_MS != 0);
	int n;

	if (timeout_ns != 0 && timeout_ns != UINT64_MAX) {
		n = syscall(SYS_epoll_pwait2, epoll_get(), events, WAIT_EVENTS, &timeout, NULL, 0);
		if (n >= 0 || errno == EINTR)
			return n;
	}
	return epoll_wait(epoll_get(), events, WAIT_EVENTS,
	                  timeout_ns == UINT64_MAX ? -1 : (int)MIN(ms, (uint64_t)INT32_MAX));
}

void host_wait(uint64_t timeout_ns)
{
	struct epoll_event events[WAIT_EVENTS];
	int n = wait_events(events, timeout_ns);

	for (int i = 0; i < n; i++) {
		struct host_watch *w = events[i].data.ptr;
		unsigned what = 0;

		if (events[i].events & EPOLLIN)
			what |= HOST_READABLE;
		if (events[i].events & EPOLLOUT)
			what |= HOST_WRITABLE;
		if (events[i].events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR))
			what |= HOST_ENDED;
		w->notify(w, what);
	}
}
