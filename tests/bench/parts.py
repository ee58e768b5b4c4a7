# SPDX-License-Identifier: ISC
"""The parts of the bench. Each gives a dictionary that the report reads; times are only ever
compared with what ran beside them, alternating, in the same run."""
import os
import subprocess
import tempfile

from bulk import bulk, bulk_loss, bulk_unix
from exact import connections, image, instructions, memory, segments
from files import disk, with_disk
from guests import boot_xen
from measure import GUEST_IP, TREE, Running, cpus, floor, ip, linux, median, ours, tap, unix, wrk

URL = f"http://{GUEST_IP}/1k.txt"


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
                              ("virga microvm, FAT", with_disk(bench, "microvm", "bench-www-fat",
                                                               bench.path("bench-www-fat", "disk.img"))),
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
    "segments": (segments, True, "iperf"),
    "connections": (connections, True, "crowd"),
    "boot": (boot, True, "site peer null"),
    "boot_cpus": (boot_cpus, True, "site cpus"),
    "boot_memory": (boot_memory, True, "site peer null"),
    "boot_xen": (boot_xen, True, "xen null"),
    "requests": (requests, True, "site fat peer"),
    "requests_unix": (requests_unix, True, "unix"),
    "bulk": (bulk, True, "iperf peer"),
    "bulk_loss": (bulk_loss, True, "iperf peer"),
    "bulk_unix": (bulk_unix, True, "iperf"),
    "disk": (disk, True, "disk"),
    "threads": (threads, False, ""),
}
