# SPDX-License-Identifier: ISC
"""A network namespace for each test, so that no test sees another's ports or the host's network.

The namespace lives as long as its holder, a `cat` that ends when this process does. Without root, a user
namespace gives the same rights inside.
"""
import os
import shutil
import subprocess
import sys


IP = shutil.which("ip") or "/usr/sbin/ip"


class Namespace:
    def __init__(self):
        unshare = ["unshare", "--net"]
        self.enter = ["nsenter", "--net"]
        if os.geteuid() != 0:
            unshare += ["--user", "--map-root-user"]
            self.enter += ["--user", "--preserve-credentials"]  # our user is mapped to root inside
        self.holder = subprocess.Popen(
            unshare + ["sh", "-c", "ip link set lo up && echo ready && exec cat"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        if self.holder.stdout.readline() != "ready\n":
            raise RuntimeError("no network namespace can be made here: unprivileged user namespaces are off?")
        self.enter += ["--target", str(self.holder.pid), "--"]
        self.children = []

    def popen(self, command, **options):
        """Starts a command inside; it is killed with the namespace."""
        child = subprocess.Popen(self.enter + [str(word) for word in command], **options)
        self.children.append(child)
        return child

    def run(self, command, timeout=60, check=True, **options):
        options.setdefault("stdout", subprocess.PIPE)
        options.setdefault("stderr", subprocess.PIPE)
        options.setdefault("text", True)
        done = subprocess.run(self.enter + [str(word) for word in command], timeout=timeout, check=False, **options)
        if check and done.returncode != 0:
            raise RuntimeError(f"{command[0]} ended with {done.returncode}: {done.stderr or done.stdout}")
        return done

    def python(self, program, *arguments, timeout=60, check=True):
        """Runs a program of this folder inside and gives its output."""
        path = os.path.join(os.path.dirname(os.path.abspath(__file__)), program)
        return self.run([sys.executable, "-B", path, *arguments], timeout=timeout, check=check).stdout

    def ip(self, *words):
        self.run([IP, *" ".join(words).split()])

    def tap(self, name="tap0", address="10.0.0.1/24", neighbour=None):
        """A tap as a user would make it. neighbour: (address, mac) known from the start."""
        self.ip(f"tuntap add dev {name} mode tap vnet_hdr")
        if address:
            self.ip(f"addr add {address} dev {name}")
        # No IPv6: its router solicitations would be counted with the test's own traffic.
        self.run(["sh", "-c", f"echo 1 >/proc/sys/net/ipv6/conf/{name}/disable_ipv6"], check=False)
        self.ip(f"link set {name} up")
        if neighbour:
            self.ip(f"neigh replace {neighbour[0]} lladdr {neighbour[1]} dev {name} nud permanent")
        return name

    def host(self, address="10.0.0.2/24", ours="10.0.0.1/24"):
        """Makes another host at the other end of a wire; gives the words before a command that is to run there."""
        holder = self.popen(["unshare", "--net", "sh", "-c", "ip link set lo up && echo ready && exec cat"],
                            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        if holder.stdout.readline() != "ready\n":
            raise RuntimeError("no network namespace can be made within another")
        there = ["nsenter", "--net", "--target", str(holder.pid), "--"]
        self.ip(f"link add veth0 type veth peer name veth1 netns {holder.pid}")
        for words, device, prefix in ([], "veth0", ours), (there, "veth1", address):
            self.run([*words, "sh", "-c", f"echo 1 >/proc/sys/net/ipv6/conf/{device}/disable_ipv6"], check=False)
            self.run([*words, IP, "addr", "add", prefix, "dev", device])
            self.run([*words, IP, "link", "set", device, "up"])
        return there

    def close(self):
        for child in self.children:
            if child.poll() is None:
                child.kill()
            child.wait()
        self.holder.stdin.close()
        self.holder.stdout.close()
        self.holder.wait()

    def __enter__(self):
        return self

    def __exit__(self, *ignored):
        self.close()
