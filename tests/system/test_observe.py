# SPDX-License-Identifier: ISC
"""The pages on www itself, if it is configured to have them: counters, and the last packets."""
import os
import re
import subprocess

import pytest

from rig import params
from rig.sockets import Sockets

OPTIONS = {"NET_OBSERVE": "y", "WWW_OBSERVE": "y"}
WAYS = params.machines("www", "microvm", "unix", first=True)


@pytest.fixture
def www(serve, way):
    return serve(way, name=f"observe-{way}", options_set=OPTIONS)


def metrics(www):
    text = www.curl(www.url("metrics")).decode("ascii")
    assert text.endswith("\n")
    lines = text.splitlines()
    values = {}
    for kind, line in zip(lines[::2], lines[1::2]):
        name, value = re.fullmatch(r"([a-z_0-9]+) (\d+)", line).groups()
        assert kind == f"# TYPE {name} {'counter' if name.endswith('_total') else 'gauge'}"
        assert name not in values
        values[name] = int(value)
    return values


@pytest.mark.parametrize("way", WAYS)
def test_counters(www):
    before = metrics(www)
    for _ in range(3):
        www.curl(www.url())
    after = metrics(www)
    assert after["virga_tcp_passive_opens_total"] >= before["virga_tcp_passive_opens_total"] + 4
    assert after["virga_tcp_in_segs_total"] > before["virga_tcp_in_segs_total"]
    assert after["virga_netdev_tx_bytes_total"] > before["virga_netdev_tx_bytes_total"]
    assert after["virga_tcp_curr_estab"] >= 1
    assert all(after[name] >= value for name, value in before.items() if name.endswith("_total"))
    assert b"text/plain; version=0.0.4" in www.curl("--head", www.url("metrics"))


@pytest.mark.parametrize("way", WAYS)
def test_they_are_only_looked_at(www):
    for name in ("metrics", "capture.pcapng"):
        refused = www.curl("--request", "DELETE", "--include", www.url(name))
        assert refused.startswith(b"HTTP/1.1 405 ") and b"\r\nAllow: OPTIONS, GET, HEAD\r\n" in refused
        assert www.curl("--request", "OPTIONS", "--include", www.url(name)).startswith(b"HTTP/1.1 204 ")


@pytest.mark.parametrize("way", WAYS)
def test_a_capture_that_tshark_reads(www, namespace, need, tmp_path, way):
    tshark = need("tshark")
    namespace.run(["ping", "-c", "2", "-W", "5", www.host], check=False)
    www.curl(www.url())
    path = os.path.join(tmp_path, "capture.pcapng")
    with open(path, "wb") as file:
        file.write(www.curl(www.url("capture.pcapng")))

    def read(*words):
        done = subprocess.run([tshark, "-n", "-r", path, *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                              text=True, timeout=60, check=True)
        complaints = [line for line in done.stderr.splitlines() if "Running as user" not in line]
        assert not complaints, complaints
        return done.stdout
    fields = [word for name in ("frame.time_epoch", "ip.src", "ip.dst", "frame.packet_flags_direction")
              for word in ("-e", name)]
    frames = [line.split("\t") for line in read("-T", "fields", *fields).splitlines()]
    assert any(frame[1] == www.host for frame in frames) and any(frame[2] == www.host for frame in frames)
    times = [float(frame[0]) for frame in frames]
    assert times == sorted(times) and (way != "unix" or times[0] > 1.6e9)  # a machine may not know the date
    for _, source, _, direction in frames:
        assert not source or (int(direction, 0) == 2) == (source == www.host), frames
    assert "Malformed" not in read("-V")
    assert not read("-Y", "_ws.malformed")


@pytest.mark.parametrize("way", WAYS)
def test_what_is_dropped_says_why(www, namespace, need, tmp_path):
    tshark = need("tshark")
    linux = Sockets(namespace)
    linux.do("u = socket.socket(type=socket.SOCK_DGRAM)")
    linux.do(f"u.sendto(b'anybody?', ('{www.host}', 9))")
    linux.do(f"c = socket.create_connection(('{www.host}', {www.port}))")
    path = os.path.join(tmp_path, "capture.pcapng")
    with open(path, "wb") as file:
        file.write(www.curl(www.url("capture.pcapng")))
    done = subprocess.run([tshark, "-n", "-r", path, "-Y", "frame.comment", "-T", "fields", "-e", "udp.dstport",
                           "-e", "frame.comment"], stdout=subprocess.PIPE, text=True, timeout=60, check=True)
    assert "9\tdropped: nobody listens" in done.stdout.splitlines(), done.stdout
    assert metrics(www)["virga_udp_no_ports_total"] == 1


@pytest.mark.parametrize("way", WAYS)
def test_a_page_is_lent_once(www, namespace):
    """A client that does not read holds the only copy; others get a 503, and the page when it has gone."""
    for _ in range(40):
        www.curl(www.url())
    linux = Sockets(namespace)
    linux.do("s = socket.socket()")
    linux.do("s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)")
    linux.do(f"s.connect(('{www.host}', {www.port}))")
    linux.do("s.sendall(b'GET /capture.pcapng HTTP/1.1\\r\\nHost: a\\r\\n\\r\\n')")
    linux.do("assert s.recv(12) == b'HTTP/1.1 200'")
    for _ in range(2):
        head = www.curl("--include", www.url("capture.pcapng"))
        assert head.startswith(b"HTTP/1.1 503 ") and b"\r\nRetry-After: 1\r\n" in head, head
    assert b"virga_tcp_connections" in www.curl(www.url("metrics"))
    linux.do("s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b'\\1\\0\\0\\0\\0\\0\\0\\0')")
    linux.do("s.close()")
    assert www.curl("--retry", "10", "--fail", www.url("capture.pcapng")).startswith(b"\x0a\x0d\x0d\x0a")


@pytest.mark.parametrize("way", WAYS)
def test_files_are_still_served(www):
    assert b"<!doctype html>" in www.curl(www.url()).lower()


@pytest.mark.config("defconfig_www_qemu")
def test_nothing_is_published_by_default(serve):
    www = serve("microvm")
    for name in ("metrics", "capture.pcapng"):
        assert b"404 Not Found" in www.curl("--include", www.url(name))
