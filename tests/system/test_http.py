# SPDX-License-Identifier: ISC
"""HTTP as bytes on a connection: what RFC 9110 and 9112 ask of a server, seen from outside."""
import os
import re

import pytest

from rig import cpus, params, server

WAYS = params.ways("microvm", "unix", "unix-socket", *cpus.others(first=True))


@pytest.fixture(scope="module", params=WAYS)
def www(request, builder):
    """One guest for all tests of this file; each leaves it as it was."""
    from rig.namespace import Namespace
    with Namespace() as namespace:
        one = server.Server(builder, namespace, request.param)
        try:
            one.wait()
            yield one
        finally:
            one.stop()


def get(path="/", *fields, method="GET", version="1.1"):
    lines = [f"{method} {path} HTTP/{version}", "Host: guest", *fields]
    return "\r\n".join(lines) + "\r\n\r\n"


def split_answers(data, bodiless=()):
    """[(status, fields, body)] of a stream of answers; the indexes in bodiless have no body."""
    answers = []
    while data:
        head, mark, data = data.partition(b"\r\n\r\n")
        assert mark, f"an answer without end: {head!r}"
        lines = head.decode("latin-1").split("\r\n")
        assert re.fullmatch(r"HTTP/1\.1 \d{3} .*", lines[0]), lines[0]
        status = int(lines[0].split()[1])
        fields = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines[1:])}
        size = 0 if len(answers) in bodiless or status == 304 else int(fields["content-length"])
        assert len(data) >= size, "a short body"
        answers.append((status, fields, data[:size]))
        data = data[size:]
    return answers


def index():
    with open(os.path.join(server.HTDOCS, "index.html"), "rb") as file:
        return file.read()


def test_keeps_the_connection(www):
    data, ended = www.raw(get(), get(), get(), pause=0.3, idle=1)
    answers = split_answers(data)
    assert [(status, body) for status, _, body in answers] == [(200, index())] * 3
    assert ended == "idle"


def test_closes_when_asked(www):
    for request in (get("/", "Connection: close"), get(version="1.0")):
        data, ended = www.raw(request)
        assert [answer[0] for answer in split_answers(data)] == [200]
        assert ended == "closed"


def test_pipelined_requests_are_answered_in_order(www):
    paths = ["/", "/no-such", "/index.html"] * 10
    data, ended = www.raw("".join(get(path) for path in paths), idle=2)
    assert [answer[0] for answer in split_answers(data)] == [200, 404, 200] * 10
    assert ended == "idle"


def test_a_request_in_small_pieces(www):
    request = get("/", "Connection: close")
    data, _ = www.raw(*[request[i:i + 5] for i in range(0, len(request), 5)], pause=0.01)
    assert split_answers(data)[0][2] == index()


def test_head_is_get_without_body(www):
    (_, by_get, _), = split_answers(www.raw(get("/", "Connection: close"))[0])
    (status, by_head, body), = split_answers(www.raw(get("/", "Connection: close", method="HEAD"))[0], bodiless={0})
    assert (status, body) == (200, b"")
    for fields in (by_get, by_head):
        fields.pop("date", None)
    assert by_get == by_head
    assert int(by_head["content-length"]) == len(index())
    assert by_head["content-type"].startswith("text/html")
    assert re.fullmatch(r'"[^"]+"', by_head["etag"])


def test_conditional_requests(www):
    (_, fields, _), = split_answers(www.raw(get("/", "Connection: close"))[0])
    tag = fields["etag"]
    for matching in (tag, f"W/{tag}", f'"other", {tag}', "*"):
        data, _ = www.raw(get("/", f"If-None-Match: {matching}", "Connection: close"))
        (status, fields, body), = split_answers(data)
        assert (status, body) == (304, b""), matching
        assert fields["etag"] == tag
    (status, _, body), = split_answers(www.raw(get("/", 'If-None-Match: "other"', "Connection: close"))[0])
    assert (status, body) == (200, index())
    (status, _, _), = split_answers(www.raw(get("/", 'If-Match: "other"', "Connection: close"))[0])
    assert status == 412


def test_pipelined_after_304(www):
    """An answer without body must not shift the next one."""
    (_, fields, _), = split_answers(www.raw(get("/", "Connection: close"))[0])
    data, _ = www.raw(get("/", f"If-None-Match: {fields['etag']}") + get(method="HEAD") + get(), idle=1)
    assert [answer[0] for answer in split_answers(data, bodiless={1})] == [304, 200, 200]


BAD = [
    ("no method", "\x00\x01\x02\r\n\r\n", {400}),
    ("no target", "GET\r\n\r\n", {400}),
    ("no version", "GET /\r\n\r\n", {400, 505}),
    ("another protocol", "GET / FTP/1.1\r\nHost: a\r\n\r\n", {400, 505}),
    ("a later version", "GET / HTTP/3.0\r\nHost: a\r\n\r\n", {505}),
    ("no host", "GET / HTTP/1.1\r\n\r\n", {400}),
    ("two hosts", "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", {400}),
    ("space before the colon", "GET / HTTP/1.1\r\nHost : a\r\n\r\n", {400}),
    ("folded line", "GET / HTTP/1.1\r\nHost: a\r\nX: b\r\n c\r\n\r\n", {400}),
    ("NUL in a field", "GET / HTTP/1.1\r\nHost: a\r\nX: b\x00c\r\n\r\n", {400}),
    ("two lengths", "GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nxx", {400}),
    ("a bare line feed", "GET / HTTP/1.1\nHost: a\n\n", {400}),
    ("a bare carriage return", "GET / HTTP/1.1\r\nHost: a\r\nX: b\rY: c\r\n\r\n", {400}),
    ("a coding and no chunks", "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip\r\n\r\n", {400}),
    ("chunks, then a coding", "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked, gzip\r\n\r\n", {400}),
    ("an empty coding", "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding:\r\n\r\n", {400}),
    ("an unknown coding", "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: x, chunked\r\n\r\n", {501}),
    ("chunks to HTTP/1.0", "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n", {400}),
    ("chunks", "GET / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nGET /\r\n0\r\n\r\n", {411}),
    ("a large body", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999\r\n\r\n", {413}),
    ("an endless body", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 18446744073709551617\r\n\r\n", {413}),
    ("an expectation", "GET / HTTP/1.1\r\nHost: a\r\nExpect: miracles\r\n\r\n", {417}),
    ("a tunnel", "CONNECT a:80 HTTP/1.1\r\nHost: a:80\r\n\r\n", {501}),
    ("a user", "GET http://user:word@a/ HTTP/1.1\r\nHost: a\r\n\r\n", {400}),
    ("NUL in a path", "GET /index.html%00.txt HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", {400}),
    ("a backslash", "GET /..\\..\\etc\\passwd HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", {404}),
    ("a path that is not UTF-8", "GET /%ff%fe HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", {404}),
    ("HTTP/2 at once", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", {501, 505}),
    ("TLS", "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", {400}),
    ("length and chunked", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n"
     "0\r\n\r\n", {400}),
    ("no number", "GET / HTTP/1.1\r\nHost: a\r\nContent-Length: x\r\n\r\n", {400}),
    ("bad escape", "GET /%zz HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", {400}),
    ("out of the root", "GET /../../etc/passwd HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", {400, 404}),
    ("out of the root, escaped", "GET /%2e%2e/%2e%2e/etc/passwd HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
     {400, 404}),
    ("a long target", "GET /" + "a" * 20000 + " HTTP/1.1\r\nHost: a\r\n\r\n", {414, 431}),
    ("a long field", "GET / HTTP/1.1\r\nHost: a\r\nX: " + "a" * 20000 + "\r\n\r\n", {431}),
    ("many fields", "GET / HTTP/1.1\r\nHost: a\r\n" + "X: y\r\n" * 2000 + "\r\n", {431}),
    ("an unknown method", "BREW / HTTP/1.1\r\nHost: a\r\n\r\n", {501, 405}),
    ("a method that is not served", "DELETE / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", {405}),
]

GOOD = [
    ("another spelling", get("/./packet/..//%69ndex.html")),
    ("the absolute form", get("http://any.host:80/index.html?x=y")),
    ("an empty line before", "\r\n" + get()),
    ("a range in another unit", get("/", "Range: lines=0-9")),
    ("encodings that are not served", get("/", "Accept-Encoding: br, zstd")),
    ("fields with what is left of ASCII", get("/", "X: \x80\xff\t\"")),
    ("a body", get("/", "Content-Length: 5") + "GET /"),
    ("a later minor version", get(version="1.7")),
    ("a date from the time before", get("/", "If-Modified-Since: Thu, 01 Jan 1970 00:00:00 GMT")),
]


@pytest.mark.parametrize("request_text", [row[1] for row in GOOD], ids=[row[0] for row in GOOD])
def test_good_requests_get_all_of_it(www, request_text):
    data, _ = www.raw(request_text.encode("latin-1") + get("/", "Connection: close").encode(), idle=5)
    assert [(status, body) for status, _, body in split_answers(data)] == [(200, index())] * 2


def test_http_1_0_keeps_the_connection_when_asked(www):
    data, ended = www.raw(get("/", "Connection: keep-alive", version="1.0") * 2, idle=1)
    answers = split_answers(data)
    assert [(status, fields["connection"]) for status, fields, _ in answers] == [(200, "keep-alive")] * 2
    assert ended == "idle"


@pytest.mark.parametrize("rest", ["", "X y\r\n"], ids=["no host", "no colon"])
def test_no_head_has_a_body(www, rest):
    data, _ = www.raw(f"HEAD / HTTP/1.1\r\n{rest}\r\n", idle=5)
    assert data.startswith(b"HTTP/1.1 400 ") and data.endswith(b"\r\n\r\n"), data


@pytest.mark.parametrize("request_text,statuses", [row[1:] for row in BAD], ids=[row[0] for row in BAD])
def test_bad_requests_get_their_status(www, request_text, statuses):
    data, _ = www.raw(request_text, idle=5)
    answers = split_answers(data)
    assert len(answers) == 1, "what followed was taken for a request"
    status, fields, _ = answers[0]
    assert status in statuses
    if status == 405:
        assert "GET" in fields["allow"] and "HEAD" in fields["allow"]
    assert b"root:" not in data
    # The server is unaffected.
    assert split_answers(www.raw(get("/", "Connection: close"))[0])[0][0] == 200


def test_a_client_that_goes_away(www):
    """Half a request and then silence; and whole requests whose answers are not read."""
    for _ in range(20):
        www.raw("GET / HT", idle=0.01)
        www.raw(get() * 50, idle=0)
    assert split_answers(www.raw(get("/", "Connection: close"))[0])[0][0] == 200


def test_a_half_closed_client_still_gets_its_answer(www):
    data, ended = www.raw(get(), close_write=True, idle=5)
    assert [answer[0] for answer in split_answers(data)] == [200]
    assert ended == "closed"
