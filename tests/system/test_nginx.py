# SPDX-License-Identifier: ISC
"""The same requests to www, crunched and from FAT, and to nginx, over the same files: status, relevant fields and body
are the same, or the table has the difference and the RFC section that allows it."""
import gzip
import os
import random
import re

import pytest

from rig import server
from rig.namespace import Namespace
from rig.sockets import Sockets

pytestmark = pytest.mark.config("defconfig_www_unix_socket")

PORT = 9090
TEXT = b"<!doctype html><title>page</title>" + b"<p>All work and no play makes Jack a dull boy." * 200
FILES = {
    "index.html": b"<!doctype html><p>index",
    **{f"{status}.html": b"<!doctype html><p>error %d" % status for status in (400, 404, 405, 412, 416)},
    "page.html": TEXT,
    "data.bin": random.Random(1).randbytes(1024),   # nothing to compress
    "empty.txt": b"",
    "a b+c.txt": b"a space",
    "\u00fc.txt": b"an umlaut",
    "docs/index.html": b"<!doctype html><p>docs",
    "docs/style.css": b"p { color: black }",
    "picture.svg": b"<svg xmlns='http://www.w3.org/2000/svg'/>",
}
HTML = "text/html"
CONF = """daemon off; master_process off; pid {folder}/pid; error_log stderr;
events {{ worker_connections 64; }}
http {{
  access_log off; server_tokens off; absolute_redirect off; gzip_static on; gzip_vary on; max_ranges 8;
  client_body_temp_path {folder}; proxy_temp_path {folder}; fastcgi_temp_path {folder}; uwsgi_temp_path {folder};
  scgi_temp_path {folder}; charset utf-8; charset_types text/html text/css text/plain image/svg+xml;
  types {{ text/html html; text/css css; text/plain txt; image/svg+xml svg; application/octet-stream bin; }}
  error_page 400 /400.html; error_page 404 /404.html; error_page 405 /405.html; error_page 412 /412.html;
  error_page 416 /416.html;
  server {{ listen 127.0.0.1:{port}; root {folder}/site; }}
  server {{ listen 127.0.0.1:{plain}; root {folder}/site; gzip_static off; gzip_vary off; }}
}}
"""
CLIENT = """def ask(port, text):
    with socket.create_connection(("127.0.0.1", port), timeout=60) as s:
        s.sendall(text)
        return b"".join(iter(lambda: s.recv(65536), b""))
"""
FIELDS = ("content-type", "content-length", "content-range", "content-encoding", "vary", "location", "accept-ranges")


def write(folder, files, compressed):
    for name, data in files.items():
        path = os.path.join(folder, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "wb") as file:
            file.write(data)
        if compressed and name == "page.html":
            with open(path + ".gz", "wb") as file:
                file.write(gzip.compress(data, 9, mtime=0))


@pytest.fixture(scope="module", params=["crunch", "fat"])
def both(request, builder, tmp_path_factory):
    """[www, nginx]: functions that send text, and give the whole answer; and the store of www."""
    folder = tmp_path_factory.mktemp("nginx")
    write(folder / "ours", FILES, compressed=False)
    write(folder / "site", FILES, compressed=True)
    (folder / "conf").write_text(CONF.format(folder=folder, port=PORT, plain=PORT + 1))
    how = {"variables": (f"WWW_DIR={folder}/ours",), "name": f"nginx-{request.param}"}
    options = {"FS_FAT": "y"} if request.param == "fat" else {"WWW_GZIP": "y"}
    out = builder.build("defconfig_www_unix_socket", *how["variables"], name=how["name"], options=options)
    disk = f"disk={out}/disk.img,ro" if request.param == "fat" else ""
    with Namespace() as namespace:
        one = server.Server(builder, namespace, "unix-socket", options=disk, options_set=options, **how)
        namespace.popen(["nginx", "-e", "stderr", "-c", folder / "conf"])
        try:
            one.wait()
            theirs = PORT if request.param == "crunch" else PORT + 1
            one.ask("wait_for_200", port=theirs, path="/", seconds=30)
            client = Sockets(namespace)
            client.do(CLIENT)
            yield [lambda text, port=port: bytes.fromhex(client.get(f"ask({port}, {text.encode()!r}).hex()"))
                   for port in (one.port, theirs)], request.param
        finally:
            one.stop()


def parts_of(kind, body):
    """[(Content-Range, bytes)] of a multipart/byteranges body, as a client reads it (RFC 2046 §5.1.1)."""
    boundary = re.fullmatch(r'multipart/byteranges; boundary="?([^"]+)"?', kind).group(1).encode()
    pieces = body.split(b"\r\n--" + boundary)
    assert pieces[0] == b"" and pieces[-1] in (b"--\r\n", b"--"), pieces
    found = []
    for piece in pieces[1:-1]:
        head, _, data = piece.partition(b"\r\n\r\n")
        fields = dict(line.split(": ", 1) for line in head.decode().lower().split("\r\n") if line)
        found.append((fields["content-range"], fields["content-type"], data))
    return found


def read_answer(data, method):
    """The compared parts: status, some fields, the body."""
    head, mark, body = data.partition(b"\r\n\r\n")
    assert mark, data
    lines = head.decode("latin-1").split("\r\n")
    fields = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines[1:])}
    status = int(lines[0].split()[1])
    seen = {"status": status, **{name: fields.get(name) for name in FIELDS}}
    if status >= 400 and body != FILES.get(f"{status}.html"):
        for name in ("content-type", "content-length", "vary"):
            seen[name] = None   # each server has its own error pages
        body = b""
    elif status >= 400:   # nginx omits the page's charset if the file would have none
        seen["content-type"] = seen["content-type"].partition(";")[0]
    if status in (204, 301, 304):
        for name in ("content-type", "content-length", "vary", "content-encoding"):
            seen[name] = None
        body = b"" if status == 301 else body
    if status != 200 or fields.get("content-encoding"):
        seen["accept-ranges"] = None   # optional (RFC 9110 §14.3)
    if method == "HEAD":
        assert not body
    if (fields.get("content-type") or "").startswith("multipart/byteranges"):
        assert int(fields["content-length"]) == len(body)
        body = parts_of(fields["content-type"], body)
        seen["content-type"] = "multipart/byteranges"
        seen["content-length"] = None   # boundaries differ in length
    if fields.get("content-encoding") == "gzip" and status == 200 and method == "GET":
        body = gzip.decompress(body)
        seen["content-length"] = None   # the compressors may differ
    seen["body"] = body
    return seen


def page_length(status):
    return str(len(FILES[f"{status}.html"]))


# (name, method, target, fields; differences: (field, ours, nginx's), and why)
CASES = [
    ("a page", "GET", "/page.html", []),
    ("its head", "HEAD", "/page.html", []),
    ("the index", "GET", "/", []),
    ("a folder's index", "GET", "/docs/", []),
    ("a folder without its slash", "GET", "/docs", []),
    ("the same with a query", "GET", "/docs?a=b&c", []),
    ("a type", "GET", "/docs/style.css", []),
    ("another", "GET", "/picture.svg", []),
    ("bytes", "GET", "/data.bin", []),
    ("nothing in it", "GET", "/empty.txt", []),
    ("a query", "GET", "/page.html?x=y", []),
    ("an escaped name", "GET", "/a%20b+c.txt", []),
    ("UTF-8", "GET", "/%C3%BC.txt", []),
    ("needless escapes", "GET", "/%70age%2Ehtml", []),
    ("an escaped slash", "GET", "/docs%2Fstyle.css", []),
    ("dots", "GET", "/docs/./../page.html", []),
    ("escaped dots", "GET", "/docs/%2e%2e/page.html", []),
    ("two slashes", "GET", "//docs///style.css", []),
    ("out of the root", "GET", "/../page.html", []),
    ("out of the root, later", "GET", "/docs/../../page.html", []),
    ("a bad escape", "GET", "/%zz", []),
    ("NUL", "GET", "/page.html%00", []),
    ("a backslash", "GET", "/docs\\style.css", []),
    ("not there", "GET", "/none", []),
    ("its head", "HEAD", "/none", []),
    ("a file is no folder", "GET", "/page.html/", []),
    ("a range of what is not there", "GET", "/none", ["Range: bytes=0-0"]),

    ("a range", "GET", "/page.html", ["Range: bytes=10-19"]),
    ("to the end", "GET", "/page.html", ["Range: bytes=9000-"]),
    ("the end", "GET", "/page.html", ["Range: bytes=-5"]),
    ("more than there is", "GET", "/page.html", ["Range: bytes=9000-99999"]),
    ("all of it", "GET", "/data.bin", ["Range: bytes=0-"]),
    ("more than all of it", "GET", "/data.bin", ["Range: bytes=-99999"]),
    ("one byte", "GET", "/data.bin", ["Range: bytes=1023-1023"]),
    ("beyond the end", "GET", "/data.bin", ["Range: bytes=1024-"]),
    ("no bytes", "GET", "/data.bin", ["Range: bytes=-0"]),
    ("a range of nothing", "GET", "/empty.txt", ["Range: bytes=0-"],
     [("status", 416, 200), ("content-range", "bytes */0", None), ("accept-ranges", None, "bytes"),
      ("content-length", page_length(416), "0"), ("content-type", HTML, "text/plain; charset=utf-8"),
      ("body", FILES["416.html"], b"")],
     "9110 §14.1.2: a first position that is not less than the length cannot be satisfied; nginx makes an exception"),
    ("backwards", "GET", "/data.bin", ["Range: bytes=5-4"],
     [("status", 200, 416), ("content-range", None, "bytes */1024"), ("accept-ranges", "bytes", None),
      ("content-length", "1024", page_length(416)), ("content-type", "application/octet-stream", HTML),
      ("body", FILES["data.bin"], FILES["416.html"])],
     "9110 §14.1.1 and §14.2: such a set is invalid, and an invalid one may be ignored or refused"),
    ("no number", "GET", "/data.bin", ["Range: bytes=x-4"],
     [("status", 200, 416), ("content-range", None, "bytes */1024"), ("accept-ranges", "bytes", None),
      ("content-length", "1024", page_length(416)), ("content-type", "application/octet-stream", HTML),
      ("body", FILES["data.bin"], FILES["416.html"])], "the same"),
    ("another unit", "GET", "/data.bin", ["Range: lines=1-2"]),
    ("two", "GET", "/data.bin", ["Range: bytes=0-9,20-29"]),
    ("two, the other way round", "GET", "/data.bin", ["Range: bytes=20-29,0-9"]),
    ("two of text", "GET", "/page.html", ["Range: bytes=0-9, -10"]),
    ("one of two is there", "GET", "/data.bin", ["Range: bytes=0-9,2000-"]),
    ("none of two is there", "GET", "/data.bin", ["Range: bytes=3000-,2000-"]),
    ("they overlap", "GET", "/data.bin", ["Range: bytes=0-19,10-29"],
     [("content-type", "application/octet-stream", "multipart/byteranges"), ("content-range", "bytes 0-29/1024", None),
      ("content-length", "30", None),
      ("body", FILES["data.bin"][:30], [("bytes 0-19/1024", "application/octet-stream", FILES["data.bin"][:20]),
                                        ("bytes 10-29/1024", "application/octet-stream", FILES["data.bin"][10:30])])],
     "9110 §15.3.7.2: ranges that overlap may be joined"),
    ("all of it, often", "GET", "/data.bin", ["Range: bytes=" + ",".join(["0-"] * 8)],
     [("status", 206, 200), ("content-range", "bytes 0-1023/1024", None), ("accept-ranges", None, "bytes")],
     "9110 §15.3.7.2, and §14.2: or ignored"),
    ("too many", "GET", "/data.bin", ["Range: bytes=" + ",".join(f"{n}-{n}" for n in range(0, 40, 2))]),
    ("a head's range", "HEAD", "/data.bin", ["Range: bytes=0-9"],
     [("status", 200, 206), ("content-range", None, "bytes 0-9/1024"), ("content-length", "1024", "10"),
      ("accept-ranges", "bytes", None)], "9110 §14.2: range handling is defined for GET alone"),
    ("If-Range, the same", "GET", "/data.bin", ["Range: bytes=0-9", "If-Range: {etag}"]),
    ("If-Range, another", "GET", "/data.bin", ["Range: bytes=0-9", 'If-Range: "other"']),
    ("If-Range, weak", "GET", "/data.bin", ["Range: bytes=0-9", "If-Range: W/{etag}"]),
    ("If-Range, an old date", "GET", "/data.bin", ["Range: bytes=0-9", "If-Range: Thu, 01 Jan 1970 00:00:00 GMT"]),

    ("If-None-Match, the same", "GET", "/page.html", ["If-None-Match: {etag}"]),
    ("of a head", "HEAD", "/page.html", ["If-None-Match: {etag}"]),
    ("If-None-Match, weak", "GET", "/page.html", ["If-None-Match: W/{etag}"]),
    ("If-None-Match, a list", "GET", "/page.html", ['If-None-Match: "a", {etag}, "b"']),
    ("If-None-Match, any", "GET", "/page.html", ["If-None-Match: *"]),
    ("If-None-Match, another", "GET", "/page.html", ['If-None-Match: "other"']),
    ("before If-Modified-Since", "GET", "/page.html",
     ['If-None-Match: "other"', "If-Modified-Since: Fri, 01 Jan 2100 00:00:00 GMT"]),
    ("before a range", "GET", "/page.html", ["If-None-Match: {etag}", "Range: bytes=0-9"]),
    ("If-Match, the same", "GET", "/page.html", ["If-Match: {etag}"]),
    ("If-Match, any", "GET", "/page.html", ["If-Match: *"]),
    ("If-Match, another", "GET", "/page.html", ['If-Match: "other"']),
    ("If-Match, weak", "GET", "/page.html", ["If-Match: W/{etag}"]),
    ("If-Match before If-None-Match", "GET", "/page.html", ['If-Match: "other"', "If-None-Match: {etag}"]),
    ("If-Match and a range", "GET", "/page.html", ["If-Match: {etag}", "Range: bytes=0-9"]),
    ("If-Modified-Since, long ago", "GET", "/page.html", ["If-Modified-Since: Thu, 01 Jan 1970 00:00:00 GMT"]),
    ("If-Modified-Since, no date", "GET", "/page.html", ["If-Modified-Since: yesterday"]),
    ("If-Unmodified-Since, long ago", "GET", "/page.html", ["If-Unmodified-Since: Thu, 01 Jan 1970 00:00:00 GMT"],
     [("status", 200, 412), ("accept-ranges", "bytes", None), ("content-length", str(len(TEXT)), page_length(412)),
      ("content-type", "text/html; charset=utf-8", HTML), ("vary", "Accept-Encoding", None),
      ("body", TEXT, FILES["412.html"])],
     "9110 §13.1.4: ignored, for a crunched file has no date"),

    ("gzip", "GET", "/page.html", ["Accept-Encoding: gzip"]),
    ("gzip among others", "GET", "/page.html", ["Accept-Encoding: br, gzip, deflate"]),
    ("gzip, with a weight", "GET", "/page.html", ["Accept-Encoding: gzip;q=0.5"]),
    ("not gzip", "GET", "/page.html", ["Accept-Encoding: gzip;q=0"]),
    ("something else", "GET", "/page.html", ["Accept-Encoding: br"]),
    ("what is not compressed", "GET", "/data.bin", ["Accept-Encoding: gzip"]),
    ("anything", "GET", "/page.html", ["Accept-Encoding: *"],
     [("content-encoding", "gzip", None), ("content-length", None, str(len(TEXT))), ("accept-ranges", None, "bytes")],
     "9110 §12.5.3: * stands for each coding that is not named; nginx takes it for none"),
    ("nothing as it is", "GET", "/data.bin", ["Accept-Encoding: identity;q=0"],
     [("status", 406, 200), ("accept-ranges", None, "bytes"), ("content-length", None, "1024"),
      ("content-type", None, "application/octet-stream"), ("body", b"", FILES["data.bin"])],
     "9110 §12.5.3: where it is not acceptable; nginx does not look"),

    ("a method that is not served", "DELETE", "/page.html", []),
    ("an unknown one", "BREW", "/page.html", [],
     [("status", 501, 405), ("content-type", None, HTML), ("content-length", None, page_length(405)),
      ("body", b"", FILES["405.html"])],
     "9110 §9.1: 501 for a method that is not known, 405 for one that is not allowed"),
    ("options", "OPTIONS", "/page.html", [],
     [("status", 204, 405), ("content-type", None, HTML), ("content-length", None, page_length(405)),
      ("body", b"", FILES["405.html"])], "9110 §9.3.7: nginx has none for files"),
]


def ask(raw, method, target, fields):
    lines = [f"{method} {target} HTTP/1.1", "Host: a", "Connection: close", *fields]
    return raw("\r\n".join(lines) + "\r\n\r\n")


def etag_of(data):
    found = re.search(rb"\r\nETag: ([^\r]+)\r\n", data)
    return found.group(1).decode() if found else '""'


@pytest.mark.parametrize("case", CASES, ids=[f"{case[0]}, {case[1]} {case[2]}" for case in CASES])
def test_answers_are_those_of_nginx(both, case, need):
    need("nginx")
    _, method, target, fields, *difference = case
    answers, (servers, store) = [], both
    for raw in servers:
        own = fields
        if any("{etag}" in field for field in fields):
            etag = etag_of(ask(raw, "HEAD", target, []))
            own = [field.replace("{etag}", etag) for field in fields]
        answers.append(read_answer(ask(raw, method, target, own), method))
    ours, theirs = answers
    print(*(f"{name}: {ours[name]!r}, nginx {theirs[name]!r}" for name in ours), sep="\n")
    differs = [(name, ours[name], theirs[name]) for name in ours if ours[name] != theirs[name]]
    expected = difference[0] if difference else []
    if store == "fat":   # a store without compressed variants
        expected = [row for row in expected if row[0] != "vary" and "§12.5.3" not in difference[1]]
    assert sorted(differs, key=str) == sorted(expected, key=str), difference[1:] or "and the table says nothing of it"
