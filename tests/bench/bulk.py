# SPDX-License-Identifier: ISC
"""Parts of the bench that move one flow of data as fast as possible, beside the same flow of peers."""
import contextlib
import io
import subprocess

from measure import Running, iperf, ip, linux, median, ours, tap, tap_and_veth
from rig import relay


# -- bulk --

def one_bulk(command, ready, seconds):
    """Boots, and gives the rates of one flow to the guest and from it. ready: the console's text when it listens,
    because an iperf3 server gives up after a connection that only probes it."""
    with Running(command) as guest:
        if guest.seconds_to_text(ready) is None:
            error = {"rate": None, "stall": None, "error": guest.console.decode("utf-8", "replace")[-500:]}
            return {"to": error, "from": error}
        return {"to": iperf(seconds, False), "from": iperf(seconds, True)}


def collect_bulk(runs):
    result = {}
    for name, rounds in runs.items():
        result[name] = {"errors": [one[way]["error"] for one in rounds for way in one if one[way]["error"]]}
        for way in ("to", "from"):
            result[name][way] = {"rates": [one[way]["rate"] for one in rounds],
                                 "rate": median([one[way]["rate"] for one in rounds]),
                                 "stall": max((one[way]["stall"] or 0 for one in rounds), default=None)}
    return result


def bulk(bench):
    """One flow of iperf3 each way, beside a Linux guest in the same emulation: same machine, same devices."""
    tap()
    seconds, runs = (2 if bench.quick else 5), {}
    for _ in range(bench.rounds(4)):
        for name, command, ready in (
                ("virga q35", ours(bench, "q35", name="defconfig_iperf_qemu"), b"listening port="),
                ("linux q35", linux(bench, options="peer.iperf"), b"peer: ready"),
                ("virga microvm", ours(bench, "microvm", name="defconfig_iperf_qemu"), b"listening port=")):
            runs.setdefault(name, []).append(one_bulk(command, ready, seconds))
    return collect_bulk(runs)


def bulk_unix(bench):
    """The same for the Unix process over a tap, beside the host's own stack over a veth."""
    from rig.namespace import Namespace
    seconds, runs = (2 if bench.quick else 5), {}
    with Namespace() as far:
        tap_and_veth(far)
        image = bench.path("defconfig_iperf_unix", "image")
        ways = (("virga unix tap", "tap0", [image, "tap=tap0"], b"listening port="),
                ("host veth", "near", [*far.enter, "iperf3", "--server", "--forceflush"], b"Server listening"))
        for _ in range(bench.rounds(4)):
            for name, device, command, ready in ways:
                ip(f"addr add 10.0.0.1/24 dev {device}")
                ip("neigh flush all")
                runs.setdefault(name, []).append(one_bulk(command, ready, seconds))
                ip(f"addr del 10.0.0.1/24 dev {device}")
    return collect_bulk(runs)


class Here:
    """This namespace, with the interface that rig/relay.py needs."""

    def popen(self, command, **options):
        return subprocess.Popen(command, **options)


def bulk_loss(bench):
    """The same over a relay that loses one segment in a hundred, each way, from the same seed. Large segments are cut
    first, so that a loss is one segment of a wire."""
    tap("tap0", host=False)
    ip("link set tap0 arp off")  # the host must not answer directly on the guest's side of the relay
    tap("tap1")
    program = relay.compile_relay(bench.out)
    seconds, runs = (3 if bench.quick else 10), {}
    for turn in range(bench.rounds(4)):
        for name, command, ready in (
                ("virga q35", ours(bench, "q35", name="defconfig_iperf_qemu"), b"listening port="),
                ("linux q35", linux(bench, options="peer.iperf"), b"peer: ready"),
                ("virga microvm", ours(bench, "microvm", name="defconfig_iperf_qemu"), b"listening port=")):
            wire = relay.Relay(program, Here(), "--seed", str(turn + 1), "--drop", "0.01")
            try:
                runs.setdefault(name, []).append(one_bulk(command, ready, seconds))
            finally:
                with contextlib.redirect_stdout(io.StringIO()):
                    wire.stop()
    return collect_bulk(runs)
