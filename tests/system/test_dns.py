# SPDX-License-Identifier: ISC
"""resolve asks a real DNS server, dnsmasq, as a virtual machine and as a process: over our stack and the host's."""
import os
import re
import time

import pytest

from rig import cpus, params
from rig.guest import HOST_IP, Guest, qemu_command, tap_netdev

# way: (its defconfig, machine (None: a process), is there a tap)
WAYS = {
    "microvm": ("defconfig_resolve_qemu", "microvm", True),
    "unix": ("defconfig_www_unix", None, True),
    "unix-socket": ("defconfig_www_unix_socket", None, False),
    **{name: (cpus.defconfig("resolve", name), name, True) for name in cpus.others("resolve", first=True)},
}
each_way = pytest.mark.parametrize("way", [params.marked(way, WAYS[way][0]) for way in WAYS])
BIG = 150  # addresses of one name: more than a datagram of 1232 bytes has room for


@pytest.fixture
def dns_server(need, namespace, tmp_path):
    """dnsmasq with its own zone in the test's namespace; gives a function that reads its log."""
    dnsmasq = need("dnsmasq")
    hosts = tmp_path / "hosts"
    hosts.write_text("10.1.0.7 www.example.test\n10.1.0.8 two.example.test\n10.1.0.9 two.example.test\n" +
                     "".join(f"10.2.0.{n} big.example.test\n" for n in range(1, BIG + 1)))
    log = tmp_path / "log"
    namespace.tap()
    namespace.popen([dnsmasq, "--no-daemon", "--conf-file=/dev/null", "--no-resolv", "--no-hosts", "--no-negcache",
                     "--bind-interfaces", f"--listen-address={HOST_IP},127.0.0.1",
                     f"--addn-hosts={hosts}", "--local=/example.test/", "--local-ttl=120",
                     "--cname=alias.example.test,second.example.test", "--cname=second.example.test,www.example.test",
                     "--host-record=six.example.test,fd00::7", "--log-queries=extra", f"--log-facility={log}",
                     "--dhcp-range=10.0.0.50,10.0.0.60,255.255.255.0,600", "--dhcp-authoritative",
                     f"--dhcp-leasefile={tmp_path / 'leases'}", "--user=root", "--pid-file="])
    for _ in range(100):
        if log.exists() and "started" in log.read_text():
            return log.read_text
        time.sleep(0.1)
    raise AssertionError("dnsmasq has not started")


@pytest.fixture
def resolve(builder, namespace):
    """resolve("microvm", "www.example.test", …) gives the image's output for these names, and its exit status."""
    def run(way, *names, servers=None):
        defconfig, machine, over_tap = WAYS[way]
        server = servers or (HOST_IP if over_tap else "127.0.0.1")
        words = [f"dns={server}", *(f"name={name}" for name in names)]
        if machine:
            image = os.path.join(builder.build(defconfig), "image")
            command = qemu_command(image, machine, "64M", tap_netdev(), " ".join(words))
        else:
            image = os.path.join(builder.build(defconfig, name=f"resolve_{way}",
                                               options={"APP_WWW": "n", "APP_RESOLVE": "y"}), "image")
            command = [image, *words, *(["tap=tap0"] if over_tap else [])]
        with Guest(command, namespace) as guest:
            status = guest.wait_end(180)
            said = re.findall(r"^\S+ (?:[\d.]+ \d+|(?:is|does|has|got|had) .*)$", guest.console, re.MULTILINE)
            ended = re.search(r"exit status (\d+)", guest.console)
            return said, int(ended.group(1)) if ended else status
    return run


@each_way
def test_names_and_aliases(dns_server, resolve, way):
    said, status = resolve(way, "www.example.test", "alias.example.test", "WWW.Example.Test.", "two.example.test")
    assert said[:2] == ["www.example.test 10.1.0.7 120", "alias.example.test 10.1.0.7 120"], said
    assert re.fullmatch(r"WWW\.Example\.Test\. 10\.1\.0\.7 1[12]\d", said[2]), said
    assert sorted(said[3:]) == ["two.example.test 10.1.0.8 120", "two.example.test 10.1.0.9 120"], said
    assert status == 0
    asked = [name.lower() for name in re.findall(r"query\[A\] (\S+) from", dns_server())]
    assert list(dict.fromkeys(asked)) == ["www.example.test", "alias.example.test", "two.example.test"], asked


@each_way
def test_names_without_addresses(dns_server, resolve, way):
    said, status = resolve(way, "none.example.test", "six.example.test", "www.example.test", "a..b", "10.9.8.7",
                           "localhost")
    assert said[0] == "none.example.test does not exist"
    assert said[1] == "six.example.test has no address"
    assert said[2] == "www.example.test 10.1.0.7 120"
    assert said[3] == "a..b is no name"
    assert said[4].startswith("10.9.8.7 10.9.8.7 ") and said[5].startswith("localhost 127.0.0.1 "), said
    assert status != 0
    assert "localhost" not in dns_server()


@each_way
def test_a_long_answer_comes_over_tcp(dns_server, resolve, namespace, way):
    said, status = resolve(way, "big.example.test")
    assert len(said) == 4 and all(re.fullmatch(r"big\.example\.test 10\.2\.0\.\d+ 120", line) for line in said), said
    assert status == 0
    assert len(re.findall(r"query\[A\] big\.example\.test from", dns_server(), re.IGNORECASE)) >= 2


@each_way
def test_the_second_server(dns_server, resolve, way):
    down, up = ("10.0.0.77", HOST_IP) if WAYS[way][2] else ("127.0.0.77", "127.0.0.1")
    said, status = resolve(way, "www.example.test", "two.example.test", servers=f"{down},{up}")
    assert said[0] == "www.example.test 10.1.0.7 120" and len(said) == 3 and status == 0, said


@each_way
def test_nobody_answers(resolve, namespace, way):
    namespace.tap()
    said, status = resolve(way, "www.example.test")
    assert said == ["www.example.test got no answer"] and status != 0, said


@pytest.mark.config("defconfig_resolve_qemu")
def test_the_server_of_a_lease(dns_server, builder, namespace):
    """DHCP names the server, without a start option."""
    out = builder.build("defconfig_resolve_qemu", name="resolve_dhcp", options={"NET_STATIC": "n", "NET_DHCP": "y"})
    with Guest(qemu_command(os.path.join(out, "image"), "microvm", "64M", tap_netdev(), "name=www.example.test"),
               namespace) as guest:
        guest.wait_for(r"^www\.example\.test 10\.1\.0\.7 120$", 120)


@pytest.mark.config("defconfig_resolve_qemu")
def test_a_server_that_refuses(dns_server, resolve):
    """dnsmasq without a server to ask refuses what is not its own."""
    said, status = resolve("microvm", "www.elsewhere.test")
    assert said == ["www.elsewhere.test is not known to the servers: they failed"] and status != 0, said
