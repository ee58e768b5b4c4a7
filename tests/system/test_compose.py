# SPDX-License-Identifier: ISC
"""The stack composed by hand prints the packets that it sees, in its colours, and refuses those without a listener."""
import os

import pytest

from rig import cpus, params
from rig.guest import GUEST_IP, HOST_IP, MAC, Guest, qemu_command, tap_netdev
from rig.sockets import Sockets

RED, GREEN, YELLOW, BLUE = 31, 32, 33, 36
CONNECT = f"s = socket.create_connection(('{GUEST_IP}', {{}}))"


@pytest.fixture
def guest(builder, namespace, machine):
    namespace.tap()
    image = os.path.join(builder.build(cpus.defconfig("compose", machine)), "image")
    with Guest(qemu_command(image, machine, netdev=tap_netdev(), options="color"), namespace) as started:
        started.wait_for(f"composed address={GUEST_IP}")
        yield started


def says(guest, colour, text):
    return guest.wait_for(rf"^\033\[{colour}m{text}\033\[0m$")


@pytest.mark.parametrize("machine", params.machines("compose", "q35", "microvm"))
def test_it_says_what_arrives(guest, namespace):
    linux = Sockets(namespace)
    linux.do(CONNECT.format(80))
    says(guest, GREEN, f"new tcp from {HOST_IP} {linux.get('s.getsockname()[1]')}")
    linux.do("s.sendall(b'what do you say?')")
    says(guest, YELLOW, r"read: 16\nwhat do you say\?")
    assert linux.get("s.recv(1)") == "", "it reads once and closes"
    linux.do("s.close()")

    linux.do(CONNECT.format(80))
    says(guest, GREEN, f"new tcp from {HOST_IP} {linux.get('s.getsockname()[1]')}")
    linux.do("s.shutdown(socket.SHUT_WR)")
    says(guest, RED, "read: eof")

    with pytest.raises(AssertionError, match="ConnectionRefusedError"):
        linux.do(CONNECT.format(81))
    assert guest.console.count("new tcp from") == 2

    linux.do("u = socket.socket(type=socket.SOCK_DGRAM)")
    linux.do(f"u.connect(('{GUEST_IP}', 53))")
    linux.do("u.send(b'anybody?')")
    says(guest, BLUE, "udp packet on port 53")
    with pytest.raises(AssertionError, match="ConnectionRefusedError"):
        linux.get("u.recv(1)")

    linux.do("r = socket.socket(socket.AF_INET, socket.SOCK_RAW, 47)")
    linux.do(f"r.sendto(b'GRE?', ('{GUEST_IP}', 0))")
    says(guest, RED, f"protocol 47 from {HOST_IP}")

    frame = bytes.fromhex(MAC.replace(":", "") + "020000000009" + "86dd" + "60" + "00" * 45)
    linux.do("w = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)")
    linux.do("w.bind(('tap0', 0))")
    linux.do(f"w.send(bytes.fromhex('{frame.hex()}'))")
    says(guest, YELLOW, "ipv6 frame, 46 bytes")
