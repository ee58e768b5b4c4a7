# SPDX-License-Identifier: ISC
"""The agent against Linux's sockets over a tap: every command, as a process and as a virtual machine; and over another
host's sockets."""
import hashlib
import time

import pytest

from rig import params
from rig.agent import Agent
from rig.guest import HOST_IP, GUEST_IP
from rig.sockets import Sockets

WAYS = params.machines("agent", "microvm", "unix", first=True)
# Over a host's stack: the same, without the choices that a host does not allow.
ALL = [*WAYS, params.marked("unix-socket", "defconfig_agent_unix")]


@pytest.fixture
def linux(namespace):
    return Sockets(namespace)


@pytest.fixture
def agent(builder, namespace, way):
    with Agent(builder, namespace, way) as started:
        yield started.wait()


def listen(agent, port=80, backlog=5):
    handle = agent.ok("socket tcp")[0]
    assert agent.ok(f"bind {handle} 0.0.0.0 {port}") == ["0.0.0.0", str(port)]
    agent.ok(f"listen {handle} {backlog}")
    return handle


@pytest.mark.parametrize("way", ALL)
def test_a_linux_client(agent, linux):
    listener = listen(agent)
    waiting = agent.send(f"accept {listener}")
    linux.do(f"c = socket.create_connection(('{GUEST_IP}', 80))")
    port = linux.get("c.getsockname()[1]")
    result, handle, address, peer_port = agent.answer(waiting)
    assert (result, address, peer_port) == (0, HOST_IP, str(port))
    assert agent.ask(f"poll {handle} in 50") == [0]
    reading = agent.send(f"recv {handle} 100")
    linux.do("c.sendall(b'hello')")
    assert agent.answer(reading) == [5, b"hello".hex()]
    assert agent.ask(f"send {handle} {b'answer'.hex()}") == [6]
    assert linux.get("c.recv(100)") == b"answer".hex()
    linux.do("c.sendall(b'more')")
    assert agent.ask(f"poll {handle} in 10000") == [1]
    assert agent.ask(f"poll {handle} out 10000") == [1]
    assert agent.ask(f"recv {handle} 2") == [2, b"mo".hex()]
    assert agent.ask(f"recv {handle} 100") == [2, b"re".hex()]
    linux.do("c.shutdown(socket.SHUT_WR)")
    assert agent.ask(f"recv {handle} 100") == [0]
    assert agent.ask(f"send {handle} ff") == [1]
    assert agent.ask(f"shutdown {handle} wr") == [0]
    assert linux.get("c.recv(100)") == "ff"
    assert linux.get("c.recv(100)") == ""
    assert agent.ask(f"close {handle}") == [0]
    assert agent.ask(f"close {handle}") == ["-EBADF"]


@pytest.mark.parametrize("way", ALL)
def test_a_linux_that_sends_and_does_not_read(agent, linux):
    """Its window is shut, and has been probed: its data must be acknowledged with a number that it still accepts."""
    waiting = agent.send(f"accept {listen(agent)}")
    linux.do("c = socket.socket()")
    linux.do("c.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)")
    linux.do(f"c.connect(('{GUEST_IP}', 80))")
    handle = agent.answer(waiting)[1]
    assert agent.ask(f"send {handle} {bytes(16384).hex()}") == [16384]
    assert agent.ask(f"poll {handle} in 3000") == [0]  # time for probes
    linux.do("c.sendall(bytes(40000))")
    come = 0
    while come < 40000:
        come += agent.ask(f"recv {handle} 40000")[0]
    assert come == 40000


@pytest.mark.parametrize("way", ALL)
def test_a_linux_server(agent, linux, way):
    linux.do(f"s = socket.create_server(('{HOST_IP}', 7000))")
    handle = agent.ok("socket tcp")[0]
    assert agent.ask(f"set {handle} mss 1000") == (["-ENOPROTOOPT"] if way == "unix-socket" else [0])
    agent.ok(f"bind {handle} {GUEST_IP} 4321")
    assert agent.ok(f"connect {handle} {HOST_IP} 7000") == [GUEST_IP, "4321"]
    linux.do("c, peer = s.accept()")
    assert linux.get("list(peer)") == [GUEST_IP, 4321]
    info = dict(field.split("=") for field in agent.ok(f"get {handle} info")[0].split(","))
    assert info["state"] == "ESTABLISHED" and info["timestamps"] == "1"
    assert int(info["cur_mss"]) <= (1448 if way == "unix-socket" else 1000)
    for option in ("nodelay 0", "cork 1", "cork 0", "keepalive 1", "keepidle 5", "keepintvl 5", "keepcnt 3",
                   "usertimeout 30000", "rcvbuf 8192", "sndbuf 65536"):
        name, value = option.split()
        assert agent.ask(f"set {handle} {option}") == [0]
        assert agent.ask(f"get {handle} {name}") == [0, value]
    reading = agent.send(f"recv {handle} 10")
    linux.do("import struct; c.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack('ii', 1, 0)); c.close()")
    assert agent.answer(reading) == ["-ECONNRESET"]
    assert agent.ask(f"get {handle} error") == [0, "-ECONNRESET"]
    other = agent.ok("socket tcp")[0]
    agent.ok(f"connect {other} {HOST_IP} 7000")
    linux.do("c, peer = s.accept()")
    agent.ok(f"abort {other}")
    with pytest.raises(AssertionError, match="ConnectionResetError"):
        linux.get("c.recv(1)")
    other = agent.ok("socket tcp")[0]
    agent.ok(f"connect {other} {HOST_IP} 7000")
    linux.do("c, peer = s.accept()")
    agent.ok(f"set {other} linger 0")
    agent.ok(f"close {other}")
    with pytest.raises(AssertionError, match="ConnectionResetError"):
        linux.get("c.recv(1)")


@pytest.mark.parametrize("way", ALL)
def test_udp(agent, linux):
    handle = agent.ok("socket udp")[0]
    agent.ok(f"bind {handle} {GUEST_IP} 5353")
    linux.do(f"u = socket.socket(type=socket.SOCK_DGRAM); u.bind(('{HOST_IP}', 9000))")
    reading = agent.send(f"recv {handle} 2000")
    linux.do(f"u.sendto(b'question', ('{GUEST_IP}', 5353))")
    assert agent.answer(reading) == [8, b"question".hex(), HOST_IP, "9000"]
    assert agent.ask(f"send {handle} {b'reply'.hex()} {HOST_IP} 9000") == [5]
    assert linux.get("u.recvfrom(100)[0]") == b"reply".hex()
    agent.ok(f"connect {handle} {HOST_IP} 9000")
    assert agent.ask(f"send {handle} -") == [0]
    assert linux.get("u.recvfrom(100)[0]") == ""
    linux.do(f"u.sendto(b'', ('{GUEST_IP}', 5353))")
    assert agent.ask(f"poll {handle} in 10000") == [1]
    assert agent.ask(f"recv {handle} 10") == [0, "-", HOST_IP, "9000"]


@pytest.mark.parametrize("way", WAYS)
def test_what_linux_reports_of_datagrams(agent):
    handle, other = (agent.ok("socket udp")[0] for _ in range(2))
    agent.ok(f"connect {handle} {HOST_IP} 9000")
    agent.ok(f"send {handle} 01")
    assert agent.ask(f"recv {handle} 10") == ["-ECONNREFUSED"]
    agent.ok(f"send {other} 01 {HOST_IP} 9000")
    assert agent.ask(f"poll {other} in 200") == [0]


@pytest.mark.parametrize("way", ALL)
def test_from_where_a_handle_is_bound(agent):
    tcp, udp = (agent.ok(f"socket {kind}")[0] for kind in ("tcp", "udp"))
    for handle in tcp, udp:
        agent.ok(f"bind {handle} 127.0.0.1 4000")
    listener = listen(agent)
    waiting = agent.send(f"accept {listener}")
    assert agent.ok(f"connect {tcp} {GUEST_IP} 80") == ["127.0.0.1", "4000"]
    assert agent.answer(waiting)[2:] == ["127.0.0.1", "4000"]
    other = agent.ok("socket udp")[0]
    agent.ok(f"bind {other} 0.0.0.0 53")
    agent.ok(f"send {udp} 01 {GUEST_IP} 53")
    assert agent.ask(f"recv {other} 10") == [1, "01", "127.0.0.1", "4000"]
    assert agent.ask(f"send {udp} 01 {HOST_IP} 53") == ["-EADDRNOTAVAIL"]
    away = agent.ok("socket tcp")[0]
    agent.ok(f"bind {away} 127.0.0.1 4001")
    assert agent.ask(f"connect {away} {HOST_IP} 80") == ["-EADDRNOTAVAIL"]


@pytest.mark.parametrize("way", ALL)
def test_the_header_is_the_applications(agent, linux):
    """Time to live and differentiated services, as they are on the wire."""
    linux.do("def header(s):\n    while True:\n        p = s.recv(2000)\n        if len(p) > 80: return [p[8], p[1]]")
    for kind, protocol in ("udp", 17), ("tcp", 6):
        handle = agent.ok(f"socket {kind}")[0]
        agent.ok(f"set {handle} ttl 9")
        linux.do(f"r = socket.socket(socket.AF_INET, socket.SOCK_RAW, {protocol})")
        if kind == "udp":
            linux.do(f"s = socket.socket(type=socket.SOCK_DGRAM); s.bind(('{HOST_IP}', 9000))")
        else:
            linux.do(f"s = socket.create_server(('{HOST_IP}', 9000))")
        agent.ok(f"connect {handle} {HOST_IP} 9000")
        agent.ok(f"send {handle} {bytes(60).hex()}")  # more than a SYN has
        assert linux.get("header(r)") == [9, 0]
        agent.ok(f"set {handle} dscp 46")
        agent.ok(f"set {handle} ttl 33")
        assert (agent.ok(f"get {handle} ttl"), agent.ok(f"get {handle} dscp")) == (["33"], ["46"])
        agent.ok(f"send {handle} {bytes(60).hex()}")  # more than a SYN has
        assert linux.get("header(r)") == [33, 46 << 2]


@pytest.mark.parametrize("way", ALL)
def test_the_header_is_the_applications_from_the_first_segment_on(agent, linux):
    linux.do("r = socket.socket(socket.AF_INET, socket.SOCK_RAW, 6)")
    linux.do("def first():\n    p = r.recv(2000)\n    return [p[8], p[1], p[33]]")
    linux.do(f"s = socket.create_server(('{HOST_IP}', 9000))")
    handle, other = (agent.ok("socket tcp")[0] for _ in range(2))
    agent.ok(f"set {handle} ttl 255")
    agent.ok(f"set {handle} dscp 48")
    agent.ok(f"connect {handle} {HOST_IP} 9000")
    assert linux.get("first()") == [255, 48 << 2, 0x02]
    assert linux.get("first()") == [255, 48 << 2, 0x10]
    agent.ok(f"connect {other} {HOST_IP} 9000")
    assert linux.get("first()") == [64, 0, 0x02]
    assert linux.get("first()") == [64, 0, 0x10]
    agent.ok(f"set {listen(agent)} ttl 254")
    linux.do(f"c = socket.create_connection(('{GUEST_IP}', 80))")
    assert linux.get("first()") == [254, 0, 0x12]


@pytest.mark.parametrize("way", ALL)
def test_many_at_once_are_answered_once_each(agent, linux):
    listener = listen(agent, backlog=100)
    accepts = [agent.send(f"accept {listener}") for _ in range(40)]
    linux.do(f"cs = [socket.create_connection(('{GUEST_IP}', 80)) for _ in range(40)]")
    handles = [agent.answer(one)[1] for one in accepts]
    assert len(set(handles)) == 40
    reads = [agent.send(f"recv {handle} 10") for handle in handles]
    polls = [agent.send(f"poll {handle} in -1") for handle in handles[:20]]
    assert agent.ask(f"poll {handles[0]} in 20") == [0]
    linux.do("for i, c in enumerate(cs): c.sendall(bytes([i]))")
    assert sorted(agent.answer(one)[1] for one in reads) == [f"{number:02x}" for number in range(40)]
    waiting = [agent.send(f"accept {listener}"), agent.send(f"recv {handles[5]} 1")]
    assert agent.ask("resetall") == [0]
    assert [agent.answer(one) for one in waiting] == [["-ECANCELED"]] * 2
    for one in polls:  # the byte may have been read before the polls
        assert agent.answer(one) in ([1], ["-ECANCELED"])
    with pytest.raises(AssertionError, match="ConnectionResetError"):
        linux.get("cs[7].recv(1)")
    answered = agent.answers()
    assert len(answered) == len(set(answered)) == agent.last_id


@pytest.mark.parametrize("way", ALL)
def test_what_goes_wrong(agent, namespace):
    handle = agent.ok("socket tcp")[0]
    assert agent.ask(f"connect {handle} {HOST_IP} 7001") == ["-ECONNREFUSED"]
    assert agent.ask(f"connect {handle} 10.0.0.99 7001", 90) == ["-EHOSTUNREACH"]
    assert agent.ask(f"bind {handle} 10.0.0.3 80") == ["-EADDRNOTAVAIL"]
    assert agent.ask("recv 99 1") == ["-EBADF"]
    assert agent.ask(f"send {handle} 0") == ["-EINVAL", "data", "has", "half", "a", "byte"]
    assert agent.ask("fly away") == ["-EINVAL", "no", "such", "command"]
    long = agent.send("send 1 " + "00" * 70000)
    assert agent.answer(long) == ["-EINVAL", "the", "line", "is", "too", "long"]
    waiting = agent.send(f"connect {handle} 10.0.0.99 7001")
    assert agent.ask(f"close {handle}") == [0]
    assert agent.answer(waiting) == ["-ECANCELED"]


@pytest.mark.parametrize("way", ALL)
def test_a_full_send(agent, linux):
    """As many bytes as a command takes, both ways."""
    data = hashlib.shake_256(b"agent").digest(65507)
    linux.do(f"s = socket.create_server(('{HOST_IP}', 7000))")
    handle = agent.ok("socket tcp")[0]
    agent.ok(f"connect {handle} {HOST_IP} 7000")
    linux.do("c, peer = s.accept()")
    assert agent.ask(f"send {handle} {data.hex()}", 120) == [65507]
    linux.do("got = b''\nwhile len(got) < 65507: got += c.recv(65507)")
    assert linux.get("got") == data.hex()
    linux.do("c.sendall(got); c.close()")
    got = ""
    while len(got) < 2 * 65507:
        result, *words = agent.ask(f"recv {handle} 65507", 120)
        assert isinstance(result, int) and result > 0, result
        got += words[0]
    assert got == data.hex()
    assert agent.ask(f"recv {handle} 1") == [0]


@pytest.mark.parametrize("way", WAYS)
def test_address_and_mtu_are_start_options(builder, namespace, way, linux):
    with Agent(builder, namespace, way, "ip=10.0.0.77/24 gw=10.0.0.1 mtu=576") as agent:
        agent.wait()
        listen(agent)
        linux.do("c = socket.create_connection(('10.0.0.77', 80))")
        assert linux.get("c.getsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG)") <= 536


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("option", ["mtu=67", "mtu=1501", "mtu=", "mtu=x"])
def test_an_mtu_that_cannot_be(builder, namespace, way, option):
    with Agent(builder, namespace, way, option) as agent:
        agent.guest.wait_for(r"(?i)panic: .*mtu")


@pytest.mark.config("defconfig_agent_unix")
def test_it_ends_with_its_console(builder, namespace, linux):
    with Agent(builder, namespace, "unix") as agent:
        agent.wait()
        linux.do(f"s = socket.create_server(('{HOST_IP}', 7000))")
        handle = agent.ok("socket tcp")[0]
        agent.ok(f"connect {handle} {HOST_IP} 7000")
        linux.do("c, peer = s.accept()")
        agent.guest.process.stdin.close()
        assert agent.guest.wait_end(30) == 0
        with pytest.raises(AssertionError, match="ConnectionResetError"):
            linux.get("c.recv(1)")


def end_with_a_closed_connection(agent, namespace, linux, quota):
    """Frames with FIN are lost until they have a certain length. Gives the seconds from the last word to the end."""
    agent.wait()
    linux.do(f"s = socket.create_server(('{HOST_IP}', 7000))")
    handle = agent.ok("socket tcp")[0]
    agent.ok(f"connect {handle} {HOST_IP} 7000")
    linux.do("c, peer = s.accept()")
    namespace.run(["nft", "add table ip t; add chain ip t in { type filter hook input priority 0; };"
                   f"add rule ip t in tcp flags & fin != 0 quota until {quota} bytes drop"])
    agent.ok(f"send {handle} {b'all of it'.hex()}")
    agent.ok(f"close {handle}")
    begun = time.monotonic()
    agent.guest.process.stdin.close()
    assert agent.guest.wait_end(60) == 0
    return time.monotonic() - begun


@pytest.mark.config("defconfig_agent_unix")
def test_what_was_closed_is_sent_again_before_it_ends(builder, namespace, need, linux):
    need("nft")
    with Agent(builder, namespace, "unix") as agent:
        end_with_a_closed_connection(agent, namespace, linux, 100)
        assert linux.get("c.recv(100)") == b"all of it".hex()
        assert linux.get("c.recv(100)") == ""


@pytest.mark.config("defconfig_agent_unix")
def test_it_ends_though_a_peer_never_answers(builder, namespace, need, linux):
    need("nft")
    with Agent(builder, namespace, "unix") as agent:
        assert 2.9 < end_with_a_closed_connection(agent, namespace, linux, 1000000) < 30
