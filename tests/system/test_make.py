# SPDX-License-Identifier: ISC
"""The build: no output in the tree, exact dependencies, the same bytes, any configuration."""
import glob
import hashlib
import os
import platform
import re
import shutil
import subprocess
import xml.etree.ElementTree

import pytest

from rig import build, cpus, params


def digest(path):
    with open(path, "rb") as file:
        return hashlib.sha256(file.read()).hexdigest()


def copy_tree(to):
    """The tree as a checkout has it: what git tracks or would track, without the rest."""
    names = subprocess.run(["git", "-c", "safe.directory=*", "-C", build.TREE, "ls-files", "-z", "--cached", "--others",
                            "--exclude-standard"], stdout=subprocess.PIPE, check=True).stdout.decode().split("\0")
    for name in filter(None, names):
        source, target = os.path.join(build.TREE, name), os.path.join(to, name)
        if os.path.isfile(source):
            os.makedirs(os.path.dirname(target), exist_ok=True)
            shutil.copy2(source, target)
    return str(to)


def steps(output, kind="CC"):
    """Files that were compiled, from the quiet output."""
    return {line.split()[1] for line in output.splitlines() if line.split()[:1] == [kind]}


def test_nothing_to_do_does_nothing(tmp_path):
    """With any spelling of the folder, and any goal."""
    build.make(f"O={tmp_path}", "defconfig_hello_qemu")
    build.make(f"O={tmp_path}")
    before = {path: os.stat(path).st_mtime_ns for path in glob.glob(f"{tmp_path}/**/*.o", recursive=True)}
    assert len(before) > 10
    for words in ([f"O={tmp_path}"], [f"O={tmp_path}/"], [f"O={os.path.relpath(tmp_path, build.TREE)}"],
                  [f"O={tmp_path}/../{tmp_path.name}", f"{tmp_path}/image"]):
        again = build.make(*words).stdout
        assert not steps(again) and not steps(again, "LINK"), again
    assert before == {path: os.stat(path).st_mtime_ns for path in before}


def test_quiet_verbose_and_silent(tmp_path):
    """Without -j too: what make then has in MAKEFLAGS must not be taken for -s."""
    build.make(f"O={tmp_path}", "defconfig_hello_unix", "all")
    for words, shown in (((), r"^CC {6}apps/hello/main.c$"), (("-j2",), r"^CC {6}apps/hello/main.c$"),
                         (("V=1",), r"gcc .*-c .*apps/hello/main.c"), (("-s",), None), (("-sj2",), None)):
        os.unlink(tmp_path / "apps" / "hello" / "main.o")
        done = subprocess.run(["make", *words, f"O={tmp_path}", "olddefconfig", "all"], cwd=build.TREE, text=True,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=True, timeout=900,
                              env=build.clean_environment())
        assert re.search(shown, done.stdout, re.MULTILINE) if shown else not done.stdout, done.stdout
    assert not build.make("-s", f"O={tmp_path}", "defconfig_www_unix").stdout


def test_an_option_recompiles_its_readers_only(tmp_path):
    out = f"O={tmp_path}"
    build.make(out, "defconfig_www_qemu")
    build.make(out)
    readers = subprocess.run(["grep", "-rlw", "--include=*.[chS]", "CONFIG_FIBERS", "."], cwd=build.TREE,
                             stdout=subprocess.PIPE, text=True, check=True).stdout.split()
    assert readers
    build.set_options(tmp_path, {"FIBERS": "7"})
    recompiled = steps(build.make(out).stdout)
    sources = {os.path.normpath(path) for path in readers if path.endswith(".c")}
    in_build = {path for path in sources if os.path.exists(os.path.join(tmp_path, path[:-2] + ".o"))}
    assert in_build <= recompiled, "an option's reader was not compiled again"
    if not [path for path in readers if path.endswith(".h")]:
        assert recompiled == in_build, "compiled again without need"
    assert len(recompiled) < 12, recompiled
    build.set_options(tmp_path, {"FIBERS": "16"})
    build.make(out)
    assert not steps(build.make(out).stdout)


def test_a_touched_header_recompiles_its_users(tmp_path):
    tree = copy_tree(tmp_path / "tree")
    out = f"O={tmp_path / 'out'}"
    build.make(out, "defconfig_hello_qemu", tree=tree)
    build.make(out, tree=tree)
    os.utime(os.path.join(tree, "kernel", "timer.h"))
    recompiled = steps(build.make(out, tree=tree).stdout)
    assert "kernel/timer.c" in recompiled
    assert not [path for path in recompiled if path.startswith("arch/x86_64/switch")]


def test_configurations_side_by_side(builder):
    names = ("defconfig_hello_qemu", "defconfig_www_qemu", "defconfig_www_unix")
    outs = [builder.build(name) for name in names]
    before = [digest(os.path.join(out, "image")) for out in outs]
    assert len(set(before)) == 3
    for out in outs:
        build.make(f"O={out}")
    assert before == [digest(os.path.join(out, "image")) for out in outs]


def test_two_folders_give_the_same_bytes(tmp_path):
    tree = copy_tree(tmp_path / "another" / "place" / "for-the-tree")
    outs = [tmp_path / "one", tmp_path / "a-longer-name-for-two"]
    for out, where in zip(outs, (build.TREE, tree)):
        build.make(f"O={out}", "defconfig_www_qemu", tree=where)
        build.make(f"O={out}", tree=where)
    assert digest(outs[0] / "image") == digest(outs[1] / "image")


def test_a_tree_that_cannot_be_written(tmp_path):
    """Bound over itself read-only in a mount namespace, which holds for root too."""
    unshare = ["unshare", "--mount"] + ([] if os.geteuid() == 0 else ["--user", "--map-root-user"])
    script = ("mount --bind \"$1\" \"$1\" && mount -o remount,ro,bind \"$1\" && cd \"$1\" && "
              "! touch probe 2>/dev/null && make O=\"$2\" defconfig_hello_qemu && make O=\"$2\" -j2")
    tree = copy_tree(tmp_path / "tree")
    done = subprocess.run([*unshare, "sh", "-c", script, "sh", tree, str(tmp_path / "out")],
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False,
                          env=build.clean_environment(), timeout=900)
    assert done.returncode == 0, done.stdout[-3000:]
    assert os.path.exists(tmp_path / "out" / "image")


def test_one_make_configures_and_builds(tmp_path):
    build.make(f"O={tmp_path}", "defconfig_hello_unix", "all")
    assert os.path.exists(tmp_path / "image")


def test_without_configuration_www_is_built(tmp_path):
    build.make(f"O={tmp_path}")
    on = build.configuration(tmp_path)
    assert "APP_WWW" in on and "TARGET_QEMU" in on


def test_configure_takes_words_from_the_environment(tmp_path):
    def run(check=True, **words):
        return build.make(f"O={tmp_path}", "configure", environment=words, check=check)
    run(NET="direct", FS="fat", DHCP="true", PORT="8080")
    on = build.configuration(tmp_path)
    assert "FS_FAT" in on and "NET_DHCP" in on
    run(NET="direct", FS="crunch", DHCP="false", PORT="8080")
    on = build.configuration(tmp_path)
    assert "NET_DIRECT" in on and "FS_CRUNCH" in on and "NET_DHCP" not in on and on["WWW_PORT"] == "8080"
    said = run(NET="socket", DHCP="true")
    assert "DHCP" in said.stdout and "no effect" in said.stdout and "the target is" in said.stdout
    assert "the target is" not in run(NET="socket").stdout
    assert "NET_SOCKET" in build.configuration(tmp_path)
    run(PORT="0100")
    assert build.configuration(tmp_path)["WWW_PORT"] == "100", "to C it would be 64"
    # Only configure reads PORT and NET.
    build.make(f"O={tmp_path}", "olddefconfig", environment={"PORT": "99", "NET": "direct"})
    assert "NET_SOCKET" in build.configuration(tmp_path)


@pytest.mark.parametrize("words,said", [
    ({"NET": "token-ring"}, "NET=token-ring is not known: NET is one of direct, socket, none"),
    ({"FS": "zfs"}, "FS=zfs is not known: FS is one of crunch, fat, none"),
    ({"DHCP": "maybe"}, "DHCP=maybe is not known: DHCP is one of true, false"),
    ({"TARGET": "vax"}, "TARGET=vax is not known: TARGET is one of qemu, xen, unix"),
    *(({"PORT": port}, f"PORT={port} is not a port") for port in ("99999", "0", "-1", "http", "²")),
    ({"FS": "none"}, "FS_NONE=y is not possible in this configuration: This application serves files"),
    ({"NET": "none"}, "NET_NONE=y is not possible in this configuration: This application needs a network"),
    ({"NET": "socket", "TARGET": "qemu"}, "choose the Unix target"),
])
def test_words_that_cannot_be(tmp_path, words, said):
    """The line names the possible values; the configuration is unchanged."""
    build.make(f"O={tmp_path}", "defconfig_www_qemu")
    before = (tmp_path / ".config").read_text()
    refused = build.make(f"O={tmp_path}", "configure", environment=words, check=False)
    assert refused.returncode != 0 and said in refused.stdout and "Traceback" not in refused.stdout, refused.stdout
    assert (tmp_path / ".config").read_text() == before


def test_numbers_are_decimal(tmp_path):
    """Also those that begin with zeros, which C would read as octal."""
    build.make(f"O={tmp_path}", "defconfig_www_qemu")
    build.set_options(tmp_path, {"TCP_CONNECTIONS": "0256"})
    said = build.make(f"O={tmp_path}", "olddefconfig").stdout
    assert build.configuration(tmp_path)["TCP_CONNECTIONS"] == "256" and "no number" not in said, said


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_random_configurations_build(tmp_path, seed):
    random_build(tmp_path, seed)


@pytest.mark.long
@pytest.mark.parametrize("seed", range(4, 30))
def test_more_random_configurations_build(tmp_path, seed):
    random_build(tmp_path, seed)


def random_build(folder, seed):
    build.make(f"O={folder}", "randconfig", f"SEED={seed}")
    first = open(os.path.join(folder, ".config"), encoding="utf-8").read()
    cpu = next(cpu for cpu in cpus.CPUS if cpu.folder == build.configuration(folder)["CPU"])
    if cpus.missing_compiler(cpu):
        pytest.skip(cpus.missing_compiler(cpu))
    build.make(f"O={folder}", "randconfig", f"SEED={seed}")
    assert first == open(os.path.join(folder, ".config"), encoding="utf-8").read(), "the seed does not repeat it"
    if "CONFIG_APP_EXTERNAL=y" in first:
        app = os.path.join(folder, "app")
        shutil.copytree(os.path.join(build.TREE, "apps", "skeleton"), app)
        build.make(f"O={folder}", f"APP={app}", "olddefconfig")
        build.make(f"O={folder}", f"APP={app}")
    else:
        build.make(f"O={folder}")
    assert os.path.getsize(os.path.join(folder, "image")) > 0


COMPILED = [
    ("clang", ("CC=clang",), {}), ("unoptimised", (), {"OPTIMIZE_NONE": "y", "LTO": "n", "DEBUG": "y"}),
    pytest.param("fast", (), {"OPTIMIZE_SPEED": "y"}, marks=pytest.mark.long),
    pytest.param("without-lto", (), {"LTO": "n"}, marks=pytest.mark.long),
    pytest.param("odd", (), {"VIRTIO_NET_RX_RING": "99", "VIRTIO_NET_TX_RING": "1000", "BOOT_STACK_BYTES": "16385",
                             "FIBER_STACK_BYTES": "10001", "VIRTIO_NET_BUFFERS": "133",
                             "TCP_RECEIVE_BUFS": "45"}, marks=pytest.mark.long)]


@pytest.mark.parametrize("name,words,options", COMPILED)
def test_serves_however_it_is_compiled(serve, name, words, options):
    """-O0 also shows that each IS_ENABLED links without the functions of the disabled branch."""
    www = serve("microvm", variables=words, name=name, options_set=options)
    assert www.curl(www.url("index.html")).startswith(b"<!doctype html>")


@pytest.mark.parametrize("way", params.ways(*cpus.others(first=True)))
@pytest.mark.parametrize("name,words,options", COMPILED[:2])
def test_serves_on_other_cpus_however_it_is_compiled(serve, way, name, words, options):
    www = serve(way, variables=words, name=f"{name}-{way}", options_set=options)
    assert www.curl(www.url("index.html")).startswith(b"<!doctype html>")


def numbers(out):
    """(name, lowest, highest) of each number in the configuration of out."""
    said = subprocess.run(["scripts/python", "kconfiglib", "-c", """
import sys, kconfiglib
kconf = kconfiglib.Kconfig("Kconfig"); kconf.load_config(sys.argv[1])
for sym in kconf.unique_defined_syms:
    if sym.type == kconfiglib.INT and sym.visibility:
        print(sym.name, *next((low.str_value, high.str_value) for low, high, when in sym.ranges
                              if kconfiglib.expr_value(when)))
""", os.path.join(out, ".config")], cwd=build.TREE, stdout=subprocess.PIPE, text=True, check=True).stdout
    return [line.split() for line in said.splitlines()]


@pytest.mark.parametrize("end,memory", [("lowest", "16M"), ("highest", "1G")])
def test_serves_with_every_number_at_an_end_of_its_range(tmp_path, serve, end, memory):
    build.make(f"O={tmp_path}", "defconfig_www_qemu")
    options = {name: low if end == "lowest" else high for name, low, high in numbers(tmp_path)}
    assert len(options) > 30
    del options["WWW_PORT"]
    if end == "highest":
        options["HTTP_HEADS"] = "100"  # of 64 KiB; as many as there may be are 4 GiB
    www = serve("microvm", name=end, options_set=options, memory=memory)
    assert www.curl(www.url("index.html")).startswith(b"<!doctype html>")


def test_buffers_that_would_all_be_held_are_refused(tmp_path):
    build.make(f"O={tmp_path}", "defconfig_www_qemu")
    with open(tmp_path / ".config", encoding="utf-8") as f:
        text = f.read().replace("CONFIG_TCP_RECEIVE_BUFS=96", "CONFIG_TCP_RECEIVE_BUFS=97")
    (tmp_path / ".config").write_text(text, encoding="utf-8")
    said = build.make(f"O={tmp_path}", check=False).stdout
    assert "VIRTIO_NET_BUFFERS must be more than TCP_RECEIVE_BUFS and IPV4_FRAGMENT_BUFS" in said


def test_oldconfig_asks_for_what_is_new(tmp_path):
    """And for nothing else."""
    build.make(f"O={tmp_path}", "defconfig_www_qemu")
    before = build.configuration(tmp_path)
    lines = (tmp_path / ".config").read_text().splitlines()
    (tmp_path / ".config").write_text("".join(
        line + "\n" for line in lines if not re.match("CONFIG_TCP_(CONNECTIONS|RECEIVE_BUFS)=", line)))
    done = subprocess.run(["make", f"O={tmp_path}", "oldconfig"], cwd=build.TREE, input="77\n\n", text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=120, check=False,
                          env=build.clean_environment())
    assert done.returncode == 0, done.stdout
    assert re.findall(r"\((\w+), defined at", done.stdout) == ["TCP_CONNECTIONS", "TCP_RECEIVE_BUFS"], done.stdout
    assert build.configuration(tmp_path) == {**before, "TCP_CONNECTIONS": "77"}


@pytest.mark.parametrize("goal", ["allyesconfig", "allnoconfig"])
def test_extremes_build(tmp_path, goal):
    build.make(f"O={tmp_path}", goal)
    build.make(f"O={tmp_path}")


def test_kconfig_conf_reads_it_without_warning(tmp_path, need):
    conf = need("kconfig-conf")
    for goal in ("--alldefconfig", "--allyesconfig", "--allnoconfig", "--randconfig", "--olddefconfig"):
        done = subprocess.run([conf, goal, "Kconfig"], cwd=build.TREE, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, text=True, check=False,
                              env={**os.environ, "KCONFIG_CONFIG": str(tmp_path / goal.strip("-")),
                                   "KCONFIG_SEED": "7"})
        assert done.returncode == 0, done.stdout
        assert "warning" not in done.stdout.lower(), done.stdout


def test_an_application_outside_the_tree(tmp_path):
    app = tmp_path / "mine"
    build.make("new-app", f"NAME={app}")
    out = f"O={tmp_path / 'out'}"
    build.make(out, f"APP={app}", "defconfig_skeleton_qemu", "all")
    assert os.path.exists(tmp_path / "out" / "image")
    on = build.configuration(tmp_path / "out")
    assert "APP_EXTERNAL" in on and on["APP_DIR"] == str(app)


def test_a_new_application_in_the_tree(tmp_path):
    tree = copy_tree(tmp_path / "tree")
    build.make("new-app", "NAME=mine", tree=tree)
    build.make(f"O={tmp_path / 'out'}", "defconfig_mine_qemu", "all", tree=tree)
    assert os.path.exists(tmp_path / "out" / "image")


def test_size_adds_up(builder):
    """Two columns as in MirageOS's tutorial, the folders that make them up, and a picture that a browser can read."""
    out = builder.build("defconfig_www_qemu")
    said = build.make(f"O={out}", "size").stdout

    def row(name):
        return [int(number.replace(",", "")) for number in
                re.search(rf"^{re.escape(name)} +([\d, ]+)$", said, re.MULTILINE).group(1).split()]
    whole, sections, image = row("total")
    assert whole > sections > image > 0
    assert [sum(column) for column in zip(row("text"), row("rodata"), row("data"))] == [whole, sections, image]
    table = said.split("folder ")[1].split("\n\n")[0].splitlines()[1:]
    assert sum(int(line.split()[-1].replace(",", "")) for line in table) == sections
    largest = said.split("largest\n")[1].split("\n\n")[0].splitlines()
    largest = [int(line.split()[0].replace(",", "")) for line in largest]
    assert len(largest) == 20 and largest == sorted(largest, reverse=True)
    picture = xml.etree.ElementTree.parse(os.path.join(out, "image.svg"))
    titles = [node.text for node in picture.iter("{http://www.w3.org/2000/svg}title")]
    assert any(text.startswith("conn_input: ") for text in titles) and len(titles) > 200
    again = subprocess.run(["scripts/size", "--total", out], cwd=build.TREE, stdout=subprocess.PIPE, check=True)
    assert int(again.stdout) == image


@pytest.mark.config("defconfig_hello_qemu_arm64")
def test_text_of_a_section_of_its_own_is_counted(builder):
    """Fibers' switch, of 35 instructions, is not in .text on AArch64; a function of the C library follows."""
    out = builder.build("defconfig_hello_qemu_arm64")
    said = subprocess.run(["scripts/size", "--text", "arch/unix", out], cwd=build.TREE, stdout=subprocess.PIPE,
                          check=True)
    assert 4 * 35 <= int(said.stdout) < 4 * 64


def test_the_other_targets_goal(builder):
    for name, goal in (("defconfig_hello_qemu", "unix-run"), ("defconfig_hello_unix", "qemu-run")):
        done = build.make(f"O={builder.build(name)}", goal, check=False)
        assert done.returncode != 0 and "make defconfig_" in done.stdout, done.stdout


def asked_for(folder, *command, **variables):
    """The command's status and output, and the packages that it asks dpkg about."""
    fake = folder / "dpkg-query"
    fake.write_text('#!/bin/sh\nfor package; do :; done\nprintf installed\n'
                    f'echo "$package" >>{folder}/asked\n')
    fake.chmod(0o755)
    done = subprocess.run(command, cwd=build.TREE, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          check=False, env={**build.clean_environment(), **variables,
                                            "PATH": f"{folder}:{os.environ['PATH']}"})
    return done, set((folder / "asked").read_text().split())


def test_a_process_of_another_cpu_needs_no_machine(tmp_path):
    """make run asks for the tool that starts the image, which is not built yet; a wrong option ends it."""
    other = next(cpu for cpu in cpus.CPUS if cpu.name and cpu is not cpus.HOST)
    for target, has, lacks in (("unix_socket", {"qemu-user", "iproute2"}, "qemu-system"),
                               ("qemu", {"qemu-system-arm"}, "qemu-user")):
        out = tmp_path / target
        build.make(f"O={out}", f"defconfig_www_{target}")
        build.set_options(out, {f"CPU_{other.folder.upper()}": "y"})
        build.make(f"O={out}", "olddefconfig")
        done, asked = asked_for(tmp_path, "make", f"O={out}", "run", OPTIONS='name="')
        assert done.returncode != 0 and "OPTIONS=" in done.stdout, done.stdout
        assert has | {f"gcc-{other.triple}"} <= asked and not any(lacks in package for package in asked), asked
        (tmp_path / "asked").unlink()


def test_setup_asks_for_the_packages_of_its_table(tmp_path):
    """Each line's, and nothing else of the line; the host's own compiler is plain gcc."""
    done, asked = asked_for(tmp_path, "scripts/setup")
    assert done.returncode == 0 and done.stdout == "", done
    with open(os.path.join(build.TREE, "scripts", "setup"), encoding="utf-8") as file:
        table = file.read().split("table='\n")[1].split("\n'\n")[0]
    rows = [line.split()[:2] for line in table.splitlines()]
    assert asked == {package for group, package in rows if group != f"build/{platform.machine()}"}


def test_help_names_the_goals():
    text = build.make("help").stdout
    for goal in ("menuconfig", "qemu-run", "unix-run", "xen-run", "test-all", "bench", "check", "size", "WWW_DIR",
                 "HOST_PORT", "GUEST_PORT", "NET_TAP", "MACHINE", "ACCEL", "MEM", "QEMU_EXTRA", "OPTIONS", "COLD",
                 "NO_COLOR", "VIRGA_CACHE", "YES", "CC"):
        assert goal in text, goal
