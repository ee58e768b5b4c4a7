# SPDX-License-Identifier: ISC
"""The seeded relay (relay.c) between a guest and the host, inside a namespace."""
import os
import re
import signal
import subprocess
import tempfile

from rig import build

SOURCE = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "relay.c")


def compile_relay(folder):
    program = os.path.join(folder, "relay")
    if not os.path.exists(program):
        with tempfile.TemporaryDirectory(dir=folder) as scratch:
            made = os.path.join(scratch, "relay")
            subprocess.run(["gcc", "-std=gnu11", "-O2", "-Wall", "-Wextra", "-I", build.TREE, "-o", made, SOURCE],
                           check=True)
            os.replace(made, program)
    return program


class Relay:
    """A relay between two ends, named as in relay.c. With the ends of `beside` the guest's tap is tap0, and the host
    has its address on a second tap beyond the relay."""

    def __init__(self, program, namespace, *options, ends=("packet:tap0", "tap:tap1")):
        self.process = namespace.popen([program, *options, *ends], stdout=subprocess.PIPE, text=True)
        if self.process.stdout.readline() != "relay: ready\n":
            raise AssertionError("the relay has not started")
        self.report = None

    def stop(self):
        """Ends the relay and gives its counts by the end that frames came from: {"packet:tap0": {"frames": …}, …}."""
        if self.report is None:
            self.process.send_signal(signal.SIGTERM)
            text = self.process.communicate(timeout=20)[0]
            self.report = {}
            for line in text.splitlines():
                fields = dict(re.findall(r"(\w+)=(\S+)", line))
                if "from" in fields:
                    self.report[fields["from"]] = {key: int(value) for key, value in fields.items()
                                                   if value.isdigit()}
            print(text)
        return self.report


def beside(namespace, guest_tap="tap0", host_tap="tap1", neighbour=None):
    """Makes two unconnected taps, for a relay to bridge."""
    namespace.tap(guest_tap, address=None)
    # The host must not answer directly on the guest's side of the relay.
    namespace.ip(f"link set {guest_tap} arp off")
    namespace.tap(host_tap, neighbour=neighbour)
