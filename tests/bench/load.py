# SPDX-License-Identifier: ISC
"""Parts of the bench that load a web server: wrk on a 1 kB file over kept connections, beside a peer."""
import os
import tempfile

from files import with_disk
from measure import GUEST_IP, Running, ip, linux, median, ours, tap, tap_and_veth, unix, wrk

URL = f"http://{GUEST_IP}/1k.txt"


def rates(seconds):
    """Warms up, and gives wrk's results with 16 keep-alive connections and with one."""
    wrk(URL, 16, 1)
    return {"16": wrk(URL, 16, seconds), "1": wrk(URL, 1, seconds)}


def one_load(command, seconds):
    """Boots, and gives the rates."""
    with Running(command) as guest:
        if guest.seconds_to_200() is None:
            return {"errors": guest.console.decode("utf-8", "replace")[-500:]}
        return rates(seconds)


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
        tap_and_veth(far)
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
