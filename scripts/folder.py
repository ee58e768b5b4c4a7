# SPDX-License-Identifier: ISC
"""Reads the folder that an image serves, for crunch and fat-of-files.

Names that begin with a dot are left out, but for .well-known (RFC 8615). Symbolic links are followed. If
files cannot be served, each is named on its own line, and nothing is made."""
import os
import stat
import sys
import unicodedata
import urllib.parse

URL_PATH_MAX = 2000       # bytes; CONFIG_HTTP_TARGET_BYTES is a little more unless it was changed
NAMES_MAX = 100000        # files and folders; links between folders can multiply a few beyond all bounds


class TooMany(Exception):
    """There are more than NAMES_MAX names; the argument is the path of the first too many."""


def shown(name):
    """A name for printing on one line, with bytes that are not text escaped."""
    text = name.decode("utf-8", "backslashreplace")
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def normal_form(name):
    """A form that is equal for names which look alike and which clients do not tell apart."""
    return unicodedata.normalize("NFC", name)


class Folder:
    """The content to serve: files, a sorted list of (key, path), and folders, their sorted keys. tool: the
    program's name for messages. fold: maps names that may not be together in one folder to the same value;
    like: describes their likeness. refuse: gives the reason why a name is not possible, or None."""

    def __init__(self, tool, path, fold=normal_form, like="the same in Unicode's normal form", refuse=None):
        self.tool, self.path, self.fold, self.like, self.refuse = tool, path, fold, like, refuse
        self.files, self.folders, self.hidden, self.problems = [], [], [], []
        try:
            status = os.stat(path)
        except OSError as error:
            sys.exit(f"{tool}: {path}: {error.strerror.lower()}")
        if not stat.S_ISDIR(status.st_mode):
            sys.exit(f"{tool}: {path}: not a folder")
        sys.setrecursionlimit(2 * URL_PATH_MAX)   # folders nest at most half a path deep, with two calls each
        try:
            self.walk(os.fsencode(path), b"", {(status.st_dev, status.st_ino)})
        except TooMany as error:
            sys.exit(f"{tool}: {shown(error.args[0])}: more than {NAMES_MAX} files and folders with this one")
        self.files.sort()
        self.folders.sort()

    def walk(self, folder, prefix, above):
        """Collects folder's content; above: identities of the folders around it."""
        try:
            names = sorted(os.listdir(folder))
        except OSError as error:
            self.problems.append((prefix or b".", error.strerror.lower()))
            return
        self.folders.append(prefix.rstrip(b"/"))
        twins = {}
        for name in names:
            key = prefix + name
            if name.startswith(b".") and key != b".well-known":
                self.hidden.append(key)
                continue
            if len(self.files) + len(self.folders) >= NAMES_MAX:
                raise TooMany(key)
            problem = self.name_problem(key, name, twins)
            if problem:
                self.problems.append((key, problem))
            else:
                self.add(os.path.join(folder, name), key, above)

    def name_problem(self, key, name, twins):
        try:
            text = name.decode("utf-8")
        except UnicodeDecodeError:
            return "the name is not UTF-8"
        if any(unicodedata.category(c) == "Cc" for c in text):
            return "the name holds a control character"
        twin = twins.setdefault(self.fold(text), key)
        if twin != key:
            return f"the name clashes with {shown(twin)} ({self.like})"
        if len(urllib.parse.quote(key)) > URL_PATH_MAX:
            return f"the path is longer than {URL_PATH_MAX} bytes in a URL"
        return self.refuse(text) if self.refuse else None

    def add(self, path, key, above):
        try:
            status = os.stat(path)
        except OSError as error:
            dangling = os.path.islink(path) and isinstance(error, FileNotFoundError)
            self.problems.append((key, "a dangling link" if dangling else error.strerror.lower()))
            return
        if stat.S_ISDIR(status.st_mode):
            identity = (status.st_dev, status.st_ino)
            if identity in above:
                self.problems.append((key, "a link to a folder that it lies in"))
            else:
                self.walk(path, key + b"/", above | {identity})
        elif stat.S_ISREG(status.st_mode):
            self.files.append((key, path))
        else:
            self.problems.append((key, "neither a file nor a folder"))

    def refuse_problems(self, done):
        """Prints the problems and exits, if there are any. done: the participle for the message, "crunched"."""
        if not self.problems:
            return
        for key, reason in sorted(self.problems):
            print(f"{self.tool}: {shown(key)}: {reason}", file=sys.stderr)
        sys.exit(f"{self.tool}: {self.path}: not {done}, because of {len(self.problems)} of its files")

    def say_left_out(self, word):
        if self.hidden:
            print(f"{word:8}left out: names that begin with a dot, {len(self.hidden)}, the first "
                  f"{shown(self.hidden[0])}")
        if not any(key == b"index.html" for key, _ in self.files):
            print(f"{word:8}there is no index.html: / answers 404")
