# SPDX-License-Identifier: ISC
"""Parts of the bench that count: bytes, memory, guest instructions."""
import os
import resource
import socket
import statistics
import subprocess
import tempfile

from measure import GUEST_IP, TREE, Running, iperf_bytes, linux, ours, say, tap
from rig import build, clients, icount


# -- exact: bytes, memory, instructions --

def image(bench):
    """Bytes of each shipped configuration: text, read-only data and data, without the site."""
    result = {}
    for name in build.defconfigs():
        # By scripts/size, which also checks the budgets: one definition of an image's size.
        done = subprocess.run(["scripts/python", "json", "scripts/size", "--total", bench.path(name)], cwd=TREE,
                              stdout=subprocess.PIPE, text=True, check=True)
        result[name] = {"bytes": int(done.stdout.split()[0]), "file": os.path.getsize(bench.path(name, "image"))}
    return result


def least(low, high, step, works):
    """The least value in low..high (multiples of step) that works; None when high does not."""
    if not works(high):
        return None
    while high - low > step:
        middle = (low + high) // 2 // step * step
        if works(middle):
            high = middle
        else:
            low = middle
    return high


def serves(bench, machine, kib, load):
    with Running(ours(bench, machine, f"{kib}K", name="defconfig_www_qemu")) as guest:
        if guest.seconds_to_200(6, path="/") is None:
            return False
        if load:
            turn = clients.turn(GUEST_IP, count=200, seconds=10)["answers"]
            burst = clients.burst(GUEST_IP, count=200, seconds=40)["answers"]
            good = all(len(one) == 1 and next(iter(one)).startswith("200 ") for one in (turn, burst))
            return good and guest.alive()
    return True


def memory(bench):
    """The smallest -m, to 16 KiB, with which the shipped www serves; and with 200 connections at once."""
    tap()
    result = {}
    for machine in ("microvm", "q35"):
        for load in (False, True):
            key = f"{machine} {'under load' if load else 'first answer'}"
            result[key] = least(256, 4096, 16, lambda kib, m=machine, l=load: serves(bench, m, kib, l))
            say(f"  {key}: {result[key]} KiB")
    if not bench.quick:
        def peer_serves(mib):
            with Running(linux(bench, memory=f"{mib}M")) as guest:
                return guest.seconds_to_200(25) is not None
        found = least(48, 256, 4, peer_serves)
        result["Linux and nginx"] = found and found * 1024
    return result


def instructions(bench):
    """Guest instructions: from entry to the idle after the first answer, per connection, per request."""
    tap()
    out = bench.path("defconfig_www_qemu")

    def ask(count):
        answers = clients.keep_alive(GUEST_IP, path=icount.PATH, count=count)["answers"]
        assert len(answers) == 1 and next(iter(answers)).startswith("200 "), answers
    result = {}
    for machine in ("microvm", "q35"):
        runs = []
        for _ in range(bench.rounds(4)):
            with tempfile.TemporaryDirectory() as folder:
                path = os.path.join(folder, "qmp")
                with Running(ours(bench, machine, extra=icount.arguments(path), name="defconfig_www_qemu")) as guest:
                    if guest.seconds_to_text(b" up ") is None:
                        return {"error": "not up under -icount:\n" + guest.console.decode("utf-8", "replace")}
                    runs.append(icount.measure(out, path, ask))
        result[machine] = {name: [run[name] for run in runs] for name in runs[0]}
    return result


MSS = 1448  # of a wire with an MTU of 1500 and time stamps
BULK_BYTES = 32 << 20


def segments(bench):
    """Guest instructions for each full segment received or sent, acknowledgements included: without and with the
    device's offloads."""
    tap()
    name, result = "defconfig_iperf_qemu", {}
    for offloads in (False, True):
        for way in ("received", "sent"):
            counts = []
            for _ in range(bench.rounds(4)):
                with tempfile.TemporaryDirectory() as folder:
                    path = os.path.join(folder, "qmp")
                    command = ours(bench, "microvm", extra=icount.arguments(path), name=name, offloads=offloads)
                    with Running(command) as guest:
                        if guest.seconds_to_text(b"listening port=") is None:
                            return {"error": "not up under -icount:\n" + guest.console.decode("utf-8", "replace")}
                        counts.append(per_segment(bench.path(name), path, way == "sent"))
            result[f"{way}, {'offloads' if offloads else 'plain'}"] = counts
    return result


def per_segment(out, path, reverse):
    """The difference of a long transfer and a short one, to cancel the session's own traffic, which is in both."""
    counter, marks = icount.Counter(out, path), []
    try:
        for megabytes in (1, 1, 1 + (BULK_BYTES >> 20)):
            before = counter.instructions()
            iperf_bytes(megabytes << 20, reverse)
            marks.append(counter.instructions() - before)
    finally:
        counter.close()
    return round((marks[2] - marks[1]) / (BULK_BYTES / MSS))


def connections(bench):
    """Guest instructions per request of one connection while others are open and idle."""
    most = 10000
    resource.setrlimit(resource.RLIMIT_NOFILE, (most + 500, max(most + 500, resource.getrlimit(
        resource.RLIMIT_NOFILE)[1])))
    tap()
    out, result = bench.path("bench-crowd"), {}
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "qmp")
        with Running(ours(bench, "microvm", extra=icount.arguments(path), name="bench-crowd")) as guest:
            if guest.seconds_to_text(b" up ") is None:
                return {"error": "not up under -icount:\n" + guest.console.decode("utf-8", "replace")}
            counter, idle = icount.Counter(out, path), []
            try:
                for others in (0, 100, 1000, most):
                    while len(idle) < others:
                        idle.append(socket.create_connection((GUEST_IP, 80), 60))
                    result[others] = request_cost(counter)
            finally:
                counter.close()
                for conn in idle:
                    conn.close()
    return result


def request_cost(counter):
    def ask(count):
        answers = clients.keep_alive(GUEST_IP, path="/1k.txt", count=count)["answers"]
        assert len(answers) == 1 and next(iter(answers)).startswith("200 "), answers

    costs = []
    for _ in range(icount.BATCHES):
        marks = [counter.instructions()]
        for count in (1, 1 + icount.REQUESTS):
            ask(count)
            marks.append(counter.instructions())
        costs.append((marks[2] - 2 * marks[1] + marks[0]) / icount.REQUESTS)
    return round(statistics.median(costs))
