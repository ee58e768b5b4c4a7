# SPDX-License-Identifier: ISC
"""Every shipped configuration builds, and what comes out is of the right kind."""
import os
import re
import subprocess

import pytest

from rig import build

DEFCONFIGS = [pytest.param(name, marks=pytest.mark.config(name)) for name in build.defconfigs()]


def readelf(*words):
    return subprocess.run(["readelf", "-W", *words], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                          check=True).stdout


def test_there_are_defconfigs():
    assert {"defconfig_hello_qemu", "defconfig_www_qemu", "defconfig_www_unix",
            "defconfig_www_unix_socket"} <= set(build.defconfigs())


@pytest.mark.parametrize("name", DEFCONFIGS)
def test_builds_an_image_of_its_kind(builder, name):
    out = builder.build(name)
    image, debug = os.path.join(out, "image"), os.path.join(out, "image.debug")
    assert os.path.getsize(os.path.join(out, "image.map")) > 0
    header, segments = readelf("-h", image), readelf("-l", image)
    assert "ELF64" in header and "EXEC (Executable file)" in header
    assert "INTERP" not in segments and "DYNAMIC" not in segments
    loads = re.findall(r"^\s*LOAD\s+(?:\S+\s+){5}([RWE ]{3})", segments, re.MULTILINE)
    assert loads and not [flags for flags in loads if "W" in flags and "E" in flags], segments
    assert "There are no" in readelf("-s", image) or ".symtab" not in readelf("-S", image)
    assert ".symtab" in readelf("-S", debug)
    on = build.configuration(out)
    if "TARGET_QEMU" in on:
        # XEN_ELFNOTE_PHYS32_ENTRY: the PVH entry that QEMU looks for
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
