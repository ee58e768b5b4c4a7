# SPDX-License-Identifier: ISC
"""The shipped web server's cost in guest instructions, compared with tests/budgets."""
import json
import os
import re

import pytest

from rig import build, icount
from rig.guest import GUEST_IP, MAC, Guest, drive, qemu_command, tap_netdev

APART = 0.05  # the host decides when frames come, and so how often the guest wakes


def budget(name):
    with open(os.path.join(build.TREE, "tests", "budgets"), encoding="ascii") as file:
        found = re.search(rf"^{name} +(\d+)$", file.read(), re.MULTILINE)
    assert found, f"{name} is not in tests/budgets"
    return int(found.group(1))


@pytest.mark.config("defconfig_www_qemu", "defconfig_www_qemu_fat")
@pytest.mark.parametrize("machine, files", (("microvm", ""), ("q35", ""), ("microvm", "_fat")))
def test_instructions_are_within_their_budgets(builder, namespace, tmp_path, machine, files):
    out = builder.build("defconfig_www_qemu" + files)
    namespace.tap(neighbour=(GUEST_IP, MAC))

    def ask(count):
        arguments = json.dumps({"host": GUEST_IP, "path": icount.PATH, "count": count})
        answers = json.loads(namespace.python("clients.py", "keep_alive", arguments))["answers"]
        assert [(answer[:3], times) for answer, times in answers.items()] == [("200", count)], answers

    disk = drive(os.path.join(out, "disk.img"), machine, ",readonly=on") if files else []
    command = qemu_command(os.path.join(out, "image"), machine, netdev=tap_netdev(),
                           extra=icount.arguments(tmp_path / "qmp") + disk)
    with Guest(command, namespace) as guest:
        guest.wait_for(" up ")
        found = icount.measure(out, tmp_path / "qmp", ask)
    print(machine, files, found)
    wrong = [f"{name}_{machine}{files}: {instructions}, budget {budget(f'{name}_{machine}{files}')}"
             for name, instructions in found.items() if name != "connection"  # a frame or two are a tenth of it
             if abs(instructions / budget(f"{name}_{machine}{files}") - 1) > APART]
    assert not wrong, "more than a budget in tests/budgets, or so much less that it should be lowered: " + str(wrong)
