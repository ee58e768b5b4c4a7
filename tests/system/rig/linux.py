# SPDX-License-Identifier: ISC
"""Debian's Linux kernel in QEMU, as for the bench's peer, which runs a shell script with a disk."""
import os
import subprocess

from rig import build
from rig.guest import BOOT_SECONDS, Guest, drive, qemu_command

SCRIPT_SECONDS = 600


def peer():
    """The folder of the kernel, which is fetched once."""
    made = subprocess.run([os.path.join(build.TREE, "tests", "bench", "peer")], stdout=subprocess.PIPE, text=True,
                          check=True, timeout=900)
    return made.stdout.strip()


def run_script(disk, script, folder):
    """Runs script in busybox's shell, with the disk as /dev/vda, and gives its output. A failing command ends it."""
    kernel, path = peer(), os.path.join(folder, "script")
    with open(path, "w", encoding="utf-8") as file:
        file.write("set -e\n" + script + "\necho 'script: done'\n")
        file.write("\n" * (-file.tell() % 512))
    words = ["-initrd", os.path.join(kernel, "files.gz"), *drive(disk, "q35"), *drive(path, "q35", name="disk1")]
    command = qemu_command(os.path.join(kernel, "vmlinux"), "q35", "256M", extra=words,
                           options="console=ttyS0 quiet mitigations=off tsc=reliable")
    with Guest(command) as guest:
        ended = guest.wait_for("^(script|peer): done", BOOT_SECONDS + SCRIPT_SECONDS)
        assert ended[1] == "script", f"the script has ended early:\n{guest.tail()}"
        return guest.console[:ended.start()]
