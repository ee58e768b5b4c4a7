# SPDX-License-Identifier: ISC
"""Linux's own sockets inside a test's namespace: Python statements, run there one after the other.

As a program it is the far side: a line of JSON in, ["do" or "get", statement]; a line out, ["ok", value] or
["error", text]. Values are JSON's; bytes travel as hexadecimal text.
"""
import json
import socket
import subprocess
import sys


class Sockets:
    """do("s = socket.create_server(('10.0.0.1', 7))") keeps s; get("s.getsockname()[1]") gives a value."""

    def __init__(self, namespace):
        self.process = namespace.popen([sys.executable, "-B", __file__], stdin=subprocess.PIPE,
                                       stdout=subprocess.PIPE, text=True)

    def _ask(self, kind, text):
        self.process.stdin.write(json.dumps([kind, text]) + "\n")
        self.process.stdin.flush()
        how, value = json.loads(self.process.stdout.readline())
        if how != "ok":
            raise AssertionError(f"{text}: {value}")
        return value

    def do(self, text):
        self._ask("do", text)

    def get(self, text):
        return self._ask("get", text)


def serve():
    names = {"socket": socket}
    for line in sys.stdin:
        kind, text = json.loads(line)
        try:
            value = eval(text, names) if kind == "get" else exec(text, names)  # pylint: disable=eval-used,exec-used
            answer = ["ok", value.hex() if isinstance(value, bytes) else value]
        except Exception as error:  # pylint: disable=broad-except
            answer = ["error", f"{type(error).__name__}: {error}"]
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    socket.setdefaulttimeout(60)
    serve()
