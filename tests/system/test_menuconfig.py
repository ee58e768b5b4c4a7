# SPDX-License-Identifier: ISC
"""menuconfig in a terminal, driven by keys."""
import os
import pty
import re
import select
import subprocess
import time

import pytest

from rig import build


class Terminal:
    """A make in a pseudo-terminal, with keys as input and the drawing as output."""

    def __init__(self, *goals):
        master, slave = pty.openpty()
        self.master, self.drawn = master, ""
        self.process = subprocess.Popen(["make", "--no-print-directory", "-C", build.TREE, *goals], stdin=slave,
                                        stdout=slave, stderr=slave, start_new_session=True,
                                        env={**build.clean_environment(), "TERM": "xterm", "LINES": "40",
                                             "COLUMNS": "120"})
        os.close(slave)

    def read(self, seconds=0.5):
        while select.select([self.master], [], [], seconds)[0]:
            try:
                data = os.read(self.master, 65536)
            except OSError:
                return
            if not data:
                return
            self.drawn += data.decode("utf-8", "replace")

    def expect(self, pattern, seconds=60):
        deadline = time.monotonic() + seconds
        while not re.search(pattern, re.sub(r"\x1b[\[(][0-9;?]*[A-Za-z]", " ", self.drawn)):
            assert time.monotonic() < deadline and self.process.poll() is None, f"no /{pattern}/: {self.drawn[-2000:]}"
            self.read(0.1)

    def press(self, keys, pattern=None):
        """Types, and waits until the expected text is drawn. curses draws only changes."""
        self.drawn = ""
        os.write(self.master, keys.encode())
        if pattern:
            self.expect(pattern)

    def end(self):
        """Reads until the end, because unread output would block the process."""
        try:
            deadline = time.monotonic() + 60
            while self.process.poll() is None and time.monotonic() < deadline:
                self.read(0.1)
            return self.process.poll()
        finally:
            if self.process.poll() is None:
                self.process.kill()
                self.process.wait()
            os.close(self.master)


def test_an_option_is_found_changed_and_saved(tmp_path):
    build.make(f"O={tmp_path}", "defconfig_www_qemu")
    assert "DEBUG" not in build.configuration(tmp_path)
    terminal = Terminal(f"O={tmp_path}", "menuconfig")
    terminal.expect("Virga")
    terminal.expect("Target")
    # "/" searches; Enter jumps to the first hit; space changes it; S saves; Q leaves.
    terminal.press("/", "Jump to")
    terminal.press("Debug checks\n", r"\[ \] Debug checks")
    terminal.press(" ", r"\*")
    terminal.press("s", "Filename to save")
    terminal.press("\n", "Configuration saved")
    terminal.press("\nq")
    assert terminal.end() == 0
    assert build.configuration(tmp_path).get("DEBUG") == "y"
    build.make(f"O={tmp_path}")


def test_leaving_without_saving_changes_nothing(tmp_path):
    build.make(f"O={tmp_path}", "defconfig_www_unix")
    before = (tmp_path / ".config").read_text()
    terminal = Terminal(f"O={tmp_path}", "menuconfig")
    terminal.expect("Virga")
    terminal.press("q")
    assert terminal.end() == 0
    assert (tmp_path / ".config").read_text() == before


@pytest.mark.parametrize("config,why", [
    ("defconfig_www_qemu", "socket"), ("defconfig_www_qemu", "there is no disk"),
    ("defconfig_www_qemu", "xen"), ("defconfig_www_qemu_riscv64", "no xl for it"), ("defconfig_www_qemu", "custom"),
    ("defconfig_www_qemu", "standard input"), ("defconfig_www_unix", "serial")])
def test_a_missing_choice_says_why(tmp_path, config, why):
    """The comments that say why an option is missing are shown where they apply."""
    import sys
    done = subprocess.run([sys.executable, "-c", """
import sys, kconfiglib
k = kconfiglib.Kconfig("Kconfig"); k.load_config(sys.argv[1])
print("\\n".join(n.prompt[0] for n in k.node_iter() if n.item == kconfiglib.COMMENT and
      kconfiglib.expr_value(n.prompt[1]) and kconfiglib.expr_value(n.dep)))
""", os.path.join("configs", config)], cwd=build.TREE, stdout=subprocess.PIPE, text=True, check=True)
    assert any(why in line.lower() for line in done.stdout.splitlines()), done.stdout
