# SPDX-License-Identifier: ISC
"""Our own backend in dom0 for a guest, which lies when it is told to (tests/system/liar)."""
import functools
import glob
import os
import re
import subprocess
import time

from rig import cpus, xen
from rig.build import TREE
from xen import machine, packages

SOURCES = os.path.join(TREE, "tests", "system", "liar")
LIBRARIES = ("xenstore", "xengnttab", "xenevtchn", "xentoolcore", "xentoollog")
PROGRAM = "/tmp/liar"


@functools.cache
def compile_liar(folder, cpu):
    """Builds the liar for the dom0 of a CPU, linked statically with the libraries of Debian's architecture."""
    program = os.path.join(folder, f"liar-{cpu.folder}")
    root = program + ".root"
    if not os.path.isdir(root):
        packages.Apt(machine.CPUS[cpu.folder].debian, program + ".apt").unpack(["libxen-dev"], root)
    compiler = "gcc" if cpu is cpus.HOST else f"{cpu.triple}-gcc"
    subprocess.run([compiler, "-std=gnu11", "-O2", "-g", "-Wall", "-Wextra", "-iquote", TREE,
                    "-isystem", f"{root}/usr/include", "-static", "-o", program,
                    *sorted(glob.glob(os.path.join(SOURCES, "*.c"))), f"-L{root}/usr/lib/{cpu.triple}",
                    *(f"-l{name}" for name in LIBRARIES)], check=True)
    return program


class Liar:
    """The backend of one device of a guest that has been created and is paused. kind: "vif" or "vbd"; what: dom0's
    interface or file behind it."""

    def __init__(self, emulated, program, kind, what, seed, name="guest"):
        self.emulated, self.kind = emulated, kind
        self.commands, self.log = f"/tmp/liar-{kind}.in", f"/tmp/liar-{kind}.log"
        emulated.dom0.put_file(PROGRAM, program)
        emulated.run(f"chmod 755 {PROGRAM}; mkfifo {self.commands}; "
                     f"{PROGRAM} {kind} $(xl domid {name}) {seed} {what} <>{self.commands} >{self.log} 2>&1 &")
        self.wait_for("^liar: ready$")

    def said(self):
        return self.emulated.run(f"cat {self.log} 2>/dev/null; true")

    def count(self, pattern):
        return len(re.findall(pattern, self.said(), re.MULTILINE))

    def wait_for(self, pattern, times=1, seconds=xen.SECONDS):
        end = time.monotonic() + seconds
        while self.count(pattern) < times:
            assert time.monotonic() < end, f"no {pattern}:\n{self.said()}"
            time.sleep(0.2)

    def tell(self, command):
        self.emulated.run(f"echo '{command}' >{self.commands}")

    def come(self):
        """Leaves, comes again as an honest backend, and waits until the guest has connected."""
        before = self.count("^liar: connected$")
        self.tell("come")
        self.wait_for("^liar: connected$", before + 1)

    def lie_in_store(self):
        before = self.count("lied in the store")
        self.tell("come lying")
        self.wait_for("lied in the store", before + 1)
