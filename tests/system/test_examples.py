# SPDX-License-Identifier: ISC
"""The applications shown in the README and on the site build unchanged, and do what the text says."""
import html
import os
import re
import subprocess

import pytest

from rig import build, cpus, params, server
from rig.guest import GUEST_IP, Guest, qemu_command, tap_netdev
from test_make import copy_tree


def read(path):
    with open(os.path.join(build.TREE, path), encoding="utf-8") as file:
        return file.read()


def example(path):
    """The code in a README."""
    return re.search(r"```c\n(.*?)```", read(path), re.DOTALL).group(1)


def build_example(folder, code, defconfig):
    """The image of an application outside the tree with this code."""
    app = folder / "first"
    build.make("new-app", f"NAME={app}")
    (app / "main.c").write_text(code)
    build.make(f"O={folder / 'out'}", f"APP={app}", defconfig, "all")
    return folder / "out" / "image"


@pytest.mark.config("defconfig_hello_unix")
def test_the_sites(tmp_path):
    page = read("apps/www/htdocs/start.html")
    code = html.unescape(re.search(r"<code>(#include.*?)</code>", page, re.DOTALL).group(1))
    assert len([line for line in code.splitlines() if line]) == 10, "ten lines, say site and README"
    assert code.strip() == example("README.md").strip()
    image = build_example(tmp_path, code, "defconfig_hello_unix")
    done = subprocess.run([image], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True, timeout=60, check=False)
    assert done.returncode == 0 and "\nHello!\n" in done.stdout, done.stdout


@pytest.mark.parametrize("way", params.ways("microvm", "unix-socket", *cpus.others(first=True)))
def test_the_skeletons(namespace, tmp_path, way):
    """The same source as a virtual machine and over the host's sockets."""
    code = example("apps/skeleton/README.md")
    defconfig, machine, _ = server.WAYS[way]
    image = build_example(tmp_path, code, defconfig)
    if machine:
        namespace.tap()
    with Guest(qemu_command(image, machine, netdev=tap_netdev()) if machine else [image], namespace) as guest:
        guest.wait_for(" up boot_us=")
        answer = namespace.run(["curl", "--silent", "--show-error", "--max-time", "60", "--retry", "5",
                                f"http://{GUEST_IP if machine else '127.0.0.1'}/any/path"], timeout=90)
        assert answer.stdout == "Hello from the bare machine.\n"


@pytest.mark.long
def test_the_first_application_passes_the_check(tmp_path, need):
    """Following the README leaves nothing for "make check" to complain of; a missing budget does."""
    need("kconfig-conf")
    tree = copy_tree(tmp_path / "tree")
    build.make("new-app", "NAME=first", tree=tree)
    source = tmp_path / "tree" / "apps" / "first" / "main.c"
    source.write_text("".join(source.read_text().splitlines(keepends=True)[:2]) + example("README.md"))

    def check():
        return subprocess.run(["scripts/check", str(tmp_path / "work")], cwd=tree, stdout=subprocess.PIPE, text=True,
                              stderr=subprocess.STDOUT, env=build.clean_environment(), timeout=600, check=False)
    done = check()
    assert done.returncode == 0, done.stdout
    budgets = tmp_path / "tree" / "tests" / "budgets"
    budgets.write_text(re.sub("(?m)^defconfig_hello_unix .*\n", "", budgets.read_text()))
    done = check()
    assert done.returncode != 0 and "list different configurations" in done.stdout, done.stdout
