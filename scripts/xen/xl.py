# SPDX-License-Identifier: ISC
"""What xl reads: a guest's configuration (xl.cfg(5)), as a file and as words that override one's lines."""
import os

import machines

MIB = 1 << 20
# What an image takes beside itself, generously: tables and stacks; with a network its rings, buffers, connections.
OWN_BYTES = MIB // 2
NETWORK_BYTES = 3 * MIB // 2


def quoted(text):
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def disk(path, read_only):
    """The one disk of a guest: a raw file or a block device."""
    access = "r" if read_only else "w"
    return f"[{quoted(f'format=raw, vdev=xvda, access={access}, target={path}')}]"


def memory(config, image):
    """In MiB, as xl counts: all of the image and its site, and what it takes when it runs."""
    need = machines.image_end(image, 0) + OWN_BYTES
    if "NET_DEVICE" in config:
        need += NETWORK_BYTES
    if "FS_CACHE_BLOCKS" in config:
        need += int(config["FS_CACHE_BLOCKS"]) * int(config["FS_CACHE_BLOCK_BYTES"])
    return -(-need // MIB)


def name(config):
    """The guest's: its application's."""
    if config.get("APP_DIR"):
        return os.path.basename(config["APP_DIR"])
    apps = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "apps")
    return next((one for one in sorted(os.listdir(apps)) if f"APP_{one.upper()}" in config), "virga")


def guest(config, image, disk_path=None):
    """The text of an image's file. Xen 4.17 begins with a MiB for its tables of a guest's memory and can give none
    of it back, but xl asks for less when the guest is small."""
    lines = [f"# A guest of Xen, in dom0:     xl create -c {os.path.basename(image)}.xl",
             f"# with start options:          xl create -c {os.path.basename(image)}.xl 'cmdline=\"log=debug\"'",
             f"name = {quoted(name(config))}", 'type = "pvh"', f"kernel = {quoted(image)}",
             f"memory = {memory(config, image)}", "shadow_memory = 1"]
    if "NET_DEVICE" in config:
        lines.append('vif = ["bridge=xenbr0"]')
    if disk_path:
        lines.append(f"disk = {disk(disk_path, 'FAT_WRITE' not in config)}")
    return "\n".join(lines) + "\n"
