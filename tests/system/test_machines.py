# SPDX-License-Identifier: ISC
"""One image serves on whatever the machine is made of: firmware, memory, clocks, interrupt controllers, CPU."""
import contextlib
import hashlib
import os
import random
import re

import pytest

from rig import build, cpus, params, server
from rig.guest import Guest, Qmp, Qtest, qemu_command

pytestmark = pytest.mark.config("defconfig_www_qemu")


def index():
    with open(os.path.join(server.HTDOCS, "index.html"), "rb") as file:
        return file.read()


def image(builder):
    return os.path.join(builder.build("defconfig_www_qemu"), "image")


QBOOT = ("-bios", "qboot.rom")
MIB = 1 << 20
BRIDGES = {
    "port": ("pcie-root-port,id=last,chassis=1",),
    "switch": ("pcie-root-port,id=first,chassis=1", "x3130-upstream,id=up,bus=first",
               "xio3130-downstream,id=other,bus=up,chassis=2", "xio3130-downstream,id=last,bus=up,chassis=3"),
    "old": ("pci-bridge,id=first,chassis_nr=4,shpc=off,addr=7",
            "pci-bridge,id=last,bus=first,chassis_nr=5,shpc=off,addr=2"),
    "one old": ("pci-bridge,id=last,chassis_nr=4,shpc=off,addr=7",),
}
PCI = tuple(way for way in cpus.others() if cpus.MACHINES[way].machine.bus == "PCI")


@pytest.mark.parametrize("way,extra", [("q35", ()), ("q35", QBOOT), ("microvm", ())])
@pytest.mark.parametrize("kib", [1536, 64 * 1024, 3 * MIB, 5 * MIB])
def test_any_memory(serve, way, extra, kib):
    """Up to the firmware's needs all of it is ours: on q35 5 GiB lie on both sides of the devices."""
    www = serve(way, memory=f"{kib}K", extra=extra)
    assert www.curl(www.url()) == index()
    ours = int(re.search(r" up .*mem_kib=(\d+) ", www.guest.console).group(1))
    assert kib - 1024 < ours + 384 <= kib, ours


@pytest.mark.parametrize("way", params.ways(*cpus.others()))
def test_any_memory_elsewhere(serve, way):
    """From the least on all of it is ours, but for the image, its tables and what the machine has put there."""
    least = int(server.least_memory(way)[:-1])
    for kib in (least, 64 * 1024, 2 * MIB):
        www = serve(way, memory=f"{kib}K")
        assert www.curl(www.url()) == index()
        ours = int(re.search(r" up .*mem_kib=(\d+) ", www.guest.console).group(1))
        assert kib - 1024 < ours < kib - 128, ours
        www.stop()
        www.namespace.ip("link del tap0")


@pytest.mark.parametrize("way", params.ways(*cpus.others()))
def test_any_cpu_elsewhere(serve, way):
    for cpu in cpus.MACHINES[way].has.cpus[1:]:
        www = serve(way, cpu=cpu, extra=("-smp", "2"))
        assert www.curl(www.url()) == index()
        www.stop()
        www.namespace.ip("link del tap0")


@pytest.mark.parametrize("parts", [
    "rtc=on,pit=on,pic=on", "rtc=off,pit=on,pic=off", "acpi=off", "rtc=on,pit=on,pic=on,acpi=off", "ioapic2=off",
    "pcie=on", "auto-kernel-cmdline=on",
])
def test_any_parts_of_microvm(serve, parts):
    www = serve("microvm", extra=("-M", parts))
    assert www.curl(www.url()) == index()


@pytest.mark.parametrize("way", ["q35", "microvm"])
# Without the hypervisor bit the clock is measured against the 8254, if there is one.
@pytest.mark.parametrize("cpu", ["qemu64", "EPYC", "Nehalem", "max,-rdrand,-rdseed", "max,-hypervisor"])
def test_any_cpu(serve, way, cpu):
    www = serve(way, cpu=cpu, extra=("-smp", "2"))
    assert www.curl(www.url()) == index()


@pytest.mark.parametrize("cpu", ["qemu32", "qemu64,-nx"])
def test_a_cpu_without_what_it_takes(builder, cpu):
    with Guest(qemu_command(image(builder), cpu=cpu)) as guest:
        guest.wait_for("^virga: .*long mode.*NX.*-cpu qemu64")


def test_a_network_card_without_messages_is_refused(builder, namespace):
    """Interrupts over PCI are only by MSI-X."""
    command = qemu_command(image(builder), "q35", netdev="user")
    command[command.index("virtio-rng-pci")] += ",vectors=0"
    command = [word.replace("virtio-net-pci,", "virtio-net-pci,vectors=0,") for word in command]
    with Guest(command, namespace) as guest:
        guest.wait_for("virtio-net refused=.*MSI-X.*vectors=3")
        guest.wait_for("^panic: no network interface")


@pytest.mark.parametrize("way", params.ways(*PCI))
def test_two_devices_that_share_an_interrupt(builder, serve, way):
    """The network card is QEMU's first device, and pins are told apart by a device's number modulo four."""
    how = {"name": f"shared_pin_{way}", "options_set": {"FS_FAT": "y"}}
    out = builder.build(server.WAYS[way][0], name=how["name"], options=how["options_set"])
    disk = os.path.join(out, "disk.img")
    www = serve(way, **how, extra=("-drive", f"if=none,id=d,file={disk},format=raw", "-device",
                                   "virtio-blk-pci,drive=d,addr=5"))
    for path in server.files_below(server.HTDOCS):
        with open(os.path.join(server.HTDOCS, path), "rb") as file:
            assert www.curl(www.url(path)) == file.read(), path


def test_no_page_is_both_written_and_executed(builder, tmp_path):
    """The page tables as QEMU reads them: only text is executable, and it is not writable; the null page and the guard
    pages below stacks are not mapped."""
    with Guest(qemu_command(image(builder), netdev="user", memory="5G",
                            extra=("-qmp", f"unix:{tmp_path}/qmp,server=on,wait=off"))) as guest:
        guest.wait_for(" up boot_us=")
        qmp = Qmp(tmp_path / "qmp")
        text = qmp.human("info tlb")
        qmp.close()
    pages = {int(address, 16): flags for address, flags in re.findall(r"^(\w+): \w+ (\S+)", text, re.MULTILINE)}
    symbols = build.symbols(image(builder) + ".debug")
    assert [page for page, flags in pages.items() if not flags.startswith("X")] == \
        list(range(symbols["text_start"], symbols["text_end"], 4096))  # QEMU's X says no-execute
    for page in range(symbols["text_start"], symbols["rodata_end"], 4096):
        assert "W" not in pages[page], hex(page)
    for page in (0, symbols["fault_guard"], symbols["interrupt_guard"], symbols["boot_guard"]):
        assert page not in pages, hex(page)
    assert symbols["boot_guard"] + 4096 in pages


@pytest.mark.parametrize("bridges", BRIDGES)
@pytest.mark.parametrize("way", params.ways("q35", *PCI))
def test_a_network_card_behind_bridges(serve, way, bridges):
    """SeaBIOS numbers the buses and opens the windows, qboot only numbers, other machines do neither. With interrupt
    pins, the line must be the right one: nothing else wakes the guest."""
    for extra in ((), QBOOT) if way == "q35" else ((),):
        www = serve(way, bridges=BRIDGES[bridges], extra=extra)
        assert www.curl(www.url()) == index()
        answers = www.ask("turn", count=50, seconds=60, timeout=300)["answers"]
        assert list(answers.values()) == [50], answers
        www.stop()
        www.namespace.ip("link del tap0")


# By machine: the places of configuration space, and of the window above 4 GiB.
HIGH = {"arm64-virt-pci": (0x40_1000_0000, 0x80_0000_0000), "armv7-virt-pci": (0x40_1000_0000, 0x80_0000_0000),
        "riscv64-virt-pci": (0x3000_0000, 0x4_0000_0000)}


@contextlib.contextmanager
def placed(builder, namespace, folder, way, space, window, extra=(), **how):
    """A server whose BARs are in the window before it starts; and QEMU's monitor."""
    www = server.Server(builder, namespace, way, extra=(
        "-S", "-qtest", f"unix:{folder}/qtest,server=on,wait=off", "-qtest-log", "none",
        "-qmp", f"unix:{folder}/qmp,server=on,wait=off", *extra), **how)
    with www.guest:
        qtest, qmp = Qtest(folder / "qtest"), Qmp(folder / "qmp")
        for device in (1, 2):  # the network card and the source of entropy; their registers are in the fourth BAR
            bar = space + (device << 15) + 0x20
            qtest.write(bar, window + (device << 20) & 0xffffffff)
            qtest.write(bar + 4, window >> 32)
        qmp.command("cont")
        yield www, qmp
        qtest.close()
        qmp.close()


def serves_from(www, qmp, window):
    www.wait()
    assert www.curl(www.url()) == index()
    text = qmp.human("info pci")
    assert f"at 0x{window + (1 << 20):x}" in text, text


@pytest.mark.parametrize("way", params.ways(*HIGH))
def test_bars_that_the_monitor_has_placed_above_4_gib(builder, namespace, tmp_path, way):
    """As Cloud Hypervisor does. AArch64's tables end before QEMU's window there, which the log says."""
    space, window = HIGH[way]
    with placed(builder, namespace, tmp_path, way, space, window) as (www, qmp):
        if way == "arm64-virt-pci":
            www.guest.wait_for("device=virtio-net refused=.*no address that can be mapped")
        else:
            serves_from(www, qmp, window)


@pytest.mark.config("defconfig_www_qemu_arm64")
def test_bars_that_the_monitor_has_placed_beyond_the_page_tables(builder, namespace, tmp_path):
    """As by Cloud Hypervisor, at the end of the CPU's addresses. QEMU's bridge lies behind the largest possible
    memory."""
    window = 0x280_0000_0000
    with placed(builder, namespace, tmp_path, "arm64-virt-pci", 0x200_d000_0000, window, ("-M", "gic-version=3"),
                name="www_qemu_arm64_its", options_set={"GICV3_ITS": "y"},
                memory="128M,slots=1,maxmem=2T") as (www, qmp):
        serves_from(www, qmp, window)


def between(builder, first, second):
    """KiB, half way between two symbols of the image."""
    symbols = build.symbols(image(builder) + ".debug")
    return (symbols[first] + symbols[second]) // 2048


def test_less_memory_than_the_image_takes(builder):
    """The part of the image in the file fits, the rest does not."""
    with Guest(qemu_command(image(builder), memory=f"{between(builder, 'data_end', 'image_end')}K")) as guest:
        guest.wait_for("^virga: .*too little memory")


def test_firmware_that_has_overwritten_the_image(builder):
    """SeaBIOS moves itself, 144 KiB, to below 256 KiB before the end of memory: with this memory, onto the end of the
    image's constants."""
    memory = f"{between(builder, 'text_end', 'data_end') + 256 + 144}K"
    with Guest(qemu_command(image(builder), "q35", memory)) as guest:
        guest.wait_for("^panic: .*firmware.*at least 2 MiB")
    with Guest(qemu_command(image(builder), "q35", memory, extra=QBOOT)) as guest:
        guest.wait_for("^panic: no network interface")


@pytest.mark.parametrize("way", ["q35-user", "microvm-user"])
def test_firmware_beside_a_large_image(serve, output, way):
    """From 33 MiB on SeaBIOS is 16 MiB below the end. With any memory, the site is whole, or the image says how much it
    needs. On microvm, too, with SeaBIOS there."""
    site = os.path.join(output, "large-site")
    os.makedirs(site, exist_ok=True)
    body = random.Random(17).randbytes(17 << 20)
    for name, data in (("big.bin", body), ("index.html", b"x")):
        with open(os.path.join(site, name), "wb") as file:
            file.write(data)
    extra = ("-M", "x-option-roms=on,rtc=on,pit=on,pic=on", "-bios", "/usr/share/seabios/bios-microvm.bin") \
        if way == "microvm-user" else ()
    refused = []
    for kib in (20 * 1024, 32 * 1024, 33 * 1024, 34 * 1024 + 64, 34 * 1024 + 512, 36 * 1024):
        try:
            www = serve(way, variables=(f"WWW_DIR={site}",), name="large", memory=f"{kib}K", extra=extra)
        except AssertionError as error:
            assert "at least 35 MiB" in str(error), error
            refused.append(kib)
            continue
        result = www.ask("fetch", path="/big.bin")
        www.stop()
        assert result["sha256"] == hashlib.sha256(body).hexdigest(), kib
    assert refused == [33 * 1024, 34 * 1024 + 64]


@pytest.mark.config("defconfig_www_qemu_arm64")
@pytest.mark.parametrize("version,messages", [("2", 0), ("3", 2)])
def test_messages_in_place_of_pins(serve, tmp_path, version, messages):
    """The network card has two messages or, without a controller for them, its pin as before."""
    trace = tmp_path / "trace"
    www = serve("arm64-virt-pci", name="www_qemu_arm64_its", options_set={"GICV3_ITS": "y"},
                extra=("-machine", f"gic-version={version}", "-d", "trace:gicv3_its_cmd_mapti,guest_errors",
                       "-D", str(trace)))
    assert www.curl(www.url()) == index()
    www.stop()
    said = trace.read_text() if trace.exists() else ""
    assert len(said.splitlines()) == said.count("command MAPTI") == messages, said


@pytest.mark.config("defconfig_www_qemu_arm64")
@pytest.mark.parametrize("bridges,messages", [("port", 2), ("switch", 0), ("old", 0), ("one old", 0)])
def test_messages_from_behind_bridges(serve, tmp_path, bridges, messages):
    """The interrupt service's table has room for two buses. Behind bridges of conventional PCI, messages come from
    another function than the card. Other cards interrupt by pins."""
    trace = tmp_path / "trace"
    www = serve("arm64-virt-pci", name="www_qemu_arm64_its", options_set={"GICV3_ITS": "y"}, bridges=BRIDGES[bridges],
                extra=("-machine", "gic-version=3", "-d", "trace:gicv3_its_cmd_mapti,guest_errors", "-D", str(trace)))
    assert www.curl(www.url()) == index()
    answers = www.ask("turn", count=50, seconds=60, timeout=300)["answers"]
    assert list(answers.values()) == [50], answers
    www.stop()
    said = trace.read_text() if trace.exists() else ""
    assert len(said.splitlines()) == said.count("command MAPTI") == messages, said
