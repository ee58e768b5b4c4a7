# SPDX-License-Identifier: ISC
"""Reads arch/<cpu>/qemu.json, which tells runners and tests how to run images of a CPU:

    qemu, user      the programs that emulate a machine, and a process
    host            platform.machine() of hosts whose KVM can run the images, null: none
    cpus            models that tests start images on; the first is the one without KVM
    image_at_bytes  offset in memory at which QEMU puts an image that is no ELF file
    machines        by name; an image gets the first one that has its bus, "MMIO" or "PCI"
"""
import collections
import json
import os
import re
import shutil
import struct

TREE = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
TRIPLE = re.compile(r"^triple := (\S+)$", re.MULTILINE)
PT_LOAD = 1  # of ELF

Machine = collections.namedtuple("Machine", "name bus arguments")


class Machines:
    def __init__(self, cpu):
        with open(os.path.join(TREE, "arch", cpu, "qemu.json"), encoding="utf-8") as file:
            found = json.load(file)
        self.cpu, self.qemu, self.user = cpu, found["qemu"], found["user"]
        self.host, self.cpus = found["host"], found["cpus"]
        self.image_at_bytes = found["image_at_bytes"]
        self.by_name = {name: Machine(name, **rest) for name, rest in found["machines"].items()}


def binutil(cpu, name):
    """The name of a GNU binutils program, such as "objdump", for the CPU."""
    with open(os.path.join(TREE, "arch", cpu, "toolchain.mk"), encoding="utf-8") as file:
        program = f"{TRIPLE.search(file.read())[1]}-{name}"
    return program if shutil.which(program) else name


def device(machine, kind):
    """QEMU's name of a virtio device, such as "net", on the machine's bus."""
    return f"virtio-{kind}-{'pci' if machine.bus == 'PCI' else 'device'}"


def segments(elf):
    """(virtual address, physical address, bytes) of each loaded segment of an ELF file, of 32 or 64 bits."""
    with open(elf, "rb") as file:
        head = file.read(64)
        wide = head[4] == 2
        start, = struct.unpack_from("<Q" if wide else "<I", head, 32 if wide else 28)
        size, count = struct.unpack_from("<2H", head, 54 if wide else 42)
        file.seek(start)
        for _ in range(count):
            header = struct.unpack_from("<2I6Q" if wide else "<8I", file.read(size))
            if header[0] == PT_LOAD:
                yield (header[3], header[4], header[6]) if wide else (header[2], header[3], header[5])


def image_end(elf, at):
    """The end in memory of an image, in bytes: an ELF file is loaded at its own addresses; an image that has been
    made of one, at bytes from the start of memory."""
    parts = list(segments(elf))
    if at:
        return at + max(where + size for where, _, size in parts) - min(where for where, _, _ in parts)
    return max(where + size for _, where, size in parts)
