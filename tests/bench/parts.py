# SPDX-License-Identifier: ISC
"""The parts of the bench. Each gives a dictionary that the report reads; times are only compared with
those of a peer that alternated with them in the same run."""
import os
import subprocess

from bulk import bulk, bulk_loss, bulk_unix
from exact import connections, image, instructions, memory, segments
from files import disk
from guests import boot_xen, requests_xen
from load import requests, requests_unix
from measure import TREE, Running, cpus, floor, linux, median, ours, tap


def boot(bench):
    """Exec to first 200, beside the floor of the same machine and beside Linux with nginx."""
    tap()
    times = {}
    for turn in range(bench.rounds(12)):
        for machine in ("microvm", "q35"):
            with Running(floor(bench, machine)) as guest:
                times.setdefault(f"floor {machine}", []).append(guest.seconds_to_text(b"null"))
            with Running(ours(bench, machine)) as guest:
                times.setdefault(f"virga {machine}", []).append(guest.seconds_to_200(20))
        if turn % 4 == 0:
            with Running(linux(bench)) as guest:
                times.setdefault("linux q35", []).append(guest.seconds_to_200())
    return {"times": times, "median": {key: median(values) for key, values in times.items()}}


def boot_cpus(bench):
    """Exec to first 200 on the first machine of each other CPU, beside that machine's floor."""
    tap()
    times = {}
    for _ in range(bench.rounds(12)):
        for machine in cpus.others(first=True):
            with Running(floor(bench, machine)) as guest:
                times.setdefault(f"floor {machine}", []).append(guest.seconds_to_text(b"null"))
            with Running(ours(bench, machine, name=f"bench-{machine}")) as guest:
                times.setdefault(f"virga {machine}", []).append(guest.seconds_to_200(20))
    return {"times": times, "median": {key: median(values) for key, values in times.items()}}


def boot_memory(bench):
    """The same over guest memory, from the least to 2 GiB."""
    tap()
    found = bench.load("memory") or {}
    result = {"virga microvm": {}, "virga q35": {}, "linux q35": {}, "floor microvm": {}, "floor q35": {}}
    for mib in (None, 4, 16, 64, 128, 256, 512, 1024, 2048):
        for machine in ("microvm", "q35"):
            kib = mib * 1024 if mib else found.get(f"{machine} first answer") or 2048
            times, floors = [], []
            for _ in range(bench.rounds(4)):
                with Running(floor(bench, machine, f"{kib if mib else 2048}K")) as guest:
                    floors.append(guest.seconds_to_text(b"null", 5))
                with Running(ours(bench, machine, f"{kib}K")) as guest:
                    times.append(guest.seconds_to_200(20))
            result[f"virga {machine}"][kib] = median(times)
            result[f"floor {machine}"][kib] = median(floors)
        if mib and mib >= 128:
            with Running(linux(bench, memory=f"{mib}M")) as guest:
                result["linux q35"][mib * 1024] = guest.seconds_to_200()
    return result


def threads(bench):
    """The kernel's own bench of promises and fibers, beside Lwt and libuv."""
    runner = os.path.join(TREE, "tests", "bench", "threads")
    if not os.access(runner, os.X_OK):
        return {"error": "tests/bench/threads is not there"}
    done = subprocess.run([runner], cwd=TREE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False,
                          env={**os.environ, "O": bench.out})
    return {"text": done.stdout, "status": done.returncode}


# name: (function, needs a namespace, the builds that it needs)
PARTS = {
    "image": (image, False, "defconfigs"),
    "memory": (memory, True, "www peer"),
    "instructions": (instructions, True, "www"),
    "segments": (segments, True, "iperf"),
    "connections": (connections, True, "crowd"),
    "boot": (boot, True, "site peer null"),
    "boot_cpus": (boot_cpus, True, "site cpus"),
    "boot_memory": (boot_memory, True, "site peer null"),
    "boot_xen": (boot_xen, True, "xen null"),
    "requests": (requests, True, "site fat peer"),
    "requests_unix": (requests_unix, True, "unix"),
    "requests_xen": (requests_xen, True, "xen peer"),
    "bulk": (bulk, True, "iperf peer"),
    "bulk_loss": (bulk_loss, True, "iperf peer"),
    "bulk_unix": (bulk_unix, True, "iperf"),
    "disk": (disk, True, "disk"),
    "threads": (threads, False, ""),
}
