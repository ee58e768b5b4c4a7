# SPDX-License-Identifier: ISC
"""ARM's page tables of a running image, as they lie in its memory: text and nothing else is executed, and nobody
writes it; the null page and those below stacks are not there; nothing else leads to the image. For x86-64:
test_machines.py."""
import os
import re

import pytest

from rig import build, cpus, params
from rig.guest import Guest, Qmp, qemu_command

VALID, TABLE, READ_ONLY, NO_EXECUTE = 1, 2, 1 << 7, 1 << 53
ADDRESS = 0x0000fffffffff000
LEVELS = (4096, 2 << 20, 1 << 30)  # what an entry is for
WAYS = [way for way in params.machines("hello", first=True)
        if cpus.MACHINES[way.values[0]].cpu.name in ("arm64", "armv7")]


def read_table(qmp, address):
    text = qmp.command("human-monitor-command", **{"command-line": f"xp /512gx {address:#x}"})
    return [int(word, 16) for word in re.findall(r"\b0x[0-9a-f]{16}\b", text)]


def leaves(qmp, table, level=2, start=0):
    """(address, bytes, entry) of all that is mapped."""
    for index, entry in enumerate(table):
        address = start + index * LEVELS[level]
        if level and entry & VALID and entry & TABLE:
            yield from leaves(qmp, read_table(qmp, entry & ADDRESS), level - 1, address)
        elif entry & VALID:
            yield address, LEVELS[level], entry


@pytest.mark.parametrize("way", WAYS)
def test_no_page_is_both_written_and_executed(builder, tmp_path, way):
    image = os.path.join(builder.build(cpus.defconfig("hello", way)), "image")
    symbols = build.symbols(image + ".debug")
    with Guest(qemu_command(image, way, "64M", extra=("-qmp", f"unix:{tmp_path}/qmp,server=on,wait=off"))) as guest:
        guest.wait_for("^It is a second later")
        qmp = Qmp(tmp_path / "qmp")
        qmp.command("stop")
        root = qmp.words(symbols["page_map"], 512 if cpus.MACHINES[way].cpu.name == "arm64" else 4)
        mapped = list(leaves(qmp, root))
        image_at = qmp.words(symbols["image_physical"])[0]
        qmp.close()
    by_page = {address: entry for address, size, entry in mapped if size == 4096}
    assert sorted(address for address, _, entry in mapped if not entry & NO_EXECUTE) == \
        list(range(symbols["text_start"], symbols["text_end"], 4096))
    for page in range(symbols["text_start"], symbols["rodata_end"], 4096):
        assert by_page[page] & READ_ONLY, hex(page)
    for page in (symbols["fault_guard"], symbols["interrupt_guard"], symbols["boot_guard"]):
        assert page not in by_page, hex(page)
        assert page + 4096 in by_page, hex(page)
    image_end = image_at + symbols["image_end"] - symbols["image_start"]
    for address, size, entry in mapped:
        assert address != 0
        physical = entry & ADDRESS
        if not symbols["image_start"] <= address < symbols["image_end"]:
            assert physical + size <= image_at or physical >= image_end, hex(address)
