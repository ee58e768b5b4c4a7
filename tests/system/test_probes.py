# SPDX-License-Identifier: ISC
"""Probes of machines on the open internet: nmap, hping3, and frames fuzzed by scapy. The image reveals little, and
serves afterwards as before. And the complaints of tshark's experts about its segments."""
import json
import os
import re
import subprocess
import time

import pytest

from rig import cpus
from rig.namespace import Namespace

WAYS = [pytest.param("unix", marks=pytest.mark.config("defconfig_www_unix")),
        *(pytest.param(machine, marks=[pytest.mark.config(cpus.defconfig("www", machine)), pytest.mark.long])
          for machine in ("microvm", *cpus.others(first=True)))]


def is_well(www):
    answers = www.ask("burst", path="/", count=50)["answers"]
    assert len(answers) == 1 and next(iter(answers)).startswith("200 "), answers
    www.guest.read()
    assert "panic" not in www.guest.console


def nmap(namespace, address):
    """(difficulty of TCP's sequence numbers, class of IP's identification), as nmap sees them."""
    said = namespace.run(["nmap", "-n", "-Pn", "-O", "-v", "--max-retries", "2", "-p", "80,81,443", address],
                         timeout=300).stdout
    print(said)
    difficulty = re.search(r"TCP Sequence Prediction: Difficulty=(\d+)", said)
    identification = re.search(r"IP ID Sequence Generation: (.*)", said)
    assert difficulty and identification, said
    return int(difficulty[1]), identification[1]


def linux_beside(namespace):
    """A Linux host with a web server, in a namespace of this one, at 10.0.1.2."""
    far = Namespace()
    namespace.ip(f"link add near type veth peer name far netns {far.holder.pid}")
    namespace.ip("addr add 10.0.1.1/24 dev near")
    namespace.ip("link set near up")
    far.ip("addr add 10.0.1.2/24 dev far")
    far.ip("link set far up")
    far.popen(["/usr/bin/python3", "-m", "http.server", "80"])
    return far


@pytest.mark.long
@pytest.mark.parametrize("way", WAYS)
def test_sequence_numbers_are_as_hard_to_guess_as_linuxs(serve, need, namespace, way):
    need("nmap")
    www = serve(way)
    ours, identification = nmap(namespace, www.host)
    with linux_beside(namespace) as far:
        far.run(["sh", "-c", "for i in $(seq 100); do ss -Hltn sport = 80 | grep -q . && exit; sleep 0.1; done; "
                 "exit 1"])
        theirs, _ = nmap(namespace, "10.0.1.2")
    # Both are estimates from a few random samples, and vary a little from run to run.
    assert ours >= theirs - 15, f"{ours}, and Linux {theirs}"
    assert "Incremental" not in identification and "Busy" not in identification, identification
    is_well(www)


@pytest.mark.long
@pytest.mark.parametrize("way", WAYS)
def test_floods_of_hping3(serve, need, namespace, way):
    need("hping3")
    www = serve(way)
    for kind in (["-S", "-p", "80", "--rand-source"], ["-A", "-p", "80", "--rand-source"],
                 ["-F", "-P", "-U", "-p", "80"], ["-S", "-p", "++1", "-d", "1000"],
                 ["-S", "-p", "80", "-f", "-d", "64"],
                 ["--udp", "-p", "++1"], ["--icmp"], ["--rawip", "-d", "100"]):
        namespace.run(["timeout", "3", "hping3", "--flood", "-q", *kind, www.host], timeout=30, check=False)
        is_well(www)


@pytest.mark.parametrize("way", WAYS)
def test_spoilt_frames_of_scapy(serve, namespace, way):
    pytest.importorskip("scapy", reason="python3-scapy is not installed: scripts/setup test")
    www = serve(way)
    neighbour = json.loads(namespace.run(["ip", "-json", "neigh", "show", www.host]).stdout)
    for seed in range(1, 4):
        arguments = {"mac": neighbour[0]["lladdr"], "count": 2000, "seed": seed}
        assert json.loads(namespace.python("fuzz.py", json.dumps(arguments), timeout=200))["sent"] > 1000
        is_well(www)


def complaints(namespace, tmp_path, device, address):
    """The notes of tshark's experts on segments from address while clients are served."""
    path = os.path.join(tmp_path, f"{device}.pcapng")
    capture = namespace.popen(["dumpcap", "-q", "-i", device, "-w", path, "-f", "tcp"], stderr=subprocess.PIPE,
                              text=True)
    assert any("File:" in line for line in iter(capture.stderr.readline, "")), "dumpcap does not begin"
    for words in (["--parallel", "--parallel-max", "10", f"http://{address}/[1-20]"], ["--head", f"http://{address}/"],
                  ["--tcp-nodelay", "--no-keepalive", f"http://{address}/", f"http://{address}/"]):
        namespace.run(["curl", "--silent", "--output", "/dev/null", "--max-time", "60", *words], timeout=70)
    time.sleep(1)
    capture.terminate()
    capture.wait()
    said = namespace.run(["tshark", "-n", "-r", path, "-Y", f"ip.src == {address} && _ws.expert.severity >= 0x400000",
                          "-T", "fields", "-e", "_ws.expert.message"], timeout=60).stdout
    frames = namespace.run(["tshark", "-n", "-r", path, "-Y", f"ip.src == {address}"], timeout=60).stdout
    # Which side closes first is chance.
    notes = {re.sub(r"[0-9]+", "N", note).replace("undergoes", "initiates")
             for line in said.splitlines() for note in line.split(",")}
    print(address, len(frames.splitlines()), "segments:", notes)
    assert len(frames.splitlines()) >= 23, "each of the 23 requests has a segment of an answer at least"
    # Either side retransmits segments that are late on a loaded machine.
    return {note for note in notes if not re.search("retransmission|Duplicate ACK", note)}


@pytest.mark.parametrize("way", WAYS)
def test_tsharks_experts_have_no_more_to_say_than_of_linux(serve, need, namespace, tmp_path, way):
    need("tshark")
    www = serve(way)
    ours = complaints(namespace, tmp_path, "tap0", www.host)
    with linux_beside(namespace) as far:
        far.run(["sh", "-c", "for i in $(seq 100); do ss -Hltn sport = 80 | grep -q . && exit; sleep 0.1; done; "
                 "exit 1"])
        theirs = complaints(namespace, tmp_path, "near", "10.0.1.2")
    assert ours <= theirs, f"{ours - theirs}"
