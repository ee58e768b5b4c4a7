# SPDX-License-Identifier: ISC
"""The website in every configuration: crunched or FAT, our stack or the host's, a static address or a leased one, a
process or a machine. The same folder gives the same bytes."""
import hashlib
import os
import re
import shutil
import urllib.parse

import pytest

from rig import build, cpus, dhcp, server
from rig.guest import GUEST_IP, Guest, drive, qemu_command, tap_netdev

BIG_BYTES = 3 << 20  # more than a block cache holds


def share(machine, fs):
    """The shipped configuration that is nearest: its share of make test-all."""
    return "defconfig_www_unix" if machine == "unix" else cpus.defconfig("www", machine, "fat" if fs == "fat" else "")


def ways():
    """(machine, NET, FS, DHCP) of every combination that Kconfig allows; the first of each file system are usual,
    the others long."""
    for fs in ("fat", "crunch"):
        for machine in ("microvm", "q35", "unix", *cpus.others(first=True)):
            for net, lent in (("direct", "false"), ("direct", "true"), ("socket", "false")):
                if net == "socket" and machine != "unix":
                    continue
                usual = fs == "fat" and (machine, net, lent) in (("microvm", "direct", "false"),
                                                                 ("unix", "socket", "false"))
                marks = [pytest.mark.config(share(machine, fs))] + ([] if usual else [pytest.mark.long])
                yield pytest.param(machine, net, fs, lent, marks=marks, id=f"{machine}-{net}-{fs}-{lent}")


@pytest.fixture(scope="session")
def site(output):
    """The shipped site, a large file, deep folders, and names that a URL has to quote."""
    folder = os.path.join(output, "matrix-site")
    if not os.path.exists(folder):
        shutil.copytree(server.HTDOCS, folder + ".new")
        for name, data in (("big.bin", hashlib.shake_256(b"big").digest(BIG_BYTES)), ("empty.txt", b""),
                           ("Grüße/ein Name mit Leerzeichen & mehr.txt", b"odd"), ("a/b/c/d/e/f/deep.txt", b"deep")):
            path = os.path.join(folder + ".new", name)
            os.makedirs(os.path.dirname(path), exist_ok=True)
            with open(path, "wb") as file:
                file.write(data)
        os.rename(folder + ".new", folder)
    return folder


def configured(output, site, machine, net, fs, lent):
    """Builds as in MirageOS's tutorial: NET=… FS=… DHCP=… make configure; make build. For a CPU other than the usual,
    from its configuration."""
    target, cpu = ("unix", "") if machine == "unix" else ("qemu", cpus.MACHINES[machine].cpu.name)
    out = os.path.join(output, "-".join(word for word in ("matrix", target, cpu, net, fs, lent) if word))
    os.makedirs(out, exist_ok=True)
    words = {"TARGET": target, "NET": net, "FS": fs, "PORT": "8080" if net == "socket" else "80"}
    if cpu:
        build.make(f"O={out}", cpus.defconfig("www", machine))
    build.make(f"O={out}", "configure", environment=words if net == "socket" else {**words, "DHCP": lent})
    build.make(f"O={out}", "build", f"WWW_DIR={site}")
    return out


def command(out, machine, net, fs):
    image, disk = os.path.join(out, "image"), os.path.join(out, "disk.img")
    if machine != "unix":
        return qemu_command(image, machine, "16M" if machine == "microvm" else "64M", tap_netdev(),
                            extra=drive(disk, machine, ",readonly=on") if fs == "fat" else [])
    return [image, *(["tap=tap0"] if net == "direct" else []), *([f"disk={disk},ro"] if fs == "fat" else [])]


@pytest.mark.parametrize("machine,net,fs,lent", ways())
def test_the_same_bytes_in_every_way(output, site, namespace, need, tmp_path, machine, net, fs, lent):
    out = configured(output, site, machine, net, fs, lent)
    namespace.tap()
    host, port = (GUEST_IP, 80) if net == "direct" else ("127.0.0.1", 8080)
    if lent == "true":
        need("dnsmasq")
        dhcp.SERVERS["dnsmasq"](namespace, tmp_path)
        host = dhcp.FIRST
    with Guest(command(out, machine, net, fs), namespace) as guest:
        guest.wait_for(" up ", 120)
        for name in server.files_below(site):
            url = f"http://{host}:{port}/{urllib.parse.quote(name)}"
            answer = namespace.run(["curl", "--silent", "--show-error", "--fail", "--max-time", "100", url], text=False,
                                   timeout=120).stdout
            with open(os.path.join(site, name), "rb") as file:
                assert answer == file.read(), name
        guest.read()
        # The process may be up before its DHCP server.
        assert not re.search(r"\] (warn|error) +(?! |dhcp: no server answers)", guest.console), guest.console
