# SPDX-License-Identifier: ISC
"""One image serves on whatever the machine is made of: firmware, memory, clocks, interrupt controllers, CPU."""
import os
import re

import pytest

from rig import server
from rig.guest import Guest, qemu_command

pytestmark = pytest.mark.config("defconfig_www_qemu")


def index():
    with open(os.path.join(server.HTDOCS, "index.html"), "rb") as file:
        return file.read()


def image(builder):
    return os.path.join(builder.build("defconfig_www_qemu"), "image")


QBOOT = ("-bios", "qboot.rom")
MIB = 1 << 20


@pytest.mark.parametrize("way,extra", [("q35", ()), ("q35", QBOOT), ("microvm", ())])
@pytest.mark.parametrize("kib", [1536, 64 * 1024, 3 * MIB, 5 * MIB])
def test_any_memory(serve, way, extra, kib):
    """Up to the firmware's needs all of it is ours: on q35 5 GiB lie on both sides of the devices."""
    www = serve(way, memory=f"{kib}K", extra=extra)
    assert www.curl(www.url()) == index()
    ours = int(re.search(r" up .*mem_kib=(\d+)", www.guest.console).group(1))
    assert kib - 1024 < ours + 384 <= kib, ours


@pytest.mark.parametrize("parts", [
    "rtc=on,pit=on,pic=on", "rtc=off,pit=on,pic=off", "acpi=off", "rtc=on,pit=on,pic=on,acpi=off", "ioapic2=off",
    "pcie=on", "auto-kernel-cmdline=on",
])
def test_any_parts_of_microvm(serve, parts):
    www = serve("microvm", extra=("-M", parts))
    assert www.curl(www.url()) == index()


@pytest.mark.parametrize("way", ["q35", "microvm"])
@pytest.mark.parametrize("cpu", ["qemu64", "EPYC", "Nehalem", "max,-rdrand,-rdseed"])
def test_any_cpu(serve, way, cpu):
    www = serve(way, cpu=cpu, extra=("-smp", "2"))
    assert www.curl(www.url()) == index()


@pytest.mark.parametrize("cpu", ["qemu32", "qemu64,-nx"])
def test_a_cpu_without_what_it_takes(builder, cpu):
    with Guest(qemu_command(image(builder), cpu=cpu)) as guest:
        guest.wait_for("^virga: .*long mode.*NX.*-cpu qemu64")


def test_firmware_that_has_overwritten_the_image(builder):
    """SeaBIOS moves itself to 16 MiB below the end of memory: with this much, onto the image."""
    with Guest(qemu_command(image(builder), "q35", "17472K")) as guest:
        guest.wait_for("^panic: .*firmware.*at least 18 MiB")
    with Guest(qemu_command(image(builder), "q35", "17472K", extra=QBOOT)) as guest:
        guest.wait_for("^panic: no network interface")
