# SPDX-License-Identifier: ISC
"""Guests of an emulated Xen: the tests' use of the machine in scripts/xen/."""
import contextlib
import os
import re
import shlex
import sys
import time

from rig.build import TREE

sys.path.insert(0, os.path.join(TREE, "scripts"))
from xen import machine  # noqa: E402

SECONDS = 120  # generous: emulated in emulation, on a busy machine
POWEROFF, REBOOT, SUSPEND, CRASH = range(4)  # reasons of a guest's end: SHUTDOWN_* of xen/sched.h
NO_RANDOM = ("aarch64", "armv7")  # CPUs whose models in machine.CPUS have no source of randomness
TAP = "tap,id=net0,ifname=tap0,script=no,downscript=no"


class Domain:
    """A guest and its console output. It is identified by its name, under which it may be created again."""

    def __init__(self, xen, name):
        self.xen, self.name = xen, name

    @property
    def console(self):
        return self.xen.run(f"cat /var/log/xen/console/guest-{self.name}.log 2>/dev/null; true").replace("\r\n", "\n")

    def wait_for(self, pattern, seconds=SECONDS, after=0, times=1):
        """Waits until the pattern matches times times in the console, from offset after on; gives the last match."""
        pattern, end = re.compile(pattern, re.MULTILINE), time.monotonic() + seconds
        while True:
            found = list(pattern.finditer(self.console, after))
            if len(found) >= times:
                return found[times - 1]
            if time.monotonic() > end:
                raise AssertionError(f"no /{pattern.pattern}/ within {seconds} s:\n{self.tail()}\n{self.xen.said()}")
            time.sleep(0.3)

    def tail(self):
        return self.console[-4000:]

    def write(self, text):
        tty = f"$(xenstore-read /local/domain/$(xl domid {self.name})/console/tty)"
        self.xen.run(f"printf %s {shlex.quote(text)} >{tty}")

    def reasons(self):
        """The reasons of its ends so far."""
        log = self.xen.run(f"cat /var/log/xen/xl-{self.name}.log* 2>/dev/null; true")
        return [int(number) for number in re.findall("has shut down, reason code ([0-9]+)", log)]

    def wait_end(self, seconds=SECONDS):
        """Waits until it has ended; gives the reason."""
        end = time.monotonic() + seconds
        while self.name in self.xen.domains():
            if time.monotonic() > end:
                raise AssertionError(f"{self.name} has not ended:\n{self.tail()}\n{self.xen.said()}")
            time.sleep(0.3)
        return self.reasons()[-1]


class Xen:
    """A running emulated machine."""

    def __init__(self, emulated, cpu):
        self.dom0 = emulated.dom0
        self.emulated, self.cpu = emulated, cpu
        self.dom0.start()

    def run(self, script, seconds=SECONDS):
        return self.dom0.must(script, seconds=seconds)

    def said(self):
        return self.emulated.last_lines()

    def state(self):
        """Text that may explain a test's failure. Xen's own answers to it are at the end."""
        text = ""
        with contextlib.suppress(machine.Lost):  # an answer that came too late
            text = f"--- dom0's own\n{self.dom0.run(self.dom0.STATE)[1]}\n---\n"
        return f"{text}--- Xen and dom0\n{self.emulated.last_lines(300)}\n---"

    def put(self, out, name):
        """Copies a build's image and its xl file to dom0. The guest's disk becomes dom0's."""
        self.dom0.put_file(f"/guests/{name}", os.path.join(out, "image"))
        with open(os.path.join(out, "image.xl"), encoding="utf-8") as file:
            lines = re.sub("^(name|kernel) = .*\n", "", file.read(), flags=re.MULTILINE)
        lines = re.sub("target=[^\"]*", "target=/dev/vda", lines)
        text = f'name = "{name}"\nkernel = "/guests/{name}"\n{lines}'
        self.dom0.put(f"/guests/{name}.xl", text.encode())

    def create(self, out, *words, name="guest", seed=None):
        """Starts the image of a build. words override lines of its file, such as 'memory=8'. seed: as for start."""
        self.put(out, name)
        return self.start(name, *words, seed=seed)

    def start(self, name, *words, seed=None, paused=False):
        """seed: does dom0 give one? By default only if the CPU has no randomness. paused: leaves the guest paused."""
        seed = self.cpu in NO_RANDOM if seed is None else seed
        steps = [f"rm -f /var/log/xen/console/guest-{name}.log",
                 f"xl create -q {'-p' if seed or paused else ''} {name}.xl {' '.join(map(shlex.quote, words))}"]
        if seed:
            steps.append(f"xenstore-write /local/domain/$(xl domid {name})/data/seed {os.urandom(64).hex()}")
            if not paused:
                steps.append(f"xl unpause {name}")
        self.run(" && ".join(steps))
        return Domain(self, name)

    def domains(self):
        """The names of all but dom0; a dead domain that still holds resources is called (null)."""
        return [line.split()[0] for line in self.run("xl list").splitlines()[2:]]

    def held(self):
        """The hypervisor's counts for all domains: event channels and grants in use; and its free memory, in MiB."""
        self.run("xl dmesg -c >/dev/null")
        log = self.run("xl debug-keys e && xl debug-keys g && sleep 1 && xl dmesg")
        free = re.search(r"free_memory +: (\d+)", self.run("xl info"))
        assert "Event channel information for domain 0" in log and "gnttab_usage_print_all" in log, log
        return {"channels": len(re.findall(r"\[\d+/\d+/[^\]]*\]: s=", log)),
                "grants": len(re.findall(r"^\(XEN\) \[0x[0-9a-f]+\]", log, re.MULTILINE)),
                "free": int(free[1]), "log": log}


def restart(kind, away, back):
    """A script that removes the driver of a guest's device ("vif" or "vbd") in dom0 and brings it back. libxl calls the
    script that puts a vif on its bridge only for new ones, so it is called here."""
    return f"""
        device=$(cd /sys/bus/xen-backend/devices; echo {kind}-*)
        {away} || exit
        sleep 1
        {back} || exit
        [ {kind} != vif ] || {{
            name=${{device#vif-}}
            export vif=vif${{name%-*}}.${{name#*-}} XENBUS_PATH=/local/domain/0/backend/vif/${{name%-*}}/${{name#*-}}
            /etc/xen/scripts/vif-bridge online
        }}"""


def rebind(kind):
    """Unbinds and binds the driver of one device."""
    driver = f"/sys/bus/xen-backend/drivers/{kind}"
    return restart(kind, f"echo $device >{driver}/unbind", f"echo $device >{driver}/bind")


def reload(kind):
    """Unloads and loads the driver's module, as after an update."""
    module = {"vif": "xen-netback", "vbd": "xen-blkback"}[kind]
    unload = f"echo $device >/sys/bus/xen-backend/drivers/{kind}/unbind; until rmmod {module}; do sleep 0.1; done"
    return restart(kind, unload, f"insmod /lib/modules/{module}.ko")


def prepare(cpu="x86_64"):
    """Has the machine made and saved. Needs a mirror, which cannot be reached from a test's namespace."""
    home = machine.Home(cpu)
    home.save()
    return home


@contextlib.contextmanager
def told(log):
    """On a failure inside, prints also the end of the log of Xen and dom0."""
    try:
        yield
    except BaseException:
        with contextlib.suppress(OSError):
            print(f"--- Xen and dom0\n{log.read_text(errors='replace')[-6000:]}\n---")
        raise


@contextlib.contextmanager
def running(enter=(), cold=False, netdev=TAP, disk=None, cpu="x86_64"):
    """A running Xen; enter: the command prefix that enters a namespace; with netdev TAP, dom0's bridge reaches tap0.
    disk: (path, is it read-only), dom0's /dev/vda."""
    home = machine.Home(cpu) if cold else prepare(cpu)
    with machine.Machine(home, cold=cold, netdev=netdev, disk=disk) as emulated:
        with emulated.started(enter):
            one = Xen(emulated, cpu)
            try:
                yield one
            except BaseException:
                print(one.state())
                raise
