# SPDX-License-Identifier: ISC
"""Links and paths of every MTU: fragments both ways, and routers that report their MTU, or do not."""
import hashlib
import os

import pytest

from rig import params

pytestmark = pytest.mark.config("defconfig_www_unix")


def site(output):
    """One file of a size that takes many segments, which no compressor helps."""
    folder = os.path.join(output, "mtu-site")
    os.makedirs(folder, exist_ok=True)
    content = hashlib.shake_256(b"virga").digest(300_000)
    for name, data in (("index.html", b"<!doctype html><title>mtu</title>\n"), ("some.bin", content)):
        path = os.path.join(folder, name)
        if not os.path.exists(path):
            with open(path, "wb") as file:
                file.write(data)
    return folder, content


def start(serve, namespace, output, mtu, **how):
    """A guest on a tap of that MTU, and the file that it serves."""
    folder, content = site(output)
    namespace.tap()
    namespace.ip(f"link set tap0 mtu {mtu}")
    return serve("unix", variables=(f"WWW_DIR={folder}",), name="mtu", make_tap=False, **how), content


@pytest.mark.parametrize("mtu", [68, 576, 1280])
def test_a_narrow_link(serve, namespace, output, mtu):
    """On the narrowest Linux does not make its segments small enough, and so cuts them."""
    www, content = start(serve, namespace, output, mtu)
    assert www.curl(www.url("some.bin")) == content


@pytest.mark.parametrize("way", params.machines("www", "unix", "microvm", first=True))
def test_echoes_longer_than_a_packet(serve, way):
    www = serve(way)
    sizes = [0, 56, 1472, 1473, 2952, 2953, 8000, 20000]
    assert www.ask("echo", sizes=sizes)["came"] == sizes


class Path:
    """The guest at tap0 - this namespace - a link of that MTU - a router - a client."""

    def __init__(self, namespace, mtu):
        self.namespace = namespace
        self.router, self.client = self.another(), self.another()
        self.join(self.here, self.router, "10.2.0", mtu)
        self.join(self.router, self.client, "10.1.0", 1500)
        self.here("ip route add 10.1.0.0/24 via 10.2.0.2")
        self.router("ip route add 10.0.0.0/24 via 10.2.0.1")
        self.client("ip route add default via 10.1.0.1")
        for one in (self.here, self.router):
            one("echo 1 >/proc/sys/net/ipv4/ip_forward")
        self.here("echo 0 >/proc/sys/net/ipv4/icmp_ratelimit")

    def here(self, command, **how):
        return self.namespace.run(["sh", "-c", command], **how)

    def another(self):
        """Makes a namespace in the namespace; gives a function that runs a command there."""
        holder = self.namespace.popen(["unshare", "--net", "sleep", "1000"])
        inside = f"nsenter --net --target {holder.pid} sh -c '%s'"

        def run(command, **how):
            return self.here(inside % command, **how)
        run.pid = holder.pid
        outside = self.here("readlink /proc/self/ns/net").stdout
        for _ in range(100):  # until it is one
            if self.here(f"readlink /proc/{holder.pid}/ns/net").stdout != outside:
                break
        run("ip link set lo up")
        return run

    def join(self, left, right, network, mtu):
        """Two interfaces, .1 on the left and .2 on the right."""
        name = "w" + network.replace(".", "")
        at = f"netns {left.pid}" if hasattr(left, "pid") else ""
        self.here(f"ip link add {name}l mtu {mtu} {at} type veth peer name {name}r mtu {mtu} netns {right.pid}")
        for end, side, number in ((left, "l", 1), (right, "r", 2)):
            end(f"ip addr add {network}.{number}/24 dev {name}{side}")
            end(f"ip link set {name}{side} up")

    def fetch(self, url):
        return self.client(f"curl --silent --show-error --max-time 100 {url}", timeout=120, text=False).stdout


def test_a_router_that_says_what_it_takes(serve, namespace, output):
    www, content = start(serve, namespace, output, 1500)
    path = Path(namespace, 700)
    assert path.fetch(www.url("some.bin")) == content
    # the second connection knows the path: none of its packets is refused
    refused = "nstat -asz IcmpOutDestUnreachs | tail -1"
    before = path.here(refused).stdout.split()[1]
    assert float(before) > 0, "nothing was too long: this tests nothing"
    assert path.fetch(www.url("some.bin")) == content
    assert path.here(refused).stdout.split()[1] == before


def test_a_router_that_says_nothing(serve, namespace, output, need):
    need("nft")
    www, content = start(serve, namespace, output, 1500)
    path = Path(namespace, 1300)
    path.here("nft add table ip t && "
              "nft add chain ip t out \"{ type filter hook output priority 0; }\" && "
              "nft add rule ip t out icmp type destination-unreachable drop")
    assert path.fetch(www.url("some.bin")) == content
