# SPDX-License-Identifier: ISC
"""The image as an ordinary process: it copes with any descriptors and limits at its start, and ends at signals."""
import json
import os
import signal
import subprocess
import time

import pytest

from rig import server

pytestmark = pytest.mark.config("defconfig_www_unix_socket")

PORT = 8080
GET = ["curl", "--silent", "--show-error", "--max-time", "30", f"http://127.0.0.1:{PORT}/"]


@pytest.fixture
def start(builder, namespace):
    """start(shell="…") runs the image from a shell that prepares its descriptors and limits, until it serves."""
    image = os.path.join(builder.build("defconfig_www_unix_socket"), "image")

    def started(shell, **options):
        process = namespace.popen(["sh", "-c", shell.format(image=f"exec {image} port={PORT}")], **options)
        for _ in range(300):
            if process.poll() is not None or namespace.run(GET, check=False).returncode == 0:
                break
            time.sleep(0.1)
        assert process.poll() is None, f"ended with {process.returncode}"
        return process
    return started


def serves(namespace):
    with open(os.path.join(server.HTDOCS, "index.html"), "rb") as file:
        return namespace.run(GET, text=False).stdout == file.read()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_signals_end_a_server_cleanly(start, namespace, number):
    process = start("{image}", stdout=subprocess.PIPE, text=True)
    process.send_signal(number)
    assert process.wait(30) == 0
    assert process.stdout.read().endswith("virga: exit status 0\n")


@pytest.mark.parametrize("shell", ["{image} <&-", "{image} >&-", "{image} <&- >&- 2>&-", "{image} >/dev/full"])
def test_closed_or_full_descriptors(start, namespace, shell):
    """None of its own descriptors may get the numbers 0 to 2, or the console would write into it."""
    process = start(shell)
    assert serves(namespace)
    before = cpu_seconds(process.pid)
    time.sleep(1)
    assert cpu_seconds(process.pid) - before < 0.5, "it does not sleep"
    process.terminate()
    assert process.wait(30) == 0


def test_a_console_that_nobody_reads_any_more(start, namespace):
    reading, writing = os.pipe()
    os.close(reading)
    process = start("{image} log=debug", stdout=writing, stderr=writing)
    os.close(writing)
    assert serves(namespace)
    process.terminate()
    assert process.wait(30) == 0


def test_few_descriptors(start, namespace):
    """More clients than descriptors: they are served in turn; while idle ones hold all descriptors, the image
    sleeps."""
    process = start("ulimit -n 12; {image}")
    everybody = {"host": "127.0.0.1", "port": PORT, "count": 100, "seconds": 100}
    answers = json.loads(namespace.python("clients.py", "burst", json.dumps(everybody), timeout=200))["answers"]
    assert len(answers) == 1 and list(answers)[0].startswith("200 "), answers
    holders = namespace.popen(["python3", "-c", f"""
import socket, time
held = [socket.create_connection(("127.0.0.1", {PORT})) for _ in range(50)]
print("held", flush=True)
time.sleep(600)"""], stdout=subprocess.PIPE)
    assert holders.stdout.readline() == b"held\n"
    before = cpu_seconds(process.pid)
    time.sleep(2)
    assert cpu_seconds(process.pid) - before < 1
    holders.kill()
    holders.wait()
    assert serves(namespace)
    process.terminate()
    assert process.wait(30) == 0


def cpu_seconds(pid):
    with open(f"/proc/{pid}/stat", encoding="ascii") as file:
        fields = file.read().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@pytest.mark.parametrize("word,said", [
    ("port=0", "expects a TCP port, 1 to 65535"), ("port=65536", "expects a TCP port, 1 to 65535"),
    ("port=", "expects a TCP port, 1 to 65535"), ("prt=80", 'unknown option "prt"'), ("mem=1", "an amount of memory"),
    ("log=loud", "error, warn, info or debug"),
])
def test_wrong_options(builder, word, said):
    image = os.path.join(builder.build("defconfig_www_unix_socket"), "image")
    done = subprocess.run([image, word], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True, timeout=60,
                          check=False)
    assert done.returncode == 1 and said in done.stdout, done.stdout
