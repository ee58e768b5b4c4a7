# SPDX-License-Identifier: ISC
"""Addresses from common DHCP servers: dnsmasq, kea, ISC's dhcpd. They lease, vanish and change their settings;
tests look at the image's log, and whether it can be reached at its address."""
import os

import pytest

from rig import build, cpus, dhcp, params
from rig.guest import Guest, Qmp, qemu_command, tap_netdev, user_netdev

WAYS = [pytest.param("unix", marks=pytest.mark.config("defconfig_www_unix")),
        pytest.param("microvm", marks=pytest.mark.config("defconfig_www_qemu_dhcp")),
        pytest.param("q35", marks=[pytest.mark.config("defconfig_www_qemu_dhcp"), pytest.mark.long]),
        *(params.marked(way, cpus.defconfig("www", way, "dhcp"))
          for way in cpus.others("www", first=True, variant="dhcp"))]
OTHERS = [pytest.param("kea", marks=pytest.mark.long), pytest.param("isc", marks=pytest.mark.long)]

on_unix = pytest.mark.config("defconfig_www_unix")


@pytest.fixture
def image(builder):
    """image(way): the www image with DHCP for that way."""
    def built(way):
        if way == "unix":
            out = builder.build("defconfig_www_unix", name="www_unix_dhcp", options={"NET_DHCP": "y"})
        else:
            out = builder.build(cpus.defconfig("www", way, "dhcp"))
        return os.path.join(out, "image")
    return built


@pytest.fixture
def start(image, namespace):
    """start(way, options="…") starts the image on tap0, which must exist."""
    guests = []

    def started(way="unix", options="", memory="64M", extra=()):
        if way == "unix":
            command = [image(way), "tap=tap0", *options.split()]
        else:
            command = qemu_command(image(way), way, memory, tap_netdev(), options, extra=extra)
        guests.append(Guest(command, namespace))
        return guests[-1]
    yield started
    for guest in guests:
        guest.stop()
        print(f"--- console\n{guest.console[-6000:]}\n---")


@pytest.fixture
def lend(need, namespace, tmp_path):
    """lend("dnsmasq", seconds=…) starts that server on tap0."""
    programs = {"dnsmasq": "dnsmasq", "kea": "kea-dhcp4", "isc": "dhcpd"}
    servers = []

    def started(name="dnsmasq", **ideas):
        need(programs[name])
        servers.append(dhcp.SERVERS[name](namespace, tmp_path, **ideas))
        return servers[-1]
    yield started
    for server in servers:
        print(f"--- {type(server).__name__}\n{server.log()[-6000:]}\n---")


def lease(guest, after=0, seconds=90):
    """The address of the next lease in the image's log, and the end of that match."""
    found = guest.wait_for(r"dhcp: lease ip=([0-9.]+)/24 .*\n", seconds, after)
    return found[1], found.end()


def answers(namespace, address, seconds=60):
    """Does the image serve its page at that address?"""
    done = namespace.run(["curl", "--silent", "--max-time", str(seconds), f"http://{address}/"], timeout=seconds + 30,
                         check=False)
    return done.returncode == 0 and "<html" in done.stdout


@pytest.mark.parametrize("way", WAYS)
def test_an_address_and_what_comes_with_it(start, lend, namespace, way):
    namespace.tap()
    lend(options=["option:mtu,1400", "option:router,10.0.0.1", "option:dns-server,10.0.0.1",
                  "option:classless-static-route,192.168.77.0/24,10.0.0.7,0.0.0.0/0,10.0.0.1"])
    guest = start(way, "hostname=rain")
    address, _ = lease(guest)
    assert int(address.split(".")[3]) in range(100, 121)
    guest.wait_for(rf" up boot_us=.* ip={address}\n")
    guest.wait_for(r"mtu=1400 server=10\.0\.0\.1 seconds=3600")
    guest.wait_for(r"route to=192\.168\.77\.0/24 gw=10\.0\.0\.7 error=0")
    guest.wait_for(r"route to=0\.0\.0\.0/0 gw=10\.0\.0\.1 error=0")
    assert answers(namespace, address)
    mss = namespace.run(["python3", "-c", "import socket, sys; s = socket.create_connection((sys.argv[1], 80), 60); "
                         "print(s.getsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG))", address], timeout=90).stdout
    assert int(mss) in (1360, 1348), "the segments that it takes fit into the MTU that it was told of"


@pytest.mark.config("defconfig_www_qemu_dhcp")
def test_qemus_own_server(start, image, namespace):
    """As for "make run": the leased address is the one that the port is forwarded to."""
    command = qemu_command(image("microvm"), "microvm", "64M", user_netdev() + ",dhcpstart=10.0.0.2")
    with Guest(command, namespace) as guest:
        assert lease(guest)[0] == "10.0.0.2"
        guest.wait_for(" up boot_us=")
        assert answers(namespace, "127.0.0.1:8080")


@on_unix
def test_the_runner_says_where_it_is(image, lend, namespace):
    namespace.tap()
    lend()
    with Guest([os.path.join(build.TREE, "scripts", "run-unix"), image("unix")], namespace) as guest:
        assert answers(namespace, guest.wait_for(r"^run: http://(10\.0\.0\.1[0-9]+)/ ", 60)[1])


@on_unix
def test_ip_alone_is_static_in_the_same_image(start, namespace):
    namespace.tap()
    guest = start("unix", "ip=10.0.0.77/24")
    guest.wait_for(r" up boot_us=.* ip=10\.0\.0\.77\n")
    assert answers(namespace, "10.0.0.77")


@on_unix
def test_dhcp_with_ip_asks_for_that_address(start, lend, namespace):
    namespace.tap()
    lend()
    assert lease(start("unix", "dhcp ip=10.0.0.111/24"))[0] == "10.0.0.111"


@on_unix
def test_dhcp_without_a_client_says_what_to_configure(builder, namespace):
    namespace.tap()
    with Guest([os.path.join(builder.build("defconfig_www_unix"), "image"), "tap=tap0", "dhcp"], namespace) as guest:
        guest.wait_for("make configure DHCP=true")
        assert guest.wait_end(30) != 0


@pytest.mark.parametrize("way", WAYS[1:])
def test_the_link_returns_to_another_network(start, lend, namespace, tmp_path, way):
    """The lease is good for an hour; without a question its holder would be where nobody is."""
    namespace.tap()
    server, monitor = lend(), tmp_path / "qmp"
    guest = start(way, extra=["-qmp", f"unix:{monitor},server=on,wait=off"])
    lease(guest)
    qmp = Qmp(monitor)
    qmp.human("set_link net0 off")
    after = guest.wait_for("link=down").end()
    server.stop()
    server.start("10.0.0.200")
    qmp.human("set_link net0 on")
    address, _ = lease(guest, after)
    qmp.close()
    assert address.startswith("10.0.0.2") and answers(namespace, address)


@on_unix
def test_it_waits_for_a_server(start, lend, namespace):
    namespace.tap()
    guest = start()
    guest.wait_for("no server answers asked=2", 60)
    assert " up boot_us=" not in guest.console
    lend()
    address, _ = lease(guest)
    guest.wait_for(" up boot_us=")
    assert answers(namespace, address)


@on_unix
def test_what_somebody_has_is_declined(start, lend, namespace):
    namespace.tap()
    dhcp.claim(namespace, dhcp.FIRST)
    server = lend()
    guest = start()
    server.wait_for("DHCPDECLINE")
    address, _ = lease(guest)
    assert address != dhcp.FIRST and answers(namespace, address)


def renewals(start, lend, namespace, name):
    """A lease of 20 s is renewed twice and keeps its address; the server ends, and the address expires; it comes back
    for another network, and refuses the old address; the image takes a new one."""
    namespace.tap()
    server = lend(name, seconds=20)
    guest = start()
    address, after = lease(guest)
    server.wait_for(server.ack, 3)
    assert "lost ip" not in guest.console and answers(namespace, address)
    server.stop()
    guest.wait_for(f"lost ip={address}", 120, after)
    assert not answers(namespace, address, seconds=3)
    server.start(seconds=20)
    address, after = lease(guest, len(guest.console) - 200)
    assert answers(namespace, address)
    server.stop()
    server.start(first="10.0.0.200", seconds=20)
    guest.wait_for(f"lost ip={address}", 60, after)
    other, _ = lease(guest, after)
    assert int(other.split(".")[3]) >= 200 and answers(namespace, other)


@on_unix
@pytest.mark.parametrize("name", OTHERS)
def test_renewed_lost_and_moved(start, lend, namespace, name):
    renewals(start, lend, namespace, name)


@on_unix
@pytest.mark.long
def test_dnsmasq_whose_leases_are_two_minutes_at_least(start, lend, namespace):
    namespace.tap()
    server = lend(seconds=120)
    guest = start()
    address, after = lease(guest)
    server.wait_for(server.ack, 3, 200)
    assert "lost ip" not in guest.console
    server.stop()
    server.start(first="10.0.0.200", seconds=120)
    guest.wait_for(f"lost ip={address}", 120, after)
    assert int(lease(guest, after)[0].split(".")[3]) >= 200


@on_unix
@pytest.mark.long
def test_link_local_while_nobody_lends(builder, start, lend, namespace):
    namespace.tap()
    namespace.ip("addr add 169.254.7.7/16 dev tap0")
    out = builder.build("defconfig_www_unix", name="www_unix_link_local",
                        options={"NET_DHCP": "y", "NET_LINK_LOCAL": "y"})
    with Guest([os.path.join(out, "image"), "tap=tap0"], namespace) as guest:
        found = guest.wait_for(r" up boot_us=.* ip=(169\.254\.[0-9.]+)\n", 120)
        assert answers(namespace, found[1])
        lend()
        address, _ = lease(guest, found.end(), 150)
        assert answers(namespace, address)
