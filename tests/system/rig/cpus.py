# SPDX-License-Identifier: ISC
"""The CPUs that images are made for, and the machines that tests start them on: arch/<cpu>/qemu.json lists those.

A machine is called as there, with the CPU's name before it where that is not x86-64: "q35", "arm64-virt". A CPU is
tested as far as configs/ has configurations for it; all but one boot of each other CPU than x86-64 is for test-all."""
import collections
import os
import shutil
import sys

from rig.build import TREE, defconfigs

sys.path.insert(0, os.path.join(TREE, "scripts"))
import machines  # noqa: E402  pylint: disable=wrong-import-position

# folder: of arch/. name: in configurations' names. triple: the compiler's. magic: where in an image and what, by
# Linux's boot protocol for the CPU; None: an ELF file. least_kib: in which www serves a thousand clients, as far as
# QEMU lets a machine have so little. register: one that a fault shows.
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
    """The CPU that a configuration's name speaks of."""
    return next((cpu for cpu in CPUS if cpu.name and cpu.name in name.split("_")), USUAL)


def others(app="www", first=False, variant=""):
    """The machines of each other CPU than x86-64 that there is a configuration of the application for; first:
    one of each CPU."""
    seen, shipped = set(), set(defconfigs())
    for name, way in MACHINES.items():
        if way.cpu is not USUAL and defconfig(app, name, variant) in shipped and not (first and way.cpu in seen):
            seen.add(way.cpu)
            yield name


def missing_compiler(cpu):
    """Why nothing can be built for the CPU, or None."""
    if cpu is HOST or shutil.which(f"{cpu.triple}-gcc"):
        return None
    return f"{cpu.triple}-gcc is not installed: scripts/setup build {cpu.folder}"


def missing(cpu):
    """Why nothing can be built for the CPU and started as a machine, or None."""
    qemu = machines.Machines(cpu.folder).qemu
    if not shutil.which(qemu):
        return f"{qemu} is not installed: scripts/setup run {cpu.folder}"
    return missing_compiler(cpu)
