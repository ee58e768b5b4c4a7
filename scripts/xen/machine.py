# SPDX-License-Identifier: ISC
"""An emulated machine that boots Debian's Xen and a dom0 of ours. It is put together and booted once, into the
cache (VIRGA_CACHE), and saved as soon as dom0 answers; from then on it is resumed in less than a second. The
saved memory is a file that each machine maps privately: any number may run at a time, none changes it.

The saved machine has not probed its network and disk: dom0 does that later (dom0/serve)."""
import collections
import contextlib
import fcntl
import hashlib
import os
import shlex
import shutil
import signal
import subprocess
import tempfile

import runner
from xen import dom0
from xen.control import Dom0, Lost, Monitor, Silent
from xen.packages import Apt, Missing

# debian: the architecture's name there. qemu, package: the emulator, and Debian's package with it. xen, kernel:
# patterns of the files in the packages; machine: QEMU's arguments; bus: how its virtio devices end.
Cpu = collections.namedtuple("Cpu", "debian qemu package packages kernel_package xen machine bus boot")

DOM0_MEMORY = "256M"
MEMORY = "768M"
XEN_OPTIONS = "loglvl=all guest_loglvl=all"
DOM0_OPTIONS = "console=hvc0 quiet panic=-1"
BRIDGE_MAC = "52:54:00:58:65:6e"  # not QEMU's default, which a guest may have
BOOT_SECONDS = 300   # generous: emulation on a busy machine
SLEEP_SECONDS = 60   # for one second of dom0's time
SAVES = 4
LIFE_SECONDS = 3600  # the longest that a machine lives, even if it hangs


def boot_pc(folder):
    """Xen by multiboot: the kernel and the initramfs are its modules. Floating-point registers are saved eagerly at
    each switch of domains: saved lazily, on first use, they get mixed up between domains in emulation."""
    return ["-kernel", f"{folder}/xen", "-append", "console=com1 com1=115200,8n1 cpuidle=0 sched=credit "
            f"spec-ctrl=eager-fpu {XEN_OPTIONS} dom0_mem={DOM0_MEMORY},max:{DOM0_MEMORY}", "-initrd",
            f"{folder}/linux {DOM0_OPTIONS},{folder}/dom0.cpio"]


def boot_arm(folder):
    """Xen boots as a kernel does; guest-loader tells it in the device tree where kernel and initramfs lie, well away
    from QEMU's place for the tree. xsm=dummy: by default Xen on ARM lets guests share memory and events only with
    dom0."""
    return ["-kernel", f"{folder}/xen", "-append",
            f"console=dtuart xsm=dummy dom0_mem={DOM0_MEMORY} {XEN_OPTIONS}",
            "-device", f"guest-loader,addr=0x50000000,kernel={folder}/linux,bootargs={DOM0_OPTIONS}",
            "-device", f"guest-loader,addr=0x56000000,initrd={folder}/dom0.cpio"]


CPUS = {
    # Without SMAP and MWAIT, with which in emulation a paravirtualised dom0 and an idle Xen do not survive, and without
    # RDTSCP, whose use kills a guest.
    "x86_64": Cpu("amd64", "qemu-system-x86_64", "qemu-system-x86", ("xen-hypervisor-4.17-amd64",), "linux-image-amd64",
                  "boot/xen-*-amd64.gz", ("-M", "q35", "-cpu", "max,+svm,+npt,-smap,-monitor,-rdtscp"), "pci", boot_pc),
    "aarch64": Cpu("arm64", "qemu-system-aarch64", "qemu-system-arm", ("xen-hypervisor-4.17-arm64", "libfdt1"),
                   "linux-image-arm64", "boot/xen-*-arm64",
                   ("-M", "virt,virtualization=on,gic-version=2", "-cpu", "cortex-a57"), "device", boot_arm),
    "armv7": Cpu("armhf", "qemu-system-arm", "qemu-system-arm", ("xen-hypervisor-4.17-armhf", "libfdt1"),
                 "linux-image-armmp-lpae", "boot/xen-*-armhf",
                 ("-M", "virt,virtualization=on,gic-version=2,highmem=off", "-cpu", "cortex-a15"), "device", boot_arm),
}


def cpu_of(config):
    """The name in CPUS for a configuration."""
    return next((name for name in CPUS if f"CPU_{name.upper()}" in config), None) or runner.fail(
        "Xen is emulated for " + ", ".join(CPUS) + " only")


def cache():
    return os.environ.get("VIRGA_CACHE") or os.path.join(
        os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache"), "virga")


def key(*parts):
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:12]


@contextlib.contextmanager
def locked(folder):
    """Locks folder: several processes may want to make the same thing at the same time."""
    os.makedirs(folder, exist_ok=True)
    with open(os.path.join(folder, "xen-lock"), "w", encoding="ascii") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


class Home:
    """The cache's folder with Xen, the kernel and dom0 for a CPU, made if it does not exist; in it the saved
    machines, one for each version of QEMU."""

    def __init__(self, name):
        self.cpu = CPUS[name]
        if not shutil.which(self.cpu.qemu):
            raise Missing(f"{self.cpu.qemu} is not installed: apt-get install {self.cpu.package} "
                          "(scripts/setup installs all)")
        self.folder = os.path.join(cache(), f"xen-{name}-{key(dom0.recipe(), *self.from_debian())}")
        version = subprocess.run([self.cpu.qemu, "--version"], stdout=subprocess.PIPE, text=True, check=True).stdout
        self.saved = os.path.join(self.folder, "saved-" + key(version, dom0.text(__file__)))
        with locked(cache()):
            if not os.path.isdir(self.folder):
                self.build()

    def from_debian(self):
        """The parameters that choose the packages, and the files taken from them."""
        return self.cpu.debian, self.cpu.kernel_package, self.cpu.xen, *self.cpu.packages

    def build(self):
        runner.say("fetching Xen, a kernel and dom0's tools from Debian's mirror, once")
        with tempfile.TemporaryDirectory(dir=cache(), prefix="xen-") as work:
            made = os.path.join(work, "made")
            os.mkdir(made)
            apt = Apt(self.cpu.debian, os.path.join(work, "apt"))
            apt.unpack([*dom0.PACKAGES, *self.cpu.packages, apt.kernel(self.cpu.kernel_package)], f"{work}/root")
            root = dom0.Root(f"{work}/root")
            for name, data in (("xen", dom0.unpacked(root.read(self.cpu.xen))),
                               ("linux", dom0.unpacked(root.read("boot/vmlinuz-*"))),
                               ("dom0.cpio", dom0.initramfs(root))):
                with open(os.path.join(made, name), "wb") as file:
                    file.write(data)
            os.rename(made, self.folder)

    def save(self):
        """Boots the machine and saves it, unless that has been done."""
        with locked(self.folder):
            if os.path.isdir(self.saved):
                return
            runner.say("booting Xen and dom0 in emulation, once; from then on they are resumed")
            for _ in range(SAVES):
                self.boot_and_save()
                if self.resumes():
                    return
                shutil.rmtree(self.saved)
            raise Lost("Xen does not go on where it was saved")

    def boot_and_save(self):
        with tempfile.TemporaryDirectory(dir=self.folder, prefix="saving-") as work:
            made = os.path.join(work, "made")
            os.mkdir(made)
            with Machine(self, cold=True, memory_file=f"{made}/ram") as machine, machine.started():
                machine.monitor.share_memory()
                machine.monitor.command("stop")
                machine.monitor.migrate("migrate", f"exec:cat >{shlex.quote(made)}/state")
            os.rename(made, self.saved)

    def resumes(self):
        """Does the saved machine work? QEMU does not save one of ARM's timers, without which time may stand still."""
        with Machine(self) as machine, contextlib.suppress(Lost), machine.started():
            machine.dom0.must("sleep 1", seconds=SLEEP_SECONDS)
            return True
        return False


def memory_in(path, share):
    """QEMU's arguments for memory in a file."""
    return ["-object", f"memory-backend-file,id=ram,size={MEMORY},mem-path={path},share={share}"]


class Machine:
    """One machine. The caller starts it with command, and calls connect(). From then on no file of it remains, even if
    it is never closed.
    cold: boots it, instead of resuming what home has saved; memory_file: the file of its memory then. netdev: the text
    of a -netdev net0; disk: (path, is it read-only), dom0's /dev/vda; typed, shown: chardevs, which dom0 reads as
    /dev/typed and writes as /dev/shown; log: the caller's file for the output of Xen and dom0."""

    def __init__(self, home, cold=False, memory_file=None, netdev=None, disk=None, typed="null", shown="null",
                 log=None):
        self.home, self.cold = home, cold
        self.work = tempfile.TemporaryDirectory(prefix="xen-")
        self.log, self.kept = log or self.path("log"), None
        self.monitor = Monitor(self.path("monitor"))
        self.dom0 = Dom0(self.path("requests"))
        for line in (self.monitor, self.dom0):
            line.listen()
        ports = (("requests", f"socket,path={self.dom0.path}"), ("typed", typed), ("shown", shown))
        self.command = [
            home.cpu.qemu, "-accel", "tcg", *home.cpu.machine, "-machine", "memory-backend=ram", "-m", MEMORY,
            *self.memory(memory_file), *home.cpu.boot(home.folder), "-nodefaults", "-no-user-config", "-no-reboot",
            "-display", "none", "-serial", f"file:{self.log}", "-qmp", f"unix:{self.monitor.path}",
            *self.devices(netdev, disk, ports)]

    def path(self, name):
        return os.path.join(self.work.name, name)

    def memory(self, file):
        if not self.cold:
            return [*memory_in(f"{self.home.saved}/ram", share="off"), "-incoming", "defer"]
        return memory_in(file, share="on") if file else ["-object", f"memory-backend-ram,id=ram,size={MEMORY}"]

    def devices(self, netdev, disk, ports):
        """QEMU's arguments for devices: always all that the saved machine has. Without a network, the cable is open."""
        bus = self.home.cpu.bus
        netdev = netdev or (f"dgram,id=net0,local.type=unix,local.path={self.path('net')},"
                            f"remote.type=unix,remote.path={self.path('nobody')}")
        path, read_only = disk or (None, True)
        file = f"file={path.replace(',', ',,')},discard=unmap" if path else "file.driver=null-co"
        words = ["-device", f"virtio-rng-{bus}", "-device", f"virtio-serial-{bus},id=ports"]
        for number, (name, chardev) in enumerate(ports, 1):
            kind, _, rest = chardev.partition(",")
            words += ["-chardev", f"{kind},id={name}" + (f",{rest}" if rest else ""),
                      "-device", f"virtserialport,bus=ports.0,nr={number},chardev={name},name={name}"]
        return [*words, "-netdev", netdev,
                "-device", f"virtio-net-{bus},netdev=net0,mac={BRIDGE_MAC}" + (",romfile=" if bus == "pci" else ""),
                "-drive", f"if=none,id=disk0,format=raw,{file},read-only={'on' if read_only else 'off'}",
                "-device", f"virtio-blk-{bus},drive=disk0"]

    def connect(self, alive):
        """Waits until dom0 answers. alive: gives whether QEMU still runs."""
        self.monitor.accept(alive)
        self.monitor.greet()
        self.dom0.accept(alive)
        self.clear()
        if not self.cold:
            self.monitor.share_memory()
            self.monitor.migrate("migrate-incoming", f"exec:cat {shlex.quote(self.home.saved)}/state")
            self.monitor.command("cont")
        self.dom0.must("true", seconds=BOOT_SECONDS)

    def clear(self):
        """Removes the machine's files; the log stays open."""
        self.kept = open(self.log, "rb")
        self.log = f"/proc/self/fd/{self.kept.fileno()}"
        self.work.cleanup()

    @contextlib.contextmanager
    def started(self, enter=()):
        """Starts it, with the words of enter before its command, and connects; at the end it is killed. An error has
        the last lines of Xen and dom0."""
        command = [*enter, "timeout", "--kill-after=5", str(LIFE_SECONDS), *self.command]
        with subprocess.Popen(command, stdin=subprocess.DEVNULL, start_new_session=True) as qemu:
            try:
                self.connect(lambda: qemu.poll() is None)
                yield
            except Lost as error:
                raise Lost(f"{error}; Xen's and dom0's last lines:\n{self.last_lines()}") from None
            finally:
                if qemu.poll() is None:
                    os.killpg(qemu.pid, signal.SIGKILL)

    def quit(self):
        """Ends QEMU, unless it has ended already; kills it if it waits for ever for the CPU that it emulates."""
        try:
            self.monitor.command("quit", runner.GRACE_SECONDS)
            self.monitor.hang_up(runner.GRACE_SECONDS)
        except Silent:
            os.kill(self.monitor.process(), signal.SIGKILL)
        except Lost:
            pass

    def last_lines(self, count=15):
        try:
            with open(self.log, encoding="utf-8", errors="replace") as file:
                return "".join(file.readlines()[-count:])
        except OSError:
            return ""

    def __enter__(self):
        return self

    def __exit__(self, *ignored):
        self.monitor.close()
        self.dom0.close()
        self.work.cleanup()
        if self.kept:
            self.kept.close()
