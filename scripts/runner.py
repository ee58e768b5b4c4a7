# SPDX-License-Identifier: ISC
"""What run-qemu and run-unix share: options of the configuration, free ports, and a console that
turns the addresses of a backtrace into functions, files and lines."""
import os
import re
import signal
import socket
import subprocess
import sys


def say(text):
    print(f"run: {text}", flush=True)


def fail(text):
    sys.exit(f"run: {text}")


def read_config(image):
    """The options of the .config beside the image, without CONFIG_ and quotes."""
    options = {}
    with open(os.path.join(os.path.dirname(image) or ".", ".config"), encoding="utf-8") as file:
        for line in file:
            found = re.match(r'CONFIG_(\w+)="?(.*?)"?$', line.rstrip("\n"))
            if found:
                options[found.group(1)] = found.group(2)
    return options


def start_options(arguments):
    """Start options given as arguments, and in OPTIONS."""
    return os.environ.get("OPTIONS", "").split() + arguments


def option(options, key, default):
    """The value of the last key=value among the start options."""
    return next((word[len(key) + 1:] for word in reversed(options) if word.startswith(key + "=")), default)


def port_is_free(port):
    for family, address in ((socket.AF_INET, "0.0.0.0"), (socket.AF_INET, "127.0.0.1")):
        with socket.socket(family) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((address, port))
            except OSError:
                return False
    return True


def free_port(wanted):
    """wanted, or the next one that nobody has; says so."""
    for port in range(wanted, min(wanted + 100, 65536)):
        if port_is_free(port):
            if port != wanted:
                say(f"port {wanted} is taken: using {port}")
            return port
    fail(f"ports {wanted} to {wanted + 99} are all taken: choose another with HOST_PORT=")


def need_tap(name):
    try:
        socket.if_nametoindex(name)
    except OSError:
        fail(f"there is no interface {name}; these two commands make it:\n"
             f"    sudo ip tuntap add dev {name} mode tap user $USER\n"
             f"    sudo ip addr add 10.0.0.1/24 dev {name} && sudo ip link set {name} up")


def symbolise(debug_image, line):
    """What addr2line knows of the addresses in a backtrace line, one text line per frame."""
    addresses = re.findall(r"0x[0-9a-f]+", line)
    # A return address belongs to the call before it; the first address is where the fault was.
    exact = [hex(int(address, 16) - (1 if i else 0)) for i, address in enumerate(addresses)]
    try:
        done = subprocess.run(["addr2line", "-f", "-p", "-i", "-s", "-e", debug_image, *exact],
                              stdout=subprocess.PIPE, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return "    (addr2line cannot read " + debug_image + ": install binutils)\n"
    return "".join(f"    {text}\n" for text in done.stdout.splitlines())


def run(command, image, on_line=lambda line: None):
    """Runs command with its output passed through line by line; gives its exit status. Ctrl-C reaches
    the command itself, which shares our terminal, so here it is only waited out."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    child = subprocess.Popen(command, stdout=subprocess.PIPE, bufsize=0,
                             preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL))
    signal.signal(signal.SIGTERM, lambda number, frame: child.terminate())
    line = b""
    while True:
        data = os.read(child.stdout.fileno(), 4096)
        if not data:
            break
        # What is said of a line comes right after it, never into the next.
        for part in data.splitlines(keepends=True):
            sys.stdout.buffer.write(part)
            sys.stdout.buffer.flush()
            line = (line + part)[-4096:]
            if not line.endswith(b"\n"):
                continue
            text = line.decode("utf-8", "replace").rstrip("\r\n")
            line = b""
            if text.startswith("backtrace:"):
                sys.stdout.write(symbolise(image + ".debug", text))
                sys.stdout.flush()
            on_line(text)
    return child.wait()
