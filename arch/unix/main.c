/* SPDX-License-Identifier: ISC */
/* A Unix process as the machine: memory is one mapping of as many bytes as a virtual machine would have,
 * epoll's events are interrupts, argv is the command line. */
#define LOG_TAG "unix"
#include <errno.h>
#include <string.h>

#include "arch/arch.h"
#include "arch/unix/fault.h"
#include "arch/unix/host.h"
#include "drivers/ram/ram.h"
#include "drivers/unix/console.h"
#include "drivers/unix/disk.h"
#include "drivers/unix/tap.h"
#include "init/init.h"
#include "kernel/dev/clock.h"
#include "kernel/dev/console.h"
#include "kernel/log.h"
#include "kernel/loop.h"
#include "kernel/option.h"
#include "kernel/page.h"
#include "kernel/panic.h"

static char **start_words;
static size_t start_count;
static size_t memory_bytes = (size_t)CONFIG_UNIX_MEMORY_KIB * 1024;
#ifdef CONFIG_TAP
static const char *tap_name = CONFIG_TAP_NAME;
#endif
#ifdef CONFIG_UNIX_DISK
static const char *disk_name;
#endif
static struct promise end;
static bool end_is_awaited;

/* "64M", "1536K": size_t, a multiple of 4 KiB. */
static int option_memory(const char *value, void *target)
{
	static const char units[] = "KMG";
	size_t n = 0;

	for (; *value >= '0' && *value <= '9'; value++)
		if (__builtin_mul_overflow(n, 10, &n) || __builtin_add_overflow(n, *value - '0', &n))
			return -EINVAL;
	const char *unit = *value ? strchr(units, *value) : NULL;

	if (n == 0 || !unit || value[1] != '\0')
		return -EINVAL;
	for (size_t i = 0; i <= (size_t)(unit - units); i++)
		if (__builtin_mul_overflow(n, 1024, &n))
			return -EINVAL;
	if (n % PAGE_BYTES != 0)
		return -EINVAL;
	*(size_t *)target = n;
	return 0;
}

const struct option machine_options[] = {
	{ "mem", "an amount of memory, as 64M or 1536K", option_memory, &memory_bytes },
#ifdef CONFIG_TAP
	{ "tap", "the name of a tap, as tap0, or an open one, as fd:3", option_string, &tap_name },
#endif
#ifdef CONFIG_UNIX_DISK
	{ "disk", "the path of a file or block device, with \",ro\" behind it to leave it as it is",
	  option_string, &disk_name },
#endif
	{ NULL, NULL, NULL, NULL },
};

/* Reads mem= ahead: memory is needed before init/main.c parses the words, and reports bad ones. */
static void memory_init(void)
{
	uintptr_t start;

	for (size_t i = 0; i < start_count; i++)
		if (strncmp(start_words[i], "mem=", 4) == 0)
			option_memory(start_words[i] + 4, &memory_bytes);
	start = (uintptr_t)host_map(memory_bytes, true);
	if (start == 0)
		panic("the host has no %zu KiB of memory for us: start with a smaller mem=", memory_bytes / 1024);
	page_add_region(start, start + memory_bytes);
}

void machine_init(char ***words, size_t *count)
{
	clock_now_ns(); /* its time zero */
	if (IS_ENABLED(CONFIG_CONSOLE_STDIO))
		unix_console_init();
	host_files_init();
	host_signals_init(fault_panic);
	memory_init();
	*words = start_words;
	*count = start_count;
}

struct netdev *machine_netdev(void)
{
#ifdef CONFIG_TAP
	return tap_create(tap_name);
#else
	log_error("netdev=none reason=\"built without CONFIG_TAP\"");
	return NULL;
#endif
}

struct blkdev *machine_blkdev(void)
{
	struct blkdev *dev = NULL;

#ifdef CONFIG_UNIX_DISK
	if (!disk_name)
		log_error("disk=none: start with disk= and the path of a file or block device");
	else
		dev = disk_create(disk_name);
#endif
	if (IS_ENABLED(CONFIG_DISK_EMBEDDED) && ram_create_embedded(&dev) < 0)
		return NULL;
	return dev;
}

struct promise *machine_end(void)
{
	promise_init(&end, NULL);
	end_is_awaited = true;
	return &end;
}

/* Fulfils machine_end's promise, whose owner has work to do before the end; a second signal does not wait for
 * that (host_signal.c). */
static void asked_to_end(void)
{
	if (!end_is_awaited)
		arch_poweroff(0);
	if (!promise_is_settled(&end))
		promise_fulfil(&end, 0);
}

void arch_block(uint64_t deadline_ns)
{
	uint64_t now = clock_now_ns(), timeout = 0;

	if (!loop_attention && deadline_ns > now)
		timeout = deadline_ns == DEADLINE_NEVER ? UINT64_MAX : deadline_ns - now;
	host_wait(timeout);
	if (host_should_end())
		asked_to_end();
}

void arch_poweroff(int status)
{
	char text[40];
	size_t n = format(text, sizeof(text), "virga: exit status %d\n", status);

	console_write(text, n);
	host_exit(status);
}

int main(int argc, char **argv)
{
	backtrace_set_outermost(__builtin_frame_address(0));
	start_words = argv + (argc > 0);
	start_count = argc > 0 ? argc - 1 : 0;
	init_main();
}
