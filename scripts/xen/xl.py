# SPDX-License-Identifier: ISC
"""Writes xl's input: a guest's configuration (xl.cfg(5)), as a file and as words that override its lines."""
import os
import re
import subprocess

import limits
import machines

MIB = 1 << 20
LOW_BYTES = 1 << 20     # of a PC's memory, below the image: as usable as that behind it
AT_BYTES = {"aarch64": 0x1000, "armv7": 0x8000}  # offset in memory at which libxl puts an image that is no ELF file
# libxl puts the device tree of such a guest at the end of memory, beyond the last block of 2 MiB that the image's file
# reaches into; if memory ends there, it tries to put the tree below the image, and then refuses to.
TREE_STEP = 2 << 20
ROOM_BYTES = 256 << 10  # for page tables and other memory that tables() leaves out, and for Xen's start information


def quoted(text):
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def disk(path, read_only):
    """The one disk of a guest: a raw file or a block device."""
    access = "r" if read_only else "w"
    return f"[{quoted(f'format=raw, vdev=xvda, access={access}, target={path}')}]"


def has_fibers(image):
    """Has the image code that runs fibers? The compiler adds suffixes to names."""
    listing = subprocess.run(["readelf", "-sW", f"{image}.debug"], stdout=subprocess.PIPE, text=True, check=True).stdout
    return bool(re.search(r" fiber_run(\.\S+)?$", listing, re.MULTILINE))


def tables(config, image):
    """The bytes of all tables and pools of a configuration, and of fibers' stacks if the image has fibers."""
    fibers = has_fibers(image)
    return sum(int(config[name]) * int(config.get(size, size)) for name, (_, size, _) in limits.rows()
               if name in config and (fibers or name != "FIBERS"))


def memory(config, image):
    """The memory of a guest, in MiB, as xl counts. Tables take a tenth more than their entries."""
    at = AT_BYTES.get(config["CPU"].strip('"'), 0)
    end = machines.image_end(f"{image}.debug", at)
    needed = end - (0 if at else LOW_BYTES) + tables(config, image) * 11 // 10 + ROOM_BYTES
    if at:
        end = (at + os.path.getsize(image)) // TREE_STEP * TREE_STEP + TREE_STEP + MIB
    return -(-max(end, needed) // MIB)


def name(config):
    """The guest's name: its application's."""
    if config.get("APP_DIR"):
        return os.path.basename(config["APP_DIR"])
    apps = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "apps")
    return next((one for one in sorted(os.listdir(apps)) if f"APP_{one.upper()}" in config), "virga")


def guest(config, image, disk_path=None):
    """The text of an image's file. Xen 4.17 begins with a MiB for its tables of a guest's memory and cannot give any of
    it back, but xl asks for less when the guest is small."""
    lines = [f"# A guest of Xen, in dom0:     xl create -c {os.path.basename(image)}.xl",
             f"# with start options:          xl create -c {os.path.basename(image)}.xl 'cmdline=\"log=debug\"'",
             f"name = {quoted(name(config))}", f"kernel = {quoted(image)}",
             f"memory = {memory(config, image)}", "shadow_memory = 1"]
    if "CPU_X86_64" in config:  # ARM's guests are all of one type
        lines.insert(3, 'type = "pvh"')
    if "NET_DEVICE" in config:
        lines.append('vif = ["bridge=xenbr0"]')
    if disk_path:
        lines.append(f"disk = {disk(disk_path, 'FAT_WRITE' not in config)}")
    return "\n".join(lines) + "\n"
