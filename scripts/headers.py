# SPDX-License-Identifier: ISC
"""Header lines by pattern: a site's file _headers, which is not served itself.

    /assets/*
      Cache-Control: max-age=86400
    /*
      X-Content-Type-Options: nosniff

A path, in which * stands for anything, and below it, indented, the header lines of what is there. Where several
fit, a later line goes before an earlier one of the same name. net/http/rules.c reads the same of a FAT disk."""
import re
import sys

RULES = b"_headers"
RULES_MAX = 4096          # bytes of header lines
SPACE = " \t\r"
# What the server says itself: of the message, or of the bytes that it sends.
RESERVED = {"content-length", "content-encoding", "content-range", "transfer-encoding", "accept-ranges", "etag", "date",
            "connection", "keep-alive", "last-modified", "trailer", "upgrade", "vary"}


class Rules:
    """What a file of header lines by pattern says. tool: who complains of it; most: how long it may be; flags: of
    regular expressions, how paths are compared."""

    def __init__(self, tool, content, most=None, flags=0):
        self.tool, self.rules, path = tool, [], None
        if most is not None and len(content) > most:
            sys.exit(f"{tool}: {RULES.decode()}: longer than {most} bytes (HTTP_RULES_BYTES)")
        for number, line in enumerate(content.decode("utf-8", "replace").split("\n"), 1):
            text = line.strip(SPACE)
            if not text or text.startswith("#"):
                continue
            if text == line.rstrip(SPACE):
                if not text.startswith("/"):
                    self.refuse(number, "a path begins with /, and its header lines with a space")
                path = re.compile(".*".join(re.escape(part) for part in text.split("*")), flags)
                continue
            name, colon, value = text.partition(":")
            if not path:
                self.refuse(number, "a header line before the first path")
            if not colon or not re.fullmatch(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+", name):
                self.refuse(number, "no header line: Name: value")
            if not re.fullmatch(r"[ -~]*", text):
                self.refuse(number, "a value that is not printable ASCII")
            if name.lower() in RESERVED:
                self.refuse(number, name + " is the server's to say")
            self.rules.append((path, name, value.strip()))
            if sum(len(name) + len(value) + 4 for _, name, value in self.rules) > RULES_MAX:
                self.refuse(number, f"more than {RULES_MAX} bytes of header lines with this one")

    def refuse(self, number, reason):
        sys.exit(f"{self.tool}: {RULES.decode()}: line {number}: {reason}")

    def lines(self, key):
        """{name in lower case: (name, value)} for the file key, which may be the index of its folder."""
        path = "/" + key.decode()
        spellings = [path] + ([path[:-len("index.html")]] if path.endswith("/index.html") else [])
        return {name.lower(): (name, value) for pattern, name, value in self.rules
                if any(pattern.fullmatch(spelling) for spelling in spellings)}
