# SPDX-License-Identifier: ISC
"""Images as guests of a real Xen, in an emulated machine, which is resumed from its saved state unless a test boots
it."""
import email.utils
import hashlib
import json
import os
import random
import re
import shlex
import shutil
import signal
import subprocess
import sys
import time

import pytest

from rig import build, clients, cpus, params, server, xen
import limits
import runner
from xen import xl
from xen.control import Lost

LARGE_SECONDS = 600  # for many MiB, where they take half a minute on a quiet machine


def cpu(config):
    """The CPU of the machine that a configuration is for, as scripts/xen calls it."""
    return cpus.cpu_of(config).folder


@pytest.fixture
def emulated(request, namespace):
    """A Xen for the configuration that a test is marked with."""
    mark = request.node.get_closest_marker("config")
    namespace.tap()
    with xen.running(namespace.enter, cpu=cpu(mark.args[0] if mark else "")) as one:
        yield one


def saving(config, *ways):
    """These ways to save a guest, on CPUs where Xen has any: 4.17 has none on ARM."""
    return ways if cpu(config) == "x86_64" else ()


def disk_of(out):
    """The disk that a build has made for its image's files, read-only."""
    path = os.path.join(out, "disk.img")
    return (path, True) if os.path.exists(path) else None


def index(folder=server.HTDOCS):
    with open(os.path.join(build.TREE, folder, "index.html"), "rb") as file:
        return file.read()


def page(namespace, url="http://10.0.0.2/", seconds=90):
    """The page that a client of the host gets, over the tap, dom0's bridge and the guest's vif."""
    return namespace.run(["curl", "--silent", "--show-error", "--retry", "20", "--retry-all-errors", "--retry-delay",
                          "1", "--max-time", seconds, url], timeout=seconds + 10, text=False).stdout


WWW_MIB = {"x86_64": 2, "aarch64": 3, "armv7": 3}


@pytest.mark.config("defconfig_www_xen")
def test_what_a_guest_needs_is_what_is_checked(builder, tmp_path, monkeypatch):
    """Neither the layout of the tables, which scripts/check-limits accepts, nor a text in the image changes it."""
    image = os.path.join(builder.build("defconfig_www_xen"), "image")
    needed = xl.tables(runner.read_config(image), image)
    with open(limits.DOCUMENT, encoding="utf-8") as file:
        (tmp_path / "limits.md").write_text(file.read().replace(" | ", "  |  "))
    monkeypatch.setattr(limits, "DOCUMENT", str(tmp_path / "limits.md"))
    shutil.copy(f"{image}.debug", tmp_path)
    with open(tmp_path / "image.debug", "ab") as file:
        file.write(b"\0fiber_run\0")
    assert xl.tables(runner.read_config(image), str(tmp_path / "image")) == needed > 256 * 1024


@pytest.mark.parametrize("config", params.guests("www"))
def test_www(builder, namespace, emulated, config):
    """With the little memory of its configuration file, and the time of day, until xl shuts it down."""
    out = builder.build(config)
    with open(os.path.join(out, "image.xl"), encoding="utf-8") as file:
        assert f"\nmemory = {WWW_MIB[cpu(config)]}\n" in file.read()
    www = emulated.create(out)
    assert page(namespace) == index()
    head = namespace.run(["curl", "--silent", "--head", "--max-time", "60", "http://10.0.0.2/"], timeout=70).stdout
    date = email.utils.parsedate_to_datetime(re.search("(?im)^date: (.*)$", head)[1].strip())
    assert abs(date.timestamp() - time.time()) < xen.SECONDS
    emulated.run("xl shutdown guest")
    assert www.wait_end() == xen.POWEROFF
    assert "virga: exit status 0" in www.console


@pytest.mark.long
@pytest.mark.config("defconfig_www_xen")
def test_a_vif_that_no_bridge_takes(builder, emulated):
    """dom0 reports that, instead of a guest that does not answer."""
    emulated.put(builder.build("defconfig_www_xen"), "guest")
    status, said = emulated.dom0.run("xl create -q guest.xl 'vif=[\"bridge=nowhere\"]'")
    assert status != 0 and "cannot be put on nowhere" in said, said
    assert emulated.domains() == []


def test_a_qemu_that_hangs_is_killed(emulated):
    process = emulated.emulated.monitor.process()
    os.kill(process, signal.SIGSTOP)
    emulated.emulated.quit()
    with pytest.raises(Lost):
        emulated.run("true", seconds=xen.SECONDS)
    assert not os.path.exists(f"/proc/{process}/exe")


@pytest.mark.long
@pytest.mark.config("defconfig_www_xen")
def test_registers_are_not_the_wrong_domains(builder, namespace, emulated, tmp_path):
    """dom0's processes keep their registers while the guest is busy: otherwise faults in either would prove nothing
    about the image."""
    program = tmp_path / "registers"
    source = os.path.join(os.path.dirname(os.path.abspath(__file__)), "registers.c")
    subprocess.run(["gcc", "-std=gnu11", "-O2", "-Wall", "-Wextra", "-static", "-o", program, source], check=True)
    emulated.dom0.put_file("/tmp/registers", program)
    emulated.create(builder.build("defconfig_www_xen"))
    assert page(namespace) == index()
    emulated.run("chmod +x /tmp/registers; (for i in 1 2; do /tmp/registers 20 & done; wait; echo end) "
                 "</dev/null >/tmp/changed 2>&1 &")
    pages = 0
    while "end" not in emulated.run("cat /tmp/changed"):
        for _ in range(10):
            assert page(namespace) == index()
        pages += 10
    assert pages > 10
    assert emulated.run("cat /tmp/changed") == "changed=0\nchanged=0\nend\n"


@pytest.mark.parametrize("config", params.guests("hello"))
def test_hello(builder, emulated, config):
    out = builder.build(config)
    hello = emulated.create(out, 'cmdline="name=\\"Big World\\""')
    hello.wait_for("^Hello, Big World!$")
    hello.wait_for("^It is a second later")
    hello.write("one line\nand another\n")
    hello.wait_for("^You said: one line\nYou said: and another$")
    hello.write("quit\n")
    assert hello.wait_end() == xen.POWEROFF
    wrong = emulated.create(out, 'cmdline="nonsense=1"', name="wrong")
    assert wrong.wait_end() == xen.CRASH
    assert 'unknown option "nonsense"' in wrong.console


@pytest.mark.long
@pytest.mark.parametrize("config", params.guests("hello"))
def test_keys_and_triggers(builder, emulated, config):
    """A key is reported on the console; a non-maskable interrupt, which ARM's guests do not have, ends the guest with a
    backtrace."""
    hello = emulated.create(builder.build(config))
    hello.wait_for("^It is a second later")
    emulated.run("xl sysrq guest m")
    hello.wait_for("control: key=m mem_kib=[0-9]+ used_kib=[0-9]+$")
    assert emulated.run("xenstore-read /local/domain/$(xl domid guest)/control/sysrq") == "\n"
    if cpu(config) != "x86_64":
        return
    emulated.run("xl trigger guest nmi")
    assert hello.wait_end() == xen.CRASH
    assert "non-maskable interrupt" in hello.console


@pytest.mark.long
@pytest.mark.config("defconfig_www_xen")
def test_memory_is_given_back(builder, namespace, emulated):
    """And taken again, also in another domain; if the target is too high, as much as possible."""
    www = emulated.create(builder.build("defconfig_www_xen"), "memory=8")
    www.wait_for(" boot_us=")
    free = emulated.held()["free"]
    emulated.run("xl mem-set guest 6")
    www.wait_for("balloon: target_kib=[0-9]+ given_kib=2048$")
    assert emulated.held()["free"] > free
    assert page(namespace) == index()
    emulated.run(SAVE_AND_RESTORE)
    assert page(namespace) == index()
    emulated.run("xl mem-set guest 8")
    www.wait_for("balloon: target_kib=[0-9]+ given_kib=0$")
    emulated.run("xl mem-set guest 1")
    assert 3 << 10 < int(www.wait_for("balloon: target_kib=1[0-9]{3} given_kib=([0-9]+)$")[1]) < 7 << 10
    assert page(namespace) == index()
    # A domain that is made again has what it had at the end of the memory that it may have.
    emulated.run("xl mem-set guest 5; xl reboot guest")
    www.wait_for(" boot_us=", times=2)
    www.wait_for("balloon: target_kib=5[0-9]+ given_kib=3072$", after=www.console.rindex(" boot_us="))
    assert page(namespace) == index()


@pytest.mark.long
@pytest.mark.parametrize("config", params.guests("www"))
def test_events_by_a_queue(builder, namespace, emulated, config):
    """Also in the next domain, and in the same one after a checkpoint."""
    www = emulated.create(builder.build(config, name=f"{config}_queue", options={"XEN_EVENTS_FIFO": "y"}))
    www.wait_for(" boot_us=")
    for happens in ("true", *saving(config, CHECKPOINT, SAVE_AND_RESTORE), xen.rebind("vif")):
        emulated.run(happens)
        log = emulated.held()["log"]
        # There Xen shows a two-level port's bit in its word, and for a port in a queue whether it is linked, and to
        # what.
        ours = log[log.rindex("channel information for domain"):]
        assert re.search(r"\[\d/\d/  -", ours) and "domain 0" not in ours.partition("\n")[0], ours
        for _ in range(20):
            assert page(namespace) == index()
    emulated.run("xl shutdown guest")
    www.wait_end()
    assert www.reasons().count(xen.POWEROFF) == 1


@pytest.mark.long
@pytest.mark.config("defconfig_www_xen")
def test_waits_for_an_address_and_is_told_to_end(builder, emulated):
    """Without a DHCP server its application does not start; xl can shut it down all the same."""
    out = builder.build("defconfig_www_xen", name="defconfig_www_xen_dhcp", options={"NET_DHCP": "y"})
    www = emulated.create(out)
    www.wait_for("dhcp: no server answers")
    emulated.run(SAVE_AND_RESTORE)
    www.wait_for("suspend: result=0")
    emulated.run("xl shutdown guest")
    www.wait_end()
    assert www.reasons().count(xen.POWEROFF) == 1
    assert " boot_us=" not in www.console and "virga: exit status 0" in www.console


JOINED, OTHER = "239.1.1.1", "239.1.1.2"


class Groups:
    """tests/group as a guest, to which datagrams are sent."""

    SEND = ("import socket, sys; s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); "
            "s.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, socket.inet_aton('10.0.0.1')); "
            "s.sendto(sys.argv[1].encode(), (sys.argv[2], 5000))")

    def __init__(self, namespace, emulated, out):
        self.namespace, self.emulated = namespace, emulated
        self.guest = emulated.create(out)
        self.sent = 0  # texts
        self.guest.wait_for(" boot_us=")

    def send(self, text, address="10.0.0.2"):
        self.namespace.run([sys.executable, "-c", self.SEND, text, address])

    def send_until_it_comes(self, text, address="10.0.0.2"):
        """Sends repeatedly: a datagram may be lost while the guest, or dom0's half of its vif, is away."""
        before = self.guest.console.count(f"got {text}: 0\n")
        end = time.monotonic() + xen.SECONDS
        while self.guest.console.count(f"got {text}: 0\n") == before:
            assert time.monotonic() < end, self.guest.tail()
            self.send(text, address)
            time.sleep(1)

    def dropped(self):
        """The number of frames to the guest that dom0 has dropped."""
        return int(self.emulated.run("cat /sys/class/net/vif*/statistics/tx_dropped"))

    def assert_comes(self, address):
        self.sent += 1
        self.send_until_it_comes(f"wanted{self.sent}", address)

    def assert_kept_away(self, address):
        self.sent += 1
        before = self.dropped()
        for _ in range(5):
            self.send(f"unwanted{self.sent}", address)
        self.send_until_it_comes(f"behind{self.sent}")
        assert f"unwanted{self.sent}" not in self.guest.console
        assert self.dropped() >= before + 5


@pytest.mark.long
@pytest.mark.parametrize("config", params.guests("www"))
def test_multicast_that_nobody_wants(builder, namespace, emulated, config):
    """It stays in dom0, and joined groups come: also after the guest or dom0's half of its vif has been away."""
    application = os.path.join(build.TREE, "tests", "group")
    out = builder.build(config, f"APP={application}", name=f"{config}_groups", options={"XEN_NET_GROUPS": "8"})
    groups = Groups(namespace, emulated, out)
    groups.assert_kept_away(JOINED)
    groups.send_until_it_comes(f"join {JOINED}")
    for happens in ("true", *saving(config, CHECKPOINT, SAVE_AND_RESTORE), xen.rebind("vif"), xen.reload("vif")):
        emulated.run(happens)
        groups.assert_comes(JOINED)
        groups.assert_kept_away(OTHER)
    groups.send_until_it_comes(f"leave {JOINED}")
    groups.assert_kept_away(JOINED)


@pytest.mark.parametrize("config", params.guests("www"))
def test_from_a_cold_boot(builder, namespace, config):
    namespace.tap()
    with xen.running(namespace.enter, cold=True, cpu=cpu(config)) as emulated:
        emulated.create(builder.build(config))
        assert page(namespace) == index()


@pytest.mark.long
@pytest.mark.config("defconfig_hello_xen")
@pytest.mark.parametrize("other", ["aarch64", "armv7"])
def test_the_machines_of_other_cpus(namespace, other):
    """They can be resumed, and time goes on in them."""
    with xen.running(namespace.enter, netdev=None, cpu=other) as emulated:
        assert emulated.run("sleep 2; xl list").splitlines()[1].startswith("Domain-0 ")


@pytest.mark.long
@pytest.mark.parametrize("config", params.guests())
def test_each_configuration_is_up(builder, namespace, config):
    """In the memory of its configuration file; and those with a site serve it to their full number of clients."""
    namespace.tap()
    out = builder.build(config)
    with xen.running(namespace.enter, disk=disk_of(out), cpu=cpu(config)) as emulated:
        emulated.create(out).wait_for(" boot_us=")
        on = build.configuration(out)
        if "WWW_PORT" in on:
            assert page(namespace) == index(on["FS_APP_DIR"])
            held = json.loads(namespace.python("clients.py", "hold", json.dumps({"host": "10.0.0.2", "count": 200}),
                                               timeout=400))
            assert held["open_at_once"] == 200 and list(held["answers"].values()) == [200], held


@pytest.mark.long
@pytest.mark.parametrize("config", params.guests("iperf"))
def test_as_much_as_goes(builder, namespace, emulated, need, config):
    """In, and out in large segments; input fills the ring of pages as fast as dom0 can."""
    iperf3 = need("iperf3")
    emulated.create(builder.build(config)).wait_for("iperf: listening port=5201")
    for words in ((), ("--reverse",), ("--parallel", "3", "--bidir")):
        done = namespace.run([iperf3, "--client", "10.0.0.2", "--time", "3", "--json", *words], timeout=LARGE_SECONDS,
                             check=False)
        end = json.loads(done.stdout)["end"]
        assert done.returncode == 0 and end["sum_sent"]["bytes"] > 0 and end["sum_received"]["bytes"] > 0, (words, end)


@pytest.mark.long
@pytest.mark.parametrize("config", params.guests("www_fat"))
def test_files_of_a_fat_disk(builder, namespace, tmp_path, config):
    """Through dom0's block backend; one of them is much larger than the guest."""
    files = {f"{size}.bin": random.Random(size).randbytes(size) for size in (0, 1, 511, 4097, 16 << 20)}
    for name, data in files.items():
        (tmp_path / name).write_bytes(data)
    out = builder.build(config, f"WWW_DIR={tmp_path}", name=f"{config}_large")
    namespace.tap()
    with xen.running(namespace.enter, disk=disk_of(out), cpu=cpu(config)) as emulated:
        emulated.create(out)
        for name, data in files.items():
            assert page(namespace, f"http://10.0.0.2/{name}", LARGE_SECONDS) == data, name


def without_randomness(config):
    """Words for xl that hide the CPU's randomness; the other CPUs' models have none anyway."""
    return ['cpuid="host,rdrand=0,rdseed=0"'] if cpus.cpu_of(config) is cpus.USUAL else []


@pytest.mark.long
@pytest.mark.parametrize("config", params.guests("www"))
def test_a_seed_where_the_cpu_has_no_randomness(builder, namespace, emulated, config):
    """Without one it does not serve."""
    out, mask = builder.build(config), without_randomness(config)
    bare = emulated.create(out, *mask, name="bare", seed=False)
    assert bare.wait_end() == xen.CRASH and "entropy" in bare.console
    emulated.create(out, *mask, seed=True)
    assert page(namespace) == index()
    assert "seed" not in emulated.run("xenstore-ls /local/domain/$(xl domid guest)/data"), "the next boot would find it"


@pytest.mark.long
@pytest.mark.config("defconfig_www_xen")
def test_reboot(builder, namespace, emulated):
    """A new domain of the same name starts afresh."""
    www = emulated.create(builder.build("defconfig_www_xen"))
    assert page(namespace) == index()
    emulated.run("xl reboot guest")
    www.wait_for(" boot_us=", times=2)
    assert page(namespace) == index()
    assert www.reasons() == [xen.REBOOT] and emulated.run("xl domid guest") != "1\n"


@pytest.mark.long
@pytest.mark.parametrize("config", params.guests("www"))
def test_each_start_has_a_seed(builder, namespace, emulated, config):
    """As run-xen starts a guest in the emulated machine: its own seed at each start, reboots included."""
    emulated.put(builder.build(config), "guest")
    words = " ".join(map(shlex.quote, without_randomness(config)))
    emulated.run("ln -sf /dev/null /dev/shown; "
                 f"SEED={os.urandom(64).hex()} /guest guest.xl {words} >/tmp/said 2>&1 </dev/null &")
    www = xen.Domain(emulated, "guest")
    for _ in range(2):
        www.wait_for(" boot_us=")
        assert page(namespace) == index()
        assert "seed" not in emulated.run("xenstore-ls /local/domain/$(xl domid guest)/data")
        before = emulated.dom0.run("xl domid guest")
        emulated.run("xl reboot guest")
        end = time.monotonic() + xen.SECONDS
        while (now := emulated.dom0.run("xl domid guest"))[0] != 0 or now == before:
            assert time.monotonic() < end, emulated.run("cat /tmp/said; xl list")
            time.sleep(0.3)
    www.wait_for(" boot_us=")
    assert page(namespace) == index()
    emulated.run("xl shutdown guest")
    www.wait_end()
    assert sorted(www.reasons()) == [xen.POWEROFF, xen.REBOOT, xen.REBOOT]


def states(emulated, kind):
    """The states of both halves of the guest's devices: {number: (ours, dom0's)}."""
    ours = "/local/domain/$(xl domid guest)/device/" + kind
    text = emulated.run(f"for device in $(xenstore-list {ours} 2>/dev/null); do "
                        f"back=$(xenstore-read {ours}/$device/backend); "
                        f"echo $device $(xenstore-read {ours}/$device/state $back/state); done")
    return {words[0]: tuple(words[1:]) for words in (line.split() for line in text.splitlines())}


CONNECTED, CLOSED = ("4", "4"), ("6", "6")
ATTACH = {"vif": "xl network-attach guest bridge=xenbr0",
          "vbd": "xl block-attach guest format=raw,vdev=xvdb,access=r,target=/guests/more"}
DETACH = {"vif": "xl network-detach guest 1", "vbd": "xl block-detach guest xvdb"}


@pytest.mark.long
@pytest.mark.parametrize("config", params.guests("www_fat"))
def test_devices_that_come_while_it_runs(builder, namespace, config):
    """A second device of either kind is refused and reported; nothing is left of it, and the first is not touched. The
    first may leave, and come again; a second vif may replace it."""
    out = builder.build(config)
    namespace.tap()
    with xen.running(namespace.enter, disk=disk_of(out), cpu=cpu(config)) as emulated:
        www = emulated.create(out)
        assert page(namespace) == index()
        emulated.run("dd if=/dev/zero of=/guests/more bs=1M count=1 2>/dev/null")
        before = emulated.held()
        for times in range(1, 3):
            for kind in ("vif", "vbd"):
                first = states(emulated, kind)
                emulated.run(ATTACH[kind])
                www.wait_for(f"hotplug: device=device/{kind}/[0-9]+ refused=", times=times)
                assert sorted(states(emulated, kind).values()) == [CONNECTED, CLOSED]
                emulated.run(DETACH[kind])
                assert states(emulated, kind) == first
                assert page(namespace) == index()
        after = emulated.held()
        assert {**after, "log": "", "free": 0} == {**before, "log": "", "free": 0}, after["log"]
        mac = emulated.run("xenstore-read /local/domain/$(xl domid guest)/device/vif/0/mac").strip()
        emulated.run("xl network-detach guest 0")
        assert not states(emulated, "vif")
        emulated.run(f"xl network-attach guest bridge=xenbr0 mac={mac}")
        assert page(namespace) == index()
        for times, number in enumerate(("0", "1"), start=3):
            first = set(states(emulated, "vif"))
            assert first == {number}
            emulated.run(ATTACH["vif"])
            www.wait_for("hotplug: device=device/vif/[0-9]+ refused=", times=times)
            emulated.run(f"xl network-detach guest {number}")
            assert page(namespace) == index()
            assert list(states(emulated, "vif").values()) == [CONNECTED]


APART_SECONDS = 10


class Connection:
    """One connection to the guest, kept open as long as possible."""

    def __init__(self, namespace):
        path = os.path.join(os.path.dirname(clients.__file__), "clients.py")
        self.child = namespace.popen([sys.executable, "-B", path, "ask", '{"host": "10.0.0.2"}'], text=True,
                                     stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def assert_answers(self, path, expected):
        self.child.stdin.write(path + "\n")
        self.child.stdin.flush()
        status, digest, date = json.loads(self.child.stdout.readline())
        assert (status, digest) == (200, hashlib.sha256(expected).hexdigest())
        assert abs(email.utils.parsedate_to_datetime(date).timestamp() - time.time()) < xen.SECONDS


@pytest.mark.long
@pytest.mark.config("defconfig_www_xen")
def test_save_and_restore(builder, namespace, emulated):
    """After a checkpoint, which continues in the same domain, and in new domains: a connection goes on, the time of day
    is right, the clock has stood still, and no domain leaves anything behind. Time saved does not count as idle
    time."""
    www = emulated.create(builder.build("defconfig_www_xen", name="defconfig_www_xen_patient",
                                        options={"HTTP_IDLE_SECONDS": "3600"}))
    www.wait_for(" boot_us=")
    connection = Connection(namespace)
    connection.assert_answers("/", index())
    before = emulated.held()
    for cycle in range(1, 4):
        domain = emulated.run("xl domid guest")
        emulated.run(f"xl save -c guest /guests/saved && sleep {APART_SECONDS}")
        assert emulated.run("xl domid guest") == domain
        connection.assert_answers("/", index())
        emulated.run(f"xl save guest /guests/saved && sleep {APART_SECONDS} && xl restore /guests/saved")
        assert emulated.run("xl domid guest") != domain
        connection.assert_answers("/", index())
        assert page(namespace) == index()
        goes_on, restored, stops = (float(www.wait_for(rf"^\[ *([0-9.]+)\] info +{line}$", times=times)[1])
                                    for line, times in (("suspend: result=1", cycle), ("suspend: result=0", cycle),
                                                        ("control: asked=suspend", 2 * cycle)))
        assert stops - goes_on >= APART_SECONDS > restored - stops
    after = emulated.held()
    assert {**after, "log": ""} == {**before, "log": ""}, after["log"]
    emulated.run("xl shutdown guest")
    www.wait_end()
    assert www.reasons().count(xen.POWEROFF) == 1


def wait_for_bytes(path, count):
    end = time.monotonic() + xen.SECONDS
    while not path.exists() or path.stat().st_size < count:
        assert time.monotonic() < end, f"less than {count} bytes have come"
        time.sleep(0.1)


SAVE_AND_RESTORE = "xl save guest /guests/saved && xl restore /guests/saved"
CHECKPOINT = "xl save -c guest /guests/saved"


@pytest.mark.long
@pytest.mark.parametrize("config", params.guests("www_fat"))
def test_a_transfer_goes_on(builder, namespace, tmp_path, config):
    """The transfer of a file much larger than the guest, over one connection: each byte comes in spite of restarts of
    its devices' backends and of the guest's restorations, and nothing is left."""
    data = random.Random(1).randbytes(32 << 20)  # curl makes up for the time without input
    (tmp_path / "large").write_bytes(data)
    out = builder.build(config, f"WWW_DIR={tmp_path}", name=f"{config}_transfer")
    restored = saving(config, SAVE_AND_RESTORE)
    namespace.tap()
    with xen.running(namespace.enter, disk=disk_of(out), cpu=cpu(config)) as emulated:
        www = emulated.create(out)
        www.wait_for(" boot_us=")
        before = None
        for happens in (("true",), saving(config, CHECKPOINT), restored, (xen.rebind("vbd"), xen.reload("vbd")),
                        (xen.rebind("vif"), xen.reload("vif")), restored):
            if not happens:
                continue
            got = tmp_path / "got"
            got.unlink(missing_ok=True)
            curl = namespace.popen(["curl", "--silent", "--show-error", "--limit-rate", "1M", "--output", got,
                                    "http://10.0.0.2/large"])
            for one in happens * (2 // len(happens)):
                size = got.stat().st_size if got.exists() else 0
                wait_for_bytes(got, size + (1 << 20))
                assert curl.poll() is None
                emulated.run(one)
            assert curl.wait(timeout=LARGE_SECONDS) == 0, happens
            assert got.read_bytes() == data, happens
            held = emulated.held()
            before = before or held
            assert {**held, "log": "", "free": 0} == {**before, "log": "", "free": 0}, held["log"]
        # Once at first, and after each of two restarts and four restorations; a reloaded driver may connect twice.
        for kind in ("vbd", "vif"):
            assert len(re.findall(f"device=device/{kind}/[0-9]+ .* connected=true", www.console)) >= \
                3 + 4 * len(restored), www.console


@pytest.mark.long
@pytest.mark.parametrize("config", params.guests("www") + params.guests("www_fat"))
def test_nothing_is_left_of_guests_that_were_destroyed(builder, namespace, config):
    """Neither grants nor event channels nor memory, after a hundred of them that all had traffic."""
    out = builder.build(config)
    namespace.tap()
    with xen.running(namespace.enter, disk=disk_of(out), cpu=cpu(config)) as emulated:
        emulated.put(out, "guest")

        def round_trip(look=lambda: None):
            emulated.start("guest")
            assert page(namespace) == index()
            look()
            emulated.run("xl destroy guest")
            assert emulated.domains() == []

        def show_grants():
            assert emulated.held()["grants"] > 0, "the count of grants would show nothing"
        round_trip(show_grants)
        before = emulated.held()
        for _ in range(99):
            round_trip()
        round_trip(show_grants)
        after = emulated.held()
        assert {**after, "log": ""} == {**before, "log": ""}, after["log"]
