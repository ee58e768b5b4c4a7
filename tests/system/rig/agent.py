# SPDX-License-Identifier: ISC
"""An agent image on a tap, or on a host's sockets, driven line by line over its console."""
import os
import re

from rig import cpus
from rig.guest import Guest, qemu_command, tap_netdev


class Agent:
    def __init__(self, builder, namespace, way, options="", make_tap=True):
        if way == "unix-socket":
            out = builder.build("defconfig_agent_unix", name="agent-socket", options={"NET_SOCKET": "y"})
            command = [*namespace.host(), os.path.join(out, "image"), *options.split()]
        else:
            config = "defconfig_agent_unix" if way == "unix" else cpus.defconfig("agent", way)
            image = os.path.join(builder.build(config), "image")
            if make_tap:
                namespace.tap()
            command = [image, "tap=tap0", *options.split()] if way == "unix" else \
                qemu_command(image, way, "64M", tap_netdev(), options)
        self.guest = Guest(command, namespace)
        self.last_id = 0

    def wait(self):
        self.guest.wait_for(r"agent: ready$")
        return self

    def send(self, command):
        """Sends a command, and gives the id to wait for."""
        self.last_id += 1
        self.guest.write(f"{self.last_id} {command}\n")
        return self.last_id

    def answer(self, ident, seconds=60):
        """Waits for the answer, and gives the words behind its id: the result first."""
        words = self.guest.wait_for(rf"^{ident} (.*)\n", seconds).group(1).split(" ")
        return words if words[0].startswith("-") else [int(words[0]), *words[1:]]

    def ask(self, command, seconds=60):
        return self.answer(self.send(command), seconds)

    def ok(self, command, seconds=60):
        """As ask, for a command that must not fail: gives the words behind the result."""
        result, *words = self.ask(command, seconds)
        assert isinstance(result, int), f"{command}: {result} {words}\n{self.guest.tail()}"
        return words

    def answers(self):
        """The ids of all answers so far."""
        self.guest.read()
        return re.findall(r"^(\d+) ", self.guest.console, re.MULTILINE)

    def __enter__(self):
        return self

    def __exit__(self, *how):
        self.guest.__exit__(*how)
