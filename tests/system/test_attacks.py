# SPDX-License-Identifier: ISC
"""Under attack: new clients get in, earlier ones are still served, and afterwards all is as before. The results of
Linux's own stack under the same flood are printed beside."""
import json
import os
import subprocess
import sys

import pytest

PROGRAM = os.path.join(os.path.dirname(os.path.abspath(__file__)), "rig", "attack.py")
RATE = 5000  # per second: a table of 256 is full in the twentieth part of one


class Act:
    """An attack or client of rig/attack.py, running inside the namespace."""

    def __init__(self, namespace, name, enter=(), **arguments):
        self.process = namespace.popen([*enter, sys.executable, "-B", PROGRAM, name, json.dumps(arguments)],
                                       stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert self.process.stdout.readline() == "begun\n", name

    def result(self, seconds=600):
        return json.loads(self.process.communicate("go\n", timeout=seconds)[0])


def attacked(namespace, where, attack, **arguments):
    """The results of newcomers during the attack, and of the attack."""
    newcomers = Act(namespace, "newcomers", host=where)
    attacker = Act(namespace, attack, **arguments)
    luck = newcomers.result()
    return luck, attacker.result()


def mac_of(namespace, host, device):
    said = namespace.run(["ip", "neigh", "show", host, "dev", device]).stdout.split()
    return said[said.index("lladdr") + 1]


def linux_host(namespace):
    """Starts a server on Linux's stack in its own namespace, at the other end of a veth. Gives its address."""
    peer = Act(namespace, "linux_server", enter=["unshare", "--net"])
    namespace.ip(f"link add veth0 type veth peer name veth1 netns {peer.process.pid}")
    namespace.ip("addr add 10.0.1.1/24 dev veth0")
    namespace.ip("link set veth0 up")
    for words in ("link set lo up", "addr add 10.0.1.2/24 dev veth1", "link set veth1 up",
                  "route add default via 10.0.1.1"):
        namespace.run(["nsenter", "--net", "--target", peer.process.pid, "ip", *words.split()])
    namespace.run(["curl", "--silent", "--max-time", "30", "http://10.0.1.2/"])
    return "10.0.1.2"


@pytest.mark.long
@pytest.mark.config("defconfig_www_unix")
@pytest.mark.parametrize("kind", ["syn", "ack"])
def test_flood_of_forged_segments(serve, namespace, kind):
    www = serve("unix", memory="2M")
    flood = {"kind": kind, "rate": RATE, "seconds": 15.0}
    luck, sent = attacked(namespace, www.host, "forge", device="tap0", target=www.host,
                          mac=mac_of(namespace, www.host, "tap0"), **flood)
    print(f"{kind} flood, {sent['sent']} segments: {luck}")
    peer = linux_host(namespace)
    beside, sent_beside = attacked(namespace, peer, "forge", device="veth0", target=peer,
                                   mac=mac_of(namespace, peer, "veth0"), **flood)
    print(f"Linux, {sent_beside['sent']} segments: {beside}")
    assert sent["sent"] > 10000
    assert luck["served"] >= luck["count"] * 0.95 and luck["old_stands"], luck
    assert www.ask("turn", count=20)["answers"].keys() == {next(iter(www.ask("turn", count=1)["answers"]))}


@pytest.mark.config("defconfig_www_unix")
def test_clients_that_pipeline_and_do_not_read(serve, namespace):
    """They must not keep the receive buffers, which all connections share."""
    www = serve("unix", memory="2M", name="few-buffers",
                options_set={"TAP_RX_BUFFERS": "128", "TCP_RECEIVE_BUFS": "96", "IPV4_FRAGMENT_BUFS": "24"})
    luck, _ = attacked(namespace, www.host, "greedy", host=www.host)
    assert luck["served"] == luck["count"] and luck["old_stands"], luck
