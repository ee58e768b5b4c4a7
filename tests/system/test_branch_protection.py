# SPDX-License-Identifier: ISC
"""Branch protection on AArch64: only branch targets can be reached by indirect branches, and a changed return address
faults. CPUs without these features run the same image. The canary does not reveal the key."""
import os
import re

import pytest

from rig import build
from rig.guest import Guest, Qmp, qemu_command
from test_devicetree import SECONDS, TREE_AT, boot, compiled, source, START  # noqa: F401  pylint: disable=unused-import

# pylint: disable=redefined-outer-name

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

#define KEY(name) ({ uintptr_t key; __asm__("mrs %0, " #name : "=r"(key)); (unsigned long)key; })

__attribute__((noreturn)) static void tell(void)
{
	extern uintptr_t __stack_chk_guard;

	panic("canary=%lx low=%lx high=%lx", (unsigned long)__stack_chk_guard, KEY(s3_0_c2_c1_0), KEY(s3_0_c2_c1_1));
}

int app_start(const struct app *app, struct promise *done)
{
	(void)app;
	if (!strcmp(how, "middle"))
		((void (*)(void))((uintptr_t)middle + skipped))();
	else if (!strcmp(how, "return"))
		changed();
	else if (!strcmp(how, "tell"))
		tell();
	promise_fulfil(done, 0);
	return 0;
}
"""

# On CPUs with the feature and on others: the panic's text, or the end's.
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


def secrets(image, boot, folder, seed):  # noqa: F811
    """The canary and the key, of a machine whose time and randomness, except for the loader's, are always the same.
    Asserts that the key's sources are no longer in memory."""
    cells = " ".join(f"{byte:02x}" for byte in seed)
    blob = compiled(source("arm64-virt", folder) +
                    f"/ {{ chosen {{ bootargs = \"how=tell\"; rng-seed = [{cells}]; }}; }};")
    with boot("arm64-virt", blob, image=image, extra=(
            "-seed", "5", "-icount", "shift=0,sleep=off", "-no-shutdown", "-qmp",
            f"unix:{folder}/qmp,server=on,wait=off")) as guest:
        said = guest.wait_for(r"^panic: canary=(\w+) low=(\w+) high=(\w+)\n", SECONDS)
        qmp = Qmp(folder / "qmp")
        key = qmp.words(build.symbols(image + ".debug")["pointer_key"], 2)
        left = qmp.words(START["arm64"].memory + TREE_AT + blob.find(seed), len(seed) // 8)
        qmp.close()
    (folder / "qmp").unlink(missing_ok=True)
    assert key == [0, 0] and not any(left), (key, left)
    return [int(word, 16) for word in said.groups()]


@pytest.mark.long
@pytest.mark.config("defconfig_skeleton_qemu_arm64")
def test_the_canary_tells_nothing_of_the_key(image, boot, tmp_path):  # noqa: F811
    """A loader's 32 bytes are malloc's, the canary's and the key's, each alone."""
    seed = bytes(range(1, 33))
    canary, low, high = first = secrets(image, boot, tmp_path, seed)
    assert secrets(image, boot, tmp_path, seed) == first, "this machine is not always the same"
    assert low and high and (low ^ canary) >> 8 and (high ^ low >> 29 ^ low << 35) % 2**64
    others = secrets(image, boot, tmp_path, seed[:16] + bytes(7) + seed[23:])
    assert others[0] != canary and others[1:] == [low, high]
    others = secrets(image, boot, tmp_path, seed[:23] + bytes(9))
    assert others[0] == canary and others[1] != low and others[2] != high
