# SPDX-License-Identifier: ISC
"""musl over posix/: tests/posix is an application that tries what the C library needs."""
import os

import pytest

from rig import build
from rig.guest import BOOT_SECONDS, Guest, qemu_command


@pytest.mark.config("defconfig_hello_qemu")
@pytest.mark.parametrize("target", ["qemu", "unix"])
def test_the_c_library_has_what_it_needs(tmp_path, target):
    app = f"APP={os.path.join(build.TREE, 'tests', 'posix')}"
    build.make(f"O={tmp_path}", app, f"defconfig_hello_{target}")
    build.make(f"O={tmp_path}", app, "configure", environment={"NET": "none"})
    build.set_options(tmp_path, {"LOG_UP_TO_DEBUG": "y"})
    build.make(f"O={tmp_path}", app, "olddefconfig")
    build.make(f"O={tmp_path}", app)
    image = tmp_path / "image"
    with Guest(qemu_command(image, options="log=debug") if target == "qemu" else [image, "log=debug"]) as guest:
        verdict = guest.wait_for(r"posix: (\d+) passed, (\d+) failed", BOOT_SECONDS)
        assert verdict.group(2) == "0" and int(verdict.group(1)) >= 16, guest.console
        # open, which is called twice
        assert guest.console.count("debug posix: missing call=2\n") == (target == "qemu"), guest.console
