/* SPDX-License-Identifier: ISC */
/* The composition root: the boot order. Every part is called by name, under the option that brings it in; a
 * part that is not called is not in the image. */
#define LOG_TAG "virga"
#include <errno.h>

#include "arch/arch.h"
#include "fs/crunch.h"
#include "init/init.h"
#include "init/limits.h"
#include "kernel/app.h"
#include "kernel/buf.h"
#include "kernel/dev/clock.h"
#include "kernel/dev/console.h"
#include "kernel/log.h"
#include "kernel/loop.h"
#include "kernel/page.h"
#include "kernel/panic.h"
#include "kernel/random.h"
#include "net/config.h"
#include "net/direct.h"
#include "net/socket.h"

static struct app app;
static struct promise done;
static struct stack_config stack_config;

static const struct option common_options[] = {
	{ "log", "error, warn, info or debug", log_option, &log_level },
	{ "color", "true or false: is a terminal at the console?", option_flag, &console_is_terminal },
	{ NULL, NULL, NULL, NULL },
};

static const struct option address_options[] = {
	STACK_START_OPTIONS(stack_config),
	STACK_MTU_OPTION(stack_config),
	{ NULL, NULL, NULL, NULL },
};

static void parse_options(char **words, size_t count)
{
	const struct option *const tables[] = {
		common_options, machine_options, app_options,
		IS_ENABLED(CONFIG_NET_DIRECT) ? address_options : NULL, NULL,
	};
	char error[256];

	if (option_parse(words, count, tables, error, sizeof(error)) < 0)
		panic("%s", error);
	if (IS_ENABLED(CONFIG_NET_DIRECT) && stack_config_complete(&stack_config, error, sizeof(error)) < 0)
		panic("%s", error);
}

static int stack_init(void)
{
	if (IS_ENABLED(CONFIG_NET_DIRECT))
		return direct_create((struct direct **)&app.stack, app.netdev, &stack_config);
	if (IS_ENABLED(CONFIG_NET_SOCKET))
		return socket_create((struct socket_stack **)&app.stack, NULL);
	return 0;
}

static void network_init(void)
{
	int error;

	if (random_init() < 0)
		panic(IS_ENABLED(CONFIG_TARGET_XEN) && IS_ENABLED(CONFIG_ARCH_X86_64)
		              ? "no entropy: networking needs a CPU with RDRAND, or a seed in xenstore (data/seed)"
		              : IS_ENABLED(CONFIG_TARGET_XEN)
		              ? "no entropy: networking needs a CPU with RNDR, or a seed in xenstore (data/seed)"
		              : "no entropy: networking needs a CPU that has some (-cpu max) or a virtio-rng device");
	error = buf_init(CONFIG_BUF_HEADERS, CONFIG_BUF_SLICES);
	if (!error && IS_ENABLED(CONFIG_NET_DEVICE)) {
		app.netdev = machine_netdev();
		if (!app.netdev)
			panic(IS_ENABLED(CONFIG_TARGET_XEN) ? "no network interface: add a vif"
			                                    : "no network interface: add a virtio-net device or a tap");
	}
	if (!error)
		error = stack_init();
	if (error == -ENOMEM)
		panic("out of memory: give the machine more");
	if (error)
		panic("no network: error %d%s", -error,
		      error == -EINVAL ? ": the MTU is less than 68 bytes, or more than the interface's" : "");
}

static void files_init(void)
{
	if (IS_ENABLED(CONFIG_FS_CRUNCH) && crunch_create(&app.kv, ARCH_FAR(&crunch_content)) < 0)
		panic("out of memory: give the machine more");
	if (IS_ENABLED(CONFIG_FS_FAT))
		app.kv = fat_init();
}

/* Applications start once there is an address, so that they find a working network. Meanwhile the DHCP client
 * logs each failed attempt. false: the machine was asked to end before. */
static bool wait_for_address(struct promise *asked)
{
	struct promise *ready;

	if (!IS_ENABLED(CONFIG_NET_DIRECT) || !IS_ENABLED(CONFIG_NET_DHCP))
		return true;
	ready = direct_ready((struct direct *)app.stack);
	loop_run_or_end(ready, asked);
	return promise_is_settled(ready);
}

static void up(void)
{
	unsigned long long boot_us = clock_now_ns() / NS_PER_US;
	size_t mem_kib, used_kib;
	struct page_stats pages;
	char address[IP_TEXT_MAX];

	page_stats(&pages);
	mem_kib = pages.total * (PAGE_BYTES / 1024);
	used_kib = pages.used * (PAGE_BYTES / 1024);
	if (IS_ENABLED(CONFIG_NET_DIRECT))
		log_info("up boot_us=%llu mem_kib=%zu used_kib=%zu ip=%s", boot_us, mem_kib, used_kib,
		         ip_format(address, &direct_address((struct direct *)app.stack)->addr));
	else
		log_info("up boot_us=%llu mem_kib=%zu used_kib=%zu", boot_us, mem_kib, used_kib);
}

/* Runs the application until it is done, or the machine is asked to end. Gives the status. */
static int run(struct promise *asked)
{
	int error;

	promise_init(&done, NULL);
	error = app_start(&app, &done);
	if (error == -ENOMEM)
		panic("out of memory: give the machine more");
	if (error < 0)
		panic("the application does not start: error %d", -error);
	up();
	return loop_run_or_end(&done, asked) == 0 ? 0 : 1;
}

void init_main(void)
{
	struct promise *asked = NULL;
	char **words;
	size_t count;
	int status;

	machine_init(&words, &count);
	parse_options(words, count);
	if (!IS_ENABLED(CONFIG_NET_NONE))
		network_init();
	else if (IS_ENABLED(CONFIG_XEN_VCHAN) && buf_init(CONFIG_BUF_HEADERS, CONFIG_BUF_SLICES) < 0)
		panic("out of memory: give the machine more");
	files_init();
	if (IS_ENABLED(CONFIG_MACHINE_END))
		asked = machine_end();
	status = wait_for_address(asked) ? run(asked) : 0;
	if (IS_ENABLED(CONFIG_FAT_WRITE))
		fat_end(app.kv);
	if (IS_ENABLED(CONFIG_NET_DIRECT))
		direct_finish((struct direct *)app.stack);
	arch_poweroff(status);
}
