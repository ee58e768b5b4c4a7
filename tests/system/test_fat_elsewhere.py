# SPDX-License-Identifier: ISC
"""FAT volumes that are changed by turns by us and by Linux's vfat, in a kernel of its own, or fusefat. Each finds the
names, bytes and times that the others have written, and fsck.fat has no complaint."""
import hashlib
import os
import re
import shlex
import signal
import struct
import subprocess
import zlib

import pytest

from rig import build
from rig.console import Console
from rig.guest import Guest, drive, qemu_command
from rig.linux import run_script

TOOLS = {"PATH": os.environ["PATH"] + ":/usr/sbin:/sbin", "LC_ALL": "C.UTF-8"}
PARTITION = 2048 * 512  # where it begins, on a disk that has one

# FAT's width: mkfs.fat's arguments, KiB, is it in a partition, the machine that we write it on
SHAPES = {
    12: (["-F", "12", "-s", "1", "-r", "512"], 2_000, False, "unix"),
    16: (["-F", "16", "-s", "4"], 40_000, True, "q35"),
    32: (["-F", "32", "-s", "1"], 50_000, False, "microvm"),
}
WIDTHS = [pytest.param(bits, marks=pytest.mark.config(
    "defconfig_hello_unix" if shape[3] == "unix" else "defconfig_hello_qemu")) for bits, shape in SHAPES.items()]

FOX = "\U0001F98A"
DEEP = "/".join(["deep"] * 25)


# -- the expected content --

class Tree:
    """The expected content of the volume: values by key, and folders. Every change is also made here."""

    def __init__(self):
        self.values, self.folders = {}, set()

    def set(self, key, value):
        self.values[key] = value
        self.folders |= {key[:at] for at, c in enumerate(key) if c == "/"}

    def write(self, key, at, value):
        old = self.values[key].ljust(at, b"\0")
        self.values[key] = old[:at] + value + old[at + len(value):]

    def truncate(self, key, size):
        self.values[key] = self.values[key][:size].ljust(size, b"\0")

    def remove(self, key):
        self.rename(key, None)

    def rename(self, key, to):
        """to None: removes it."""
        def moved(name):
            return to + name[len(key):]
        inside = {name for name in {*self.values, *self.folders} if name == key or name.startswith(key + "/")}
        values = {name: self.values.pop(name) for name in inside & set(self.values)}
        folders = inside & self.folders
        self.folders -= folders
        if to is not None:
            self.values.update({moved(name): value for name, value in values.items()})
            self.folders |= {moved(name) for name in folders}


# -- the writers --

class Ours:
    """tests/files, driven line by line."""

    def __init__(self, console, tree):
        self.console, self.tree = console, tree

    @staticmethod
    def pattern(size, seed):
        return bytes((i * 7 + (i >> 8) + seed) & 0xff for i in range(size))

    def set(self, key, size, seed):
        self.console.do(f"set|{key}|{size}|{seed}")
        self.tree.set(key, self.pattern(size, seed))

    def append(self, key, size, seed):
        self.console.do(f"append|{key}|{size}|{seed}")
        self.tree.write(key, len(self.tree.values[key]), self.pattern(size, seed))

    def write(self, key, at, size, seed):
        self.console.do(f"write|{key}|{size}|{seed}|{at}")
        self.tree.write(key, at, self.pattern(size, seed))

    def truncate(self, key, size):
        self.console.do(f"truncate|{key}|{size}")
        self.tree.truncate(key, size)

    def folder(self, key):
        self.console.do(f"folder|{key}")
        self.tree.folders.add(key)

    def remove(self, key):
        self.console.do(f"remove|{key}")
        self.tree.remove(key)

    def rename(self, key, to):
        self.console.do(f"rename|{key}|{to}")
        self.tree.rename(key, to)

    def look(self):
        """{key: (size, seconds, CRC)}, folders."""
        values, folders, left = {}, set(), [""]
        while left:
            folder, lines = left.pop(), []
            self.console.do(f"list|{folder}", lines)
            for line in lines:
                size, seconds, name = re.fullmatch(r"entry (\d+) (\d+) (.*)", line).groups()
                key = f"{folder}/{name}".lstrip("/")
                if name.endswith("/"):
                    folders.add(key[:-1])
                    left.append(key[:-1])
                else:
                    crc = []
                    self.console.do(f"sum|{key}", crc)
                    values[key] = (int(size), int(seconds), crc[0].removeprefix("crc "))
        return values, folders


class Script:
    """A shell script, for Linux, that changes the content of its current folder."""

    def __init__(self, tree):
        self.tree, self.lines = tree, []

    def say(self, *words):
        self.lines.append(" ".join(word if word in (">", ">>", "|") else shlex.quote(str(word)) for word in words))

    @staticmethod
    def pattern(size, text):
        return (text.encode() + b"\n") * (size // (len(text.encode()) + 1) + 1)

    def set(self, key, size, text):
        if "/" in key:
            self.say("mkdir", "-p", os.path.dirname(key))
        self.say("yes", text, "|", "head", "-c", size, ">", key)
        self.tree.set(key, self.pattern(size, text)[:size])

    def append(self, key, size, text):
        self.say("yes", text, "|", "head", "-c", size, ">>", key)
        self.tree.write(key, len(self.tree.values[key]), self.pattern(size, text)[:size])

    def truncate(self, key, size):
        self.say("truncate", "-s", size, key)
        self.tree.truncate(key, size)

    def remove(self, key):
        self.say("rm", "-r", key)
        self.tree.remove(key)

    def rename(self, key, to):
        self.say("mv", key, to)
        self.tree.rename(key, to)


# -- the volume --

# The script starts in the volume's folder.
LOOK = ("look() { echo look; find . -mindepth 1 -exec stat -c 'stat %F|%s|%Y|%n' {} +;"
        "find . -type f -exec sha256sum {} +; echo looked; }")


class Volume:
    """A disk with a FAT volume, in its own folder."""

    def __init__(self, folder, bits, image, may_be_parted=True):
        options, kib, self.in_partition, self.way = SHAPES[bits]
        self.in_partition = self.in_partition and may_be_parted
        self.path, self.folder, self.image = folder / "disk.img", folder, image
        made = folder / "volume.img"
        with open(made, "wb") as file:
            file.truncate(kib << 10)
        subprocess.run(["mkfs.fat", "-i", "1234abcd", *options, made], stdout=subprocess.DEVNULL, check=True, env=TOOLS,
                       timeout=60)
        with open(self.path, "wb") as file:
            if self.in_partition:
                partition = struct.pack("<B3xB3xII", 0, 6, PARTITION // 512, kib * 2)
                file.write(bytes(446) + partition + bytes(48) + b"\x55\xaa")
                file.seek(PARTITION)
            file.write(made.read_bytes())

    def alone(self):
        """A file with only the volume, without a partition table."""
        if not self.in_partition:
            return self.path
        with open(self.path, "rb") as disk, open(self.folder / "volume.img", "wb") as file:
            disk.seek(PARTITION)
            file.write(disk.read())
        return self.folder / "volume.img"

    def check(self):
        done = subprocess.run(["fsck.fat", "-nv", self.alone()], stdout=subprocess.PIPE, text=True, check=False,
                              env=TOOLS, timeout=300)
        assert done.returncode == 0, done.stdout

    def is_in_use(self):
        """The mark for "mounted" in the boot sector of a FAT12 without a partition table."""
        with open(self.path, "rb") as file:
            return bool(file.read(38)[37] & 1)

    def change(self, tree, work):
        """Does work, a function of Ours, with our image; gives the content that it finds then."""
        command = [self.image, f"disk={self.path}"] if self.way == "unix" else qemu_command(
            self.image, self.way, extra=drive(self.path, self.way))
        with Guest(command) as guest:
            ours = Ours(Console(guest), tree)
            work(ours)
            seen = ours.look()
            ours.console.quit()
        self.check()
        return seen

    def in_linux(self, tree, work):
        """Has Linux look, do work, a function of Script, and look again after unmounting: gives the content found both
        times."""
        script = Script(tree)
        work(script)
        said = run_script(self.path, "\n".join((
            LOOK, f"begin() {{ mount -t vfat -o $1,utf8=1,codepage=850,tz=UTC /dev/vda{'1' * self.in_partition} /mnt;"
            "cd /mnt; }", "end() { cd /; umount /mnt; }",
            "begin ro", "look", "end", "begin rw", *script.lines, "end", "begin ro", "look", "end",
            "dmesg | grep -i fat-fs || true")), str(self.folder))
        assert "FAT-fs" not in said, said
        self.check()
        return self.understand(said)

    def in_fusefat(self, tree, work):
        """As in_linux."""
        script, there = Script(tree), self.folder / "mounted"
        work(script)
        there.mkdir(exist_ok=True)
        done = subprocess.run(["timeout", "--kill-after=5", "300", "unshare", "-Urmpf", "sh", "-ec", "\n".join((
            LOOK, f"begin() {{ fusefat -f -s {self.path} {there} -o $1 >&2 & until mountpoint -q {there};"
            f"do sleep 0.1; done; cd {there}; }}", f"end() {{ cd /; fusermount -u {there}; wait; }}",
            "begin ro", "look", "end", "begin rw+", *script.lines, "end", "begin ro", "look", "end"))],
            stdout=subprocess.PIPE, text=True, check=True)
        self.check()
        return self.understand(done.stdout)

    @staticmethod
    def understand(said):
        """{key: (size, seconds, SHA-256)}, folders; of each look."""
        found = []
        for part in re.findall(r"^look\n(.*?)^looked$", said, re.M | re.S):
            sums = {key: digest for digest, key in re.findall(r"^([0-9a-f]{64})  \./(.*)$", part, re.M)}
            stats = re.findall(r"^stat (.*?)\|(\d+)\|(\d+)\|\./(.*)$", part, re.M)
            found.append(({key: (int(size), int(seconds), sums[key]) for kind, size, seconds, key in stats
                           if kind != "directory"}, {key for kind, *_, key in stats if kind == "directory"}))
        return found


def expect(seen, tree, digest):
    """Asserts that the content found is the expected one."""
    values, folders = seen
    assert folders == tree.folders
    assert {key: (size, found) for key, (size, _, found) in values.items()} == {
        key: (len(value), digest(value)) for key, value in tree.values.items()}


def crc_32(value):
    return f"{zlib.crc32(value):08x}"


def sha_256(value):
    return hashlib.sha256(value).hexdigest()


def same_times(one, other):
    """1980 stands for an unknown time in FAT, and not every system has another value for that."""
    start = 315532800
    assert {key: max(found[1], start) for key, found in one[0].items()} == {
        key: max(found[1], start) for key, found in other[0].items()}


# -- the work --

def begin(ours):
    """Every operation of our writer, with names that are long, short, of any script, and similar."""
    for i, name in enumerate(("a", "SHORT.TXT", "lower.txt", "Read Me.TXT", "n" * 195, "\u6f22" * 195, ".hidden",
                              "Gr\u00fc\u00dfe/\u6f22\u5b57 \u2013 \u0395\u03bb\u03bb\u03ac\u03b4\u03b1.txt",
                              f"{FOX} and {FOX * 90}.txt", f"{DEEP}/at last", "plus+comma,=[x];.tar.gz", "two  spaces",
                              " space first", "it's $HOME `x` & \u00e9\u0301")):
        ours.set(name, 37 * i, i)
    for size in (0, 1, 511, 512, 513, 2048, 65537, 300_000):
        ours.set(f"sizes/{size}", size, size)
    for i in range(150):
        ours.set(f"many/a name of which there are many {i:03}", i, i)
    for i in range(0, 150, 3):
        ours.remove(f"many/a name of which there are many {i:03}")
    for size in (1, 500, 3000, 20_000):
        ours.append("sizes/0", size, size)
        ours.append("Read Me.TXT", size, size)
    ours.write("sizes/65537", 40_000, 10_000, 3)
    ours.write("sizes/1", 9000, 100, 3)
    ours.truncate("sizes/300000", 100_001)
    ours.truncate("sizes/513", 5130)
    ours.folder("empty folder")
    ours.rename("a", f"Gr\u00fc\u00dfe/{FOX}")
    ours.rename("lower.txt", "LOWER.txt")
    ours.rename("sizes/511", "sizes/512")
    ours.rename("deep/deep/deep", "deep/" + "moved " * 20 + "\u00fc")
    ours.set("gone/with/all that is in it", 5000, 1)
    ours.remove("gone")


def go_on_in_linux(script):
    """The same operations by Linux, on our files and on new ones."""
    script.set("n" * 254 + "m", 5000, "another")
    script.set("\u6f22" * 254 + "\u5b57", 3, "x")
    script.set("by linux/" + "/".join([f"{FOX}deep"] * 20) + "/lower", 70_000, "deep")
    script.set("by linux/lower.txt", 10, "lower")
    script.set("by linux/MIXED.txt", 10, "mixed")
    for i in range(100):
        script.set(f"many/names of another kernel {i:02} \u00e4", i * 10, f"{i}")
    for i in range(1, 150, 6):
        script.remove(f"many/a name of which there are many {i:03}")
    script.append("Read Me.TXT", 33_333, "more")
    script.append("sizes/0", 1, "one")
    script.truncate("sizes/65537", 12_345)
    script.truncate("SHORT.TXT", 0)
    script.set("sizes/2048", 4096, "anew")
    script.rename("LOWER.txt", "lower again.txt")
    script.rename(f"Gr\u00fc\u00dfe/{FOX}", "from a folder")
    script.rename("empty folder", "sizes/still empty")
    script.remove("n" * 195)
    script.remove("deep")


def end(ours):
    """Our operations on Linux's files."""
    ours.append("n" * 254 + "m", 1000, 4)
    ours.write("by linux/MIXED.txt", 5, 4000, 5)
    ours.truncate("many/names of another kernel 99 \u00e4", 1)
    ours.rename("by linux", "\u00fcbernommen")
    ours.rename("\u00fcbernommen/lower.txt", "lower.txt")
    ours.rename("\u6f22" * 254 + "\u5b57", "\u5b57" * 195)
    ours.set("SHORT.TXT", 2000, 6)
    ours.remove("many")


def shorten_names(ours):
    """Renames long names: fusefat crashes on names of more than 255 bytes."""
    begin(ours)
    for key in list(ours.tree.values):
        if max(len(name.encode()) for name in key.split("/")) > 255:
            ours.remove(key)


def go_on_in_fusefat(script):
    """The operations that fusefat does right: not overwriting a file, and no new names beyond ASCII."""
    script.set("new.txt", 50_000, "new")
    script.set("by fusefat/a folder in it/a name of some length.txt", 5000, "deep")
    for i in range(40):
        script.set(f"many/names of another kind {i:02}", i * 100, f"{i}")
    script.append("Read Me.TXT", 33_333, "more")
    script.truncate("sizes/65537", 12_345)
    script.rename("LOWER.txt", "lower again.txt")
    script.rename(f"Gr\u00fc\u00dfe/{FOX}", "from a folder")
    script.remove("SHORT.TXT")
    script.remove("deep")


def nothing(_):
    pass


@pytest.fixture(scope="session")
def files_image(output):
    """files_image("qemu"): the application that changes files, once per target."""
    built = {}

    def make(target):
        if target not in built:
            out = os.path.join(output, f"files_{target}")
            words = [f"O={out}", f"APP={os.path.join(build.TREE, 'tests', 'files')}"]
            build.make(*words, f"defconfig_hello_{target}")
            build.make(*words, "configure", environment={"NET": "none", "FS": "fat"})
            build.make(*words)
            built[target] = os.path.join(out, "image")
        return built[target]
    return make


@pytest.fixture
def volume(files_image, need, tmp_path):
    def make(bits, **how):
        need("mkfs.fat")
        return Volume(tmp_path, bits, files_image("unix" if SHAPES[bits][3] == "unix" else "qemu"), **how)
    return make


@pytest.mark.long
@pytest.mark.config("defconfig_hello_unix")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_lets_go_of_the_volume(volume, number):
    disk = volume(12)
    with Guest([disk.image, f"disk={disk.path}"]) as guest:
        Ours(Console(guest), Tree()).set("a", 1000, 1)
        assert disk.is_in_use()
        guest.signal(number)
        assert guest.wait_end() == 0
        assert guest.console.endswith("virga: exit status 0\n")
    assert not disk.is_in_use()
    disk.check()


@pytest.mark.long
@pytest.mark.parametrize("bits", WIDTHS)
def test_turns_with_linux(volume, bits):
    tree, disk = Tree(), volume(bits)
    ours = disk.change(tree, begin)
    expect(ours, tree, crc_32)
    before, after = disk.in_linux(tree, go_on_in_linux)
    same_times(ours, before)
    expect(after, tree, sha_256)
    ours = disk.change(tree, nothing)
    expect(ours, tree, crc_32)
    same_times(ours, after)
    ours = disk.change(tree, end)
    expect(ours, tree, crc_32)
    before, after = disk.in_linux(tree, nothing)
    expect(before, tree, sha_256)
    same_times(ours, before)
    assert before == after


@pytest.mark.long
@pytest.mark.parametrize("bits", WIDTHS)
def test_turns_with_fusefat(volume, need, bits):
    need("fusefat")
    tree, disk = Tree(), volume(bits, may_be_parted=False)
    disk.change(tree, shorten_names)
    before = dict(tree.values)
    found, after = disk.in_fusefat(tree, go_on_in_fusefat)
    assert {key: (len(value), sha_256(value)) for key, value in before.items()} == {
        key: (size, digest) for key, (size, _, digest) in found[0].items()}
    expect(after, tree, sha_256)
    expect(disk.change(tree, nothing), tree, crc_32)
