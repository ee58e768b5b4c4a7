# SPDX-License-Identifier: ISC
"""The smallest dom0: an initramfs with busybox, Xen's tools, the libraries that they need, the drivers of the
kernel, and the scripts of the folder dom0/. It is made of unpacked packages of any architecture, without running
them; the same packages give the same bytes."""
import glob
import lzma
import os
import re
import stat
import struct
import subprocess
import zlib

from xen import packages
from xen.packages import Missing

PACKAGES = ("xen-utils-4.17", "xenstore-utils", "libxenmisc4.17", "libxencall1", "libxendevicemodel1",
            "libxenevtchn1", "libxenforeignmemory1", "libxengnttab1", "libxenhypfs1", "libxenstore4", "libxentoolcore1",
            "libxentoollog1", "libyajl2", "libuuid1", "zlib1g", "liblzma5", "libzstd1", "libc6",
            "libgcc-s1", "busybox-static")
SCRIPTS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "dom0")
TOOLS = ("xl", "xenstored", "xenconsoled", "xenconsole", "xen-init-dom0", "libxl-save-helper",
         "vchan-socket-proxy")
PROGRAMS = ("xenstore-read", "xenstore-write", "xenstore-ls", "xenstore-rm", "xenstore-list", "xenstore-chmod",
            "xenstore-watch", "xenstore-exists")
# Drivers loaded at boot; those of the host's network and disk are loaded later, for the present devices (dom0/serve).
AT_START = ("xen-privcmd", "xenfs", "xen-evtchn", "xen-gntdev", "xen-gntalloc", "xen-netback", "xen-blkback", "bridge",
            "loop", "virtio_mmio", "virtio_pci", "virtio_console")
LATER = ("virtio_net", "virtio_blk")
FOLDERS = ("proc", "sys", "dev", "run", "tmp", "guests", "lib/modules", "var/log/xen/console", "var/lib/xen",
           "var/lib/xenstored", "sbin")
LIBRARIES = "libgcc_s.so.1",  # pthread_cancel opens it


class Archive:
    """A cpio archive of the "newc" kind, whose bytes do not depend on the time and place of its making."""

    def __init__(self):
        self.entries = {}

    def add(self, path, mode, data=b""):
        folder = os.path.dirname(path)
        if folder and folder not in self.entries:
            self.add(folder, stat.S_IFDIR | 0o755)
        self.entries[path] = (mode, data)

    def file(self, path, data, mode=0o644):
        self.add(path, stat.S_IFREG | mode, data)

    def copy(self, path, source, mode=0o644):
        with open(source, "rb") as file:
            self.file(path, file.read(), mode)

    def link(self, path, target):
        self.add(path, stat.S_IFLNK | 0o777, target.encode())

    def bytes(self):
        text = b"".join(self.entry(number, path, *self.entries[path])
                        for number, path in enumerate(sorted(self.entries), 1))
        return text + self.entry(0, "TRAILER!!!", 0, b"")

    @staticmethod
    def entry(number, path, mode, data):
        name = path.encode() + b"\0"
        fields = (number, mode, 0, 0, 1, 0, len(data), 0, 0, 0, 0, len(name), 0)
        head = b"070701" + b"".join(b"%08x" % field for field in fields) + name
        return head + b"\0" * (-len(head) % 4) + data + b"\0" * (-len(data) % 4)


class Root:
    """Unpacked packages."""

    def __init__(self, folder):
        self.folder = folder
        self.libraries = {}
        for where, _, names in os.walk(folder):
            self.libraries.update({name: os.path.join(where, name) for name in names if ".so" in name})

    def find(self, pattern):
        found = sorted(glob.glob(os.path.join(self.folder, pattern)))
        if not found:
            raise Missing(f"none of the packages has {pattern}")
        return found[0]

    def library(self, name):
        if name not in self.libraries:
            raise Missing(f"none of the packages has {name}")
        return self.libraries[name]

    def read(self, pattern):
        with open(self.find(pattern), "rb") as file:
            return file.read()

    def needs(self, path):
        """An ELF file's interpreter, or None, and its needed libraries."""
        text = subprocess.run(["readelf", "--wide", "--dynamic", "--program-headers", path], check=True, text=True,
                              stdout=subprocess.PIPE).stdout
        interpreter = re.search(r"interpreter: (\S+)\]", text)
        return interpreter and interpreter[1], re.findall(r"\(NEEDED\).*\[(.*)\]", text)

    def modules(self, names):
        """The paths of these modules, each after those that it depends on."""
        paths = {os.path.basename(path)[:-3].replace("-", "_"): path
                 for path in glob.glob(os.path.join(self.folder, "lib/modules/*/kernel/**/*.ko"), recursive=True)}
        order = []

        def visit(name):
            path = paths.get(name.replace("-", "_"))
            if not path or path in order:  # built into the kernel
                return
            with open(path, "rb") as file:
                depends = re.search(rb"\0depends=([^\0]*)\0", file.read())
            for other in depends[1].decode().split(",") if depends else ():
                visit(other)
            order.append(path)
        for name in names:
            visit(name)
        return order


def add_program(archive, root, path, source):
    """A program with its interpreter and its libraries."""
    archive.copy(path, source, 0o755)
    interpreter, waiting = root.needs(source)
    if interpreter:
        archive.copy(interpreter[1:], root.library(os.path.basename(interpreter)), 0o755)
    while waiting:
        name = waiting.pop()
        if "lib/" + name not in archive.entries:
            archive.copy("lib/" + name, root.library(name))
            waiting += root.needs(root.library(name))[1]


def initramfs(root):
    """The archive's bytes; not compressed, because unpacking in the emulated machine is slow."""
    archive = Archive()
    for folder in FOLDERS:
        archive.add(folder, stat.S_IFDIR | 0o755)
    archive.copy("bin/busybox", root.find("bin/busybox"), 0o755)
    tools = os.path.dirname(root.find("usr/lib/xen-*/bin/xl"))
    for name in TOOLS:
        add_program(archive, root, os.path.relpath(os.path.join(tools, name), root.folder), os.path.join(tools, name))
    archive.link("xen", "/" + os.path.relpath(tools, root.folder))
    for name in PROGRAMS:
        add_program(archive, root, "bin/" + name, root.find("usr/bin/" + name))
    for name in LIBRARIES:
        archive.copy("lib/" + name, root.library(name))
    for when, names in (("start", AT_START), ("later", LATER)):
        paths = root.modules(names)
        for path in paths:
            archive.copy("lib/modules/" + os.path.basename(path), path)
        archive.file("etc/modules-" + when, "".join(os.path.basename(path) + "\n" for path in paths).encode())
    archive.link("var/run", "/run")
    archive.link("var/lock", "/run/lock")
    archive.file("etc/passwd", b"root:x:0:0::/:/bin/sh\n")
    archive.file("etc/group", b"root:x:0:\n")
    archive.file("etc/xen/xl.conf", b"autoballoon=0\n")
    for name in ("init", "serve", "guest"):
        archive.copy(name, os.path.join(SCRIPTS, name), 0o755)
    for name in ("vif-bridge", "block"):
        archive.copy("etc/xen/scripts/" + name, os.path.join(SCRIPTS, name), 0o755)
    return archive.bytes()


def unpacked(data):
    """Unpacks a hypervisor's or a kernel's file, to spare the emulated machine that. A length may follow the packed
    data, of which lz4 and zstd complain after writing all, so their status is ignored."""
    is_kernel = data[0x202:0x206] == b"HdrS"  # of a PC's: Linux's Documentation/arch/x86/boot.rst
    if is_kernel:
        offset, size = struct.unpack_from("<II", data, 0x248)
        start = ((data[0x1F1] or 4) + 1) * 512 + offset
        data = data[start:start + size]
    if data.startswith(b"\x1f\x8b"):
        return zlib.decompressobj(31).decompress(data)
    if data.startswith(b"\xfd7zXZ"):
        return lzma.LZMADecompressor().decompress(data)
    for magic, tool in (b"\x02\x21\x4c\x18", "lz4"), (b"\x28\xb5\x2f\xfd", "zstd"):
        if data.startswith(magic):
            return subprocess.run([tool, "-dc"], input=data, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                                  check=False).stdout
    if is_kernel:
        raise Missing("the kernel is packed in a way that is not known here")
    return data


def text(path):
    with open(path, encoding="utf-8") as file:
        return file.read()


def recipe():
    """All inputs, besides the packages, that determine the result."""
    return "".join(text(path) for path in [__file__, packages.__file__, *sorted(glob.glob(os.path.join(SCRIPTS, "*")))])
