/* SPDX-License-Identifier: ISC */
/* The terminal: keys as they are typed, and its state restored at the end (termios(3)). */
#define _GNU_SOURCE
#include "arch/unix/host_priv.h"

#include <signal.h>
#include <termios.h>
#include <unistd.h>

static struct termios cooked; /* the terminal's state before */
static int raw_fd = -1;       /* the terminal that is raw now */

static void terminal_make_raw(int fd)
{
	struct termios raw = cooked;

	raw.c_lflag &= ~(ICANON | ECHO);
	raw.c_cc[VMIN] = 1;
	raw.c_cc[VTIME] = 0;
	if (tcgetpgrp(fd) == getpgrp())
		tcsetattr(fd, TCSADRAIN, &raw);
}

/* Ctrl-Z: the shell gets the terminal in its former state, and it is raw again when the process continues. */
static void on_stop(int signal)
{
	int before = errno, fd = raw_fd;

	(void)signal;
	if (fd >= 0)
		tcsetattr(fd, TCSADRAIN, &cooked);
	raise(SIGSTOP);
	if (fd >= 0)
		terminal_make_raw(fd);
	errno = before;
}

bool host_is_terminal(int fd)
{
	return isatty(fd);
}

void host_terminal_raw(int fd, bool on)
{
	struct sigaction stop = { .sa_handler = on_stop, .sa_flags = SA_RESTART };

	if (!on && raw_fd >= 0) {
		tcsetattr(raw_fd, TCSADRAIN, &cooked);
		raw_fd = -1;
	} else if (on && raw_fd < 0 && tcgetattr(fd, &cooked) == 0) {
		raw_fd = fd;
		sigaction(SIGTSTP, &stop, NULL);
		terminal_make_raw(fd);
	}
}
