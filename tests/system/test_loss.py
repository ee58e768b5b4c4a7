# SPDX-License-Identifier: ISC
"""A large file arrives intact through bad cables."""
import hashlib
import os

import pytest

from rig import cpus, relay, server
from rig.agent import Agent
from rig.guest import HOST_IP
from rig.sockets import Sockets

BIG_BYTES = 64 << 20
# If memory is large enough, SeaBIOS moves itself to 16 MiB below its end, over any part of an image that lies
# there, before the image runs: so the image must end below that.
FIRMWARE_KIB = {"q35": 18 << 10}


def big_site(output, size=BIG_BYTES):
    """A site with one large file that no compressor and no repetition can help."""
    folder = os.path.join(output, "big-site" if size == BIG_BYTES else f"site-{size}")
    path = os.path.join(folder, "big.bin")
    os.makedirs(folder, exist_ok=True)
    digest = hashlib.sha256()
    with open(path + ".new", "wb") as file:
        block = b"virga"
        while file.tell() < size:
            block = hashlib.sha512(block).digest()
            chunk = hashlib.shake_256(block).digest(1 << 16)
            digest.update(chunk)
            file.write(chunk)
    if os.path.exists(path) and os.path.getsize(path) == size:
        os.unlink(path + ".new")  # the same bytes are there: make sees nothing new
    else:
        os.replace(path + ".new", path)
    with open(os.path.join(folder, "index.html"), "w", encoding="utf-8") as file:
        file.write("<!doctype html><title>big</title>\n")
    return folder, digest.hexdigest()


def room_above(machine):
    """KiB for what lies beside the image and the rest: where there is a device tree, it is in the upper half."""
    if machine in FIRMWARE_KIB or cpus.MACHINES[machine].cpu is cpus.USUAL:
        return FIRMWARE_KIB.get(machine, 0)
    return BIG_BYTES // 1024


def transfer(serve, namespace, relay_program, output, way, offloads, *cable, seconds=500, size=BIG_BYTES):
    site, digest = big_site(output, size)
    relay.beside(namespace)
    wire = relay.Relay(relay_program, namespace, *cable)
    # Besides the file itself, the guest has only the 1.5 MiB of memory that it must do with.
    least, machine = server.least_memory(way), server.WAYS[way][1]
    memory = f"{int(least[:-1]) + size // 1024 + room_above(machine)}K" if machine else least
    www = serve(way, variables=(f"WWW_DIR={site}",), name=f"big-{size}-{server.WAYS[way][0]}", memory=memory,
                offloads=offloads, make_tap=False)
    result = www.ask("fetch", path="/big.bin", seconds=seconds)
    counts = wire.stop()
    print(result)
    assert (result["status"], result["bytes"], result["sha256"]) == (200, size, digest), result
    return result, counts


@pytest.mark.parametrize("way,offloads", [
    pytest.param("microvm", True, id="microvm-offloads", marks=pytest.mark.config("defconfig_www_qemu")),
    pytest.param("q35", False, id="q35-plain", marks=[pytest.mark.config("defconfig_www_qemu")]),
    pytest.param("microvm", False, id="microvm-plain",
                 marks=[pytest.mark.config("defconfig_www_qemu"), pytest.mark.long]),
    pytest.param("q35", True, id="q35-offloads", marks=[pytest.mark.config("defconfig_www_qemu"), pytest.mark.long]),
    pytest.param("unix", True, id="unix", marks=pytest.mark.config("defconfig_www_unix")),
    *(pytest.param(way, True, id=way, marks=[pytest.mark.config(server.WAYS[way][0]), pytest.mark.long])
      for way in cpus.others(first=True)),
])
def test_three_in_a_hundred_lost(serve, namespace, relay_program, output, way, offloads):
    _, counts = transfer(serve, namespace, relay_program, output, way, offloads, "--seed", "3", "--drop", "0.03")
    assert counts["packet:tap0"]["dropped"] > 1000  # about 46,000 segments went over the wire
    if not offloads:
        assert counts["packet:tap0"]["frames"] == counts["packet:tap0"]["segments"]


@pytest.mark.parametrize("percent", [0, 1, 5, 20])
@pytest.mark.config("defconfig_www_unix")
def test_losses_each_way(serve, namespace, relay_program, output, percent):
    """A share of both sides' segments is lost, and the others are reordered; Linux is the peer."""
    transfer(serve, namespace, relay_program, output, "unix", True, "--seed", "7", "--drop", str(percent / 100),
             "--reorder", "0.02", "--delay", "0:300", seconds=300, size=1 << 20)


@pytest.mark.long
@pytest.mark.parametrize("percent", [1, 5])
@pytest.mark.config("defconfig_agent_unix")
def test_linux_sends_through_losses(builder, namespace, relay_program, percent):
    """The other way round: we detect missing segments, and report them to Linux."""
    data = hashlib.shake_256(b"linux").digest(1 << 19)
    relay.beside(namespace)
    wire = relay.Relay(relay_program, namespace, "--seed", "11", "--drop", str(percent / 100), "--reorder", "0.02",
                       "--delay", "0:300")
    linux = Sockets(namespace)
    linux.do(f"s = socket.create_server(('{HOST_IP}', 7000))")
    with Agent(builder, namespace, "unix", make_tap=False) as agent:
        handle = agent.wait().ok("socket tcp")[0]
        agent.ok(f"connect {handle} {HOST_IP} 7000")
        linux.do("import hashlib, threading; c, peer = s.accept(); c.settimeout(None)")
        linux.do(f"data = hashlib.shake_256(b'linux').digest({len(data)})")
        linux.do("threading.Thread(target=lambda: (c.sendall(data), c.close())).start()")
        got = bytearray()
        while (answer := agent.ask(f"recv {handle} 65507", 300))[0] != 0:
            assert len(answer) == 2, answer
            got += bytes.fromhex(answer[1])
    counts = wire.stop()
    assert hashlib.sha256(got).digest() == hashlib.sha256(data).digest(), len(got)
    assert counts["tap:tap1"]["dropped"] > 0


@pytest.mark.long
@pytest.mark.parametrize("seed", range(1, 4))
@pytest.mark.parametrize("way,offloads", [
    pytest.param("microvm", True, id="offloads", marks=pytest.mark.config("defconfig_www_qemu")),
    pytest.param("microvm", False, id="plain", marks=pytest.mark.config("defconfig_www_qemu")),
    pytest.param("unix", True, id="unix", marks=pytest.mark.config("defconfig_www_unix")),
])
def test_everything_at_once(serve, namespace, relay_program, output, way, offloads, seed):
    """Loss, duplicates, overtaking and flipped bits together."""
    transfer(serve, namespace, relay_program, output, way, offloads, "--seed", str(seed), "--drop", "0.01",
             "--duplicate", "0.02", "--reorder", "0.02", "--corrupt", "0.01", "--delay", "0:300", seconds=800)


@pytest.mark.parametrize("way,offloads", [
    pytest.param("microvm", True, marks=pytest.mark.config("defconfig_www_qemu")),
    pytest.param("microvm", False, marks=pytest.mark.config("defconfig_www_qemu")),
    pytest.param("unix", True, marks=pytest.mark.config("defconfig_www_unix")),
])
def test_large_segments_pass_whole(serve, namespace, relay_program, output, way, offloads):
    """A clean cable that does not cut segments, as a device with offloads passes them to its driver."""
    _, counts = transfer(serve, namespace, relay_program, output, way, offloads, "--whole")
    sent = counts["packet:tap0"]
    if offloads:
        assert sent["bytes"] / sent["frames"] > 3000, "no large segments were sent"
    else:
        assert sent["bytes"] / sent["frames"] <= 1514
