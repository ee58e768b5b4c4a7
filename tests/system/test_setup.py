# SPDX-License-Identifier: ISC
"""The installation on a fresh machine: Debian's packages by scripts/setup, musl's source by scripts/musl. Fakes of
apt-get and the like note their calls, in a mount namespace with the test's folders in place of the system's."""
import os
import re
import shutil
import subprocess

import pytest

from rig import build
from test_messages import fails, tools_without


class Fakes:
    """PATH holds all tools but those that install, and those added by add(); log() has their calls."""

    def __init__(self, folder):
        self.folder, self.system = folder / "fakes", folder / "system"
        self.folder.mkdir()
        self.path = f"{self.folder}:" + tools_without(folder / "bin", "sudo", "apt-get", "systemctl", "curl", "wget")
        self.calls = folder / "calls"
        self.binds = []

    def add(self, name, script="", noted=True):
        """Adds a program, which notes its call and then runs script."""
        file = self.folder / name
        note = f'echo "{name} $*" >>{self.calls}\n' if noted else ""
        file.write_text(f"#!/bin/sh\n{note}{script}\n")
        file.chmod(0o755)

    def bind(self, place):
        """Puts an empty folder in place of a system's; gives the folder."""
        mine = self.system / place.strip("/").replace("/", "-")
        mine.mkdir(parents=True)
        self.binds.append(f"mount --bind {mine} {place}")
        return mine

    def log(self):
        lines = self.calls.read_text().splitlines() if self.calls.exists() else []
        self.calls.unlink(missing_ok=True)
        return lines

    def run(self, *command, typed=None, **environment):
        """typed: the user's answer at a terminal; None: there is no terminal."""
        words = ["unshare", "--mount", *(["--map-root-user"] if os.geteuid() else []), "sh", "-ec",
                 "\n".join([*self.binds, 'exec "$@"']), "sh", *command]
        ours, theirs = os.openpty()
        os.write(ours, f"{typed}\n".encode())
        try:
            return subprocess.run(words, cwd=build.TREE, text=True, stdout=subprocess.PIPE, timeout=120, check=False,
                                  stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL if typed is None else theirs,
                                  env={**build.clean_environment(), "YES": "", "CI": "", "PATH": self.path,
                                       **environment})
        finally:
            os.close(ours)
            os.close(theirs)


# -- packages --

@pytest.fixture
def machine(tmp_path):
    """A machine without gdb, wrk and nginx-light, whose user is root; apt-get notes the status of policy-rc.d."""
    fakes = Fakes(tmp_path)
    sbin = fakes.bind("/usr/sbin")
    fakes.add("dpkg-query", 'for p; do :; done\ncase $p in gdb | wrk | nginx-light) exit 1 ;; esac\nprintf installed',
              noted=False)
    fakes.add("id", "echo 0", noted=False)
    fakes.add("systemctl", "[ $1 != is-enabled ]", noted=False)
    fakes.add("apt-get", f"for unit in nginx nginx.service ssh; do {sbin}/policy-rc.d $unit start 2>/dev/null &&\n"
              f"echo starts $unit >>{fakes.calls}; done; true")
    return fakes


UPDATE = "apt-get update -q"
INSTALL = "apt-get install --yes --no-install-recommends gdb nginx-light wrk"


@pytest.mark.parametrize("how", [{"YES": "1"}, {"CI": "true"}, {"typed": ""}, {"typed": "y"}])
def test_setup_installs_what_is_missing(machine, how):
    done = machine.run("scripts/setup", "test", **how)
    assert done.returncode == 0, done.stdout
    assert done.stdout.startswith("setup: these Debian packages are needed and not installed: gdb nginx-light wrk\n")
    assert ("install them now? [Y/n]" in done.stdout) == ("typed" in how)
    assert [line for line in machine.log() if not line.startswith("starts ")] == [UPDATE, INSTALL]


@pytest.mark.parametrize("how,said", [
    ({}, "setup: YES=1 installs them without asking:  YES=1 scripts/setup test\n"),
    ({"typed": "n"}, f"setup: nothing installed; the command is:  {INSTALL}\n")])
def test_setup_installs_nothing_unasked(machine, how, said):
    done = machine.run("scripts/setup", "test", **how)
    assert done.returncode == 1 and done.stdout.endswith(said), done
    assert machine.log() == []


@pytest.mark.parametrize("password,how,works", [
    (None, {"YES": "1"}, False), (False, {"YES": "1"}, True), (True, {"YES": "1"}, False),
    (True, {"typed": "y"}, True)])
def test_setup_without_root(machine, password, how, works):
    """By sudo, if it needs no password or there is a terminal to type it; else the command is printed."""
    machine.add("id", "echo 1000", noted=False)
    if password is not None:
        machine.add("sudo", f"[ $1 != -n ] || exit {int(password)}\nexec \"$@\"")
    done = machine.run("scripts/setup", "test", **how)
    assert (done.returncode == 0) == works, done
    calls = [line for line in machine.log() if " apt-get " in line]
    if works:
        prefix = "sudo env DEBIAN_FRONTEND=noninteractive "
        assert calls == [prefix + UPDATE, prefix + INSTALL]
    else:
        assert calls == [] and done.stdout.endswith(f"setup: as root:  apt-get update && {INSTALL}\n"), done


def test_setup_starts_no_server(machine):
    """No server is started or enabled, and the policy file for that is removed, also when apt fails."""
    machine.add("systemctl", "[ $1 != is-enabled ]")
    policy = machine.system / "usr-sbin" / "policy-rc.d"
    done = machine.run("scripts/setup", "test", YES="1")
    assert done.returncode == 0 and "neither started nor enabled: nginx\n" in done.stdout, done
    calls = [re.sub(" --now", "", line) for line in machine.log()]
    assert calls == ["systemctl is-enabled nginx", UPDATE, "starts ssh", INSTALL, "starts ssh",
                     "systemctl disable --quiet nginx"], calls
    assert not policy.exists()
    machine.add("apt-get", f"test -x {policy} && exit 7")
    assert machine.run("scripts/setup", "test", YES="1").returncode == 7
    assert not policy.exists()


def test_setup_leaves_others_servers_and_rules_alone(machine):
    policy = machine.system / "usr-sbin" / "policy-rc.d"
    policy.write_text("#!/bin/sh\nexit 0\n")
    policy.chmod(0o755)
    assert machine.run("scripts/setup", "test", YES="1").returncode == 0
    assert "starts nginx" in machine.log() and policy.read_text() == "#!/bin/sh\nexit 0\n"
    policy.unlink()
    machine.add("systemctl", "echo enabled")
    done = machine.run("scripts/setup", "test", YES="1")
    assert done.returncode == 0 and "enabled: nginx" not in done.stdout, done
    assert machine.log() == ["systemctl is-enabled nginx", UPDATE, INSTALL] and not policy.exists()


@pytest.mark.parametrize("goal,package", [("run", "curl"), ("xen-run", "libxen-dev"), ("test", "libcriterion-dev")])
def test_make_sees_to_the_packages_first(machine, tmp_path, goal, package):
    """And stops if they cannot be installed."""
    machine.add("dpkg-query", "exit 1", noted=False)
    out = tmp_path / "out"
    said = fails(f"O={out}", goal, environment={"PATH": machine.path, "YES": "", "CI": ""})
    needed = re.search("^setup: these Debian packages are needed and not installed:(.*)$", said, re.MULTILINE)
    assert {"make", "python3-kconfiglib", package} <= set(needed[1].split()), said
    assert not (out / ".config").exists() and not (out / "tests").exists()


def test_make_run_sees_to_what_the_configured_cpu_needs(machine, tmp_path):
    machine.add("dpkg-query", "for p; do :; done\n[ $p != qemu-system-x86 ] && printf installed", noted=False)
    said = fails(f"O={tmp_path / 'out'}", "run", environment={"PATH": machine.path, "YES": "", "CI": ""})
    assert "setup: these Debian packages are needed and not installed: qemu-system-x86\n" in said, said
    assert not [line for line in said.splitlines() if line.startswith(("CC ", "BUILD "))], said


# -- musl --

SUM = shutil.which("sha256sum")


@pytest.fixture
def fetcher(tmp_path):
    """A machine on which every tarball passes as the right one, and none is unpacked."""
    fakes = Fakes(tmp_path)
    (fakes.bind("/etc/apt") / "sources.list").write_text("deb http://deb.debian.org/debian bookworm main\n")
    fakes.add("sha256sum", f'[ "$1" = --check ] || exec {SUM} "$@"', noted=False)
    fakes.add("tar", "exit 9", noted=False)
    fakes.add("apt-get", "exit 1")
    fakes.add("curl", 'while [ "$1" != -o ]; do shift; done; echo upstream >"$2"')
    return fakes


def fetched(fakes, folder):
    """The status, the sites asked for the source, and its copy in the cache."""
    cache = folder / "cache"
    done = fakes.run("scripts/musl", "unix", VIRGA_CACHE=str(cache))
    left = [name for name in os.listdir(cache) if name != "lock"]
    assert not [name for name in left if not name.endswith(".tar.gz")], left
    return done, {line.split()[0] for line in fakes.log()}, [(cache / name).read_text() for name in left]


def test_musl_is_looked_for_in_the_cache_at_mirrors_upstream(fetcher, tmp_path):
    done, asked, left = fetched(fetcher, tmp_path)
    assert (done.returncode, asked, left) == (9, {"apt-get", "curl"}, ["upstream\n"]), done
    _, asked, left = fetched(fetcher, tmp_path)
    assert (asked, left) == (set(), ["upstream\n"])
    shutil.rmtree(tmp_path / "cache")
    version = re.search("^version=(.*)$", open(os.path.join(build.TREE, "scripts", "musl"), encoding="utf-8").read(),
                        re.MULTILINE)[1]
    fetcher.add("apt-get", f'case "$*" in *" source "*) echo mirror >musl_{version}.orig.tar.gz ;; esac')
    _, asked, left = fetched(fetcher, tmp_path)
    assert (asked, left) == ({"apt-get"}, ["mirror\n"])


def test_a_wrong_musl_that_was_fetched_stops_the_build(fetcher, tmp_path):
    (fetcher.folder / "sha256sum").unlink()
    done, asked, left = fetched(fetcher, tmp_path)
    assert done.returncode == 1 and "what was fetched has the wrong SHA-256" in done.stdout, done
    assert asked == {"apt-get", "curl"} and left == []
