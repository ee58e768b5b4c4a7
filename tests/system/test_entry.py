# SPDX-License-Identifier: ISC
"""The state in which a loader may enter an image: at any place, with its own traps and rounding mode, and with an error
pending."""
import os
import random
import re
import struct
import subprocess

import pytest

from rig import cpus, params
from rig.guest import Guest, Qmp, qemu_command
from test_devicetree import SECONDS, WAYS, boot, compiled, source, start_of  # noqa: F401  pylint: disable=unused-import
from test_panic import build_faulty, faulty_app  # noqa: F401  pylint: disable=unused-import

# pylint: disable=redefined-outer-name
# For each CPU that has one, a machine whose image is entered in hypervisor mode; and loaders' code for that mode.
HYPERVISORS = {"arm64": "arm64-virt-el2", "armv7": "armv7-virt-hypervisor"}
HYPERVISED = [params.marked(name, cpus.defconfig("hello", name)) for name in HYPERVISORS.values()]

# The image is entered one mode below, with a pending error that its hypervisor injects (HCR: VSE, VA).
ERROR = {"arm64": """
	ldr x2, =0x80000120
	msr hcr_el2, x2
	mov x2, #0x3c5
	msr spsr_el2, x2
	ldr x0, ={tree}
	ldr x1, ={image}
	msr elr_el2, x1
	eret
""", "armv7": """
	.arch armv7ve
	mov r2, #0x120
	mcr p15, 4, r2, c1, c1, 0
	mov r2, #0x1d3
	msr spsr_cxsf, r2
	ldr r2, ={image}
	msr elr_hyp, r2
	ldr r2, ={tree}
	eret
"""}

# Breakpoints go to the hypervisor, as for debuggers (MDCR_EL2, HDCR: TDE); numbers are truncated, not rounded.
HABITS = {"arm64": """
	mov x2, #0x100
	msr mdcr_el2, x2
	mov x2, #3 << 22
	msr fpcr, x2
	ldr x0, ={tree}
	ldr x1, ={image}
	br x1
""", "armv7": """
	.arch armv7ve
	.fpu vfpv3-d16
	mov r2, #0x100
	mcr p15, 4, r2, c1, c1, 1
	mov r2, #0xf << 20
	mcr p15, 0, r2, c1, c0, 2
	mov r2, #1 << 30
	vmsr fpexc, r2
	mov r2, #3 << 22
	vmsr fpscr, r2
	ldr r2, ={tree}
	ldr pc, ={image}
"""}


def loader(way, text, folder):
    """The instructions as a loader of test_devicetree.py."""
    triple = cpus.MACHINES[way].cpu.triple

    def assembled(tree, image):
        code, binary = folder / "loader.o", folder / "loader"
        subprocess.run([f"{triple}-gcc", "-c", "-x", "assembler", "-o", code, "-"], check=True, text=True,
                       input=text.format(tree=tree, image=image))
        subprocess.run([f"{triple}-objcopy", "-O", "binary", "-j", ".text", code, binary], check=True)
        return binary.read_bytes()
    return assembled


@pytest.mark.parametrize("way", HYPERVISED)
def test_an_error_that_comes_late_is_told(boot, tmp_path, way):  # noqa: F811
    code = loader(way, ERROR[cpus.MACHINES[way].cpu.name], tmp_path)
    with boot(way, compiled(source(way, tmp_path)), code=code) as guest:
        guest.wait_for("^panic: (exception: system error|page fault: refused by the bus)", SECONDS)


@pytest.mark.parametrize("way", HYPERVISED)
def test_habits_of_the_loader_are_not_ours(builder, boot, faulty_app, tmp_path, way):  # noqa: F811
    """The image itself reports a trap, and floating point works as after a reset."""
    image = os.path.join(build_faulty(builder, faulty_app, way), "image")
    code = loader(way, HABITS[cpus.MACHINES[way].cpu.name], tmp_path)
    tree = compiled(source(way, tmp_path) + "/ { chosen { bootargs = \"fault=undefined\"; }; };")
    with boot(way, tree, image=image, code=code,
              extra=("-no-shutdown", "-qmp", f"unix:{tmp_path}/qmp,server=on,wait=off")) as guest:
        guest.wait_for("^panic: .*(undefined|illegal) instruction", SECONDS)
        qmp = Qmp(tmp_path / "qmp")
        text = qmp.human("info registers")
        qmp.close()
    assert int(re.search(r"FP(?:CR=|SCR: )([0-9a-f]+)", text)[1], 16) == 0, text


@pytest.mark.parametrize("way", [way for way in WAYS if not start_of(way.values[0]).firmware])
def test_an_image_across_the_end_of_a_gib(builder, boot, output, tmp_path, way):  # noqa: F811
    """Its site before that, or its memory, the rest behind. On RISC-V QEMU's tree lies there."""
    site = os.path.join(output, "across-site")
    os.makedirs(site, exist_ok=True)
    for name, data in (("big.bin", random.Random(5).randbytes(3 << 20)), ("index.html", b"x")):
        with open(os.path.join(site, name), "wb") as file:
            file.write(data)
    how, config = start_of(way), cpus.defconfig("www", way)
    image = os.path.join(builder.build(config, f"WWW_DIR={site}", name=f"across-{config}"), "image")
    place = how.memory + (1 << 30) - (2 << 20) + how.image % (2 << 20)
    with boot(way, compiled(source(way, tmp_path, "1100M")), image=image, image_at=place, memory="1100M") as guest:
        guest.wait_for("^panic: no (entropy|network)", SECONDS)


@pytest.mark.parametrize("way", [way for way in HYPERVISED if way.values[0] == HYPERVISORS["arm64"]])
def test_a_cpu_that_cannot_do_without_host_extensions(builder, tmp_path, way):
    """HCR_EL2.E2H, with which some registers have other encodings. QEMU's CPU can do without, so the image is patched
    to set it."""
    usual, hosts = (struct.pack("<Q", 1 << 31 | 3 << 40 | bit) for bit in (0, 1 << 34))
    with open(os.path.join(builder.build(cpus.defconfig("hello", way)), "image"), "rb") as file:
        data = file.read()
    assert data.count(usual) == 1
    (tmp_path / "image").write_bytes(data.replace(usual, hosts))
    with Guest(qemu_command(tmp_path / "image", way)) as guest:
        guest.wait_for("^It is a second later", SECONDS)


# Places where an image cannot run, the machine's memory so that it can be put there, and the image's message.
MISPLACED = {"arm64-high": ("arm64-virt", 0x7f40001000, "600G", "load the image at a lower address"),
             "armv7-high": ("armv7-virt", 0xc0001000, "2560M", "load the image at a page below 0xc0000000"),
             "armv7-between": ("armv7-virt", 0x40201800, "64M", "load the image at a page below 0xc0000000")}


@pytest.mark.parametrize("place", [params.marked(name, cpus.defconfig("hello", row[0]))
                                   for name, row in MISPLACED.items()])
def test_an_image_where_none_can_be(boot, tmp_path, place):  # noqa: F811
    """The host's memory is used only when it is touched."""
    way, at, memory, said = MISPLACED[place]
    blob, backend = compiled(source(way, tmp_path)), f"memory-backend-ram,id=ram,size={memory},reserve=off"
    with boot(way, blob, image_at=at, memory=memory,
              extra=("-object", backend, "-M", "memory-backend=ram")) as guest:
        guest.wait_for(f"^panic: {said}$", SECONDS)
