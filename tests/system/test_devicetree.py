# SPDX-License-Identifier: ISC
"""Device trees that are wrong, cut short or not there end the boot with a line that says why; those that say less
than QEMU's do not.

QEMU would refuse such trees, or mend them. So both the image and the tree are only put into memory, and a few
instructions hand the one over to the other, as a loader would."""
import os
import struct
import subprocess

import pytest

from rig import cpus, params
from rig.guest import Guest, qemu_command

TREE_AT = 0x43000000
IMAGE_AT = 0x40201000
START_AT = 0x40100000
SECONDS = 60


def start_arm64(tree):
    """The tree's address to x0; to the image."""
    code = [0x58000080,  # ldr x0, .+16
            0x580000a1,  # ldr x1, .+20
            0xd61f0020,  # br x1
            0xd503201f]  # nop
    return struct.pack("<4I2Q", *code, tree, IMAGE_AT)


def start_armv7(tree):
    """The tree's address to r2, as far as it fits; to the image."""
    code = [0xe59f2004,  # ldr r2, .+12
            0xe59ff004,  # ldr pc, .+12
            0xe1a00000]  # nop
    return struct.pack("<5I", *code, tree % 2**32, IMAGE_AT)


# For each CPU, how its boot protocol enters an image.
START = {"arm64": start_arm64, "armv7": start_armv7}
WAYS = [way for way in params.machines("hello", first=True) if cpus.MACHINES[way.values[0]].cpu.name in START]


@pytest.fixture
def boot(builder, tmp_path):
    """boot(way, blob, address): a guest whose image is given the blob, at its place, by that address."""
    guests = []

    def start(way, blob, address=TREE_AT, at=TREE_AT):
        image = os.path.join(builder.build(cpus.defconfig("hello", way)), "image")
        blobs = {IMAGE_AT: open(image, "rb").read(), at: blob,
                 START_AT: START[cpus.MACHINES[way].cpu.name](address)}
        command = [word for word in qemu_command(image, way, "64M", rng=False) if word not in ("-kernel", image)]
        for place, content in blobs.items():
            path = tmp_path / f"{place:x}"
            path.write_bytes(content)
            command += ["-device", f"loader,file={path},addr={place:#x},force-raw=on"]
        guests.append(Guest(command + ["-device", f"loader,addr={START_AT:#x},cpu-num=0"]))
        return guests[-1]

    yield start
    for guest in guests:
        guest.stop()


def source(way, tmp_path):
    """QEMU's own tree, as text."""
    path = tmp_path / "tree"
    command = qemu_command("no-image", way, "64M", rng=False)
    command[command.index("-M") + 1] += f",dumpdtb={path}"
    subprocess.run([word for word in command if word not in ("-kernel", "no-image")], check=True,
                   stdin=subprocess.DEVNULL, capture_output=True)
    return subprocess.run(["dtc", "-q", "-I", "dtb", "-O", "dts", path], check=True, capture_output=True,
                          text=True).stdout


def compiled(text):
    return subprocess.run(["dtc", "-q", "-f", "-I", "dts", "-O", "dtb"], check=True, capture_output=True,
                          input=text.encode()).stdout


def without(text, *names):
    """The tree with names that nobody knows in the place of these, of which it has some."""
    assert not names or any(name in text for name in names), names
    for name in names:
        text = text.replace(name, "x" * len(name))
    return text


def with_cell(blob, offset, value):
    return blob[:offset] + struct.pack(">I", value) + blob[offset + 4:]


BLOBS = {
    "magic": (lambda blob: with_cell(blob, 0, 0xd00dfeee), "there is none"),
    "zeros": (lambda blob: bytes(4096), "there is none"),
    "version": (lambda blob: with_cell(blob, 24, 99), "its version"),
    "too-long": (lambda blob: with_cell(blob, 4, 0x7fffffff), "more than 2 MiB"),
    "no-length": (lambda blob: with_cell(blob, 4, 0), "there is none"),
    "less-than-it-has": (lambda blob: with_cell(blob, 4, len(blob) // 2), "outside"),
    "cut-short": (lambda blob: blob[:len(blob) // 2] + bytes(len(blob)), "cut short or wrong"),
    "strings-elsewhere": (lambda blob: with_cell(blob, 12, 0xfffffff0), "outside"),
}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("how", BLOBS)
def test_a_blob_that_is_no_tree(boot, tmp_path, way, how):
    change, why = BLOBS[how]
    with boot(way, change(compiled(source(way, tmp_path)))) as guest:
        guest.wait_for(rf"^panic: the device tree cannot be used: .*{why}", SECONDS)


ADDRESSES = {"none": (0, "there is none"), "odd": (TREE_AT + 4, "there is none"),
             "beyond-addresses": (0xfffffffff0000000, "no memory"), "at-the-end": (2**64 - 8, "no memory"),
             "no-memory": (0x60000000, None)}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("where", ADDRESSES)
def test_a_tree_that_is_elsewhere(boot, tmp_path, way, where):
    """What the bus refuses is a fault, which is told, too."""
    address, why = ADDRESSES[where]
    with boot(way, compiled(source(way, tmp_path)), address) as guest:
        guest.wait_for(f"^panic: the device tree .*{why}" if why else "^panic: page fault: .*refused by the bus",
                       SECONDS)


LACKS = {
    "memory": (('device_type = "memory"',), "names no memory"),
    "controller": (("arm,cortex-a15-gic",), "no interrupt controller"),
    "timer": (("arm,armv8-timer", "arm,armv7-timer"), "no timer"),
}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("what", LACKS)
def test_a_tree_that_lacks_something(boot, tmp_path, way, what):
    names, why = LACKS[what]
    with boot(way, compiled(without(source(way, tmp_path), *names))) as guest:
        guest.wait_for(rf"^panic: the device tree .*{why}", SECONDS)


@pytest.mark.parametrize("way", WAYS)
def test_memory_where_registers_are(boot, tmp_path, way):
    text = source(way, tmp_path)
    changed = text.replace("reg = <0x00 0x40000000 0x00 0x4000000>", "reg = <0x00 0x00 0x00 0x44000000>")
    assert changed != text
    with boot(way, compiled(changed)) as guest:
        guest.wait_for("^panic: .*interrupt controller", SECONDS)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("names", [("psci",), ("chosen",), ("stdout-path",), ()])
def test_a_tree_that_says_enough(boot, tmp_path, way, names):
    """Without firmware there is no end, and a serial port is found though none is chosen."""
    with boot(way, compiled(without(source(way, tmp_path), *names))) as guest:
        guest.wait_for("^Hello, world!$", SECONDS)
        guest.write("quit\n")
        guest.wait_for("^virga: exit status 0", SECONDS)


@pytest.mark.parametrize("way", WAYS)
def test_reserved_memory_is_left_alone(boot, tmp_path, way):
    """The whole of memory but a little, by each of the ways to say so."""
    text = source(way, tmp_path)
    free = 64 * 1024 - 16  # KiB, for the image and what it leaves out at the ends
    for more in ("/memreserve/ 0x42000000 0x1000000;",
                 "reserved-memory { #address-cells = <2>; #size-cells = <2>; ranges; kept@42000000 { "
                 "reg = <0 0x42000000 0 0x1000000>; }; };",
                 "chosen { linux,initrd-start = <0x42000000>; linux,initrd-end = <0x43000000>; };"):
        changed = text.replace("/dts-v1/;", "/dts-v1/;\n" + more) if more.startswith("/") else \
            text + "\n/ { " + more + " };"
        with boot(way, compiled(changed)) as guest:
            kib = int(guest.wait_for(r" up boot_us=.* mem_kib=(\d+)", SECONDS).group(1))
            assert free - 16384 - 512 < kib <= free - 16384, more
