# SPDX-License-Identifier: ISC
"""Every shipped configuration builds, and the image is of the right kind."""
import os
import re
import subprocess

import pytest

from rig import build, cpus, dhcp, params
from rig.guest import GUEST_IP, Guest, drive, qemu_command, tap_netdev
from rig.namespace import Namespace

DEFCONFIGS = [params.marked(name, name) for name in build.defconfigs()]


def readelf(*words):
    return subprocess.run(["readelf", "-W", *words], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                          check=True).stdout


def test_there_are_defconfigs():
    assert {"defconfig_hello_qemu", "defconfig_www_qemu", "defconfig_www_unix",
            "defconfig_www_unix_socket"} <= set(build.defconfigs())


@pytest.mark.parametrize("target", ["qemu", "xen"])
def test_each_cpu_has_them_all(target):
    """A CPU with one shipped application has all those of x86-64 in a virtual machine; a user's own configurations
    have no budget, and do not count."""
    shipped = set(build.defconfigs())
    with open(os.path.join(build.TREE, "tests", "budgets"), encoding="utf-8") as file:
        usual = re.findall(rf"^(defconfig_\w+_{target}(?:_\w+)?) ", file.read(), re.MULTILINE)
    for cpu in cpus.CPUS:
        if f"defconfig_hello_{target}_{cpu.name}".rstrip("_") in shipped:
            wanted = {re.sub(f"_{target}(?=_|$)", f"_{target}_{cpu.name}".rstrip("_"), name)
                      for name in usual if cpus.cpu_of(name) is cpus.USUAL}
            assert wanted <= shipped, wanted - shipped


def check_segments(elf):
    """A static executable; no segment is both writable and executable."""
    header, segments = readelf("-h", elf), readelf("-l", elf)
    assert re.search(r"Type: +EXEC", header)
    assert "INTERP" not in segments and "DYNAMIC" not in segments
    loads = re.findall(r"^\s*LOAD\s+(?:\S+\s+){5}([RWE ]{3})", segments, re.MULTILINE)
    assert loads and not [flags for flags in loads if "W" in flags and "E" in flags], segments


def check_lines(elf):
    """A backtrace finds the file of every function; only assembly's labels outside functions have none."""
    symbols = subprocess.run(["nm", elf], stdout=subprocess.PIPE, text=True, check=True).stdout
    addresses = re.findall(r"^([0-9a-f]+) [tT] ", symbols, re.MULTILINE)
    places = subprocess.run(["addr2line", "-e", elf], input="\n".join(addresses), stdout=subprocess.PIPE, text=True,
                            check=True).stdout
    assert len(re.findall(r"\.[chS]:\d+", places)) > len(addresses) / 2 and "<artificial>" not in places, places


def check_floats(elf):
    """Floating-point numbers are passed in floating-point registers, in every linked object."""
    attributes = readelf("-A", elf)
    assert "Tag_ABI_VFP_args: VFP registers" in attributes and "Tag_FP_arch: VFPv3-D16" in attributes, attributes
    assert "hard-float ABI" in readelf("-h", elf)


@pytest.mark.parametrize("name", DEFCONFIGS)
def test_builds_an_image_of_its_kind(builder, name):
    out, cpu = builder.build(name), cpus.cpu_of(name)
    image, debug = os.path.join(out, "image"), os.path.join(out, "image.debug")
    assert os.path.getsize(os.path.join(out, "image.map")) > 0
    check_segments(debug)
    check_lines(debug)
    assert ".symtab" in readelf("-S", debug)
    if cpu.folder == "armv7":
        check_floats(debug)
    on = build.configuration(out)
    assert on["CPU"] == cpu.folder
    if "MACHINE" in on and cpu.magic:
        with open(image, "rb") as file:
            head = file.read(64)
        assert head[cpu.magic[0]:].startswith(cpu.magic[1]), head
        return
    check_segments(image)
    assert "There are no" in readelf("-s", image) or ".symtab" not in readelf("-S", image)
    if "TARGET_UNIX" not in on:
        # XEN_ELFNOTE_PHYS32_ENTRY: the PVH entry that QEMU and Xen look for
        assert re.search(r"^\s*Xen\s+0x\w+\s+.*0x0*12\b", readelf("-n", image), re.MULTILINE), readelf("-n", image)
    else:
        assert subprocess.run([image, "no-such-option=1"], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              timeout=60, check=False).returncode != 0


@pytest.mark.parametrize("name", DEFCONFIGS)
def test_defconfig_is_what_savedefconfig_writes(tmp_path, name):
    """A defconfig holds only what differs from the defaults."""
    build.make(f"O={tmp_path}", name)
    build.make(f"O={tmp_path}", "savedefconfig")

    def lines(path):
        with open(path, encoding="utf-8") as file:
            return [line for line in file.read().splitlines() if line.startswith("CONFIG_") or " is not set" in line]
    assert lines(tmp_path / "defconfig") == lines(os.path.join(build.TREE, "configs", name))


def network_of(name, namespace, need, folder):
    """Makes a tap, with the servers at its other end that the configuration needs."""
    namespace.tap()
    if name.endswith("_dhcp"):
        need("dnsmasq")
        dhcp.SERVERS["dnsmasq"](namespace, folder)
        return dhcp.FIRST
    return GUEST_IP


# The shipped applications that are no web server: their output once they are up.
FIRST_WORDS = {"hello": "^Hello, world!$", "agent": "agent: ready$", "iperf": " up boot_us=", "resolve": " up boot_us=",
               "compose": " up boot_us=", "skeleton": " up boot_us="}


@pytest.mark.parametrize("name", [params.marked(name, name) for name in build.defconfigs()
                                  if cpus.cpu_of(name) is not cpus.USUAL and "_qemu" in name])
def test_starts_and_answers(builder, need, tmp_path, name):
    """The first answer of each application for each other CPU, on every machine."""
    out, app = builder.build(name), name.split("_")[1]
    for machine in [one for one, way in cpus.MACHINES.items() if way.cpu is cpus.cpu_of(name)]:
        with Namespace() as namespace:
            host = network_of(name, namespace, need, tmp_path)
            extra = drive(os.path.join(out, "disk.img"), machine, ",readonly=on") if name.endswith("_fat") else []
            command = qemu_command(os.path.join(out, "image"), machine, netdev=tap_netdev(), extra=extra)
            with Guest(command, namespace) as guest:
                guest.wait_for(FIRST_WORDS.get(app, " up boot_us="), 120)
                if app not in FIRST_WORDS:
                    page = namespace.run(["curl", "--silent", "--show-error", "--fail", "--max-time", "60",
                                          f"http://{host}/"], timeout=90).stdout
                    assert page, guest.tail()
