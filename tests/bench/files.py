# SPDX-License-Identifier: ISC
"""Parts of the bench on files of a disk: beside crunched ones, and beside the disk itself."""
import os
import re
import subprocess

from measure import median, ours
from rig.guest import drive

DISK_MIB = 256


def with_disk(bench, machine, name, disk):
    return ours(bench, machine, name=name, extra=drive(disk, machine, ",readonly=on"))


def make_disk_site(bench):
    """A folder with one large file, no two blocks of which are the same."""
    folder = bench.path("disk-site")
    os.makedirs(folder, exist_ok=True)
    path = os.path.join(folder, "big.bin")
    if not os.path.exists(path) or os.path.getsize(path) != DISK_MIB << 20:
        with open(path, "wb") as file:
            for i in range(DISK_MIB << 8):
                file.write(i.to_bytes(8, "little") * 512)
    return folder


def bytes_per_second(command):
    """By the image's own clock. The console is not read meanwhile: guest and QEMU wait for each other on two
    processors, and a third process would disturb the figure."""
    try:
        console = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                 stderr=subprocess.STDOUT, timeout=120, check=False).stdout
    except subprocess.TimeoutExpired:
        return None
    found = re.search(rb"read bytes=(\d+) ns=(\d+)", console)
    return int(found[1]) / int(found[2]) * 1e9 if found else None


def disk(bench):
    """A file of 256 MiB on FAT, read from its start to its end, beside the device itself."""
    rates = {}
    image = bench.path("bench-fat", "disk.img")
    for _ in range(bench.rounds(4)):
        for machine in ("microvm", "q35"):
            for name, out in (("device", "bench-disk"), ("file on FAT", "bench-fat")):
                rates.setdefault(f"{name}, {machine}", []).append(
                    bytes_per_second(with_disk(bench, machine, out, image)))
    return {name: {"rates": found, "rate": median(found)} for name, found in rates.items()}
