# SPDX-License-Identifier: ISC
"""Debian's packages of any architecture, unpacked into a folder: apt with a state of its own fetches them and
checks their hashes against the signed index, so that what the host has installed neither matters nor changes."""
import glob
import os
import re
import shutil
import subprocess

SUITE = "bookworm"  # the one with Xen 4.17
KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg"


class Missing(Exception):
    """A missing requirement, in words for the user."""


def mirrors():
    """Debian's mirrors as this system is configured for them."""
    text = ""
    for path in ["/etc/apt/sources.list", *sorted(glob.glob("/etc/apt/sources.list.d/*"))]:
        try:
            with open(path, encoding="utf-8") as file:
                text += file.read()
        except OSError:
            continue
    found = re.findall(r"^(?:deb\b[^#\n]* |URIs: *)(https?://\S*debian)/*(?: .*)?$", text, re.MULTILINE)
    return list(dict.fromkeys(found)) or ["http://deb.debian.org/debian"]


class Apt:
    """An apt for one architecture whose lists, cache and status lie in folder."""

    def __init__(self, architecture, folder):
        for tool in ("apt-get", "dpkg-deb"):
            if not shutil.which(tool):
                raise Missing(f"{tool} is not here, and Xen comes as Debian's packages")
        self.folder = os.path.abspath(folder)
        for part in ("lists/partial", "cache/archives/partial", "debs"):
            os.makedirs(os.path.join(self.folder, part), exist_ok=True)
        with open(os.path.join(self.folder, "status"), "w", encoding="ascii"):
            pass
        settings = {"APT::Architecture": architecture, "APT::Architectures::": architecture,
                    "Acquire::Languages": "none", "APT::Sandbox::User": "root", "Debug::NoLocking": "true",
                    "Dir::Etc::sourcelist": f"{self.folder}/sources.list", "Dir::Etc::sourceparts": "-",
                    "Dir::State::lists": f"{self.folder}/lists", "Dir::State::status": f"{self.folder}/status",
                    "Dir::Cache": f"{self.folder}/cache"}
        self.settings = [word for key, value in settings.items() for word in ("-o", f"{key}={value}")]
        self.update()

    def run(self, tool, *words):
        done = subprocess.run([tool, "-qq", *self.settings, *words], cwd=os.path.join(self.folder, "debs"), text=True,
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False)
        if done.returncode != 0:
            raise Missing(f"{tool} {words[0]}: {done.stderr.strip() or done.stdout.strip()}")
        return done.stdout

    def update(self):
        """Updates from the first mirror that has the suite."""
        problem = None
        for mirror in mirrors():
            with open(os.path.join(self.folder, "sources.list"), "w", encoding="utf-8") as file:
                file.write(f"deb [signed-by={KEYRING}] {mirror} {SUITE} main\n")
            try:
                self.run("apt-get", "update", "--error-on=any")
                return
            except Missing as error:
                problem = error
        raise problem

    def kernel(self, meta):
        """The package that Debian's meta-package of a kernel depends on at present."""
        found = re.search(r"Depends: (linux-image-[0-9]\S*)", self.run("apt-cache", "depends", meta))
        if not found:
            raise Missing(f"{meta} stands for no kernel")
        return found[1]

    def unpack(self, names, root):
        self.run("apt-get", "download", *names)
        for package in sorted(glob.glob(os.path.join(self.folder, "debs", "*.deb"))):
            subprocess.run(["dpkg-deb", "--extract", package, root], check=True)
