# SPDX-License-Identifier: ISC
"""The console of an application that executes lines, and answers each with a line that begins with its first word:
tests/disk, tests/files."""
import re

from rig.guest import BOOT_SECONDS

STEP_SECONDS = 120


class Console:
    def __init__(self, guest):
        self.guest = guest
        self.at = guest.wait_for(r" up boot_us=.*\n", BOOT_SECONDS).end()

    def ask(self, line, lines=None):
        """Gives the answer's text; console lines before the answer are appended to lines."""
        self.guest.write(line + "\n")
        word = re.match(r"\w+", line)[0]
        found = self.guest.wait_for(rf"^{word} (.*)\n", STEP_SECONDS, self.at)
        if lines is not None:
            lines += self.guest.console[self.at:found.start()].split("\n")[:-1]
        self.at = found.end()
        return found.group(1)

    def do(self, line, lines=None):
        assert self.ask(line, lines) == "0", f"{line}:\n{self.guest.tail()}"

    def quit(self):
        self.guest.write("quit\n")
        self.guest.wait_for("^virga: exit status 0")
