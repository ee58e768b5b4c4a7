/* SPDX-License-Identifier: ISC */
/* Signals: requests to end, and faults of the CPU in plain numbers (signal(7)). */
#define _GNU_SOURCE
#include "arch/unix/host_context.h"
#include "arch/unix/host_priv.h"

#include <signal.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <unistd.h>

static volatile sig_atomic_t should_end;
static int end_fd = -1; /* makes each host_wait return at once after such a request */
static struct host_watch end_watch;
static void (*on_fault)(const struct host_fault *f);

/* Nothing to do: host_should_end is called after each wait. */
static void on_end(struct host_watch *w, unsigned events)
{
	(void)w, (void)events;
}

static void on_end_signal(int signal)
{
	static const uint64_t one = 1;
	int before = errno;

	if (should_end)
		host_exit(128 + signal);
	should_end = 1;
	if (write(end_fd, &one, sizeof(one)) < 0)
		host_exit(128 + signal);
	errno = before;
}

static const char *fault_name(int signal)
{
	switch (signal) {
	case SIGSEGV: return "segmentation fault";
	case SIGBUS: return "bus error";
	case SIGTRAP: /* raised by __builtin_trap on some CPUs */
	case SIGILL: return "illegal instruction";
	case SIGFPE: return "arithmetic fault";
	case SIGQUIT: return "quit";
	default: return "aborted";
	}
}

static void on_fault_signal(int signal, siginfo_t *info, void *context)
{
	const mcontext_t *cpu = &((ucontext_t *)context)->uc_mcontext;
	struct host_fault f = {
		.what = fault_name(signal),
		.address = (uintptr_t)info->si_addr,
		.register_names = context_names,
		.register_count = ARRAY_SIZE(context_names),
	};

	if (signal == SIGQUIT || signal == SIGABRT)
		f.address = 0;
	context_read(cpu, &f);
	on_fault(&f);
	host_exit(1);
}

void host_signals_init(void (*fault)(const struct host_fault *f))
{
	static const int ends[] = { SIGINT, SIGTERM, SIGHUP };
	static const int faults[] = { SIGSEGV, SIGBUS, SIGILL, SIGTRAP, SIGFPE, SIGQUIT, SIGABRT };
	static char stack[32768];
	stack_t alternate = { .ss_sp = stack, .ss_size = sizeof(stack) };
	struct sigaction end = { .sa_handler = on_end_signal };
	struct sigaction trap = { .sa_sigaction = on_fault_signal, .sa_flags = SA_SIGINFO | SA_ONSTACK };
	struct sigaction ignore = { .sa_handler = SIG_IGN }, before;

	on_fault = fault;
	end_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	host_watch_add(&end_watch, end_fd, HOST_READABLE, on_end);
	sigaltstack(&alternate, NULL);
	for (size_t i = 0; i < ARRAY_SIZE(ends); i++) {
		sigaction(ends[i], &end, &before);
		if (ends[i] == SIGHUP && before.sa_handler == SIG_IGN)
			sigaction(SIGHUP, &before, NULL); /* nohup(1) */
	}
	for (size_t i = 0; i < ARRAY_SIZE(faults); i++)
		sigaction(faults[i], &trap, NULL);
	sigaction(SIGPIPE, &ignore, NULL);
	prctl(PR_SET_TIMERSLACK, 1); /* nanoseconds; the default lets deadlines slip by 50 us */
}

bool host_should_end(void)
{
	return should_end;
}

void host_exit(int status)
{
	host_terminal_raw(-1, false);
	_exit(status);
}
