# SPDX-License-Identifier: ISC
"""hello starts, sleeps and echoes, as a virtual machine and as a process."""
import os
import re
import signal

import pytest

from rig import cpus, params
from rig.guest import Guest, qemu_command

WAYS = params.machines("hello", "q35", "microvm", "unix")


def start(builder, way, options=""):
    out = builder.build("defconfig_hello_unix" if way == "unix" else cpus.defconfig("hello", way))
    image = os.path.join(out, "image")
    if way == "unix":
        return Guest([image, *options.split()])
    return Guest(qemu_command(image, way, "64M", options=options))


@pytest.mark.parametrize("way", WAYS)
def test_echoes_the_console(builder, way):
    """Lines one by one, many at once, and while the image does not read: more than the port's 16 bytes."""
    early = [f"early line {number}" for number in range(20)]
    single = ["one line", "another, longer one: " + "0123456789" * 6]
    late = [f"line {number}: " + "x" * (number % 100) for number in range(300)]
    with start(builder, way) as guest:
        guest.wait_for("^Hello, world!$")
        guest.write("".join(line + "\n" for line in early))
        guest.wait_for("^It is a second later")
        guest.wait_for("^You said: early line 19\n")
        for text in single:
            guest.write(text + "\n")
            guest.wait_for(f"^You said: {text}\n")
        guest.write("".join(line + "\n" for line in late) + "quit\n")
        guest.wait_for("^Goodbye")
        status = guest.wait_end()
        assert way != "unix" or status == 0
        said = re.findall(r"^You said: (.*)$", guest.console, re.MULTILINE)
        assert said == early + single + late


@pytest.mark.parametrize("way", params.machines("hello", "q35", "microvm"))
def test_starts_on_other_cpus(builder, way):
    image = os.path.join(builder.build(cpus.defconfig("hello", way)), "image")
    for cpu in cpus.MACHINES[way].has.cpus[1:]:
        with Guest(qemu_command(image, way, "64M", cpu=cpu)) as guest:
            guest.wait_for("^Hello, world!$")


@pytest.mark.parametrize("way", WAYS)
def test_takes_its_option(builder, way):
    with start(builder, way, "name=Ada") as guest:
        guest.wait_for("^Hello, Ada!$")


@pytest.mark.config("defconfig_hello_unix")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_the_process_cleanly(builder, number):
    with start(builder, "unix") as guest:
        guest.wait_for("^It is a second later")
        guest.signal(number)
        assert guest.wait_end(20) == 0


@pytest.mark.config("defconfig_hello_unix")
def test_a_debug_build(builder):
    image = os.path.join(builder.build("defconfig_hello_unix", name="hello_debug", options={"DEBUG": "y"}), "image")
    with Guest(["sh", "-c", f"exec {image} </dev/null"]) as guest:
        guest.wait_for("^Goodbye")
        assert guest.wait_end(20) == 0


@pytest.mark.config("defconfig_hello_unix")
@pytest.mark.parametrize("redirection", ["</dev/null", "<&-"])
def test_ends_with_its_input(builder, redirection):
    image = os.path.join(builder.build("defconfig_hello_unix"), "image")
    with Guest(["sh", "-c", f"exec {image} {redirection}"]) as guest:
        guest.wait_for("^Goodbye")
        assert guest.wait_end(20) == 0
