# SPDX-License-Identifier: ISC
"""Device trees that are wrong, cut short or missing end the boot with a line that says why; those with fewer
properties than QEMU's do not.

QEMU would refuse such trees, or mend them. So both the image and the tree are only put into memory, and a few
instructions enter the image with the tree's address, as a loader would. Offsets are from the start of memory."""
import collections
import os
import re
import struct
import subprocess

import pytest

from rig import build, cpus, params
from rig.guest import Guest, qemu_command

TREE_AT = 0x3000000
SECONDS = 60


def start_arm64(tree, image):
    """Code that puts the tree's address into x0 and enters the image."""
    code = [0x58000080,  # ldr x0, .+16
            0x580000a1,  # ldr x1, .+20
            0xd61f0020,  # br x1
            0xd503201f]  # nop
    return struct.pack("<4I2Q", *code, tree, image)


def start_armv7(tree, image):
    """Code that puts the tree's address, as far as it fits, into r2 and enters the image."""
    code = [0xe59f2004,  # ldr r2, .+12
            0xe59ff004,  # ldr pc, .+12
            0xe1a00000]  # nop
    return struct.pack("<5I", *code, tree % 2**32, image)


def start_riscv64(tree, image):
    """Code that puts the tree's address into a1 and enters the image. The firmware takes it for a kernel."""
    code = [0x00000297,  # auipc t0, 0
            0x0102b583,  # ld a1, 16(t0)
            0x0182b303,  # ld t1, 24(t0)
            0x00030067]  # jr t1
    return struct.pack("<4I2Q", *code, tree, image)


# For each CPU: the start of memory, its boot protocol's entry, offsets of image and tree; the firmware's part of
# memory, if there is firmware; the names of the interrupt controller in the tree and in the image; the timer; an
# unused address; changes that make memory and registers overlap.
MORE_MEMORY = ("reg = <0x00 0x40000000 0x00 0x4000000>", "reg = <0x00 0x00 0x00 0x44000000>")
Start = collections.namedtuple("Start", "memory code image start firmware controller kinds timer nothing clash")
START = {
    "arm64": Start(0x40000000, start_arm64, 0x201000, 0x100000, 0, ("arm,cortex-a15-gic",), "GICv2, GICv3",
                   ("arm,armv8-timer", "arm,armv7-timer"), 0x60000000, MORE_MEMORY),
    "armv7": Start(0x40000000, start_armv7, 0x201000, 0x100000, 0, ("arm,cortex-a15-gic",), "GICv2",
                   ("arm,armv8-timer", "arm,armv7-timer"), 0x60000000, MORE_MEMORY),
    "riscv64": Start(0x80000000, start_riscv64, 0x400000, 0x200000, 0x200000, ("sifive,plic-1.0.0", "riscv,plic0"),
                     "PLIC", ("timebase-frequency",), 0x2c000000,
                     ("reg = <0x00 0xc000000 0x00 0x600000>", "reg = <0x00 0x81000000 0x00 0x600000>")),
}
WAYS = [way for way in params.machines("hello", first=True) if cpus.MACHINES[way.values[0]].cpu.name in START]


def start_of(way):
    return START[cpus.MACHINES[way].cpu.name]


@pytest.fixture
def boot(builder, tmp_path):
    """boot(way, blob, address): a guest with the image of hello, which gets that address for the blob at its place.
    Another image, its place, another loader and more memory may be given, too."""
    guests = []

    def start(way, blob, address=None, image=None, image_at=None, code=None, memory="64M", extra=()):
        image, how = image or os.path.join(builder.build(cpus.defconfig("hello", way)), "image"), start_of(way)
        image_at = image_at or how.memory + how.image
        tree_at, start_at = how.memory + TREE_AT, how.memory + how.start
        blobs = {image_at: open(image, "rb").read(), tree_at: blob,
                 start_at: (code or how.code)(tree_at if address is None else address, image_at)}
        command = [word for word in qemu_command(image, way, memory, rng=False, extra=extra)
                   if word not in ("-kernel", image)]
        for place, content in blobs.items():
            path = tmp_path / f"{place:x}"
            path.write_bytes(content)
            if how.firmware and place == start_at:
                continue
            command += ["-device", f"loader,file={path},addr={place:#x},force-raw=on"]
        command += ["-kernel", tmp_path / f"{start_at:x}"] if how.firmware else \
            ["-device", f"loader,addr={start_at:#x},cpu-num=0"]
        guests.append(Guest(command))
        return guests[-1]

    yield start
    for guest in guests:
        guest.stop()


def source(way, tmp_path, memory="64M"):
    """QEMU's own tree, as text, with what firmware adds."""
    path, how = tmp_path / "tree", start_of(way)
    command = qemu_command("no-image", way, memory, rng=False)
    command[command.index("-M") + 1] += f",dumpdtb={path}"
    subprocess.run([word for word in command if word not in ("-kernel", "no-image")], check=True,
                   stdin=subprocess.DEVNULL, capture_output=True)
    text = subprocess.run(["dtc", "-q", "-I", "dtb", "-O", "dts", path], check=True, capture_output=True,
                          text=True).stdout
    return text + (reserved("firmware", how.memory, how.firmware) if how.firmware else "")


def reserved(name, start, count):
    return ("/ { reserved-memory { #address-cells = <2>; #size-cells = <2>; ranges; "
            f"{name}@{start:x} {{ reg = <0 {start:#x} 0 {count:#x}>; }}; }}; }};\n")


def compiled(text):
    return subprocess.run(["dtc", "-q", "-f", "-I", "dts", "-O", "dtb"], check=True, capture_output=True,
                          input=text.encode()).stdout


def without(text, *names):
    """The tree with these names, of which it has some, replaced by unknown ones."""
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


ADDRESSES = {"none": (lambda how: 0, "there is none"), "odd": (lambda how: how.memory + TREE_AT + 4, "there is none"),
             "beyond-addresses": (lambda how: 0xfffffffff0000000, "no memory"),
             "at-the-end": (lambda how: 2**64 - 8, "no memory"), "no-memory": (lambda how: how.nothing, None)}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("where", ADDRESSES)
def test_a_tree_that_is_elsewhere(boot, tmp_path, way, where):
    """An access that the bus refuses is a fault, which is also reported."""
    address, why = ADDRESSES[where]
    with boot(way, compiled(source(way, tmp_path)), address(start_of(way))) as guest:
        guest.wait_for(f"^panic: the device tree .*{why}" if why else "^panic: page fault: .*refused by the bus",
                       SECONDS)


@pytest.mark.parametrize("way", WAYS)
def test_a_tree_in_the_image(builder, boot, tmp_path, way):
    """Where the loader has left too little room behind what is in the file: on the stack that the boot runs on."""
    symbols = build.symbols(os.path.join(builder.build(cpus.defconfig("hello", way)), "image.debug"))
    how, blob = start_of(way), compiled(source(way, tmp_path))
    place = how.memory + how.image + symbols["boot_guard"] - symbols["image_start"]
    path = tmp_path / "inside"
    path.write_bytes(blob)
    with boot(way, blob, place, extra=("-device", f"loader,file={path},addr={place:#x},force-raw=on")) as guest:
        guest.wait_for("^panic: the device tree .*in the image", SECONDS)


@pytest.mark.parametrize("way", WAYS)
def test_registers_in_the_image(boot, tmp_path, way):
    """A serial port whose registers would be in the image is refused: the message comes from another one."""
    text, how = source(way, tmp_path), start_of(way)
    place = how.memory + how.image + 0x2000
    more = (f"/ {{ serial@{place:x} {{ compatible = \"ns16550a\"; reg = <0 {place:#x} 0 0x100>; }};"
            f"chosen {{ stdout-path = \"/serial@{place:x}\"; }}; }};")
    with boot(way, compiled(text + more)) as guest:
        guest.wait_for("^Hello, world!$", SECONDS)


RESERVED = "/ {{ reserved-memory {{ #address-cells = <2>; #size-cells = <2>; {}; kept {{ reg = <{}>; }}; }}; }};\n"
WRONG = {"without-the-bus": ("/delete-property/ ranges", "0 0 0 0x1000"), "half": ("ranges", "0 0x1000"),
         "beyond-addresses": ("ranges", "0xffffffff 0xfffff000 0 0x2000"),
         "after-others": ("ranges", "0 0 0 0x1000 0xffffffff 0xfffff000 0 0x2000")}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("how", WRONG)
def test_a_reservation_that_cannot_be_understood(boot, tmp_path, way, how):
    """It might be of any memory."""
    with boot(way, compiled(source(way, tmp_path) + RESERVED.format(*WRONG[how]))) as guest:
        guest.wait_for("^panic: the device tree reserves memory, and .* does not say where", SECONDS)


LACKS = {
    "memory": (lambda how: ('device_type = "memory"',), "names no memory"),
    "controller": (lambda how: how.controller, r"no interrupt controller \({kinds}\) that works"),
    "timer": (lambda how: how.timer, "no timer"),
}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("what", LACKS)
def test_a_tree_that_lacks_something(boot, tmp_path, way, what):
    names, why = LACKS[what]
    how = start_of(way)
    with boot(way, compiled(without(source(way, tmp_path), *names(how)))) as guest:
        guest.wait_for(rf"^panic: the device tree .*{why.format(kinds=how.kinds)}", SECONDS)


# Changes that leave a tree without a serial port, too, and the reason why the boot ends.
SPEECHLESS = {
    "names": (lambda text: without(text, "compatible"), "no (interrupt controller|timer)"),
    "cells": (lambda text: re.sub("#address-cells = <0x02>", "#address-cells = <3>", text),
              "(names no memory|reserves memory)"),
}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("what", SPEECHLESS)
def test_a_tree_that_lacks_a_serial_port_too(boot, tmp_path, way, what):
    """The reason goes to QEMU's port."""
    change, why = SPEECHLESS[what]
    with boot(way, compiled(change(source(way, tmp_path)))) as guest:
        guest.wait_for(f"^panic: the device tree .*{why}", SECONDS)


@pytest.mark.parametrize("way", WAYS)
def test_memory_where_registers_are(boot, tmp_path, way):
    text = source(way, tmp_path)
    changed = text.replace(*start_of(way).clash)
    assert changed != text
    with boot(way, compiled(changed)) as guest:
        guest.wait_for("^panic: .*interrupt controller", SECONDS)


@pytest.mark.parametrize("way", [way for way in WAYS if start_of(way.values[0]).clash is MORE_MEMORY])
def test_memory_after_that_where_registers_are(boot, tmp_path, way):
    """Memory begins at the serial port, so that GiB is not used; the next GiB is."""
    text = source(way, tmp_path)
    changed = text.replace(MORE_MEMORY[0], "reg = <0x00 0x9000000 0x00 0x3b000000>")
    assert changed != text
    with boot(way, compiled(changed)) as guest:
        guest.wait_for(r"memory start=0x9000000 end=0x40000000 unused=", SECONDS)
        kib = int(guest.wait_for(r" up boot_us=.* mem_kib=(\d+) ", SECONDS).group(1))
        assert 65536 - 1024 < kib < 65536


@pytest.mark.parametrize("way", WAYS)
def test_a_console_that_is_not_there(boot, tmp_path, way):
    """The fault cannot be reported, but the image ends."""
    text = source(way, tmp_path)
    changed = re.sub(r"((?:pl011|serial)@\w+ \{[^}]*reg = <0x00) 0x\w+", rf"\1 {start_of(way).nothing:#x}", text)
    assert changed != text
    with boot(way, compiled(changed)) as guest:
        guest.wait_end(SECONDS)
        assert "Hello" not in guest.console


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("names", [("psci", "syscon-poweroff"), ("chosen",), ("stdout-path",), ()])
def test_a_tree_that_says_enough(boot, tmp_path, way, names):
    """Without firmware the image cannot power off; a serial port is found, though the tree chooses none."""
    with boot(way, compiled(without(source(way, tmp_path), *names))) as guest:
        guest.wait_for("^Hello, world!$", SECONDS)
        guest.write("quit\n")
        guest.wait_for("^virga: exit status 0", SECONDS)


@pytest.mark.parametrize("way", WAYS)
def test_reserved_memory_is_left_alone(boot, tmp_path, way):
    """All memory but a little is reserved, in each of the ways that a tree has."""
    text, how = source(way, tmp_path), start_of(way)
    free = 64 * 1024 - 16 - how.firmware // 1024  # KiB, for the image and the unused ends of memory
    kept = how.memory + 0x2000000
    for more in (f"/memreserve/ {kept:#x} 0x1000000;", reserved("kept", kept, 0x1000000),
                 f"/ {{ chosen {{ linux,initrd-start = <{kept:#x}>; linux,initrd-end = <{kept + 2**24:#x}>; }}; }};"):
        changed = text.replace("/dts-v1/;", "/dts-v1/;\n" + more) if more.startswith("/memreserve/") else text + more
        with boot(way, compiled(changed)) as guest:
            kib = int(guest.wait_for(r" up boot_us=.* mem_kib=(\d+) ", SECONDS).group(1))
            assert free - 16384 - 512 < kib <= free - 16384, more
