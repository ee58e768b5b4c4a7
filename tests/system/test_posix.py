# SPDX-License-Identifier: ISC
"""musl over posix/: tests/posix is an application that tests all that the C library needs."""
import os
import re

import pytest

from rig import build, cpus, params
from rig.guest import BOOT_SECONDS, Guest, qemu_command


@pytest.mark.parametrize("way", params.machines("hello", "microvm", "unix", first=True))
def test_the_c_library_has_what_it_needs(tmp_path, way):
    config = "defconfig_hello_unix" if way == "unix" else cpus.defconfig("hello", way)
    app = f"APP={os.path.join(build.TREE, 'tests', 'posix')}"
    build.make(f"O={tmp_path}", app, config)
    build.make(f"O={tmp_path}", app, "configure", environment={"NET": "none"})
    build.set_options(tmp_path, {"LOG_UP_TO_DEBUG": "y"})
    build.make(f"O={tmp_path}", app, "olddefconfig")
    build.make(f"O={tmp_path}", app)
    image = tmp_path / "image"
    with Guest([image, "log=debug"] if way == "unix" else qemu_command(image, way, options="log=debug")) as guest:
        verdict = guest.wait_for(r"posix: (\d+) passed, (\d+) failed", BOOT_SECONDS)
        assert verdict.group(2) == "0" and int(verdict.group(1)) >= 16, guest.console
        # open, which is called twice, by its number on x86-64, ARM, and the rest
        said = re.findall(r"debug posix: missing call=(2|5|56)\n", guest.console)
        assert len(said) == (way != "unix"), guest.console
