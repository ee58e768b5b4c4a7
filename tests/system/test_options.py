# SPDX-License-Identifier: ISC
"""Start options: a wrong one stops the start with a line that names it; those that VMMs append pass."""
import os

import pytest

from rig import cpus, params, server
from rig.guest import Guest, qemu_command, tap_netdev

WAYS = params.ways("microvm", "q35", "unix", *cpus.others(first=True))


def start(builder, namespace, way, options):
    image = os.path.join(builder.build(server.WAYS[way][0]), "image")
    namespace.tap()
    if way == "unix":
        return Guest([image, *options.split()], namespace)
    return Guest(qemu_command(image, way, "64M", tap_netdev(), options), namespace)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("options,named", [
    ("colour=blue", "colour"),
    ("ip=10.0.0.256/24", "ip"),
    ("ip=10.0.0.2", "ip"),
    ("gw=nowhere", "gw"),
    ("gw=192.168.7.1", "gw"),
    ("port=70000", "port"),
    ("port=0", "port"),
    ("log=loud", "log"),
    ("log=info prot=80", "prot"),
])
def test_a_wrong_option_is_named(builder, namespace, way, options, named):
    with start(builder, namespace, way, options) as guest:
        guest.wait_for(rf"(?m)^.*\b{named}\b.*\n")
        status = guest.wait_end(30)
        assert way != "unix" or status != 0


@pytest.mark.config("defconfig_www_qemu")
@pytest.mark.parametrize("options", ["reboot=t panic=-1 pci=off nomodules",
                                     "virtio_mmio.device=512@0xfeb00e00:12 console=ttyS0"])
def test_what_a_vmm_appends_passes(serve, options):
    serve("microvm", options=options)


@pytest.mark.parametrize("way", params.ways("microvm", "unix", *cpus.others(first=True)))
def test_address_and_port_are_taken(builder, namespace, way):
    www = server.Server(builder, namespace, way, options="ip=10.0.0.77/24 gw=10.0.0.1 port=8088")
    try:
        www.host, www.port = "10.0.0.77", 8088
        www.wait()
        assert www.curl(www.url())
    finally:
        www.stop()


@pytest.mark.config("defconfig_www_qemu")
def test_an_address_alone_has_no_gateway_elsewhere(builder, namespace):
    with start(builder, namespace, "microvm", "ip=192.168.7.2/24") as guest:
        guest.wait_for(r"no default gateway: gw=10\.0\.0\.1 is not another host")
        guest.wait_for(" up boot_us=")


@pytest.mark.parametrize("machine", params.machines("www", "microvm", first=True))
def test_networking_without_entropy_is_refused(builder, namespace, machine):
    """A CPU without an instruction for it and a machine without virtio-rng: one line says what to add."""
    cpu = {"x86_64": "qemu64", "aarch64": "cortex-a72"}.get(cpus.MACHINES[machine].cpu.folder)
    image = os.path.join(builder.build(cpus.defconfig("www", machine)), "image")
    namespace.tap()
    command = qemu_command(image, machine, "64M", tap_netdev(), cpu=cpu, rng=False)
    with Guest(command, namespace) as guest:
        guest.wait_for("^panic: no entropy: .*virtio-rng")
        guest.wait_end()
