# SPDX-License-Identifier: ISC
"""Parts of the bench about guests of Xen, in one emulated machine."""
import contextlib
import gzip
import threading
import time

from load import collect, rates
from measure import GUEST_IP, MAC, clients, median, tap
from rig import xen

NULL_FILE = b'name = "null"\ntype = "pvh"\nkernel = "/guests/null"\nmemory = 4\nshadow_memory = 1\n'
LINUX_FILE = b'''name = "linux"
type = "pvh"
kernel = "/guests/linux.gz"
ramdisk = "/guests/initrd.gz"
memory = 256
cmdline = "console=hvc0 quiet mitigations=off"
'''
POLL_SECONDS = 0.02
VIF = f"vif=['mac={MAC}, bridge=xenbr0']"


@contextlib.contextmanager
def creating(emulated, name):
    """Runs xl create, and the context's body meanwhile; gives the time of its start. Afterwards the guest has ended,
    and so has xl's work on its end, for which the next guest would wait."""
    thread = threading.Thread(target=emulated.start, args=(name, VIF))
    started = time.monotonic()
    thread.start()
    try:
        yield started
    finally:
        thread.join()
        emulated.dom0.run(f"xl destroy {name}")
        emulated.run("while pidof xl || ls /sys/class/net | grep vif; do sleep 0.1; done")


def seconds_to_null(emulated):
    """Seconds to the null guest's line, which Xen writes into its log."""
    with open(emulated.emulated.log, "rb") as log:
        log.seek(0, 2)
        said = b""
        with creating(emulated, "null") as started:
            while time.monotonic() < started + xen.SECONDS:
                said += log.read()
                if b"null" in said:
                    return time.monotonic() - started
                time.sleep(0.001)
    return None


def seconds_to_200(emulated):
    """Seconds to the first 200. Polls seldom enough not to slow dom0, which forwards each attempt while it creates the
    guest: polled four times as often, the guest takes a third longer."""
    with creating(emulated, "www") as started:
        clock = clients.wait_for_200(GUEST_IP, 80, "/1k.txt", xen.SECONDS, pause=POLL_SECONDS)["clock"]
    return clock and clock - started


def boot_xen(bench):
    """xl create to first 200, beside a guest that does nothing, with the same vif."""
    tap()
    times = {"floor xen": [], "virga xen": []}
    with xen.running() as emulated:
        emulated.put(bench.path("bench-xen"), "www")
        emulated.dom0.put_file("/guests/null", bench.path("null-xen"))
        emulated.dom0.put("/guests/null.xl", NULL_FILE)
        for _ in range(bench.rounds(12)):
            times["floor xen"].append(seconds_to_null(emulated))
            times["virga xen"].append(seconds_to_200(emulated))
    return {"times": times, "median": {key: median(values) for key, values in times.items()}}


def put_linux(dom0, kernel, initrd):
    """Copies the Linux guest to dom0, with its kernel compressed: dom0 has no memory for more."""
    with open(kernel, "rb") as file:
        dom0.put("/guests/linux.gz", gzip.compress(file.read(), 1))
    dom0.put_file("/guests/initrd.gz", initrd)
    dom0.put("/guests/linux.xl", LINUX_FILE)


def requests_xen(bench):
    """wrk on a 1 kB file through dom0's bridge, beside nginx on Linux as a guest of the same Xen."""
    tap()
    seconds, runs = (2 if bench.quick else 5), {}
    with xen.running() as emulated:
        emulated.put(bench.path("bench-xen"), "www")
        put_linux(emulated.dom0, *bench.peer())
        for _ in range(bench.rounds(4)):
            for name, file in (("virga xen", "www"), ("linux xen", "linux")):
                emulated.start(file, VIF).wait_for("up boot_us=|peer: ready")
                runs.setdefault(name, []).append(rates(seconds))
                emulated.run(f"xl destroy {file}")
    return collect(runs)
