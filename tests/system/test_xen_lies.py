# SPDX-License-Identifier: ISC
"""Backends that lie, from a seed, in every field of their rings and of xenstore: the guest reports and refuses them,
and with an honest backend it serves the right bytes again."""
import os
import random
import re

import pytest

from rig import cpus, liar, params, xen

SEEDS, SEEDS_ELSEWHERE = 8, 2  # for x86-64, for each other CPU
pytestmark = pytest.mark.long
BEHIND = {"vif": "eth0", "vbd": "/dev/vda"}
LIES, LIES_LEAST = 30, 5
REQUESTS, REQUESTS_MOST = 15, 150  # on a busy machine the guest processes few of them before its clients give up
SIZES = (1, 4097, 2 << 20)  # the last is more than the block cache has
IMPATIENT, PATIENT = 4, 300  # seconds until a client gives up: the liar maps each slice, for long on a busy machine


def lies():
    """For each CPU, device and seed."""
    for guest in params.guests("www_fat"):
        config = guest.values[0]
        for kind in BEHIND:
            for seed in range(1, 1 + (SEEDS if cpus.cpu_of(config) is cpus.USUAL else SEEDS_ELSEWHERE)):
                yield pytest.param(config, kind, seed, marks=guest.marks)


@pytest.fixture(name="cpu")
def find_cpu(config):
    return cpus.cpu_of(config)


@pytest.fixture
def program(output, cpu):
    return liar.compile_liar(output, cpu)


@pytest.fixture(name="site", scope="session")
def make_site(tmp_path_factory):
    folder = tmp_path_factory.mktemp("lies")
    for size in SIZES:
        (folder / f"{size}.bin").write_bytes(random.Random(size).randbytes(size))
    return folder


@pytest.fixture(name="emulated")
def start_machine(builder, namespace, site, config, cpu):
    """Starts the machine with the guest's image and its disk."""
    namespace.tap()
    image = builder.build(config, f"WWW_DIR={site}", name=f"{config}_lies")
    with xen.running(namespace.enter, disk=(os.path.join(image, "disk.img"), True), cpu=cpu.folder) as emulated:
        emulated.put(image, "guest")
        yield emulated


def create(emulated, kind):
    """Creates a guest, still paused, without the device that is to be the liar's."""
    without = {"vif": "vif", "vbd": "disk"}[kind]
    return emulated.start("guest", f"{without}=[]", paused=True)


def get(namespace, size, seconds):
    """The bytes of a file that curl gets, and the reason if they are not all."""
    done = namespace.run(["curl", "--silent", "--show-error", "--fail", "--max-time", seconds,
                          f"http://10.0.0.2/{size}.bin"], timeout=seconds + 60, text=False, check=False)
    return done.stdout, done.stderr.decode()


def assert_serves(namespace, site, guest):
    for size in SIZES:
        expected = (site / f"{size}.bin").read_bytes()
        for _ in range(4):
            got, why = get(namespace, size, PATIENT)
            if not why:
                break
        assert not why, f"{size} bytes do not come: {why}\n{guest.tail()}"
        assert got == expected


def assert_lives(emulated, guest):
    assert emulated.domains() == ["guest"] and not guest.reasons(), guest.tail()
    assert guest.console.count(" boot_us=") == 1, guest.tail()


@pytest.mark.parametrize("config,kind,seed", lies())
def test_a_device_that_lies(namespace, emulated, program, site, kind, seed):
    """In its rings during requests for files, which come whole or not at all; then in xenstore."""
    guest = create(emulated, kind)
    back = liar.Liar(emulated, program, kind, BEHIND[kind], seed)
    emulated.run("xl unpause guest")
    guest.wait_for(" boot_us=")
    assert_serves(namespace, site, guest)
    back.tell(f"lie {LIES}")
    requests = 0
    while requests < REQUESTS or back.count("^liar: lie=") < LIES_LEAST:
        assert requests < REQUESTS_MOST, back.said()
        size = SIZES[requests % len(SIZES)]
        got, why = get(namespace, size, IMPATIENT)
        assert why or got == (site / f"{size}.bin").read_bytes()
        assert_lives(emulated, guest)
        requests += 1
    assert guest.console.count("broken=") >= back.count("^liar: refused$"), back.said() + guest.console
    back.come()
    assert_serves(namespace, site, guest)
    back.lie_in_store()
    assert_lives(emulated, guest)
    back.come()
    assert_serves(namespace, site, guest)
    assert_lives(emulated, guest)


@pytest.mark.parametrize("config,kind,seed", lies())
def test_a_device_that_lies_from_the_start(namespace, emulated, program, site, kind, seed):
    """The guest waits for an honest backend, or reports why it ends; the next guest serves."""
    guest = create(emulated, kind)
    back = liar.Liar(emulated, program, kind, BEHIND[kind], seed)
    back.tell("come lying")
    emulated.run("xl unpause guest")
    back.wait_for("lied in the store")
    back.tell("come")
    if guest.wait_for(" boot_us=|^panic: .*$")[0] != " boot_us=":
        assert re.search("^panic: (no network interface|no disk that works|the disk)", guest.console, re.MULTILINE)
        assert guest.wait_end() == xen.CRASH
        back.tell("quit")
        guest = emulated.start("guest")
        guest.wait_for(" boot_us=")
    assert_serves(namespace, site, guest)
