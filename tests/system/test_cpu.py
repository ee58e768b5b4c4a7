# SPDX-License-Identifier: ISC
"""An image's use of a CPU: an unpredictable canary, sleep, random numbers, seconds, and the exit status."""
import os
import re
import subprocess
import time

import pytest

from rig import build, cpus, params
from rig.guest import Guest, Qmp, qemu_command

MACHINES = params.machines("hello", "q35", "microvm")
EACH_CPU = params.machines("hello", "microvm", first=True)
DESCRIBED = [params.marked(name, cpus.defconfig("hello", name)) for name in cpus.others("hello", first=True)]
ARM = [params.marked(name, cpus.defconfig("hello", name)) for name in cpus.others("hello", first=True)
       if cpus.MACHINES[name].cpu.folder in ("aarch64", "armv7")]


def image(builder, app="hello", machine="microvm"):
    return os.path.join(builder.build(cpus.defconfig(app, machine)), "image")


def monitored(builder, folder, machine="microvm", **how):
    """A hello that has printed all its own lines, and QEMU's monitor."""
    path = folder / "qmp"
    path.unlink(missing_ok=True)
    guest = Guest(qemu_command(image(builder, machine=machine), machine,
                               extra=("-qmp", f"unix:{path},server=on,wait=off"), **how))
    try:
        guest.wait_for("^It is a second later")
        return guest, Qmp(path)
    except BaseException:
        guest.stop()
        raise


@pytest.mark.parametrize("machine", EACH_CPU)
def test_each_boot_has_a_canary_of_its_own(builder, tmp_path, machine):
    """With and without the CPU's random numbers; one byte is zero, to stop string functions."""
    place = build.symbols(image(builder, machine=machine) + ".debug")["__stack_chk_guard"]
    bits, least = (32, 3) if cpus.MACHINES[machine].cpu.folder == "armv7" else (64, 9)
    models = cpus.MACHINES[machine].has.cpus[:2]
    seen = set()
    for cpu in models * 2:
        guest, qmp = monitored(builder, tmp_path, machine, cpu=cpu)
        with guest:
            canary = qmp.words(place)[0] % (1 << bits)
            qmp.close()
        assert canary & 0xff == 0 and bin(canary).count("1") >= least, hex(canary)
        seen.add(canary)
    assert len(seen) == 4, seen


@pytest.mark.parametrize("machine", MACHINES)
def test_who_waits_has_halted_the_cpu(builder, tmp_path, machine):
    """On a PC by QEMU's state of the CPU; elsewhere by the sum of all halts so far, which grows when one ends."""
    guest, qmp = monitored(builder, tmp_path, machine)
    place = build.symbols(image(builder, machine=machine) + ".debug")["machine_idle_ticks"]

    def is_halted():
        if cpus.MACHINES[machine].cpu is not cpus.USUAL:
            before = qmp.words(place)
            time.sleep(0.1)
            return before != [0] and qmp.words(place) == before
        text = qmp.human("info registers")
        return re.search(r" HLT=(\d)", text)[1] == "1"
    with guest:
        end = time.monotonic() + 30
        while not is_halted():
            assert time.monotonic() < end
        for _ in range(20):
            time.sleep(0.02)
            assert is_halted()
        qmp.close()
        guest.write("are you awake?\n")
        guest.wait_for("^You said: are you awake[?]$")


# A CPU with random numbers, and one without.
RANDOM = {"microvm": ("qemu64,+rdrand", "max,-rdrand,-rdseed"), "arm64-virt": ("max", "cortex-a72")}


@pytest.mark.parametrize("machine", [params.marked(name, cpus.defconfig("www", name)) for name in RANDOM])
@pytest.mark.parametrize("starts", [True, False])
def test_random_numbers_of_the_cpu_are_enough(builder, namespace, machine, starts):
    """RDRAND or RNDR without a device; RDSEED the emulated CPU may lack."""
    cpu = RANDOM[machine][not starts]
    with Guest(qemu_command(image(builder, "www", machine), machine, netdev="user", cpu=cpu, rng=False),
               namespace) as guest:
        guest.wait_for(" up boot_us=" if starts else "^panic: no entropy")


@pytest.mark.parametrize("machine", MACHINES)
def test_a_second_is_a_second(builder, machine):
    """By the host's clock, in one of a few attempts: a busy host may be late to start the guest, and to look."""
    usual = cpus.MACHINES[machine].cpu is cpus.USUAL
    for cpu in ("max", "max,-hypervisor") if usual else (None,):
        tries = []
        while not [one for one in tries if 0.9 < one < 1.5]:
            assert len(tries) < 5, tries
            with Guest(qemu_command(image(builder, machine=machine), machine, cpu=cpu)) as guest:
                guest.wait_for("^Hello, world!$")
                start = time.monotonic()
                guest.wait_for("^It is a second later")
                tries.append(time.monotonic() - start)


@pytest.mark.parametrize("machine", ARM)
def test_an_alarm_that_never_comes_is_none(builder, tmp_path, machine):
    """By QEMU's trace of ARM's timer: a running timer is never set to the end of all counts. Under a hypervisor, which
    sets the count back, QEMU before 8.2 hangs now and then if it is."""
    path = tmp_path / "trace"
    with Guest(qemu_command(image(builder, machine=machine), machine,
                            extra=("-trace", "arm_gt_cval_write", "-trace", "arm_gt_ctl_write", "-D", path))) as guest:
        guest.wait_for("^It is a second later")
        end = time.monotonic() + 60
        while True:
            said = [(what, int(value, 16)) for what, value in
                    re.findall(r"gt_(cval|ctl)_write: timer 1 (?:value|ctl) (\w+)$", path.read_text(), re.MULTILINE)]
            if said[-1:] == [("ctl", 0)] and ("ctl", 1) in said:
                break
            assert time.monotonic() < end, said
            time.sleep(0.1)
    times = [value for what, value in said if what == "cval"]
    assert times and max(times) < 1 << 63, [hex(one) for one in times]


# QEMU's trace of an interrupt that the image takes, on RISC-V of the timer's.
INTERRUPT = {"aarch64": "Taking exception 5 ", "armv7": "Taking exception 5 ",
             "riscv64": "async:1, cause:0000000000000005"}


@pytest.mark.parametrize("machine", DESCRIBED)
def test_an_alarm_wakes_and_does_not_interrupt(builder, tmp_path, machine):
    """A busy loop sets no other alarm, so an interrupt would come again and again."""
    path = tmp_path / "trace"
    with Guest(qemu_command(image(builder, machine=machine), machine, extra=("-d", "int", "-D", path))) as guest:
        guest.wait_for("^It is a second later")
        assert INTERRUPT[cpus.MACHINES[machine].cpu.folder] not in path.read_text()
        guest.write("are you awake?\n")
        guest.wait_for("^You said: are you awake[?]$")


# CPU models that lack floating point, which images need, and the fault that reports it.
LESS = {"armv7-virt": ("max,vfp=off", "undefined instruction"), "riscv64-virt": ("rv64,f=false,d=false",
                                                                                "illegal instruction")}


@pytest.mark.parametrize("machine", [params.marked(name, cpus.defconfig("hello", name)) for name in LESS])
def test_a_cpu_that_lacks_floating_point_is_reported(builder, machine):
    cpu, fault = LESS[machine]
    with Guest(qemu_command(image(builder, machine=machine), machine, cpu=cpu)) as guest:
        guest.wait_for(f"^panic: exception: {fault}")
        guest.wait_for("^virga: exit status 1")


@pytest.mark.parametrize("machine", ARM)
def test_no_access_moves_its_address_along(builder, machine):
    """KVM could not decode such an access to a device. The stack is no device; the C library and start.S, which are not
    from our .c files, access none."""
    elf = image(builder, "www", machine) + ".debug"
    objdump = cpus.machines.binutil(cpus.MACHINES[machine].cpu.folder, "objdump")
    text = subprocess.run([objdump, "-d", "--no-show-raw-insn", elf], stdout=subprocess.PIPE, text=True,
                          check=True).stdout
    found = re.findall(r"^ *([0-9a-f]+):\t(?:ld|st)r.*\[(?!sp)\w+(?:\], #|, #-?\d+\]!)", text, re.MULTILINE)
    lines = subprocess.run(["addr2line", "-e", elf, *found], stdout=subprocess.PIPE, text=True, check=True).stdout
    assert found and not re.search(r"\.[ch]:\d+", lines), lines


@pytest.mark.config("defconfig_hello_qemu")
@pytest.mark.parametrize("options,status", [("", 0), ("nonsense=1", 1)])
def test_the_status_is_qemus_where_it_has_a_device_for_it(builder, options, status):
    """isa-debug-exit makes 2n + 1 of n."""
    with Guest(qemu_command(image(builder), options=options,
                            extra=("-device", "isa-debug-exit,iobase=0xf4,iosize=4"))) as guest:
        if not status:
            guest.wait_for("^Hello, world!$")
            guest.write("quit\n")
        guest.wait_for(f"^virga: exit status {status}$")
        assert guest.wait_end() == 2 * status + 1
