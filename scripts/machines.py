# SPDX-License-Identifier: ISC
"""How images of a CPU are run, as arch/<cpu>/qemu.json has it, for the runners and for the tests:

    qemu, user      the programs that emulate a machine, and a process
    host            what platform.machine() says where KVM can run the images, null: nowhere
    cpus            models that tests start images on; the first is the one without KVM
    image_at_bytes  how far into memory QEMU puts an image that is no ELF file
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
    """The program of GNU binutils, "objdump", that knows the CPU."""
    with open(os.path.join(TREE, "arch", cpu, "toolchain.mk"), encoding="utf-8") as file:
        program = f"{TRIPLE.search(file.read())[1]}-{name}"
    return program if shutil.which(program) else name


def device(machine, kind):
    """The name of a virtio device, "net", on the machine's bus."""
    return f"virtio-{kind}-{'pci' if machine.bus == 'PCI' else 'device'}"


def segments(elf):
    """(virtual address, physical address, bytes) of what an ELF file of either size loads."""
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
    """How many bytes of memory there must be for an image: a machine's ELF file lies where it says, and what
    has been made of another begins at bytes from the start of memory."""
    parts = list(segments(elf))
    if at:
        return at + max(where + size for where, _, size in parts) - min(where for where, _, _ in parts)
    return max(where + size for _, where, size in parts)
