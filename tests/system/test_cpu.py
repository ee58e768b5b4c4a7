# SPDX-License-Identifier: ISC
"""What an image takes from a PC's CPU and gives back: a canary nobody can guess, sleep, random numbers, seconds, and
the status at its end."""
import os
import re
import time

import pytest

from rig import build
from rig.guest import Guest, Qmp, qemu_command

pytestmark = pytest.mark.config("defconfig_hello_qemu")

MACHINES = ["q35", "microvm"]


def image(builder, app="hello"):
    return os.path.join(builder.build(f"defconfig_{app}_qemu"), "image")


def monitored(builder, folder, machine="microvm", **how):
    """A hello that has said all that it says by itself, and QEMU's monitor."""
    path = folder / "qmp"
    path.unlink(missing_ok=True)
    guest = Guest(qemu_command(image(builder), machine, extra=("-qmp", f"unix:{path},server=on,wait=off"), **how))
    try:
        guest.wait_for("^It is a second later")
        return guest, Qmp(path)
    except BaseException:
        guest.stop()
        raise


def test_each_boot_has_a_canary_of_its_own(builder, tmp_path):
    """With RDRAND and without; a string's end is in it."""
    place = build.symbols(image(builder) + ".debug")["__stack_chk_guard"]
    seen = set()
    for cpu in ("max", "max", "qemu64", "qemu64"):
        guest, qmp = monitored(builder, tmp_path, cpu=cpu)
        with guest:
            canary = qmp.words(place)[0]
            qmp.close()
        assert canary & 0xff == 0 and bin(canary).count("1") > 8, hex(canary)
        seen.add(canary)
    assert len(seen) == 4, seen


@pytest.mark.parametrize("machine", MACHINES)
def test_who_waits_has_halted_the_cpu(builder, tmp_path, machine):
    guest, qmp = monitored(builder, tmp_path, machine)

    def is_halted():
        text = qmp.command("human-monitor-command", **{"command-line": "info registers"})
        return re.search(r" HLT=(\d)", text)[1] == "1"
    with guest:
        end = time.monotonic() + 30
        while not is_halted():
            assert time.monotonic() < end
        for _ in range(20):
            time.sleep(0.02)
            assert is_halted()
        qmp.close()
        guest.write("are you awake?\n")
        guest.wait_for("^You said: are you awake[?]$")


@pytest.mark.config("defconfig_www_qemu")
@pytest.mark.parametrize("cpu,starts", [("qemu64,+rdrand", True), ("max,-rdrand,-rdseed", False)])
def test_random_numbers_of_the_cpu_are_enough(builder, namespace, cpu, starts):
    """RDRAND without a device; RDSEED the emulated CPU may lack."""
    with Guest(qemu_command(image(builder, "www"), netdev="user", cpu=cpu, rng=False), namespace) as guest:
        guest.wait_for(" up boot_us=" if starts else "^panic: no entropy")


@pytest.mark.parametrize("machine", MACHINES)
@pytest.mark.parametrize("cpu", ["max", "max,-hypervisor"])
def test_a_second_is_a_second(builder, machine, cpu):
    """By the host's clock, in one of a few attempts: a busy host may be late to start the guest, and to look."""
    tries = []
    while not [one for one in tries if 0.9 < one < 1.5]:
        assert len(tries) < 5, tries
        with Guest(qemu_command(image(builder), machine, cpu=cpu)) as guest:
            guest.wait_for("^Hello, world!$")
            start = time.monotonic()
            guest.wait_for("^It is a second later")
            tries.append(time.monotonic() - start)


@pytest.mark.parametrize("options,status", [("", 0), ("nonsense=1", 1)])
def test_the_status_is_qemus_where_it_has_a_device_for_it(builder, options, status):
    """isa-debug-exit makes 2n + 1 of n."""
    with Guest(qemu_command(image(builder), options=options,
                            extra=("-device", "isa-debug-exit,iobase=0xf4,iosize=4"))) as guest:
        if not status:
            guest.wait_for("^Hello, world!$")
            guest.write("quit\n")
        guest.wait_for(f"^virga: exit status {status}$")
        assert guest.wait_end() == 2 * status + 1
