# SPDX-License-Identifier: ISC
"""The CPUs of images, and the machines that tests start them on, which arch/<cpu>/qemu.json lists.

A machine has its name from there, after the CPU's name unless that is x86-64: "q35", "arm64-virt". A CPU is tested as
far as configs/ has configurations for it; all but one boot of each CPU other than x86-64 is for test-all."""
import collections
import os
import shutil
import sys

from rig.build import TREE, defconfigs

sys.path.insert(0, os.path.join(TREE, "scripts"))
import machines  # noqa: E402  pylint: disable=wrong-import-position

# folder: in arch/. name: in configurations' names. triple: the compiler's. magic: offset and bytes in an image, by
# Linux's boot protocol for the CPU; None: an ELF file. least_kib: memory in which www serves a thousand clients, if
# QEMU allows a machine that little. register: one that a fault prints.
Cpu = collections.namedtuple("Cpu", "folder name triple magic least_kib register")
CPUS = (
    Cpu("x86_64", "", "x86_64-linux-gnu", None, 1536, "r15"),
    Cpu("aarch64", "arm64", "aarch64-linux-gnu", (56, b"ARM\x64"), 2560, "x28"),
    Cpu("armv7", "armv7", "arm-linux-gnueabihf", (36, b"\x18\x28\x6f\x01"), 1536, "r10"),
    Cpu("riscv64", "riscv64", "riscv64-linux-gnu", (56, b"RSC\x05"), 5120, "s11"),
)
USUAL = CPUS[0]
HOST = next((cpu for cpu in CPUS if cpu.folder == os.uname().machine), USUAL)

Way = collections.namedtuple("Way", "cpu has machine")


def _ways():
    for cpu in CPUS:
        has = machines.Machines(cpu.folder)
        for name, machine in has.by_name.items():
            yield f"{cpu.name}-{name}".lstrip("-"), Way(cpu, has, machine)


MACHINES = dict(_ways())


def defconfig(app, machine, variant=""):
    """The shipped configuration of an application for the CPU of a machine, "www" on "arm64-virt"."""
    return "_".join(part for part in ("defconfig", app, "qemu", MACHINES[machine].cpu.name, variant) if part)


def cpu_of(name):
    """The CPU in a configuration's name."""
    return next((cpu for cpu in CPUS if cpu.name and cpu.name in name.split("_")), USUAL)


def others(app="www", first=False, variant=""):
    """The machines of each CPU other than x86-64 for which the application has a configuration; first: one of each
    CPU."""
    seen, shipped = set(), set(defconfigs())
    for name, way in MACHINES.items():
        if way.cpu is not USUAL and defconfig(app, name, variant) in shipped and not (first and way.cpu in seen):
            seen.add(way.cpu)
            yield name


def missing_compiler(cpu):
    """The reason why no image can be built for the CPU, or None."""
    if cpu is HOST or shutil.which(f"{cpu.triple}-gcc"):
        return None
    return f"{cpu.triple}-gcc is not installed: scripts/setup build {cpu.folder}"


def missing(cpu):
    """The reason why no image can be built for the CPU and started, or None."""
    qemu = machines.Machines(cpu.folder).qemu
    if not shutil.which(qemu):
        return f"{qemu} is not installed: scripts/setup run {cpu.folder}"
    return missing_compiler(cpu)
