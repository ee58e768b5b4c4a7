# SPDX-License-Identifier: ISC
"""Any folder can be a site, with any names of files, and is built again when it has changed."""
import contextlib
import os
import random
import subprocess
import urllib.parse

import pytest

from rig import build, cpus, params, server

PROCESS = pytest.mark.config("defconfig_www_unix_socket")

FILES = {
    "index.html": b"<p>start",
    "a b.txt": b"a space",
    "it's \"quoted\" `$(x)` & ;.txt": b"for a shell",
    "100%25 #1?x=y\\z.txt": b"for a URL",
    "\u00fcml\u00e4ut \u65e5\u672c.txt": "\u00fc".encode(),
    "-rf": b"an option",
    "empty": b"",
    "folder/index.html": b"<p>folder",
    "folder/.hidden": b"not to be seen",
    ".well-known/security.txt": b"Contact: nobody",
    "binary.bin": bytes(range(256)) * 300,
}


def write(site, files):
    for name, data in files.items():
        path = site / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)


class Site:
    """A www image of a folder, built again before each look at it."""

    def __init__(self, folder, builder, namespace):
        self.folder, self.builder, self.namespace = folder, builder, namespace
        self.name = f"site_{folder.parent.name}"

    def image_time(self):
        return os.stat(os.path.join(self.builder.path(self.name), "image")).st_mtime_ns

    def look(self, *names):
        """{name: (status, body)} as the image serves them."""
        variables = (f"WWW_DIR={self.folder}",)
        if self.name in self.builder.built:
            build.make(f"O={self.builder.path(self.name)}", *variables)
        one = server.Server(self.builder, self.namespace, "unix-socket", variables=variables, name=self.name)
        try:
            one.guest.wait_for("listening")
            seen = {}
            for name in names:
                answer = one.curl("-w", "%{http_code}", one.url(urllib.parse.quote(name)))
                seen[name] = (int(answer[-3:]), answer[:-3])
            return seen
        finally:
            one.stop()


@PROCESS
def test_a_folder_of_odd_names_and_its_changes(tmp_path, builder, namespace):
    folder = tmp_path / "site"
    write(folder, FILES)
    (tmp_path / "outside.txt").write_bytes(b"elsewhere")
    (folder / "link.txt").symlink_to(tmp_path / "outside.txt")
    site = Site(folder, builder, namespace)

    seen = site.look(*FILES, "link.txt", "", "folder/")
    hidden = seen.pop("folder/.hidden")
    assert hidden[0] == 404
    assert seen == {**{name: (200, data) for name, data in FILES.items() if name in seen},
                    "link.txt": (200, b"elsewhere"), "": (200, b"<p>start"), "folder/": (200, b"<p>folder")}

    built = site.image_time()
    site.look()
    assert site.image_time() == built, "built again, and nothing has changed"

    (tmp_path / "outside.txt").write_bytes(b"changed!!")
    (folder / "new.txt").write_bytes(b"new")
    (folder / "empty").unlink()
    (folder / "a b.txt").rename(folder / "b.txt")
    assert site.look("link.txt", "new.txt", "b.txt") == {"link.txt": (200, b"changed!!"), "new.txt": (200, b"new"),
                                                         "b.txt": (200, b"a space")}
    assert [status for status, _ in site.look("empty", "a b.txt").values()] == [404, 404]


@PROCESS
def test_a_folder_without_files(tmp_path, builder, namespace):
    (tmp_path / "site").mkdir()
    site = Site(tmp_path / "site", builder, namespace)
    assert site.look("", "index.html")[""][0] == 404


@PROCESS
def test_what_is_not_served_is_said(tmp_path):
    def crunch():
        return subprocess.run(["scripts/crunch", str(tmp_path / "site"), str(tmp_path / "out.S")], cwd=build.TREE,
                              stdout=subprocess.PIPE, text=True, check=True, env=build.clean_environment()).stdout
    write(tmp_path / "site", {name: FILES[name] for name in (".well-known/security.txt", "folder/index.html")})
    said = crunch()
    assert "there is no index.html" in said and "left out" not in said, said
    write(tmp_path / "site", {"index.html": b"x", ".git/index": b"x", "folder/.hidden": b"x"})
    said = crunch()
    assert "index.html" not in said and "begin with a dot, 2, the first .git\n" in said, said


@pytest.fixture(params=["FS_CRUNCH", "FS_FAT"])
def serve_files(request, tmp_path, builder, namespace):
    """Serves files, crunched or from a disk: serve_files({name: data})."""
    with contextlib.ExitStack() as stack:
        def start(files):
            write(tmp_path / "site", files)
            name = tmp_path.name
            disk = f"disk={builder.path(name)}/disk.img,ro" if request.param == "FS_FAT" else ""
            one = server.Server(builder, namespace, "unix-socket", variables=(f"WWW_DIR={tmp_path / 'site'}",),
                                name=name, options=disk, options_set={request.param: "y"})
            stack.callback(one.stop)
            one.guest.wait_for("listening")
            return one
        yield start


@PROCESS
def test_header_lines_by_pattern(serve_files):
    one = serve_files({"index.html": b"<p>start", "docs/a.css": b"p {}",
                       "_headers": b"/*\n  X-Frame-Options: DENY\n/docs/*\n  Cache-Control: max-age=60\n"})
    start, style = one.curl("--head", one.url()), one.curl("--head", one.url("docs/a.css"))
    assert b"\r\nX-Frame-Options: DENY\r\n" in start and b"\r\nCache-Control: no-cache\r\n" in start
    assert b"\r\nX-Frame-Options: DENY\r\n" in style and b"\r\nCache-Control: max-age=60\r\n" in style
    assert b" 404 " in one.curl("--head", one.url("_headers"))


ERRORS = {   # status: a request that gets it, and its header line
    400: (b"GET /%0 HTTP/1.1\r\nHost: a\r\n\r\n", b""),
    405: (b"DELETE /index.html HTTP/1.1\r\nHost: a\r\n\r\n", b"Allow: GET, HEAD, OPTIONS\r\n"),
    412: (b"GET /index.html HTTP/1.1\r\nHost: a\r\nIf-Match: \"x\"\r\n\r\n", b""),
    416: (b"GET /index.html HTTP/1.1\r\nHost: a\r\nRange: bytes=99-\r\n\r\n", b"Content-Range: bytes */8\r\n"),
    431: (b"GET / HTTP/1.1\r\nHost: a\r\n" + b"A: b\r\n" * 100 + b"\r\n", b"Connection: close\r\n"),
    501: (b"BREW / HTTP/1.1\r\nHost: a\r\n\r\n", b"Connection: close\r\n"),
}


@PROCESS
def test_pages_for_errors(serve_files):
    one = serve_files({"index.html": b"<p>start", **{f"{status}.html": b"<p>%d" % status for status in ERRORS}})
    for status, (request, line) in ERRORS.items():
        request = request.replace(b"Host: a\r\n", b"Host: a\r\nConnection: close\r\n")
        head, _, body = one.raw(request)[0].partition(b"\r\n\r\n")
        head += b"\r\n"
        assert head.startswith(b"HTTP/1.1 %d " % status) and line in head and b"text/html" in head, head
        assert body == b"<p>%d" % status and b"ETag" not in head, head
    assert one.curl("--head", one.url("nothing")).startswith(b"HTTP/1.1 404 ")
    assert one.curl(one.url("405.html")) == b"<p>405"


@pytest.mark.parametrize("way", params.ways(*(f"{name}-user" for name in cpus.others(first=True))))
def test_a_site_that_is_larger_than_code_reaches(tmp_path, builder, namespace, way):
    """By one instruction AArch64's reaches a MiB, RISC-V's two to each side; and a large site's page tables."""
    picture = random.Random(way).randbytes(9 << 20)
    write(tmp_path / "site", {"index.html": b"<p>start", "a.jpeg": picture, "z.txt": b"the last"})
    one = server.Server(builder, namespace, way, variables=(f"WWW_DIR={tmp_path / 'site'}",), name=f"large_{way}")
    try:
        one.wait()
        assert one.curl(one.url("a.jpeg"), timeout=300) == picture
        assert one.curl(one.url("z.txt")) == b"the last"
    finally:
        one.stop()
