# SPDX-License-Identifier: ISC
"""Third-party clients: those that ask for ranges, those that ask very often, and hostile ones."""
import hashlib
import os
import re
import subprocess

import pytest

from rig import cpus, params, server
from rig.sockets import Sockets

WAYS = params.ways("microvm", "unix", "unix-socket", *cpus.others(first=True))


def page():
    with open(os.path.join(server.HTDOCS, "index.html"), "rb") as file:
        return file.read()


@pytest.mark.parametrize("way", WAYS)
def test_curl_asks_for_parts(serve, tmp_path, way):
    www, whole = serve(way), page()
    url = www.url("index.html")
    assert www.curl("--range", "0-9", url) == whole[:10]
    assert www.curl("--range", "-7", url) == whole[-7:]
    assert www.curl("--range", "100-", url) == whole[100:]
    several = www.curl("--range", "0-1,10-19", url)
    assert whole[10:20] in several and several.count(b"Content-Range: bytes ") == 2
    part = tmp_path / "part.html"
    part.write_bytes(whole[:1000])
    www.curl("--continue-at", "-", "--output", part, url)
    assert part.read_bytes() == whole
    head = www.curl("--head", url).decode()
    tag = re.search(r"(?mi)^etag: (.*?)\r$", head).group(1)
    assert "Accept-Ranges: bytes\r\n" in head
    assert www.curl("--range", "0-9", "--header", f"If-Range: {tag}", url) == whole[:10]
    assert www.curl("--range", "0-9", "--header", 'If-Range: "other"', url) == whole


@pytest.mark.parametrize("way", WAYS)
def test_curl_takes_what_is_compressed(serve, way):
    www = serve(way)
    url = www.url("index.html")
    plain, packed = www.curl("--include", url), www.curl("--include", "--header", "Accept-Encoding: gzip", url)
    assert b"Vary: Accept-Encoding\r\n" in plain and b"Vary: Accept-Encoding\r\n" in packed
    assert b"Content-Encoding: gzip\r\n" in packed and len(packed) < len(plain)
    assert www.curl("--compressed", url) == page()


@pytest.mark.parametrize("way", WAYS)
def test_load_of_ab_and_h2load(serve, namespace, need, way):
    ab, h2load = need("ab"), need("h2load")
    www = serve(way)

    def run(*words):
        done = namespace.run(words, timeout=300, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout
    for keep in ([], ["-k"]):
        said = run(ab, "-q", "-n", "400", "-c", "8", *keep, www.url("style.css"))
        assert re.search(r"Complete requests: +400\n", said) and re.search(r"Failed requests: +0\n", said), said
        assert "Non-2xx" not in said, said
    said = run(h2load, "--h1", "-n", "400", "-c", "8", www.url("style.css"))
    assert "400 succeeded, 0 failed, 0 errored, 0 timeout" in said, said


LARGE_BYTES = 48 << 20
SLOWLY = """
s = socket.socket()
s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 16384)
s.connect((HOST, PORT))
s.sendall(b"GET /large.bin HTTP/1.1\\r\\nHost: a\\r\\nConnection: close\\r\\n\\r\\n")
import hashlib, time
digest, file = hashlib.sha256(), s.makefile("rb")
while file.readline() != b"\\r\\n":
    pass
size = 0
def take(most, pause):
    global size
    end = size + most
    while size < end:
        data = file.read1(8192)
        if not data:
            break
        digest.update(data)
        size += len(data)
        time.sleep(pause)
"""


@pytest.mark.config("defconfig_www_unix")
def test_a_slow_reader_of_a_file_larger_than_memory(builder, namespace, tmp_path):
    """Other clients are served meanwhile, and the slow one gets the whole file."""
    data = hashlib.shake_256(b"large").digest(LARGE_BYTES)
    (tmp_path / "large.bin").write_bytes(data)
    (tmp_path / "index.html").write_bytes(b"<p>small")
    how = {"variables": (f"WWW_DIR={tmp_path}",), "name": "larger-than-memory"}
    out = builder.build("defconfig_www_unix", *how["variables"], name="larger-than-memory", options={"FS_FAT": "y"})
    www = server.Server(builder, namespace, "unix", memory="12M", options=f"disk={out}/disk.img,ro",
                        options_set={"FS_FAT": "y"}, **how)
    try:
        www.wait()
        linux = Sockets(namespace)
        linux.do(SLOWLY.replace("HOST", repr(www.host)).replace("PORT", str(www.port)))
        for _ in range(5):
            linux.do("take(1 << 18, 0.01)")
            assert www.curl(www.url()) == b"<p>small"
        linux.do("take(1 << 40, 0)")
        assert linux.get("size") == LARGE_BYTES
        assert linux.get("digest.hexdigest()") == hashlib.sha256(data).hexdigest()
    finally:
        www.stop()


@pytest.mark.config("defconfig_www_unix")
def test_who_finds_no_place_is_told_so(serve, namespace):
    """TCP has more places than the server."""
    www = serve("unix", name="few", options_set={"HTTP_CONNECTIONS": 20, "HTTP_HEADS": 32, "HTTP_HEAD_SECONDS": 3600})
    linux = Sockets(namespace)
    linux.do(f"""
import socket
held = [socket.create_connection(({www.host!r}, {www.port})) for _ in range(20)]
for one in held:
    one.sendall(b"GET /")
""")
    for _ in range(30):
        answer, how_it_ended = www.raw("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        assert answer.startswith(b"HTTP/1.1 503 ") and b"Connection: close\r\n" in answer, (answer, how_it_ended)
    linux.do("for one in held: one.close()")
    assert www.curl(www.url()) == page()


@pytest.mark.config("defconfig_www_unix")
@pytest.mark.parametrize("store", ["crunch", "fat"])
def test_the_access_log(serve, builder, store):
    name = f"access-{store}"
    www = serve("unix", name=name, options_set={"WWW_ACCESS_LOG": "y", f"FS_{store.upper()}": "y"},
                options=f"disk={builder.path(name)}/disk.img,ro" if store == "fat" else "")
    www.curl(www.url())
    www.curl(www.url("style.css?a=b"))
    www.curl("--head", www.url("none"))
    www.raw('GET /"\x1b HTTP/1.1\r\n\r\n')
    day = r"10\.0\.0\.1 - - \[\d\d/[A-Z][a-z][a-z]/20\d\d:\d\d:\d\d:\d\d \+0000\]"
    for line in (r'"GET / HTTP/1\.1" 200 [1-9]\d*', r'"GET /style\.css\?a=b HTTP/1\.1" 200 [1-9]\d*',
                 r'"HEAD /none HTTP/1\.1" 404 0', r'"-" 400 \d+'):
        www.guest.wait_for(f"{day} {line}$")


PLACES = 256 + 8   # HTTP_CONNECTIONS and HTTP_SPARE_CONNECTIONS
# slowhttptest's ways: slow heads, slow bodies, slow readers, many ranges, and more of them than a head may be long
ATTACKS = {"heads": ["-H", "-i", "1", "-x", "10"], "bodies": ["-B", "-i", "1", "-s", "8192", "-x", "10"],
           "readers": ["-X", "-w", "1", "-y", "10", "-n", "1", "-z", "1", "-k", "3"],
           "ranges": ["-R", "-a", "10", "-b", "800"], "long": ["-R", "-a", "10", "-b", "3000"]}


@pytest.mark.config("defconfig_www_unix")
@pytest.mark.parametrize("attack", ATTACKS)
def test_a_thousand_slow_clients_stop_nobody(serve, namespace, need, attack):
    slowhttptest = need("slowhttptest")
    www = serve("unix")
    slow = namespace.popen([slowhttptest, "-c", "1000", "-r", "250", "-l", "15", "-p", "10", "-t", "GET",
                            "-u", www.url("index.html"), *ATTACKS[attack]],
                           stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    answers = [www.ask("turn", path="/index.html", count=10, seconds=60)["answers"] for _ in range(6)]
    said = re.sub(r"\x1b\[[\d;]*[A-Za-z]", "", slow.communicate(timeout=120)[0].decode(errors="replace"))
    # More have connected than there are places; how fast, and how many, depends on the host's load.
    came = sum(int(re.findall(rf"{name}: +(\d+)", said)[-1]) for name in ("pending", "connected", "error", "closed"))
    assert came > PLACES or "No open connections left" in said, said
    assert "NO" not in said, said   # the result of its own probe
    assert all(len(answer) == 1 and next(iter(answer)).startswith("200") for answer in answers), answers
    assert www.curl(www.url()) == page()
