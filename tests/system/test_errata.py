# SPDX-License-Identifier: ISC
"""Cortex-A53's erratum 843419 on AArch64: no ADRP is left at a page's end, whether its target is near or so far that a
stub is needed; and there is a page for stubs only then. Without an option, a far target cannot be reached, which is
reported."""
import os
import re
import subprocess

import pytest

from rig import build
from rig.guest import Guest, qemu_command

SOURCE = r"""
#include "kernel/app.h"
#include "kernel/panic.h"

extern const char between[];
long erratum(const void *any);

const struct option app_options[] = { { 0 } };

int app_start(const struct app *app, struct promise *done)
{
	(void)app;
	if (erratum(between) != 843419)
		panic("the number is another");
	promise_fulfil(done, 0);
	return 0;
}
"""
ERRATUM = """
	.section .text.erratum, "ax"
	.balign 4096
	.skip 0xff8
	.globl erratum
erratum:
	adrp x1, number
	ldr x2, [x0]
	ldr x0, [x1, :lo12:number]
	ret
	.section .rodata.between, "a"
	.globl between
	.balign 8
between: .skip {apart}
	.section .data.number, "aw"
	.balign 8
number: .quad 843419
"""


@pytest.mark.long
@pytest.mark.config("defconfig_skeleton_qemu_arm64")
@pytest.mark.parametrize("apart,stubs", [(8, 0), (2 << 20, 1)])
def test_an_adrp_that_ends_a_page(builder, output, apart, stubs):
    folder = os.path.join(output, f"errata-app-{apart}")
    os.makedirs(folder, exist_ok=True)
    for name, text in (("main.c", SOURCE), ("erratum.S", ERRATUM.format(apart=apart)),
                       ("Makefile", "obj-y += main.o erratum.o\n")):
        with open(os.path.join(folder, name), "w", encoding="utf-8") as file:
            file.write(text)
    if stubs:
        with pytest.raises(AssertionError, match="larger than a MiB: turn CODE_MODEL_TINY off"):
            builder.build("defconfig_skeleton_qemu_arm64", f"APP={folder}", name="errata-tiny",
                          options={"NET_NONE": "y"})
    out = builder.build("defconfig_skeleton_qemu_arm64", f"APP={folder}", name=f"errata-{apart}",
                        options={"NET_NONE": "y", "CODE_MODEL_TINY": "n" if stubs else "y"})
    with Guest(qemu_command(os.path.join(out, "image"), "arm64-virt", "64M")) as guest:
        guest.wait_for("^virga: exit status 0")
    code = subprocess.run(["aarch64-linux-gnu-objdump", "-d", os.path.join(out, "image.debug")],
                          stdout=subprocess.PIPE, text=True, check=True).stdout
    with open(os.path.join(out, "image.map"), encoding="utf-8") as file:
        pages = re.findall(r"^ *0x\w+ +0x(\w+) linker stubs", file.read(), re.MULTILINE)
    assert len(pages) == stubs, pages
    # The affected ADRP, wherever it is: near, it is no ADRP any more; far, the instruction two behind it is a jump.
    own = code.split("<erratum>:\n")[1].splitlines()[:3]
    assert re.search(r"ff8:\s", own[0]) and ("\tb\t" in own[2] if stubs else "\tadr\t" in own[0]), own


@pytest.mark.config("defconfig_agent_qemu_arm64")
def test_more_data_than_code_reaches(tmp_path):
    """Our options that need more than a MiB select the far code by themselves."""
    build.make(f"O={tmp_path}", "defconfig_agent_qemu_arm64")
    assert "CODE_MODEL_TINY" in build.configuration(tmp_path)
    build.set_options(tmp_path, {"AGENT_DATA_BYTES": "1048576"})
    build.make(f"O={tmp_path}", "olddefconfig")
    assert "CODE_MODEL_TINY" not in build.configuration(tmp_path)


@pytest.mark.long
@pytest.mark.config("defconfig_agent_qemu_arm64")
@pytest.mark.parametrize("data_bytes,tiny", [(262144, True), (1048576, False)])
def test_the_most_data_of_an_agent(builder, data_bytes, tiny):
    """With the longest commands it links and starts, on both sides of the limit of code's reach to data."""
    out = builder.build("defconfig_agent_qemu_arm64", name=f"errata-agent-{data_bytes}",
                        options={"AGENT_DATA_BYTES": str(data_bytes), "AGENT_HANDLES": "4096"})
    assert ("CODE_MODEL_TINY" in build.configuration(out)) == tiny
    with Guest(qemu_command(os.path.join(out, "image"), "arm64-virt", "64M", "user,restrict=on")) as guest:
        guest.wait_for("agent: ready$", 120)
        guest.write("1 socket tcp\n")
        guest.wait_for("^1 0 1$")
