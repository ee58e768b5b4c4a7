# SPDX-License-Identifier: ISC
"""Parts of the bench about files on a disk: beside crunched ones, and beside the disk itself."""
import os
import re

from measure import Running, median, ours
from rig.guest import drive

DISK_MIB = 256


def with_disk(bench, machine, name, disk):
    return ours(bench, machine, name=name, extra=drive(disk, machine, ",readonly=on"))


def make_disk_site(bench):
    """A folder with one large file, which no two blocks of are the same in."""
    folder = bench.path("disk-site")
    os.makedirs(folder, exist_ok=True)
    path = os.path.join(folder, "big.bin")
    if not os.path.exists(path) or os.path.getsize(path) != DISK_MIB << 20:
        with open(path, "wb") as file:
            for i in range(DISK_MIB << 8):
                file.write(i.to_bytes(8, "little") * 512)
    return folder


def seconds_to_read(command):
    """Bytes per second, by the image's own clock."""
    with Running(command) as guest:
        if guest.seconds_to_text(b"read bytes=", 120) is None:
            return None
        guest.seconds_to_text(b"exit status", 20)
        found = re.search(rb"read bytes=(\d+) ns=(\d+)", guest.console)
    return int(found[1]) / int(found[2]) * 1e9


def disk(bench):
    """A file of 256 MiB on FAT, read from its start to its end, beside the device itself."""
    rates = {}
    image = bench.path("bench-fat", "disk.img")
    for _ in range(bench.rounds(4)):
        for machine in ("microvm", "q35"):
            for name, out in (("device", "bench-disk"), ("file on FAT", "bench-fat")):
                rates.setdefault(f"{name}, {machine}", []).append(
                    seconds_to_read(with_disk(bench, machine, out, image)))
    return {name: {"rates": found, "rate": median(found)} for name, found in rates.items()}
