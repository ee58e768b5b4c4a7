# SPDX-License-Identifier: ISC
"""Runs make out of tree, each configuration once per session."""
import os
import re
import subprocess

TREE = os.path.dirname(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))
JOBS = "-j2"


def clean_environment():
    """Our environment without the variables of an outer make."""
    return {key: value for key, value in os.environ.items()
            if key not in ("MAKEFLAGS", "MAKELEVEL", "MFLAGS", "MAKEOVERRIDES", "SILENT", "O", "V", "APP",
                           "WWW_DIR", "FAT_IMAGE", "PORT", "NET", "FS", "DHCP", "DISK")}


def make(*words, tree=TREE, timeout=1500, environment=None, check=True):
    """Runs make; gives the finished process with output and errors in one text."""
    command = ["make", "--no-print-directory", "-C", tree, JOBS, *words]
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace",
                          stdin=subprocess.DEVNULL, timeout=timeout, check=False,
                          env={**clean_environment(), **(environment or {})})
    if check and done.returncode != 0:
        raise AssertionError(f"{' '.join(command)} ended with {done.returncode}:\n{done.stdout[-6000:]}")
    return done


class Builder:
    """Builds of one session, by name; a name stands for one image, which is built once and then looked up."""

    def __init__(self, folder):
        self.folder = folder
        self.built, self.made_of = {}, {}

    def path(self, name):
        return os.path.join(self.folder, name)

    def build(self, defconfig, *variables, name=None, options=None):
        """Gives the output folder. options: {"LTO": "y"} changed in .config after the defconfig."""
        name = name or defconfig
        what = (defconfig, variables, tuple(sorted((options or {}).items())))
        assert self.made_of.setdefault(name, what) == what, f"two images are called {name}: {what}"
        if name not in self.built:
            out = self.path(name)
            os.makedirs(out, exist_ok=True)
            make(f"O={out}", *variables, defconfig)
            if options:
                set_options(out, options)
                make(f"O={out}", *variables, "olddefconfig")
            make(f"O={out}", *variables)
            self.built[name] = out
        return self.built[name]


def set_options(out, options):
    """Changes lines of out/.config; olddefconfig must follow."""
    path = os.path.join(out, ".config")
    with open(path, encoding="utf-8") as file:
        lines = file.read().splitlines()
    for option, value in options.items():
        pattern = re.compile(rf"^(# )?CONFIG_{option}[= ]")
        lines = [line for line in lines if not pattern.match(line)]
        lines.append(f"# CONFIG_{option} is not set" if value == "n" else f"CONFIG_{option}={value}")
    with open(path, "w", encoding="utf-8") as file:
        file.write("\n".join(lines) + "\n")


def configuration(out):
    """The options set in a build, by name without CONFIG_."""
    options = {}
    with open(os.path.join(out, ".config"), encoding="utf-8") as file:
        for line in file:
            if line.startswith("CONFIG_"):
                key, value = line[len("CONFIG_"):].rstrip("\n").split("=", 1)
                options[key] = value.strip('"')
    return options


def sources(folder):
    """The C files below a folder of the tree."""
    return sorted(os.path.join(where, name) for where, _, names in os.walk(os.path.join(TREE, folder))
                  for name in names if name.endswith(".c"))


def defconfigs():
    return sorted(name for name in os.listdir(os.path.join(TREE, "configs")) if name.startswith("defconfig_"))


def symbols(elf):
    """Addresses by name, from nm."""
    listing = subprocess.run(["nm", elf], stdout=subprocess.PIPE, text=True, check=True).stdout
    return {name: int(address, 16) for address, kind, name in
            (line.split(maxsplit=2) for line in listing.splitlines() if len(line.split()) == 3)}


def section_bytes(elf, *prefixes):
    """Sum of the bytes of sections whose names begin with a prefix."""
    listing = subprocess.run(["readelf", "-SW", elf], stdout=subprocess.PIPE, text=True, check=True).stdout
    total = 0
    for line in listing.splitlines():
        match = re.match(r"\s*\[\s*\d+\]\s+(\S+)\s+(\S+)\s+[0-9a-f]+\s+[0-9a-f]+\s+([0-9a-f]+)", line)
        if match and match.group(1).startswith(prefixes):
            total += int(match.group(3), 16)
    return total
