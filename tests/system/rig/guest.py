# SPDX-License-Identifier: ISC
"""Guests: QEMU with an image in it, or a Unix process. The console gives the verdict."""
import codecs
import os
import re
import selectors
import signal
import subprocess
import time

from rig.cpus import MACHINES, machines
from xen.control import SECONDS, Line, Monitor  # pylint: disable=wrong-import-order

MAC = "52:54:00:12:34:56"
GUEST_IP = "10.0.0.2"
HOST_IP = "10.0.0.1"
BOOT_SECONDS = 60  # generous: emulation on a busy machine
LIFE_SECONDS = 900  # the longest that a guest lives, even if it hangs

# Devices removed from a machine besides those that run-qemu removes, so that figures compare.
LESS = {"microvm": ["-M", "rtc=off"]}
NO_OFFLOADS = ("csum=off,gso=off,guest_csum=off,guest_tso4=off,guest_tso6=off,guest_ecn=off,guest_ufo=off,"
               "host_tso4=off,host_tso6=off,host_ecn=off,host_ufo=off")


def device(machine, kind):
    """QEMU's name of a virtio device, such as "net", on the bus of a machine."""
    return machines.device(MACHINES[machine].machine, kind)


def qemu_command(image, machine="microvm", memory="128M", netdev=None, options="", offloads=True, cpu=None,
                 extra=(), rng=True, bridges=()):
    """The whole command line. machine: one of cpus.MACHINES. netdev: text for -netdev without its id, or None for
    no network. cpu: QEMU's model, by default the usual one. bridges: PCI bridges; the network card is on the
    last one's bus, which is called "last"."""
    _, has, found = MACHINES[machine]
    command = [has.qemu, *found.arguments, *LESS.get(machine, []), "-accel", "tcg", "-cpu", cpu or has.cpus[0],
               "-smp", "1",
               "-m", f"size={memory}", "-nodefaults", "-no-user-config", "-no-reboot", "-display", "none",
               "-serial", "stdio", "-kernel", str(image)]
    if options:
        command += ["-append", options]
    if netdev:
        nic = f"{device(machine, 'net')},netdev=net0,mac={MAC}"
        if found.bus == "PCI":
            nic += ",romfile="
        for bridge in bridges:
            command += ["-device", bridge]
        if bridges:
            nic += ",bus=last"
        command += ["-netdev", f"{netdev},id=net0", "-device", nic + ("" if offloads else "," + NO_OFFLOADS)]
    if rng:
        command += ["-device", device(machine, "rng")]
    return command + list(extra)


def drive(path, machine, drive_options="", device_options="", name="disk0"):
    """QEMU's arguments for the file as a disk."""
    return ["-drive", f"if=none,id={name},file={path},format=raw,discard=unmap{drive_options}",
            "-device", f"{device(machine, 'blk')},drive={name}{device_options}"]


def tap_netdev(name="tap0"):
    return f"tap,ifname={name},script=no,downscript=no"


def user_netdev(port=8080):
    return f"user,net=10.0.0.0/24,host={HOST_IP},hostfwd=tcp:127.0.0.1:{port}-{GUEST_IP}:80"


class Guest:
    """A running guest and its console output. Use as a context: the guest is killed at the end."""

    def __init__(self, command, namespace=None, life=LIFE_SECONDS, environment=None, folder=None):
        self.command = [str(word) for word in command]
        words = ["timeout", "--kill-after=5", str(life), *self.command]
        if namespace:
            words = namespace.enter + words
        self.started = time.monotonic()
        # Its own session, so that a signal to the group reaches nothing else.
        self.process = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        stderr=subprocess.STDOUT, start_new_session=True, cwd=folder,
                                        env={**os.environ, **(environment or {})})
        os.set_blocking(self.process.stdout.fileno(), False)
        self.selector = selectors.DefaultSelector()
        self.selector.register(self.process.stdout, selectors.EVENT_READ)
        self.decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self.console = ""
        self.ended = False

    def read(self, seconds=0.0):
        """Reads the console's output, waiting at most seconds for it."""
        if self.ended:
            return
        if self.selector.select(seconds):
            data = os.read(self.process.stdout.fileno(), 65536)
            if not data:
                self.ended = True
                self.selector.unregister(self.process.stdout)
            # "\r\n" may be split between two reads, as may a character's bytes.
            self.console = (self.console + self.decoder.decode(data)).replace("\r\n", "\n")

    def wait_for(self, pattern, seconds=BOOT_SECONDS, after=0):
        """Waits for a console line that matches; fails at once on a panic or the end of the guest."""
        wanted = re.compile(pattern, re.MULTILINE)
        deadline = time.monotonic() + seconds
        while True:
            found = wanted.search(self.console, after)
            if found:
                return found
            if self.ended:
                raise AssertionError(f"the guest ended without /{pattern}/:\n{self.tail()}")
            if time.monotonic() > deadline:
                raise AssertionError(f"no /{pattern}/ within {seconds} s:\n{self.tail()}")
            self.read(0.1)

    def tail(self):
        self.read()
        return f"{' '.join(self.command)}\n" + self.console[-4000:]

    def write(self, text):
        self.process.stdin.write(text.encode())
        self.process.stdin.flush()

    def wait_end(self, seconds=BOOT_SECONDS):
        """Waits until the guest is gone; gives the exit status."""
        deadline = time.monotonic() + seconds
        while not self.ended and time.monotonic() < deadline:
            self.read(0.1)
        try:
            return self.process.wait(max(0.1, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            raise AssertionError(f"the guest has not ended within {seconds} s:\n{self.tail()}") from None

    def signal(self, number):
        """Sends a signal to the guest's own process, not to the timeout that watches it."""
        with open(f"/proc/{self.process.pid}/task/{self.process.pid}/children", encoding="ascii") as file:
            os.kill(int(file.read().split()[0]), number)

    def stop(self):
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        self.read()
        self.process.stdin.close()
        self.process.stdout.close()

    def __enter__(self):
        return self

    def __exit__(self, kind, value, trace):
        self.stop()
        if kind is not None:
            print(f"--- console of {' '.join(self.command)}\n{self.console[-6000:]}\n---")


class Qmp(Monitor):
    """QEMU's monitor on a Unix socket, at which QEMU listens: stops the guest, and reads its memory."""

    def __init__(self, path):
        super().__init__(str(path))
        self.connect()
        self.greet()

    def human(self, line):
        """A line for the monitor that people use; gives what it says."""
        return self.command("human-monitor-command", **{"command-line": line})

    def words(self, address, count=1):
        """64-bit words of guest virtual memory; the guest should be stopped. A running one may be in its firmware, to
        which that memory is not mapped: then the read is repeated."""
        for _ in range(100):
            text = self.human(f"x /{count}gx {address:#x}")
            if "Cannot access memory" not in text:
                break
            time.sleep(0.02)
        return [int(word, 16) for line in text.splitlines() for word in line.split(":", 1)[1].split()]


class Qtest(Line):
    """QEMU's qtest protocol on a Unix socket, at which QEMU listens: writes to physical memory and devices."""

    def __init__(self, path):
        super().__init__(str(path))
        self.connect()

    def write(self, address, word):
        self.send(f"writel {address:#x} {word:#x}\n".encode())
        assert self.line(time.monotonic() + SECONDS) == "OK\n"
