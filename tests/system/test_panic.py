# SPDX-License-Identifier: ISC
"""An image that faults prints the reason, and the run script adds the place in the source."""
import os
import re
import subprocess

import pytest

from rig import build, cpus, params
from rig.guest import Guest, qemu_command

# An application outside the tree that makes the fault named by its option.
SOURCE = r"""
#include <errno.h>
#include <string.h>
#include "kernel/app.h"
#include "kernel/fiber.h"
#include "kernel/panic.h"

static const char *fault = "none";
static const int constant[4] = { 7 };
static volatile char data[64];
static volatile uintptr_t nowhere;

const struct option app_options[] = { { "fault", "what to do wrong", option_string, &fault }, { 0 } };

__attribute__((noinline)) static int deeper(volatile char *frame)
{
	volatile char more[1024];

	if (nowhere)
		return frame[0];
	more[0] = (char)(frame[0] + 1);
	return deeper(more) + more[0];
}

__attribute__((noinline)) static void smash(size_t bytes)
{
	volatile char small[16];

	for (volatile char *at = small; bytes; bytes--)
		*at++ = 'A';
}

__attribute__((noinline)) static void do_wrong(void)
{
	char frame[16] __attribute__((aligned(16))) = { 0 };

	if (!strcmp(fault, "null-read"))
		(void)*(volatile int *)(nowhere + 8);
	else if (!strcmp(fault, "null-call"))
		((void (*)(void))nowhere)();
	else if (!strcmp(fault, "write-rodata"))
		*(volatile int *)((uintptr_t)constant + nowhere) = 1;
	else if (!strcmp(fault, "write-text"))
		*(volatile char *)(uintptr_t)do_wrong = 0;
	else if (!strcmp(fault, "run-data"))
		((void (*)(void))(uintptr_t)data)();
	else if (!strcmp(fault, "run-stack"))
		((void (*)(void))(uintptr_t)frame)();
	else if (!strcmp(fault, "stack-overflow"))
		deeper(frame);
	else if (!strcmp(fault, "stack-smash"))
		smash(64);
	else if (!strcmp(fault, "undefined"))
		__builtin_trap();
	else if (!strcmp(fault, "panic"))
		panic("asked for, number %d", 42);
	__asm__ volatile(""); /* none of the calls is the last thing done: they leave our frame alone */
}

static intptr_t faulty(void *arg)
{
	(void)arg;
	do_wrong();
	return 0;
}

int app_start(const struct app *app, struct promise *done)
{
	(void)app;
	return fiber_start(faulty, NULL, done);
}
"""

# fault: (text that the reason line must have, a function that the backtrace must name)
FAULTS = {
    "null-read": (r"(?i)page fault|segmentation|fault", "do_wrong"),
    "null-call": (r"(?i)fault", "do_wrong"),
    "write-rodata": (r"(?i)fault", "do_wrong"),
    "write-text": (r"(?i)fault", "do_wrong"),
    "run-data": (r"(?i)fault", "do_wrong"),
    "run-stack": (r"(?i)^(?!.*overflow).*fault", "do_wrong"),
    "stack-overflow": (r"stack overflow", "deeper"),
    "stack-smash": (r"stack smashed", None),
    "undefined": (r"(?i)invalid|undefined|illegal", "do_wrong"),
    "panic": (r"asked for, number 42", "do_wrong"),
}


@pytest.fixture(scope="module")
def faulty_app(output):
    folder = os.path.join(output, "faulty-app")
    os.makedirs(folder, exist_ok=True)
    for name, text in (("main.c", SOURCE), ("Makefile", "obj-y += main.o\n")):
        path = os.path.join(folder, name)
        if not os.path.exists(path) or open(path, encoding="utf-8").read() != text:
            with open(path, "w", encoding="utf-8") as file:
                file.write(text)
    return folder


def names_of(elf, console):
    """Functions that the backtrace's addresses lie in, innermost first, inlined ones included."""
    line = re.search(r"(?m)^backtrace:((?: 0x[0-9a-f]+)+)$", console)
    assert line, f"no backtrace in:\n{console}"
    addresses = line.group(1).split()
    # A return address is one past its call: look at the byte before it.
    where = subprocess.run(["addr2line", "-f", "-i", "-e", elf, addresses[0],
                            *[hex(int(one, 16) - 1) for one in addresses[1:]]],
                           stdout=subprocess.PIPE, text=True, check=True).stdout.splitlines()
    return where[0::2]


def build_faulty(builder, faulty_app, way):
    defconfig = cpus.defconfig("hello", way) if way != "unix" else "defconfig_hello_unix"
    out = builder.path(f"faulty-{defconfig}")
    build.make(f"O={out}", f"APP={faulty_app}", defconfig)
    build.set_options(out, {"NET_NONE": "y"})
    build.make(f"O={out}", f"APP={faulty_app}", "olddefconfig")
    build.make(f"O={out}", f"APP={faulty_app}")
    return out


WAYS = params.machines("hello", "microvm", "q35", "unix")


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_gives_reason_and_backtrace(builder, faulty_app, way, fault):
    out = build_faulty(builder, faulty_app, way)
    image = os.path.join(out, "image")
    reason, function = FAULTS[fault]
    command = [image, f"fault={fault}"] if way == "unix" else qemu_command(image, way, "64M",
                                                                          options=f"fault={fault}")
    with Guest(command) as guest:
        line = guest.wait_for(r"(?m)^panic: (.*)\n", 30).group(1)
        assert re.search(reason, line), line
        guest.wait_for(r"(?m)^backtrace:.*\n", 10)
        if fault not in ("panic", "stack-smash"):
            register = cpus.MACHINES[way].cpu.register if way != "unix" else cpus.HOST.register
            assert re.search(rf"\b{register}=[0-9a-f]{{8,16}}\b", guest.console), guest.console
        status = guest.wait_end(20)
        assert way != "unix" or status == 1
        functions = names_of(os.path.join(out, "image.debug"), guest.console)
        if function:
            assert function in functions, functions


@pytest.mark.parametrize("way", params.machines("hello", "microvm", "unix", first=True))
def test_the_run_script_names_function_and_line(builder, faulty_app, way):
    out = build_faulty(builder, faulty_app, way)
    script = "run-unix" if way == "unix" else "run-qemu"
    # Without a terminal and input, the script must still translate, and pass on the status.
    done = subprocess.run(["timeout", "60", os.path.join(build.TREE, "scripts", script),
                           os.path.join(out, "image"), "fault=panic"], cwd=build.TREE,
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                          check=False, env={**build.clean_environment(), "ACCEL": "tcg", "OPTIONS": "fault=panic"})
    assert "panic: asked for, number 42" in done.stdout, done.stdout
    assert re.search(r"\bdo_wrong\b.*main\.c:\d+", done.stdout), done.stdout
    assert done.returncode != 0
