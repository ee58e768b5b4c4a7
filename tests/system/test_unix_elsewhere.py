# SPDX-License-Identifier: ISC
"""Unix processes of other CPUs than the host's, run by qemu-user."""
import os
import re

import pytest

from rig import build, cpus, server
from rig.guest import GUEST_IP, Guest
from test_panic import FAULTS, faulty_app, names_of  # noqa: F401  pylint: disable=unused-import

pytestmark = pytest.mark.long
ELSEWHERE = [pytest.param(cpu, id=cpu.folder) for cpu in cpus.CPUS if cpu is not cpus.HOST]


def option(cpu):
    return {f"CPU_{cpu.folder.upper()}": "y"}


@pytest.fixture
def start(builder, need):
    """start(cpu, "defconfig_hello_unix", word…) builds a configuration for that CPU and runs it."""
    def started(cpu, config, *words, namespace=None, compiler="gcc"):
        if cpus.missing_compiler(cpu):
            pytest.skip(cpus.missing_compiler(cpu))
        out = builder.build(config, f"CC={compiler}", name=f"{config}_{cpu.folder}_{compiler}", options=option(cpu))
        return Guest([need(cpus.machines.Machines(cpu.folder).user), os.path.join(out, "image"), *words], namespace)
    return started


@pytest.mark.config("defconfig_hello_unix")
@pytest.mark.parametrize("cpu", ELSEWHERE)
def test_hello(start, cpu):
    with start(cpu, "defconfig_hello_unix", "name=Ada") as guest:
        guest.wait_for("^Hello, Ada!$")
        guest.write("a line\nquit\n")
        guest.wait_for("^You said: a line\n")
        assert guest.wait_end() == 0


def fetch_all(guest, namespace, root):
    guest.wait_for(" up boot_us=")
    for path in server.files_below(server.HTDOCS):
        body = namespace.run(["curl", "--silent", "--show-error", "--fail", "--max-time", "60", f"{root}/{path}"],
                             timeout=90, text=False).stdout
        with open(os.path.join(server.HTDOCS, path), "rb") as file:
            assert body == file.read(), path


@pytest.mark.config("defconfig_www_unix")
@pytest.mark.parametrize("cpu", ELSEWHERE)
def test_www_over_a_tap(start, namespace, cpu):
    namespace.tap()
    with start(cpu, "defconfig_www_unix", "tap=tap0", namespace=namespace) as guest:
        fetch_all(guest, namespace, f"http://{GUEST_IP}")


@pytest.mark.config("defconfig_www_unix_socket")
@pytest.mark.parametrize("compiler", ["gcc", "clang"])
@pytest.mark.parametrize("cpu", ELSEWHERE)
def test_www_over_host_sockets(start, namespace, cpu, compiler):
    with start(cpu, "defconfig_www_unix_socket", "port=8080", namespace=namespace, compiler=compiler) as guest:
        fetch_all(guest, namespace, "http://127.0.0.1:8080")


@pytest.mark.config("defconfig_hello_unix")
@pytest.mark.parametrize("cpu", ELSEWHERE)
def test_faults(builder, need, faulty_app, cpu):  # noqa: F811  pylint: disable=redefined-outer-name
    """Faults are named, with the CPU's registers and, on CPUs with chained frames, a backtrace."""
    emulator = need(cpus.machines.Machines(cpu.folder).user)
    if cpus.missing_compiler(cpu):
        pytest.skip(cpus.missing_compiler(cpu))
    out = builder.path(f"faulty-{cpu.folder}-unix")
    build.make(f"O={out}", f"APP={faulty_app}", "defconfig_hello_unix")
    build.set_options(out, {"NET_NONE": "y", **option(cpu)})
    build.make(f"O={out}", f"APP={faulty_app}", "olddefconfig")
    build.make(f"O={out}", f"APP={faulty_app}")
    for fault, (reason, function) in FAULTS.items():
        with Guest([emulator, os.path.join(out, "image"), f"fault={fault}"]) as guest:
            line = guest.wait_for(r"(?m)^panic: (.*)\n", 30).group(1)
            assert re.search(reason, line), line
            if fault not in ("panic", "stack-smash"):
                assert re.search(rf"\b{cpu.register}=[0-9a-f]{{8,16}}\b", guest.console), guest.console
            guest.wait_for(r"(?m)^backtrace:.*\n", 10)
            assert guest.wait_end(20) == 1
            if function and cpu.folder != "armv7":
                assert function in names_of(os.path.join(out, "image.debug"), guest.console), guest.console
