# SPDX-License-Identifier: ISC
"""The parts of the bench. Each gives a dictionary that the report reads; times are only ever
compared with what ran beside them, alternating, in the same run."""
import os
import subprocess
import tempfile

from measure import (GUEST_IP, TREE, Running, floor, iperf, ip, linux, median, ours, say, tap, unix, wrk)
from rig import build, clients, icount

URL = f"http://{GUEST_IP}/1k.txt"


# -- exact: bytes, memory, instructions --

def image(bench):
    """Bytes of each shipped configuration: text, read-only data and data, the site apart."""
    result = {}
    for name in build.defconfigs():
        # scripts/size is what the budgets are asserted with: one definition of an image's size.
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
        answers = clients.keep_alive(GUEST_IP, path="/style.css", count=count)["answers"]
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


# -- times, beside others --

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


def one_load(command, seconds):
    """Boots, warms up, and gives what wrk finds with 16 keep-alive connections and with one."""
    with Running(command) as guest:
        if guest.seconds_to_200() is None:
            return {"errors": guest.console.decode("utf-8", "replace")[-500:]}
        wrk(URL, 16, 1)
        return {"16": wrk(URL, 16, seconds), "1": wrk(URL, 1, seconds)}


def collect(runs):
    """Medians over the rounds, and every error that there was."""
    result = {}
    for name, rounds in runs.items():
        result[name] = {"errors": [one["errors"] for one in rounds if one.get("errors")] +
                                  [one[c]["errors"] for one in rounds for c in ("16", "1") if c in one
                                   and one[c]["errors"]]}
        for connections in ("16", "1"):
            there = [one[connections] for one in rounds if connections in one]
            result[name][connections] = {"rate": median([one["rate"] for one in there]),
                                         "p50_us": median([one["p50_us"] for one in there]),
                                         "rates": [one["rate"] for one in there]}
    return result


def requests(bench):
    """wrk on a 1 kB file, beside nginx on Linux in the same emulation: same machine, same devices."""
    tap()
    seconds, runs = (2 if bench.quick else 5), {}
    for _ in range(bench.rounds(4)):
        for name, command in (("virga q35", ours(bench, "q35")), ("linux q35", linux(bench)),
                              ("virga microvm", ours(bench, "microvm")),
                              ("linux q35, as shipped", linux(bench, options="peer.conf=debian"))):
            runs.setdefault(name, []).append(one_load(command, seconds))
    return collect(runs)


NGINX = """
daemon off; master_process off; worker_processes 1; pid {0}/pid; error_log stderr crit; user root;
events {{ worker_connections 1024; }}
http {{
	access_log off; sendfile on; tcp_nopush on; open_file_cache max=100; keepalive_requests 100000000;
	client_body_temp_path {0}/a; proxy_temp_path {0}/b; fastcgi_temp_path {0}/c; uwsgi_temp_path {0}/d;
	scgi_temp_path {0}/e;
	server {{ listen 10.0.0.2:80 backlog=1024; root {1}; }}
}}
"""


def requests_unix(bench):
    """The Unix process over a tap, and on host sockets, beside nginx on the host; nginx and the
    sockets sit behind a veth in a namespace of their own."""
    from rig.namespace import Namespace
    seconds, runs = (2 if bench.quick else 5), {}
    with Namespace() as far, tempfile.TemporaryDirectory() as folder:
        tap()
        ip("addr flush dev tap0")
        ip(f"link add near type veth peer name far netns {far.holder.pid}")
        far.ip("addr add 10.0.0.2/24 dev far")
        far.ip("link set far up")
        ip("link set near up")
        config = os.path.join(folder, "nginx.conf")
        with open(config, "w", encoding="utf-8") as file:
            file.write(NGINX.format(folder, bench.path("site")))
        socket_image = bench.path("bench-unix-socket", "image")
        ways = (("virga unix tap", "tap0", unix(bench)),
                ("nginx host", "near", [*far.enter, "nginx", "-e", "stderr", "-c", config]),
                ("virga unix sockets", "near", [*far.enter, socket_image, "port=80"]))
        for _ in range(bench.rounds(4)):
            for name, device, command in ways:
                ip(f"addr add 10.0.0.1/24 dev {device}")
                ip("neigh flush all")
                runs.setdefault(name, []).append(one_load(command, seconds))
                ip(f"addr del 10.0.0.1/24 dev {device}")
    return collect(runs)


# -- bulk --

def one_bulk(command, ready, seconds):
    """Boots, and gives the rates of one flow to the guest and from it. ready: what it says when it listens, for an
    iperf3 server that is only knocked at gives up."""
    with Running(command) as guest:
        if guest.seconds_to_text(ready) is None:
            error = {"rate": None, "error": guest.console.decode("utf-8", "replace")[-500:]}
            return {"to": error, "from": error}
        return {"to": iperf(seconds, False), "from": iperf(seconds, True)}


def collect_bulk(runs):
    result = {}
    for name, rounds in runs.items():
        result[name] = {"errors": [one[way]["error"] for one in rounds for way in one if one[way]["error"]]}
        for way in ("to", "from"):
            result[name][way] = {"rates": [one[way]["rate"] for one in rounds],
                                 "rate": median([one[way]["rate"] for one in rounds])}
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
        tap()
        ip("addr flush dev tap0")
        ip(f"link add near type veth peer name far netns {far.holder.pid}")
        far.ip("addr add 10.0.0.2/24 dev far")
        far.ip("link set far up")
        ip("link set near up")
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


def threads(bench):
    """The kernel's own bench of promises and fibers, beside Lwt and libuv."""
    runner = os.path.join(TREE, "tests", "bench", "threads")
    if not os.access(runner, os.X_OK):
        return {"error": "tests/bench/threads is not there"}
    done = subprocess.run([runner], cwd=TREE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False,
                          env={**os.environ, "O": bench.out})
    return {"text": done.stdout, "status": done.returncode}


# name: (function, needs a namespace, what must be built first)
PARTS = {
    "image": (image, False, "defconfigs"),
    "memory": (memory, True, "www peer"),
    "instructions": (instructions, True, "www"),
    "boot": (boot, True, "site peer null"),
    "boot_memory": (boot_memory, True, "site peer null"),
    "requests": (requests, True, "site peer"),
    "requests_unix": (requests_unix, True, "unix"),
    "bulk": (bulk, True, "iperf peer"),
    "bulk_unix": (bulk_unix, True, "iperf"),
    "threads": (threads, False, ""),
}
