# SPDX-License-Identifier: ISC
"""The FAT image of a folder: its content by mtools and fsck.fat, the same bytes anywhere, and refused folders."""
import os
import shutil
import subprocess

import pytest

from rig import build

TOOLS = {"PATH": os.environ["PATH"] + ":/usr/sbin:/sbin", "LC_ALL": "C.UTF-8", "MTOOLS_SKIP_CHECK": "1",
         "MTOOLSRC": os.devnull, "HOME": "/nonexistent"}


def fat_of_files(folder, image, *more, options=()):
    return subprocess.run([os.path.join(build.TREE, "scripts/fat-of-files"), *options, str(folder), str(image), *more],
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=300,
                          env=build.clean_environment())


def make(folder, image, *more, options=()):
    done = fat_of_files(folder, image, *more, options=options)
    assert done.returncode == 0, done.stdout
    checked = subprocess.run(["fsck.fat", "-nv", str(image)], stdout=subprocess.PIPE, text=True, env=TOOLS, timeout=120)
    assert checked.returncode == 0, checked.stdout
    return checked.stdout


def write(path, data):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)


def read(image, name):
    quoted = "".join("\\" + c if c in "[]" else c for c in name)
    return subprocess.run(["mtype", "-i", str(image), "::/" + quoted], stdout=subprocess.PIPE, check=True, env=TOOLS,
                          timeout=60).stdout


@pytest.fixture
def site(tmp_path):
    folder = tmp_path / "site"
    for name, data in (("index.html", b"<p>hello"), ("Read Me.TXT", b"r" * 4096), ("empty", b""), ("-n", b"dash"),
                       ("Grüße/漢字.txt", b"u" * 4097), ("a[b]/x[1] {2};,=+.tar.gz", b"g"),
                       ("deep/" * 20 + "file", b"d"), ("n" * 255, b"long"), (".hidden", b"h"),
                       (".well-known/security.txt", b"s")):
        write(folder / name, data)
    os.symlink("../Read Me.TXT", folder / "Grüße" / "link.txt")
    return folder


def test_everything_is_in_it(site, tmp_path):
    make(site, tmp_path / "disk.img")
    for folder, _, names in os.walk(site):
        for name in names:
            path = os.path.join(folder, name)
            key = os.path.relpath(path, site)
            if name != ".hidden":
                with open(path, "rb") as file:
                    assert read(tmp_path / "disk.img", key) == file.read(), key
    listing = subprocess.run(["mdir", "-a", "-i", str(tmp_path / "disk.img"), "::/"], stdout=subprocess.PIPE, text=True,
                             env=TOOLS, check=True).stdout
    assert ".well-known" in listing and ".hidden" not in listing


def test_the_same_bytes_elsewhere_and_later(site, tmp_path):
    make(site, tmp_path / "one.img")
    shutil.copytree(site, tmp_path / "else where" / "copy")
    os.utime(tmp_path / "else where" / "copy" / "index.html", (1, 1))
    make(tmp_path / "else where" / "copy", tmp_path / "two.img")
    one, two = (tmp_path / "one.img").read_bytes(), (tmp_path / "two.img").read_bytes()
    assert one == two
    write(site / "index.html", b"<p>HELLO")
    make(site, tmp_path / "one.img")
    assert (tmp_path / "one.img").read_bytes()[39:43] != two[39:43], "another content has the same serial number"


def test_what_is_made_already_stays(site, tmp_path):
    image = tmp_path / "disk.img"
    make(site, image)
    before = os.stat(image).st_ino
    assert not fat_of_files(site, image).stdout and os.stat(image).st_ino == before
    make(site, image, "64")
    assert os.stat(image).st_ino != before


def test_header_lines_are_for_who_reads_them(site, tmp_path):
    """The rules for header lines are on the disk only for a server that reads them, if they are valid: any other server
    would serve them as a file."""
    image, rules = tmp_path / "disk.img", b"/*\n  X-Frame-Options: DENY\n"
    write(site / "_headers", rules)
    write(site / "docs" / "_headers", b"a page")
    make(site, image, options=("--headers=40",))
    assert read(image, "_headers") == rules
    for wrong, why in ((b"A: b\n", "line 1: a path begins with /"),
                       (b"/*\n  Date: x\n", "line 2: Date is the server's"),
                       (b"/*\n  A:\tb\n", "line 2: a value that is not printable"),
                       (b"/*\n  A: %035d\n" % 1, "longer than 40")):
        write(site / "_headers", wrong)
        done = fat_of_files(site, image, options=("--headers=40",))
        assert done.returncode and why in done.stdout, done.stdout
    write(site / "_headers", b"/EMPTY\n  A: %0200d\n" % 1)
    done = fat_of_files(site, image, options=("--headers=400",))
    assert done.returncode and "empty: _headers has 205 bytes of header lines for it" in done.stdout, done.stdout
    said = fat_of_files(site, image).stdout
    assert "left out: _headers: header lines by pattern are not configured" in said, said
    assert read(tmp_path / "disk.img", "docs/_headers") == b"a page"
    listing = subprocess.run(["mdir", "-b", "-i", str(tmp_path / "disk.img"), "::/"], stdout=subprocess.PIPE, text=True,
                             env=TOOLS, check=True).stdout
    assert "::/_headers" not in listing, listing


def test_names_that_are_short_ones_of_others(tmp_path):
    site, image = tmp_path / "site", tmp_path / "disk.img"
    for name in ("longer name.txt", "longer~1.txt", "con.txt", "nul.tar.gz", "com5", "prn~"):
        write(site / name, name.encode())
    make(site, image)
    for name in os.listdir(site):
        assert read(image, name) == name.encode()


@pytest.mark.long
def test_many_files_and_every_width(tmp_path):
    """A root of more entries than mkfs.fat would give it, and FAT of 12, 16 and 32 bits."""
    site, image = tmp_path / "site", tmp_path / "disk.img"
    for i in range(1500):
        write(site / f"a name of some length {i:05}.html", b"%d" % i)
    for free_kib, bits in (("0", 12), ("40000", 16), ("300000", 32)):
        assert f"{bits} bit entries" in make(site, image, free_kib)
        assert read(image, "a name of some length 01499.html") == b"1499"


@pytest.mark.parametrize("free_kib", ["1000", "100000", "400000"])
def test_clusters_are_aligned_and_there_is_room(site, tmp_path, free_kib):
    said = make(site, tmp_path / "disk.img", free_kib)
    start = int(said.split("Data area starts at byte ")[1].split()[0])
    used, total = map(int, said.split(" files, ")[1].split()[0].split("/"))
    assert start % 4096 == 0 and (total - used) * 4 >= int(free_kib)


def test_what_cannot_be_is_refused_by_name(site, tmp_path):
    for name, why in (("b:c", "FAT has no names with :"), ("INDEX.html", "the name clashes with"),
                      ("dot.", "FAT has no names that end in a space or a dot"), ("space ", "end in a space or a dot"),
                      ("\U0001F600", "beyond U+FFFF"), ("new\nline", "control character"),
                      ("con", "the name of a device"), ("docs/LPT4", "the name of a device")):
        write(site / name, b"")
        done = fat_of_files(site, tmp_path / "disk.img")
        assert done.returncode and why in done.stdout and "because of 1 of its files" in done.stdout, done.stdout
        os.unlink(site / name)
    with open(site / "huge", "wb") as file:
        file.truncate(1 << 32)
    done = fat_of_files(site, tmp_path / "disk.img")
    assert done.returncode and "huge: " in done.stdout and "4 GiB" in done.stdout, done.stdout
    os.unlink(site / "huge")
    done = fat_of_files(tmp_path / "nowhere", tmp_path / "disk.img")
    assert done.returncode and "nowhere: no such file or directory" in done.stdout
    assert not os.path.exists(tmp_path / "disk.img")
