# SPDX-License-Identifier: ISC
"""The instruments of the bench's parts: guests without wrappers, clocks, wrk, namespaces."""
import json
import os
import re
import shutil
import statistics
import subprocess
import sys
import time

BENCH = os.path.dirname(os.path.abspath(__file__))
TREE = os.path.dirname(os.path.dirname(BENCH))
sys.path.insert(0, os.path.join(TREE, "tests", "system"))
from rig import clients, cpus  # noqa: E402
from rig.guest import GUEST_IP, MAC, qemu_command, tap_netdev  # noqa: E402

LINUX_OPTIONS = "console=ttyS0 quiet mitigations=off tsc=reliable"
SHIPPED_WWW = "defconfig_www_qemu"
INTERVAL_SECONDS = 0.1  # of iperf3: the shortest possible


class Bench:
    """The folders of a run, and its extent."""

    def __init__(self, out, quick):
        self.out = out
        self.quick = quick
        os.makedirs(os.path.join(out, "results"), exist_ok=True)

    def rounds(self, usual):
        return max(1, usual // 4) if self.quick else usual

    def path(self, *names):
        return os.path.join(self.out, *names)

    def image(self, name="bench"):
        """The shipped www image with the bench's site (an index and a 1 kB file) in it."""
        return self.path(name, "image")

    def null(self, machine="microvm"):
        """The guest that does nothing, for that machine's CPU."""
        name = cpus.MACHINES[machine].cpu.name
        return self.path(f"null-{name}" if name else "null")

    def peer(self):
        """(kernel, initrd) of the Linux guest."""
        with open(self.path("peer"), encoding="utf-8") as file:
            folder = file.read().strip()
        return os.path.join(folder, "vmlinux"), os.path.join(folder, "initrd.gz")

    def save(self, part, result):
        with open(self.path("results", part + ".json"), "w", encoding="utf-8") as file:
            json.dump(result, file, indent=1)

    def load(self, part):
        path = self.path("results", part + ".json")
        if not os.path.exists(path):
            return None
        with open(path, encoding="utf-8") as file:
            return json.load(file)


def in_namespace(program, arguments):
    """Runs a program in its own network namespace and gives its status."""
    unshare = ["unshare", "--net"] + ([] if os.geteuid() == 0 else ["--user", "--map-root-user"])
    return subprocess.run([*unshare, sys.executable, "-B", program, *arguments], check=False).returncode


def ip(*words):
    subprocess.run([shutil.which("ip") or "/usr/sbin/ip", *" ".join(words).split()], check=True)


def tap(name="tap0", host=True):
    """The wire of all comparisons: a tap with vnet header, the guest's address known from the start. host: the
    host has its own address there."""
    ip("link set lo up")
    ip(f"tuntap add dev {name} mode tap vnet_hdr")
    with open(f"/proc/sys/net/ipv6/conf/{name}/disable_ipv6", "w", encoding="ascii") as file:
        file.write("1")
    if host:
        ip(f"addr add 10.0.0.1/24 dev {name}")
    ip(f"link set {name} up")
    if host:
        ip(f"neigh replace {GUEST_IP} lladdr {MAC} dev {name} nud permanent")


def tap_and_veth(far):
    """Two wires: a tap for a process here (near), and a veth to a namespace whose end has the same address as the
    process (far). The host's own address is on neither."""
    tap()
    ip("addr flush dev tap0")
    ip(f"link add near type veth peer name far netns {far.holder.pid}")
    far.ip("addr add 10.0.0.2/24 dev far")
    far.ip("link set far up")
    ip("link set near up")


class Running:
    """A guest, run without any wrapper, so that its clock starts at exec."""

    def __init__(self, command):
        self.command = command
        self.started = time.monotonic()
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        stderr=subprocess.STDOUT)
        os.set_blocking(self.process.stdout.fileno(), False)
        self.console = b""

    def read(self):
        try:
            data = os.read(self.process.stdout.fileno(), 65536)
        except BlockingIOError:
            return
        self.console += data

    def alive(self):
        return self.process.poll() is None

    def seconds_to_text(self, text, limit=60):
        """Seconds from exec to this text on the console, polled each millisecond."""
        while time.monotonic() - self.started < limit:
            self.read()
            if text in self.console:
                return time.monotonic() - self.started
            if not self.alive():
                break
            time.sleep(0.001)
        return None

    def seconds_to_200(self, limit=60, path="/1k.txt", host=GUEST_IP, port=80):
        answer = clients.wait_for_200(host, port, path, limit, self.alive)
        self.read()
        return answer["clock"] - self.started if answer["clock"] is not None else None

    def stop(self):
        self.process.kill()
        self.process.wait()
        self.read()
        self.process.stdin.close()
        self.process.stdout.close()

    def __enter__(self):
        return self

    def __exit__(self, *ignored):
        self.stop()


def ours(bench, machine, memory="128M", extra=(), options="", name="bench", offloads=True):
    return qemu_command(bench.image(name), machine, memory, tap_netdev(), options, extra=extra, offloads=offloads)


def floor(bench, machine, memory="128M"):
    return qemu_command(bench.null(machine), machine, memory, tap_netdev())


def linux(bench, machine="q35", memory="256M", options=""):
    kernel, initrd = bench.peer()
    return qemu_command(kernel, machine, memory, tap_netdev(), f"{LINUX_OPTIONS} {options}".strip(),
                        extra=["-initrd", initrd])


def unix(bench, *options):
    return [bench.path("bench-unix", "image"), "tap=tap0", *options]


def wrk(url, connections, seconds):
    """Requests per second and median latency in microseconds; an error in the run is an error here."""
    text = subprocess.run(["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "--latency", "--timeout", "10s", url],
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False).stdout
    rate = re.search(r"Requests/sec:\s+([\d.]+)", text)
    if not rate or "Socket errors" in text or "Non-2xx" in text:
        return {"rate": float(rate.group(1)) if rate else 0.0, "p50_us": None, "errors": text.strip()[-300:]}
    amount, unit = re.search(r"50%\s+([\d.]+)(us|ms|s)\b", text).groups()
    return {"rate": float(rate.group(1)), "p50_us": float(amount) * {"us": 1, "ms": 1e3, "s": 1e6}[unit],
            "errors": None}


def iperf_report(amount, reverse, limit):
    """iperf3's report against the server at the guest's address, once that has ended the measurement before. amount:
    iperf3's options for the amount."""
    words = ["iperf3", "--client", GUEST_IP, *amount, "--interval", str(INTERVAL_SECONDS), "--json"]
    for _ in range(20):
        done = subprocess.run(words + (["--reverse"] if reverse else []), stdout=subprocess.PIPE, text=True,
                              timeout=limit, check=False)
        report = json.loads(done.stdout)
        error = report.get("error")
        if not error or ("busy" not in error and "connect to server" not in error):
            break
        time.sleep(0.5)
    return report


def longest_stall(report):
    """Seconds without a byte on our side."""
    longest = stalled = 0.0
    for interval in report["intervals"]:
        one = interval["sum"]
        stalled = 0.0 if one["bytes"] else stalled + one["seconds"]
        longest = max(longest, stalled)
    return longest


def iperf(seconds, reverse):
    """Bits per second that arrived, and the longest time without any."""
    report = iperf_report(["--time", str(seconds), "--omit", "1"], reverse, seconds + 120)
    if report.get("error"):
        return {"rate": None, "stall": None, "error": report["error"]}
    return {"rate": report["end"]["sum_received"]["bits_per_second"], "stall": longest_stall(report), "error": None}


def iperf_bytes(count, reverse):
    """Moves exactly this many bytes."""
    report = iperf_report(["--bytes", str(count)], reverse, 300)
    if report.get("error"):
        raise RuntimeError(report["error"])


def median(values):
    values = [value for value in values if value is not None]
    return statistics.median(values) if values else None


def say(text):
    print(text, file=sys.stderr, flush=True)
