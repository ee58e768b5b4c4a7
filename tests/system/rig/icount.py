# SPDX-License-Identifier: ISC
"""Counts guest instructions exactly. Under -icount QEMU's guest clock advances a nanosecond for each one; the kernel
counts how long it was halted, and its counters are read from a stopped guest, so that the guest need not print
them."""
import os
import statistics
import time

from rig.build import symbols
from rig.guest import Qmp

COUNTERS = ("machine_boot_ticks", "machine_idle_ticks", "machine_idle_since")
SETTLED_SECONDS = 0.25  # a guest that has slept this long is done: delayed acknowledgements have been sent
SETTLED_TRIES = 100
PATH = "/favicon.svg"  # its answer is one segment, which the next request acknowledges: the frames are always as many
REQUESTS = 200
BATCHES = 5  # in some a busy host delivers late, so that a timer is due in between


def arguments(socket):
    """QEMU's arguments for counting; socket: a path for the monitor."""
    return ["-icount", "shift=0,sleep=on", "-qmp", f"unix:{socket},server=on,wait=off"]


class Counter:
    def __init__(self, out, socket):
        known = symbols(os.path.join(out, "image.debug"))
        self.addresses = [known[name] for name in COUNTERS]
        self.monitor = Qmp(socket)

    def look(self):
        self.monitor.command("stop")
        found = [self.monitor.words(address)[0] for address in self.addresses]
        self.monitor.command("cont")
        return found

    def instructions(self):
        """Instructions from the image's entry to its last halt, once the guest has come to rest."""
        before = None
        for _ in range(SETTLED_TRIES):
            time.sleep(SETTLED_SECONDS)
            boot, idle, since = found = self.look()
            if found == before:
                return since - boot - idle
            before = found
        raise AssertionError("the guest does not come to rest")

    def close(self):
        self.monitor.close()


def measure(out, socket, ask):
    """Instructions of a guest that is up and has had no request: from its entry to the idle after the first answer, for
    a whole connection with one request, and for each further request on it. ask(n) requests PATH n times on one
    connection."""
    counter = Counter(out, socket)
    try:
        ask(1)
        first = counter.instructions()
        ask(1)
        one = counter.instructions()
        marks = [one]
        for _ in range(BATCHES):
            ask(1 + REQUESTS)
            marks.append(counter.instructions())
    finally:
        counter.close()
    connection = one - first
    batches = [(after - before - connection) // REQUESTS for before, after in zip(marks, marks[1:])]
    return {"first_answer": first, "connection": connection, "request": statistics.median(batches)}
