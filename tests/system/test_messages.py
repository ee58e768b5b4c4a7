# SPDX-License-Identifier: ISC
"""Users' mistakes are reported in one clear line that names them."""
import os
import shutil
import socket
import subprocess

import pytest

from rig import build
from rig.namespace import Namespace
from test_make import copy_tree


def fails(*words, **how):
    done = build.make(*words, check=False, **how)
    assert done.returncode != 0, done.stdout
    assert "Traceback" not in done.stdout, done.stdout
    return done.stdout


def tools_without(folder, *missing):
    """A PATH that has all tools but these."""
    folder.mkdir()
    for where in os.environ["PATH"].split(":") + ["/usr/sbin", "/sbin"]:
        if os.path.isdir(where):
            for name in os.listdir(where):
                target = folder / name
                if name not in missing and not target.exists() and not target.is_symlink():
                    target.symlink_to(os.path.join(where, name))
    return str(folder)


def test_a_space_in_the_output_folder(tmp_path):
    said = fails(f"O={tmp_path}/with space", "defconfig_hello_qemu")
    assert "space" in said and len(said.splitlines()) <= 2, said


@pytest.mark.parametrize("name", ["a;{}", "a`{}`", "a$({})", "a$(shell {})", "a'{}'", 'a"{}"', "a&{}", "a|{}", "a\n{}",
                                  "a#b", "a:b", "a$b", "a,b", "a=b", "a%b", "a*b", "a(b", "a)b", "a\\b", "~/a", ""])
@pytest.mark.parametrize("variable", ["O", "WWW_DIR", "APP", "NAME"])
def test_what_a_shell_would_read_in_a_path(tmp_path, variable, name):
    """Refused in one line, by the command line and by the environment, and never carried out."""
    if not name and variable != "O":
        return  # as good as not given
    evil = tmp_path / "evil"
    value = name.format(f"touch {evil}")
    words = [] if variable == "O" else [f"O={tmp_path / 'out'}"]
    words.append("new-app" if variable == "NAME" else "defconfig_hello_qemu")
    for said in (fails(f"{variable}={value.replace('$', '$$')}", *words), fails(f"{variable}={value}", *words),
                 fails(*words, environment={variable: value}) if name else ""):
        assert not said or f'{variable}="' in said and "cannot be used" in said and len(said.splitlines()) == 1, said
    assert not evil.exists()


def test_what_a_shell_would_read_in_the_configuration(tmp_path):
    evil = tmp_path / "evil"
    out = tmp_path / "out"
    build.make(f"O={out}", "defconfig_www_qemu")
    for value in (f"a$(shell touch {evil})", f"a`touch {evil}`", f"a;touch {evil}", "a'b", "a#b"):
        build.set_options(out, {"WWW_DIR": f'"{value}"'})
        said = fails(f"O={out}")
        assert "WWW_DIR=" in said and "cannot be used" in said, said
        assert not evil.exists()


def test_an_application_outside_the_tree_that_is_nowhere(tmp_path):
    build.make(f"O={tmp_path}", "defconfig_www_qemu")
    build.set_options(tmp_path, {"APP_WWW": "n", "APP_EXTERNAL": "y"})
    assert 'APP=""' in fails(f"O={tmp_path}")
    assert "no Makefile" in fails(f"O={tmp_path}", f"APP={tmp_path}")


@pytest.mark.parametrize("option,value", [
    ("NET_ADDRESS", "10.0.0.2"), ("NET_ADDRESS", ""), ("NET_ADDRESS", "10.0.0.256/24"), ("NET_ADDRESS", "fe80::1/64"),
    ("NET_GATEWAY", "10.0.1.1"), ("NET_GATEWAY", "gate")])
def test_an_address_that_is_none(tmp_path, option, value):
    build.make(f"O={tmp_path}", "defconfig_www_qemu")
    build.set_options(tmp_path, {option: f'"{value}"'})
    said = fails(f"O={tmp_path}")
    assert f'{option}="{value}"' in said, said
    assert not (tmp_path / "kernel").exists(), "something was compiled"
    build.set_options(tmp_path, {"NET_ADDRESS": '"10.0.1.2/24"', "NET_GATEWAY": '""'})
    build.make(f"O={tmp_path}", f"{tmp_path}/config.h")


@pytest.mark.parametrize("value", ["0", "abc", "-1", "99999999999999999999", "0x10"])
def test_a_number_that_cannot_be(tmp_path, value):
    """The build goes on with the default, and says so."""
    build.make(f"O={tmp_path}", "defconfig_www_qemu")
    default = build.configuration(tmp_path)["TCP_CONNECTIONS"]
    build.set_options(tmp_path, {"TCP_CONNECTIONS": value})
    said = build.make(f"O={tmp_path}", f"{tmp_path}/config.h").stdout
    line = f"kconfig: TCP_CONNECTIONS={value} is no number from 1 to "
    assert said.count(line) == 1 and f": {default} is taken\n" in said, said
    assert build.configuration(tmp_path)["TCP_CONNECTIONS"] == default


def test_an_output_folder_over_the_tree(tmp_path):
    """The folder that clean would remove must not be the tree, nor contain it."""
    tree = copy_tree(tmp_path / "tree")
    for out in (".", tree, "..", str(tmp_path), "/"):
        assert "holds the tree" in fails(f"O={out}", "clean", tree=tree)
    assert os.path.exists(os.path.join(tree, "Makefile"))


def test_an_output_folder_among_the_sources(tmp_path):
    tree = copy_tree(tmp_path / "tree")
    (tmp_path / "link").symlink_to(os.path.join(tree, "docs"))
    before = sorted(os.walk(tree))
    folders = [name for name in os.listdir(tree) if os.path.isdir(os.path.join(tree, name))]
    for out in (*folders, ".git", "apps/www", "net/new", "./docs/", tmp_path / "link"):
        for goal in ("clean", "defconfig_hello_unix"):
            assert "is for sources" in fails(f"O={out}", goal, tree=tree)
    assert sorted(os.walk(tree)) == before


def test_clean_removes_only_what_a_build_made(tmp_path):
    """A folder that held something before is built in, and stays."""
    for name in ("new", "empty", "theses"):
        if name != "new":
            (tmp_path / name).mkdir()
        if name == "theses":
            (tmp_path / name / "thesis.txt").write_text("four years")
        build.make(f"O={tmp_path / name}", "defconfig_hello_unix")
    for name in ("new", "empty"):
        build.make(f"O={tmp_path / name}", "clean")
        build.make(f"O={tmp_path / name}", "clean")
        assert not (tmp_path / name).exists()
    assert "not removed" in fails(f"O={tmp_path / 'theses'}", "clean")
    assert (tmp_path / "theses" / "thesis.txt").read_text() == "four years"


def test_an_output_folder_that_cannot_be_written(tmp_path):
    (tmp_path / "file").write_text("")
    said = fails(f"O={tmp_path / 'file' / 'out'}", "defconfig_hello_unix")
    assert "cannot be written" in said and len(said.splitlines()) == 1, said


def test_a_space_in_the_trees_path(tmp_path):
    tree = copy_tree(tmp_path / "my tree")
    said = fails("help", tree=tree)
    assert "space" in said and len(said.splitlines()) <= 2, said


def test_a_space_in_a_sites_path(tmp_path):
    site = tmp_path / "my site"
    site.mkdir()
    (site / "index.html").write_text("x")
    said = fails(f"O={tmp_path / 'out'}", f"WWW_DIR={site}", "defconfig_www_qemu", "all")
    assert "space" in said, said


def test_no_kconfiglib(tmp_path):
    """Every interpreter finds a kconfiglib that cannot be imported, as if there were none."""
    (tmp_path / "kconfiglib.py").write_text("raise ImportError('hidden by the test')\n")
    said = fails(f"O={tmp_path / 'out'}", "defconfig_hello_qemu", environment={"PYTHONPATH": str(tmp_path)})
    assert "python3-kconfiglib" in said, said


def test_an_unknown_defconfig(tmp_path):
    said = fails(f"O={tmp_path}", "defconfig_nothing_at_all")
    assert "defconfig_nothing_at_all" in said and "defconfig_www_qemu" in said, said


def test_a_seed_that_is_none(tmp_path):
    said = fails(f"O={tmp_path}", "randconfig", "SEED=seven")
    assert "SEED=seven" in said and "number" in said, said


def musl_cache(tmp_path):
    """A cache that holds a tarball with one changed byte, under the name that scripts/musl looks for."""
    cache = tmp_path / "cache"
    cache.mkdir()
    version = subprocess.run(["sed", "-n", "s/^version=//p", "scripts/musl"], cwd=build.TREE, check=True,
                             stdout=subprocess.PIPE, text=True).stdout.strip()
    (cache / f"musl-{version}.tar.gz").write_bytes(b"not musl")
    return cache


def test_no_compiler(tmp_path):
    said = fails(f"O={tmp_path}", "CC=no-such-compiler", "defconfig_hello_qemu", "all")
    assert "no compiler 'no-such-compiler'" in said, said


def test_no_compiler_for_another_cpu(tmp_path):
    path = tools_without(tmp_path / "bin", "aarch64-linux-gnu-gcc", "aarch64-linux-gnu-objcopy")
    said = fails(f"O={tmp_path / 'out'}", "defconfig_hello_qemu_arm64", "all", environment={"PATH": path})
    assert "no compiler for aarch64: scripts/setup build aarch64 installs one" in said, said


def test_a_space_in_the_cache(tmp_path):
    said = fails(f"O={tmp_path}", "defconfig_hello_qemu", "all", environment={"VIRGA_CACHE": f"{tmp_path}/my cache"})
    assert "VIRGA_CACHE=" in said and "space" in said, said


def test_nowhere_to_fetch_musl_from(tmp_path):
    """In a namespace without a network: the message says where to put the file."""
    cache = tmp_path / "cache"
    with Namespace() as namespace:
        done = namespace.run(["scripts/musl", "unix"], check=False, timeout=300, cwd=build.TREE,
                             env={**build.clean_environment(), "VIRGA_CACHE": str(cache)})
    said = done.stdout + done.stderr
    assert done.returncode != 0 and "cannot be fetched" in said and f"put it at {cache}/musl-" in said, said
    assert not [name for name in os.listdir(cache) if name.startswith("build.")], "something is left behind"


def test_a_wrong_musl_stops_the_build(tmp_path):
    cache = musl_cache(tmp_path)
    out = f"O={tmp_path / 'out'}"
    said = fails(out, "defconfig_hello_qemu", "all", environment={"VIRGA_CACHE": str(cache)})
    assert "SHA-256" in said and str(cache) in said, said
    assert not os.path.exists(tmp_path / "out" / "image")


def test_a_site_file_that_cannot_be_read(tmp_path):
    """A dangling link stands for it: mode 000 does not stop root."""
    site = tmp_path / "site"
    site.mkdir()
    (site / "index.html").write_text("x")
    (site / "secret.html").symlink_to(tmp_path / "nowhere")
    said = fails(f"O={tmp_path / 'out'}", f"WWW_DIR={site}", "defconfig_www_qemu", "all")
    assert "secret.html" in said, said
    if os.geteuid() != 0:
        (site / "secret.html").unlink()
        (site / "closed.html").write_text("x")
        (site / "closed.html").chmod(0)
        assert "closed.html" in fails(f"O={tmp_path / 'out'}", f"WWW_DIR={site}")


def test_no_site(tmp_path):
    said = fails(f"O={tmp_path / 'out'}", f"WWW_DIR={tmp_path / 'nowhere'}", "defconfig_www_qemu", "all")
    assert "nowhere" in said, said
    said = fails(f"O={tmp_path / 'none'}", f"WWW_DIR={tmp_path}", "defconfig_hello_qemu", "all")
    assert f"WWW_DIR={tmp_path}: this image has no files" in said, said


def test_no_qemu(tmp_path, builder):
    """The run script itself; make qemu-run would install what is missing first."""
    out = builder.build("defconfig_www_qemu")
    path = tools_without(tmp_path / "bin", "qemu-system-x86_64")
    done = run_script("run-qemu", out, environment={"PATH": path})
    assert done.returncode != 0
    assert "qemu-system-x86" in done.stdout and "install" in done.stdout, done.stdout


def starts_compiling_nothing(out, environment):
    """The first words of a run that fails before compiling."""
    lines = fails(f"O={out}", "run", environment=environment).splitlines()
    assert not [line for line in lines if line.startswith(("CC ", "BUILD ", "LINK "))], lines
    return [line for line in lines if line.startswith("run: ")][0]


@pytest.mark.parametrize("missing,defconfig,said", [
    ("qemu-system-x86_64", "defconfig_www_qemu", "qemu-system-x86_64 is not installed: scripts/setup run x86_64"),
    ("qemu-aarch64", "defconfig_www_unix", "qemu-aarch64 is not installed: scripts/setup unix aarch64")])
def test_without_an_emulator_nothing_is_compiled(tmp_path, missing, defconfig, said):
    out = tmp_path / "out"
    build.make(f"O={out}", defconfig)
    if missing == "qemu-aarch64":
        build.set_options(out, {"CPU_AARCH64": "y"})
        build.make(f"O={out}", "olddefconfig")
    path = tools_without(tmp_path / "bin", missing)
    assert starts_compiling_nothing(out, {"PATH": path}).startswith(f"run: {said}")


@pytest.mark.parametrize("defconfig,wrong", [
    ("defconfig_www_qemu_fat", [
        ("OPTIONS", 'name="Big', "OPTIONS="),
        ("OPTIONS", "'a=\"'", "a machine's start option cannot hold a double quote"),
        ("OPTIONS", "ip=10.0.0.2", "ip=10.0.0.2: write an address and the prefix length"),
        ("OPTIONS", "port=80x", "port=80x is no port"),
        ("QEMU_EXTRA", "'-device", "QEMU_EXTRA='-device: no closing quotation"),
        ("HOST_PORT", "80x", "HOST_PORT=80x is no port"),
        ("NET_TAP", "nope7", "there is no interface nope7"),
        ("DISK", "/nonexistent", "DISK=/nonexistent: no such file"),
        ("DISK", "/dev/null,ro", "DISK=/dev/null,ro: neither a file nor a block device"),
        ("ACCEL", "hvf", "ACCEL=hvf: choose kvm or tcg"),
        ("MEM", "much", "MEM=much is no amount of memory")]),
    ("defconfig_www_unix", [("OPTIONS", 'name="Big', "OPTIONS="), ("NET_TAP", "nope7", "there is no interface nope7")]),
    ("defconfig_www_unix_socket", [("HOST_PORT", "80x", "HOST_PORT=80x is no port")]),
    ("defconfig_www_xen", [("MEM", "4M", "MEM=4M: xl counts in MiB"),
                           ("NET_TAP", "nope7", "there is no interface nope7")])])
def test_what_cannot_run_is_not_compiled(tmp_path, defconfig, wrong):
    """Make asks the runner first, which prints only the complaint, and does not complain of a missing disk that the
    build would make."""
    runner = f"run-{defconfig.split('_')[2]}"
    build.make(f"O={tmp_path}", defconfig)
    for name, value, said in wrong:
        done = run_script(runner, tmp_path, {name: value}, words=["--check"])
        assert done.returncode == 1 and done.stdout.startswith(f"run: {said}"), done
    assert starts_compiling_nothing(tmp_path, {name: value}).startswith(f"run: {said}")
    done = run_script(runner, tmp_path, {"OPTIONS": "log=warn"}, words=["--check"])
    assert defconfig == "defconfig_www_unix" or (done.returncode, done.stdout) == (0, ""), done


HOST_SIDES = [
    ("", "10.0.0.1/24"), ("ip=192.168.7.2/28", "192.168.7.1/28"), ("ip=192.168.7.1/28", "192.168.7.2/28"),
    ("ip=172.16.0.9/16 gw=172.16.255.254", "172.16.255.254/16"), ("gw=10.0.0.77", "10.0.0.77/24"),
    ("dhcp", "10.0.0.1/24"), ("ip=nonsense", "10.0.0.1/24")]


def test_the_tap_that_is_missing_gets_the_images_gateway(tmp_path):
    build.make(f"O={tmp_path}", "defconfig_www_unix")
    for options, said in HOST_SIDES:
        done = run_script("run-unix", tmp_path, {"NET_TAP": "nope7", "OPTIONS": options}, words=["--check"])
        assert done.returncode == 1, done
        assert f"    sudo ip addr add {said} dev nope7 && sudo ip link set nope7 up\n" in done.stdout, done.stdout


def run_script(name, out, environment=None, timeout=60, words=()):
    script = os.path.join(build.TREE, "scripts", name)
    return subprocess.run([script, *words, os.path.join(out, "image")], stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=timeout,
                          check=False, cwd=build.TREE,
                          env={**build.clean_environment(), **(environment or {})})


@pytest.mark.config("defconfig_www_unix_socket")
def test_a_taken_port_of_the_socket_stack(builder):
    image = os.path.join(builder.build("defconfig_www_unix_socket"), "image")
    with socket.socket() as taken:
        taken.bind(("0.0.0.0", 0))
        taken.listen()
        port = taken.getsockname()[1]
        done = subprocess.run([image, f"port={port}"], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True, timeout=60, check=False)
    assert done.returncode != 0
    assert str(port) in done.stdout and ("in use" in done.stdout or "taken" in done.stdout), done.stdout


@pytest.mark.config("defconfig_www_unix")
def test_no_right_to_open_a_tap(builder, namespace):
    """As user "nobody", on a tap of another user: the message has the two commands that mend it."""
    image = os.path.join(builder.build("defconfig_www_unix"), "image")
    if os.geteuid() == 0:
        # where user "nobody" can read it
        copy = shutil.copy(image, "/tmp/virga-test-%d" % os.getpid())
        os.chmod(copy, 0o755)
        words = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", copy]
    else:
        copy, words = None, [image]
    try:
        done = namespace.run(words, check=False, timeout=60) if copy else \
            subprocess.run(words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False, timeout=60)
    finally:
        if copy:
            os.unlink(copy)
    said = done.stdout + (done.stderr or "")
    assert done.returncode != 0
    assert "ip tuntap add" in said and "ip addr add" in said, said
