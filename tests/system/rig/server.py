# SPDX-License-Identifier: ISC
"""A www image that serves, in each of the ways to run it."""
import base64
import json
import os

from rig import cpus
from rig.build import TREE
from rig.guest import GUEST_IP, HOST_IP, MAC, Guest, qemu_command, tap_netdev, user_netdev

# way: defconfig, machine (None: a process), network
WAYS = {
    "q35": ("defconfig_www_qemu", "q35", "tap"),
    "microvm": ("defconfig_www_qemu", "microvm", "tap"),
    "q35-user": ("defconfig_www_qemu", "q35", "user"),
    "microvm-user": ("defconfig_www_qemu", "microvm", "user"),
    "unix": ("defconfig_www_unix", None, "tap"),
    "unix-socket": ("defconfig_www_unix_socket", None, "host"),
    **{name: (cpus.defconfig("www", name), name, "tap") for name in cpus.others()},
    **{f"{name}-user": (cpus.defconfig("www", name), name, "user") for name in cpus.others(first=True)},
}
HTDOCS = os.path.join(TREE, "apps", "www", "htdocs")


def least_memory(way, more_kib=0):
    """The memory in which www serves its full number of clients in this way, and more_kib more."""
    machine = WAYS[way][1]
    return f"{(cpus.MACHINES[machine].cpu if machine else cpus.USUAL).least_kib + more_kib}K"


def files_below(folder):
    """Paths of all files below folder, as in URLs."""
    found = []
    for where, _, names in os.walk(folder):
        found += [os.path.relpath(os.path.join(where, name), folder) for name in names]
    return sorted(found)


class Server:
    """A guest with www, at host and port; ask() runs a client of clients.py against it."""

    def __init__(self, builder, namespace, way, variables=(), name=None, memory="128M", options="", offloads=True,
                 tap="tap0", make_tap=True, extra=(), options_set=None, cpu=None, defconfig=None, bridges=()):
        usual, machine, network = WAYS[way]
        self.namespace = namespace
        self.machine = machine
        self.out = builder.build(defconfig or usual, *variables, name=name, options=options_set)
        self.image = os.path.join(self.out, "image")
        self.host, self.port = GUEST_IP, 80
        netdev = None
        if network == "tap":
            netdev = tap_netdev(tap)
            if make_tap:
                namespace.tap(tap)
        elif network == "user":
            self.host, self.port = "127.0.0.1", 8080
            netdev = user_netdev(self.port)
        else:
            self.host, self.port = "127.0.0.1", 8080
            options += f" port={self.port}"
        if machine:
            command = qemu_command(self.image, machine, memory, netdev, options.strip(), offloads, cpu=cpu,
                                   extra=extra, bridges=bridges)
        else:
            command = [self.image, f"mem={memory}", *options.split(), *([f"tap={tap}"] if network == "tap" else [])]
        self.guest = Guest(command, namespace)

    def wait(self, seconds=90):
        """Waits until the first answer; fails at once when the guest ends."""
        for _ in range(seconds):
            answer = self.ask("wait_for_200", path="/", seconds=1)
            self.guest.read()
            if answer["clock"] is not None:
                return answer["clock"]
            if self.guest.ended:
                raise AssertionError("the guest ended before it served:\n" + self.guest.tail())
        raise AssertionError(f"no answer within {seconds} s:\n" + self.guest.tail())

    def ask(self, client, timeout=None, **arguments):
        arguments = {"host": self.host, "port": self.port, **arguments}
        limit = timeout or arguments.get("seconds", 60) + 60
        text = self.namespace.python("clients.py", client, json.dumps(arguments), timeout=limit)
        self.guest.read()
        return json.loads(text)

    def raw(self, *parts, **how):
        """Sends bytes as they are; gives (all bytes received, how the connection ended)."""
        encoded = [base64.b64encode(part if isinstance(part, bytes) else part.encode()).decode() for part in parts]
        answer = self.ask("raw", parts=encoded, **how)
        return base64.b64decode(answer["data"]), answer["ended"]

    def url(self, path=""):
        port = "" if self.port == 80 else f":{self.port}"
        return f"http://{self.host}{port}/{path}"

    def curl(self, *words, timeout=120):
        done = self.namespace.run(["curl", "--silent", "--show-error", "--max-time", str(timeout - 10), *words],
                                  timeout=timeout, text=False, check=False)
        if done.returncode != 0:
            raise AssertionError(f"curl {' '.join(words)}: {done.stderr.decode()}\n{self.guest.tail()}")
        return done.stdout

    def stop(self):
        self.guest.stop()
        print(f"--- console\n{self.guest.console[-6000:]}\n---")


__all__ = ["GUEST_IP", "HOST_IP", "HTDOCS", "MAC", "WAYS", "Server", "files_below", "least_memory"]
