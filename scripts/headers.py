# SPDX-License-Identifier: ISC
"""Header lines by pattern: a site's file _headers, which is not served itself.

    /assets/*
      Cache-Control: max-age=86400
    /*
      X-Content-Type-Options: nosniff

A path, in which * matches any text, and below it, indented, the header lines of the files there. If several paths
match, a later line replaces an earlier one of the same name. net/http/rules.c reads the same file of a FAT disk."""
import re
import sys

RULES = b"_headers"
RULES_MAX = 4096          # bytes of header lines
SPACE = " \t\r"
# Header fields that the server writes itself: on the message, or on the bytes that it sends.
RESERVED = {"content-length", "content-encoding", "content-range", "transfer-encoding", "accept-ranges", "etag", "date",
            "connection", "keep-alive", "last-modified", "trailer", "upgrade", "vary"}


class Rules:
    """The rules of a file of header lines by pattern. tool: the program's name for messages; most: the file's longest
    length; flags: of the regular expressions that match paths."""

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
        """Gives {name in lower case: (name, value)} for the file key, which may be its folder's index."""
        path = "/" + key.decode()
        spellings = [path] + ([path[:-len("index.html")]] if path.endswith("/index.html") else [])
        return {name.lower(): (name, value) for pattern, name, value in self.rules
                if any(pattern.fullmatch(spelling) for spelling in spellings)}
