# SPDX-License-Identifier: ISC
"""Disks: tests/disk is an application that reads, writes, flushes and discards on command, directly and through the
block cache. The host finds in the file what the application has written, and the other way round."""
import os
import re
import subprocess

import pytest

from rig import build, cpus, params, xen
from rig.console import Console
from rig.guest import Guest, drive, qemu_command
from xen import xl

ODD_BYTES = 20_000_256  # no multiple of any sector

QEMU = params.machines("hello", "microvm", "q35", first=True)
UNIX = pytest.param("unix", marks=pytest.mark.config("defconfig_hello_unix"))


def pattern(sector, count, seed, sector_bytes):
    """The pattern of tests/disk/main.c."""
    ramp = [i * 7 + (i >> 8) for i in range(sector_bytes)]
    return b"".join(bytes((s * 31 + seed + r) & 0xff for r in ramp) for s in range(sector, sector + count))


def target(way):
    """The part behind the application in the name of the configuration: "qemu_arm64"."""
    return "unix" if way == "unix" else cpus.defconfig("hello", way).partition("_hello_")[2]


@pytest.fixture(scope="session")
def disk_image(output):
    """disk_image("qemu", {"DISK_INITRD": "y"}) builds the application; once per kind."""
    built = {}

    def make(kind, options=None):
        key = (kind, *sorted(options or {}))
        if key not in built:
            out = os.path.join(output, "_".join(("disk", *key)))
            words = [f"O={out}", f"APP={os.path.join(build.TREE, 'tests', 'disk')}"]
            build.make(*words, f"defconfig_hello_{kind}")
            build.make(*words, "configure", environment={"NET": "none"})
            build.set_options(out, options or {})
            build.make(*words, "olddefconfig")
            build.make(*words)
            built[key] = os.path.join(out, "image")
        return built[key]
    return make


@pytest.fixture
def file(tmp_path):
    """A sparse file of an odd size."""
    path = tmp_path / "disk.img"
    with open(path, "wb") as made:
        made.truncate(ODD_BYTES)
    return path


def info(console):
    return {key: int(value) for key, value in re.findall(r"(\w+)=(\d+)", console.ask("info"))}


def start(disk_image, way, path, drive_options="", device_options="", suffix=""):
    if way == "unix":
        return Guest([disk_image("unix"), f"disk={path}{suffix}"])
    return Guest(qemu_command(disk_image(target(way)), way, extra=drive(path, way, drive_options, device_options)))


def part(path, sector, count, sector_bytes):
    with open(path, "rb") as file:
        file.seek(sector * sector_bytes)
        return file.read(count * sector_bytes)


KINDS = [(way, 512) for way in ("microvm", "q35", "unix")] + [(way, 4096) for way in ("microvm", "q35")]
KINDS += [(way, sector_bytes) for way in cpus.others("hello", first=True) for sector_bytes in (512, 4096)]


@pytest.mark.parametrize("way,sector_bytes", [pytest.param(
    *kind, marks=params.marked(None, f"defconfig_hello_{target(kind[0])}").marks) for kind in KINDS])
def test_what_is_written_is_in_the_file(disk_image, file, way, sector_bytes):
    """Both ways, straight and through the cache, at the beginning and the very end."""
    sectors = -(-ODD_BYTES // sector_bytes) if way != "unix" and sector_bytes == 512 else ODD_BYTES // sector_bytes
    per_block = 4096 // sector_bytes
    blocks = -(-sectors * sector_bytes // 4096)
    with open(file, "r+b") as changed:
        changed.seek(2000 * sector_bytes)
        changed.write(pattern(2000, 100, 9, sector_bytes))
    with start(disk_image, way, file, device_options="" if way == "unix" else
               f",logical_block_size={sector_bytes},physical_block_size=4096") as guest:
        console = Console(guest)
        found = info(console)
        assert (found["bytes"], found["caches"], found["read_only"]) == (sector_bytes, 1, 0)
        assert found["sectors"] in (sectors, sectors - 1), "a host may not see the rest of a sector"
        sectors = found["sectors"]
        console.do("read 2000 100 9")
        assert console.ask("read 2000 101 9") == "-74", "what is not the pattern is told"
        console.do("write 3 777 5")
        console.do("read 3 777 5")
        console.do(f"write {sectors - 2} 2 6")
        assert console.ask(f"write {sectors - 1} 2 6") == "-22"
        console.do("flush 0")
        console.do("cache 1000 200 11")
        console.do("cached 1000 200 11")
        console.do(f"cache {blocks - 2} 2 12")
        console.do(f"cached {blocks - 2} 2 12")
        assert info(console)["errors"] == 0
        console.quit()
    assert part(file, 3, 777, sector_bytes) == pattern(3, 777, 5, sector_bytes)
    assert part(file, 1000 * per_block, 200 * per_block, sector_bytes) == pattern(
        1000 * per_block, 200 * per_block, 11, sector_bytes)
    last = (blocks - 2) * per_block
    assert part(file, last, sectors - last, sector_bytes) == pattern(last, sectors - last, 12, sector_bytes)
    assert part(file, 0, 3, sector_bytes) == bytes(3 * sector_bytes), "nothing else has changed"


@pytest.mark.parametrize("way", [*QEMU, UNIX])
def test_a_read_only_disk(disk_image, file, way):
    with open(file, "r+b") as changed:
        changed.write(pattern(0, 100, 1, 512))
    before = file.read_bytes()
    with start(disk_image, way, file, ",read-only=on", suffix=",ro") as guest:
        console = Console(guest)
        assert info(console)["read_only"] == 1
        assert console.ask("write 0 1 1") == "-30"
        assert console.ask("discard 0 1") in ("-30", "-95")
        assert console.ask("cache 0 1 1") == "-30"
        console.do("read 0 100 1")
        console.do("cached 0 12 1")
        console.do("flush 0")
        console.quit()
    assert file.read_bytes() == before


@pytest.mark.parametrize("way", [*QEMU, UNIX])
def test_what_is_discarded_takes_no_room(disk_image, file, way):
    with start(disk_image, way, file) as guest:
        console = Console(guest)
        assert info(console)["discards"] == 1
        console.do("write 0 8192 1")
        console.do("flush 0")
        full = os.stat(file).st_blocks
        console.do("discard 1024 4096")
        console.do("flush 0")
        console.do("read 0 1024 1")
        console.do("read 5120 3072 1")
        console.quit()
    assert full - os.stat(file).st_blocks >= 4096 - 64
    assert part(file, 1024, 4096, 512) == bytes(4096 * 512)


@pytest.mark.parametrize("way", QEMU)
def test_an_error_reaches_who_asked(disk_image, file, tmp_path, way):
    """blkdebug fails every access to one sector, and the first flush."""
    rules = tmp_path / "rules"
    rules.write_text("".join(f'[inject-error]\nevent = "{event}"\nerrno = "5"\nsector = "4100"\n'
                             for event in ("read_aio", "write_aio")) +
                     '[inject-error]\nevent = "flush_to_disk"\nerrno = "5"\nonce = "on"\n')
    with start(disk_image, way, f"blkdebug:{rules}:{file}",
               device_options=",rerror=report,werror=report") as guest:
        console = Console(guest)
        console.do("write 0 4096 1")
        assert console.ask("flush 0") == "-5"
        console.do("flush 0")
        assert console.ask("read 4096 8 1") == "-5"
        assert console.ask("write 4096 8 1") == "-5"
        console.do("read 0 4096 1")
        assert console.ask("cached 510 8 1") == "-5", "through the cache, with others read ahead"
        console.do("cache 400 10 2")
        console.do("cached 400 10 2")
        assert info(console)["errors"] >= 3
        console.quit()


@pytest.mark.config("defconfig_hello_unix")
def test_a_file_that_shrinks(disk_image, file):
    with start(disk_image, "unix", file) as guest:
        console = Console(guest)
        console.do("write 0 1000 1")
        os.truncate(file, 500 * 512)
        assert console.ask("read 0 1000 1") == "-5"
        console.do("read 0 500 1")
        console.quit()


@pytest.mark.parametrize("memory", ["64M", "3G"])
@pytest.mark.parametrize("way", QEMU)
def test_the_initial_ram_disk(disk_image, tmp_path, way, memory):
    """The page allocator leaves it out, wherever it lies: also beyond the first page tables of the image."""
    path = tmp_path / "initrd"
    path.write_bytes(pattern(0, 9001, 4, 512) + b"rest")
    image = disk_image(target(way), {"DISK_INITRD": "y"})
    with Guest(qemu_command(image, way, memory, extra=["-initrd", path])) as guest:
        console = Console(guest)
        assert info(console)["sectors"] == 9001
        console.do("read 0 9001 4")
        console.do("cache 7 500 8")
        console.do("cached 7 500 8")
        console.do("read 0 56 4")
        console.do("read 4056 4945 4")
        console.quit()
    path.write_bytes(bytes(511))
    for extra in ([], ["-initrd", path]):
        with Guest(qemu_command(image, way, memory, extra=extra)) as guest:
            guest.wait_for("start the machine with -initrd")


@pytest.mark.parametrize("way", [*QEMU, UNIX])
def test_a_disk_in_the_image(disk_image, output, way):
    """The disk is larger than the reach of one instruction, where code is compiled for that."""
    path = os.path.join(output, "embedded.img")
    with open(path, "wb") as made:
        made.write(pattern(0, 6000, 2, 512))
    image = disk_image(target(way), {"DISK_EMBEDDED": "y", "DISK_IMAGE": f'"{path}"'})
    with Guest([image] if way == "unix" else qemu_command(image, way)) as guest:
        console = Console(guest)
        assert (info(console)["sectors"], info(console)["read_only"]) == (6000, 1)
        console.do("read 0 6000 2")
        console.do("cached 0 38 2")
        assert console.ask("write 0 1 2") == "-30"
        console.quit()


@pytest.mark.parametrize("way", params.machines("hello", "microvm", "q35"))
def test_of_two_disks_the_first_is_taken(disk_image, tmp_path, way):
    """In the order of QEMU's command line, whichever way the machine fills its places."""
    words = []
    for name, sectors in ("first", 300), ("second", 500):
        path = tmp_path / name
        path.write_bytes(bytes(sectors * 512))
        words += drive(path, way, name=name)
    with Guest(qemu_command(disk_image(target(way)), way, extra=words)) as guest:
        console = Console(guest)
        assert info(console)["sectors"] == 300
        console.quit()


@pytest.mark.parametrize("way", QEMU)
def test_a_machine_without_a_disk(disk_image, way):
    with Guest(qemu_command(disk_image(target(way)), way)) as guest:
        guest.wait_for("error virtio-blk: .*add a virtio-blk device")


@pytest.mark.long
@pytest.mark.parametrize("config", params.guests("hello"))
def test_a_disk_of_xen(disk_image, file, namespace, config):
    """Through dom0's block backend, with all its features: the guest's writes are in the file, even if dom0's driver
    leaves and comes again meanwhile."""
    out = os.path.dirname(disk_image(config.removeprefix("defconfig_hello_")))
    with xen.running(namespace.enter, netdev=None, disk=(str(file), False), cpu=cpus.cpu_of(config).folder) as emulated:
        guest = emulated.create(out, f"disk={xl.disk('/dev/vda', False)}")
        console = Console(guest)
        found = info(console)
        assert (found["sectors"], found["bytes"], found["read_only"]) == (ODD_BYTES // 512, 512, 0)
        assert found["caches"] and found["discards"]
        console.do("write 3 20000 4")
        console.do("read 3 20000 4")
        console.do(f"write {found['sectors'] - 2} 2 6")
        assert console.ask(f"write {found['sectors'] - 1} 2 6") == "-22"
        console.do("cache 3000 500 11")
        console.do("cached 3000 500 11")
        guest.write("write 3 20000 5\n")
        emulated.run(xen.rebind("vbd"))
        guest.wait_for(r"device/vbd/.* connected=true\n(.*\n)*write 0$", after=console.at)
        console.do("flush 0")
        full = os.stat(file).st_blocks
        console.do("discard 4096 8192")
        console.do("flush 0")
        console.do("read 3 4093 5")
        console.do("read 12288 7715 5")
        assert info(console)["errors"] == 0
        console.quit()
        assert guest.wait_end() == xen.POWEROFF
        assert full - os.stat(file).st_blocks >= 8192 - 64
        assert part(file, 4096, 8192, 512) == bytes(8192 * 512)
        emulated.run("dd if=/dev/zero of=/dev/vda bs=512 count=1 conv=fsync 2>/dev/null")
        read_only = emulated.create(out, f"disk={xl.disk('/dev/vda', True)}", name="read_only")
        console = Console(read_only)
        assert info(console)["read_only"] == 1
        assert console.ask("write 3 1 6") == "-30"
        console.do("read 3 1 5")
        console.quit()
    assert part(file, 0, 4096, 512) == bytes(3 * 512) + pattern(3, 4093, 5, 512)
    assert part(file, 24000, 4000, 512) == pattern(24000, 4000, 11, 512)
    assert part(file, ODD_BYTES // 512 - 2, 2, 512) == pattern(ODD_BYTES // 512 - 2, 2, 6, 512)


# -- the runners --

def runner(script, image, disk, text, **environment):
    """The script's output, and its status."""
    done = subprocess.run([os.path.join(build.TREE, "scripts", script), image], input=text, text=True, timeout=300,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False,
                          env={**build.clean_environment(), "ACCEL": "tcg", "DISK": str(disk), **environment})
    return done.stdout, done.returncode


@pytest.mark.config("defconfig_hello_unix")
def test_run_unix_takes_a_disk(disk_image, file):
    image = disk_image("unix")
    said, status = runner("run-unix", image, file, "write 0 9 1\nquit\n")
    assert status == 0 and "\nwrite 0\n" in said, said
    assert part(file, 0, 9, 512) == pattern(0, 9, 1, 512)
    said, status = runner("run-unix", image, f"{file},ro", "write 0 9 1\nread 0 9 1\nquit\n")
    assert status == 0 and "\nwrite -30\nread 0\n" in said, said


@pytest.mark.config("defconfig_hello_qemu")
def test_run_qemu_takes_a_disk(disk_image, tmp_path):
    path = tmp_path / "a,b.img"
    path.write_bytes(pattern(0, 100, 3, 512))
    command = [os.path.join(build.TREE, "scripts", "run-qemu"), disk_image("qemu")]
    for disk, answer in ((str(path), "0"), (f"{path},ro", "-30")):
        with Guest(command, environment={"ACCEL": "tcg", "DISK": disk}) as guest:
            console = Console(guest)
            console.do("read 0 100 3")
            assert console.ask("write 0 1 3") == answer
            console.quit()


@pytest.mark.parametrize("kind", [pytest.param(one, marks=pytest.mark.config(f"defconfig_hello_{one}"))
                                  for one in ("qemu", "unix")])
def test_runners_say_what_is_wrong_with_a_disk(disk_image, tmp_path, kind):
    image = disk_image(kind)
    for disk, complaint in (("", "DISK=path names one"), (tmp_path / "none", "none: no such file or directory"),
                            (tmp_path, "neither a file nor a block device")):
        said, status = runner(f"run-{kind}", image, disk, "")
        assert status == 1 and complaint in said, said
