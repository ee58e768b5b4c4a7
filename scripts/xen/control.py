# SPDX-License-Identifier: ISC
"""Controls an emulated machine: QEMU by its machine protocol, dom0 by shell scripts (dom0/serve)."""
import json
import os
import re
import shlex
import socket
import struct
import time

PIECE_BYTES = 4 << 20  # of a file at a time: dom0 has them in memory twice
SECONDS = 120  # generous: emulation on a busy machine


class Lost(Exception):
    """The peer has gone, or has not answered in time."""


class Silent(Lost):
    """The peer has not answered in time."""


class Line:
    """A socket at path with one peer, and its unread input. Either the peer connects to us, listen() and accept(), or
    we connect to it, connect()."""

    def __init__(self, path):
        self.path = path
        self.listener, self.peer, self.data = None, None, b""

    def listen(self):
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(self.path)
        self.listener.listen(1)

    def accept(self, alive, seconds=SECONDS):
        """alive: gives whether the peer may still connect."""
        self.listener.settimeout(0.1)
        end = time.monotonic() + seconds
        while not self.peer:
            try:
                self.peer = self.listener.accept()[0]
            except TimeoutError:
                if not alive() or time.monotonic() > end:
                    raise Lost("QEMU has not come up") from None
        self.listener.close()

    def connect(self, seconds=SECONDS):
        """Connects to a peer that listens, or is about to."""
        self.peer = socket.socket(socket.AF_UNIX)
        end = time.monotonic() + seconds
        while self.peer.connect_ex(self.path) != 0:
            if time.monotonic() > end:
                raise Lost("QEMU has not come up")
            time.sleep(0.02)

    def send(self, data):
        try:
            self.peer.settimeout(None)
            self.peer.sendall(data)
        except (OSError, AttributeError):
            raise Lost("the emulated machine has gone") from None

    def receive(self, enough, end):
        """Reads until enough(input so far) gives a number of bytes; takes and gives those. end: on the monotonic clock;
        None: never."""
        while (size := enough(self.data)) is None:
            try:
                self.peer.settimeout(end and max(end - time.monotonic(), 0.001))
                data = self.peer.recv(1 << 16)
            except TimeoutError:
                raise Silent("the emulated machine does not answer") from None
            except OSError:
                data = b""
            if not data:
                raise Lost("the emulated machine has gone")
            self.data += data
        wanted, self.data = self.data[:size], self.data[size:]
        return wanted

    def line(self, end):
        return self.receive(lambda data: data.find(b"\n") + 1 or None, end).decode("utf-8", "replace")

    def hang_up(self, seconds):
        """Waits until the peer has gone: raises Lost then, or Silent if it stays."""
        self.receive(lambda data: None, time.monotonic() + seconds)

    def process(self):
        """The peer's process id (unix(7), SO_PEERCRED)."""
        return struct.unpack("iII", self.peer.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))[0]

    def close(self):
        for one in filter(None, (self.listener, self.peer)):
            one.close()


class Monitor(Line):
    """QEMU's machine protocol."""

    def greet(self):
        self.line(time.monotonic() + SECONDS)
        self.command("qmp_capabilities")

    def answer(self, end):
        line = self.line(end)
        try:
            return json.loads(line)
        except ValueError:
            raise Lost(f"QEMU has answered {line!r}, which is no JSON") from None

    def command(self, name, seconds=SECONDS, **arguments):
        self.send(json.dumps({"execute": name, "arguments": arguments}).encode() + b"\n")
        end = time.monotonic() + seconds
        while True:
            answer = self.answer(end)
            if "error" in answer:
                raise Lost(f"{name}: {answer['error']['desc']}")
            if "return" in answer:
                return answer["return"]

    def share_memory(self):
        """Tells QEMU that the machine's memory is a file, which a migration does not copy."""
        self.command("migrate-set-capabilities", capabilities=[{"capability": "x-ignore-shared", "state": True}])

    def migrate(self, command, uri, seconds=SECONDS):
        """Starts a migration and waits until it is done."""
        self.command(command, uri=uri)
        end = time.monotonic() + seconds
        while (status := self.command("query-migrate").get("status")) != "completed":
            if status in ("failed", "cancelled") or time.monotonic() > end:
                raise Lost(f"{command}: {status}")
            time.sleep(0.02)


class Dom0(Line):
    """dom0's shell."""
    # A script that prints what may explain why a guest has not come up, or does not answer. A living guest reports the
    # sysrq key; Xen's debug keys show its virtual CPU's state, what that waits for, and the event channels.
    STATE = """
        for guest in $(xl list | sed 1,2d | cut -d ' ' -f 1); do xl sysrq $guest m; done
        xl list; xenstore-ls -f; dmesg | tail -n 20; grep -v ' 0 ' /proc/interrupts; cat /proc/net/dev
        grep . /sys/class/net/*/operstate /sys/class/net/*/brport/state
        mount -t debugfs debugfs /sys/kernel/debug; grep . /sys/kernel/debug/xen-netback/*/io_ring*
        for key in q v e; do xl debug-keys $key; done
        sleep 1; tail -n 20 /var/log/xen/hotplug.log /var/log/xen/xl-*.log /var/log/xen/console/guest-*.log"""

    def run(self, script, data=b"", seconds=SECONDS):
        """Gives the script's status and output. data: its input; seconds: None is for ever."""
        text = script.encode()
        self.send(b"%d\n%b%b" % (len(text), text, data))
        end = seconds and time.monotonic() + seconds
        line = self.line(end)
        if not re.fullmatch("[0-9]+ [0-9]+\n", line):
            raise Lost(f"dom0 has answered {line!r}, which is no status and number of bytes")
        status, size = (int(word) for word in line.split())
        return status, self.receive(lambda come: size if len(come) >= size else None, end).decode("utf-8", "replace")

    def must(self, script, data=b"", seconds=SECONDS):
        """Gives the output of a script, which must succeed."""
        status, output = self.run(script, data, seconds)
        if status != 0:
            raise Lost(f"dom0: {script.strip()} ended with {status}: {output.strip()}")
        return output

    def put(self, path, data):
        """Writes a file in dom0, whose file system is in memory."""
        name = shlex.quote(path)
        self.must(f": >{name}")
        for start in range(0, len(data), PIECE_BYTES):
            piece = data[start:start + PIECE_BYTES]
            self.must(f"dd bs={len(piece)} count=1 iflag=fullblock >>{name} 2>/dev/null", piece)

    def put_file(self, path, source):
        with open(source, "rb") as file:
            self.put(path, file.read())

    def start(self):
        """Right after a start or a resumption: sets up the machine's present devices, and the time of day."""
        self.must(f"date -s @{int(time.time())} && /serve devices")
