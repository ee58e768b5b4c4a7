# SPDX-License-Identifier: ISC
"""Branch protection on AArch64: what is no target is not reached, and a return address that somebody has changed
leads nowhere. CPUs that know of neither run the same image."""
import os

import pytest

from rig.guest import Guest, qemu_command

SOURCE = r"""
#include <string.h>
#include "kernel/app.h"
#include "kernel/panic.h"

static const char *how = "none";
static volatile uintptr_t skipped = 4;

const struct option app_options[] = { { "how", "what to do wrong", option_string, &how }, { 0 } };

__attribute__((noinline)) static void elsewhere(void)
{
	panic("elsewhere");
}

__attribute__((noinline)) static void middle(void)
{
	__asm__ volatile("nop; nop");
}

/* Its caller's return address becomes another function's. */
__attribute__((noinline)) static void changed(void)
{
	uintptr_t *frame = __builtin_frame_address(0);

	__asm__ volatile("" : : : "x30");
	frame[1] = (uintptr_t)elsewhere;
	__asm__ volatile("" : : : "memory");
}

int app_start(const struct app *app, struct promise *done)
{
	(void)app;
	if (!strcmp(how, "middle"))
		((void (*)(void))((uintptr_t)middle + skipped))();
	else if (!strcmp(how, "return"))
		changed();
	promise_fulfil(done, 0);
	return 0;
}
"""

# On CPUs that know of it and on others: what the panic says, or the end.
OUTCOMES = {
    "none": ("^virga: exit status 0", "^virga: exit status 0"),
    "middle": ("^panic: exception: branch to what is no target", "^virga: exit status 0"),
    "return": ("^panic: (page fault|exception)", "^panic: elsewhere"),
}


@pytest.fixture(scope="module")
def image(builder, output):
    folder = os.path.join(output, "branches-app")
    os.makedirs(folder, exist_ok=True)
    for name, text in (("main.c", SOURCE), ("Makefile", "obj-y += main.o\n")):
        with open(os.path.join(folder, name), "w", encoding="utf-8") as file:
            file.write(text)
    out = builder.build("defconfig_skeleton_qemu_arm64", f"APP={folder}", name="branches",
                        options={"NET_NONE": "y", "BRANCH_PROTECTION": "y"})
    return os.path.join(out, "image")


@pytest.mark.long
@pytest.mark.config("defconfig_skeleton_qemu_arm64")
@pytest.mark.parametrize("how", OUTCOMES)
@pytest.mark.parametrize("cpu", ["max", "cortex-a72"])
def test_branches(image, how, cpu):
    with Guest(qemu_command(image, "arm64-virt", "64M", options=f"how={how}", cpu=cpu)) as guest:
        guest.wait_for(OUTCOMES[how][cpu != "max"])
