# SPDX-License-Identifier: ISC
"""apps/iperf with Debian's iperf3 at the other end of a tap, as its server and as its client."""
import json
import os
import subprocess

import pytest

from rig import cpus, params
from rig.guest import GUEST_IP, HOST_IP, Guest, qemu_command, tap_netdev

WAYS = params.machines("iperf", "microvm", "unix", first=True)


@pytest.fixture
def start(builder, namespace):
    """start("unix", "client=10.0.0.1") runs an image; it is stopped after the test."""
    guests = []
    namespace.tap()

    def started(way, options=""):
        config = "defconfig_iperf_unix" if way == "unix" else cpus.defconfig("iperf", way)
        image = os.path.join(builder.build(config), "image")
        command = [image, "tap=tap0", *options.split()] if way == "unix" else \
            qemu_command(image, way, "64M", tap_netdev(), options)
        guests.append(Guest(command, namespace))
        return guests[-1]
    yield started
    for guest in guests:
        guest.stop()
        print(f"--- console\n{guest.console[-3000:]}\n---")


def measure(namespace, program, *words):
    """One run of iperf3's client; gives its report."""
    done = namespace.run([program, "--client", GUEST_IP, "--time", "2", "--json", *words], timeout=120, check=False)
    report = json.loads(done.stdout)
    assert done.returncode == 0 and "error" not in report, report.get("error")
    return report


@pytest.mark.parametrize("way", WAYS)
def test_a_server_of_ours(start, namespace, need, way):
    """Both directions, and several connections; each is a test of its own for the same image."""
    iperf3 = need("iperf3")
    start(way).wait_for("iperf: listening port=5201")
    for words in ((), ("--reverse",), ("--parallel", "3"), ("--reverse", "--parallel", "3"), ("--bidir",)):
        end = measure(namespace, iperf3, *words)["end"]
        sums = [end[name] for name in end if name.startswith("sum_sent") or name.startswith("sum_received")]
        assert len(sums) == (4 if words == ("--bidir",) else 2)
        if words == ("--reverse",):
            assert end["sum_sent"]["retransmits"] >= 0  # the server knows
        for total in sums:
            assert total["bytes"] > 0 and total["bits_per_second"] > 0, (words, end)
        assert end["sum_received"]["bytes"] <= end["sum_sent"]["bytes"] + (1 << 20), (words, end)


@pytest.mark.parametrize("way", WAYS)
def test_what_it_cannot_do_is_said(start, namespace, need, way):
    iperf3 = need("iperf3")
    guest = start(way)
    guest.wait_for("iperf: listening port=5201")
    for words in (("--udp",), ("--parallel", "100")):
        done = namespace.run([iperf3, "--client", GUEST_IP, "--time", "2", "--json", *words], timeout=60, check=False)
        assert "error" in json.loads(done.stdout)
    assert measure(namespace, iperf3)["end"]["sum_received"]["bytes"] > 0


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("options", ["", "reverse", "streams=3"])
def test_a_client_of_ours(start, namespace, need, way, options):
    iperf3 = need("iperf3")
    server = namespace.popen([iperf3, "--server", "--one-off", "--json"], text=True, stdout=subprocess.PIPE)
    namespace.run(["sh", "-c", "until grep -q ':1451 ' /proc/net/tcp /proc/net/tcp6; do sleep 0.1; done"])  # 5201
    guest = start(way, f"client={HOST_IP} time=2 {options}")
    done = guest.wait_for(r"iperf: client done streams=(\d) ms=(\d+) sent=(\d+) received=(\d+) peer=(\d+)\s", 90)
    streams, ms, sent, received, peer = (int(number) for number in done.groups())
    assert streams == (3 if options == "streams=3" else 1) and 1900 < ms < 20000
    assert (received if options == "reverse" else sent) > 0 and peer > 0
    assert (sent if options == "reverse" else received) == 0
    status = guest.wait_end(30)
    assert way != "unix" or status == 0
    assert "error" not in json.loads(server.communicate(timeout=60)[0])


@pytest.mark.config("defconfig_iperf_unix")
def test_a_client_without_a_server_fails(start):
    guest = start("unix", f"client={HOST_IP}")
    guest.wait_for("iperf: client failed errno=111")
    assert guest.wait_end(30) == 1
