# SPDX-License-Identifier: ISC
"""Page tables of a running image, as they lie in its memory: only text is executable, and it is not writable; the null
page and the guard pages below stacks are not mapped; no other address maps the image. For x86-64: test_machines.py."""
import os
import re

import pytest

from rig import build, cpus, params
from rig.guest import Guest, Qmp, qemu_command

LEVELS = (4096, 2 << 20, 1 << 30)  # an entry's permissions


class Arm:
    """Entries that are valid, in the long format (ARM ARM D8.3)."""
    @staticmethod
    def is_table(entry, level):
        return level > 0 and bool(entry & 2)

    @staticmethod
    def physical(entry):
        return entry & 0x0000fffffffff000

    @staticmethod
    def is_written(entry):
        return not entry & 1 << 7

    @staticmethod
    def is_executed(entry):
        return not entry & 1 << 53


class Sv39:
    """The same of RISC-V (Privileged Architecture §10.3)."""
    @staticmethod
    def is_table(entry, _level):
        return not entry & 0xe

    @staticmethod
    def physical(entry):
        return (entry & 0x003ffffffffffc00) << 2

    @staticmethod
    def is_written(entry):
        return bool(entry & 4)

    @staticmethod
    def is_executed(entry):
        return bool(entry & 8)


# For each CPU, the format of its entries and their number in the root.
KINDS = {"arm64": (Arm, 512), "armv7": (Arm, 4), "riscv64": (Sv39, 512)}
WAYS = [way for way in params.machines("hello", first=True) if cpus.MACHINES[way.values[0]].cpu.name in KINDS]


def read_table(qmp, address):
    text = qmp.human(f"xp /512gx {address:#x}")
    return [int(word, 16) for word in re.findall(r"\b0x[0-9a-f]{16}\b", text)]


def leaves(qmp, kind, table, level=2, start=0):
    """(address, bytes, entry) of all that is mapped."""
    for index, entry in enumerate(table):
        address = start + index * LEVELS[level]
        if entry & 1 and kind.is_table(entry, level):
            yield from leaves(qmp, kind, read_table(qmp, kind.physical(entry)), level - 1, address)
        elif entry & 1:
            yield address, LEVELS[level], entry


@pytest.mark.parametrize("way", WAYS)
def test_no_page_is_both_written_and_executed(builder, tmp_path, way):
    image = os.path.join(builder.build(cpus.defconfig("hello", way)), "image")
    symbols = build.symbols(image + ".debug")
    kind, root_entries = KINDS[cpus.MACHINES[way].cpu.name]
    with Guest(qemu_command(image, way, "64M", extra=("-qmp", f"unix:{tmp_path}/qmp,server=on,wait=off"))) as guest:
        guest.wait_for("^It is a second later")
        qmp = Qmp(tmp_path / "qmp")
        qmp.command("stop")
        mapped = list(leaves(qmp, kind, qmp.words(symbols["page_map"], root_entries)))
        image_at = qmp.words(symbols["image_physical"])[0]
        qmp.close()
    by_page = {address: entry for address, size, entry in mapped if size == 4096}
    assert sorted(address for address, _, entry in mapped if kind.is_executed(entry)) == \
        list(range(symbols["text_start"], symbols["text_end"], 4096))
    for page in range(symbols["text_start"], symbols["rodata_end"], 4096):
        assert not kind.is_written(by_page[page]), hex(page)
    for page in (symbols["fault_guard"], symbols["interrupt_guard"], symbols["boot_guard"]):
        assert page not in by_page, hex(page)
        assert page + 4096 in by_page, hex(page)
    image_end = image_at + symbols["image_end"] - symbols["image_start"]
    for address, size, entry in mapped:
        assert address != 0
        physical = kind.physical(entry)
        if not symbols["image_start"] <= address < symbols["image_end"]:
            assert physical + size <= image_at or physical >= image_end, hex(address)
