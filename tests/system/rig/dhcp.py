# SPDX-License-Identifier: ISC
"""Third-party DHCP servers on a tap of a namespace, and a host that claims another host's address.

Each server leases addresses from FIRST on, and can be stopped and started again with other settings. log() gives
its log.
"""
import json
import os
import signal
import subprocess
import sys
import time

TAP = "tap0"
FIRST = "10.0.0.100"


class DhcpServer:
    """command(): writes the server's files into self.folder, and gives its command. ack: text that its log has for each
    lease given or renewed."""

    def __init__(self, namespace, folder, first=FIRST, seconds=3600, **ideas):
        self.namespace, self.folder = namespace, str(folder)
        self.process = None
        self.texts = []
        self.start(first, seconds, **ideas)

    def path(self, name):
        return os.path.join(self.folder, name)

    def write(self, name, text=""):
        with open(self.path(name), "w", encoding="utf-8") as file:
            file.write(text)
        return self.path(name)

    def start(self, first=FIRST, seconds=3600, forget=True, **ideas):
        last = f"{first.rsplit('.', 1)[0]}.{int(first.rsplit('.', 1)[1]) + 20}"
        if forget:
            self.write("leases")
        self.texts.append(self.path(f"log{len(self.texts)}"))
        with open(self.texts[-1], "w", encoding="utf-8") as log:
            self.process = self.namespace.popen(self.command(first, last, seconds, **ideas), stdout=log, stderr=log)

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(20)

    def log(self):
        text = ""
        for path in self.texts:
            with open(path, encoding="utf-8", errors="replace") as file:
                text += file.read()
        return text

    def wait_for(self, what, count=1, seconds=90):
        """Waits until the log has the text what count times."""
        deadline = time.monotonic() + seconds
        while self.log().count(what) < count:
            if time.monotonic() > deadline or self.process.poll() is not None:
                raise AssertionError(f"{type(self).__name__} has not said {what!r} {count} times:\n{self.log()}")
            time.sleep(0.1)


class Dnsmasq(DhcpServer):
    ack = "DHCPACK"

    def command(self, first, last, seconds, options=()):
        return ["dnsmasq", "--no-daemon", "--conf-file=/dev/null", "--port=0", "--user=root", "--log-dhcp", "--no-ping",
                f"--interface={TAP}", "--bind-interfaces", "--dhcp-authoritative", "--dhcp-sequential-ip",
                "--pid-file=",
                f"--dhcp-leasefile={self.path('leases')}", f"--dhcp-range={first},{last},255.255.255.0,{seconds}s",
                *(f"--dhcp-option={option}" for option in options)]


class Kea(DhcpServer):
    ack = "DHCP4_LEASE_ALLOC"

    def command(self, first, last, seconds, options=()):
        data = [{"code": int(code), "data": value, "csv-format": False} for code, value in options]
        subnet = {"subnet": first.rsplit(".", 1)[0] + ".0/24", "pools": [{"pool": f"{first} - {last}"}],
                  "option-data": [{"name": "routers", "data": "10.0.0.1"}, *data]}
        # The tap has no carrier before the image opens it.
        link = {"interfaces": [TAP], "dhcp-socket-type": "raw", "service-sockets-max-retries": 500,
                "service-sockets-retry-wait-time": 200}
        config = {"interfaces-config": link,
                  "lease-database": {"type": "memfile", "persist": False}, "authoritative": True,
                  "valid-lifetime": seconds, "subnet4": [subnet],
                  "loggers": [{"name": "kea-dhcp4", "severity": "INFO", "output_options": [{"output": "stdout"}]}]}
        path = self.write("kea.json", json.dumps({"Dhcp4": config}))
        return ["env", f"KEA_PIDFILE_DIR={self.folder}", f"KEA_LOCKFILE_DIR={self.folder}", "kea-dhcp4", "-c", path]


class Isc(DhcpServer):
    ack = "DHCPACK on"

    def command(self, first, last, seconds, options=()):
        lines = "".join(f"option o{code} code {code} = string; option o{code} {value};\n" for code, value in options)
        path = self.write("dhcpd.conf", f"""authoritative; ping-check false; ddns-update-style none;
default-lease-time {seconds}; max-lease-time {seconds}; min-lease-time {seconds};
subnet {first.rsplit('.', 1)[0]}.0 netmask 255.255.255.0 {{ range {first} {last}; option routers 10.0.0.1; }}
{lines}""")
        return ["dhcpd", "-4", "-f", "-d", "--no-pid", "-cf", path, "-lf", self.path("leases"), TAP]


SERVERS = {"dnsmasq": Dnsmasq, "kea": Kea, "isc": Isc}


def claim(namespace, address):
    """Starts another host on the link that claims address, until the namespace ends."""
    process = namespace.popen([sys.executable, "-B", os.path.abspath(__file__), address], stdout=subprocess.PIPE)
    assert process.stdout.readline() == b"ready\n"


def main(address):
    """Answers all ARP requests for address, probes too."""
    import socket  # pylint: disable=import-outside-toplevel
    mac, ours = bytes.fromhex("020000000066"), socket.inet_aton(address)
    with socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(0x0806)) as link:
        link.bind((TAP, 0x0806))
        print("ready", flush=True)
        while True:
            frame = link.recv(2048)
            if frame[20:22] == b"\0\1" and frame[38:42] == ours and frame[6:12] != mac:
                link.send(frame[6:12] + mac + frame[12:20] + b"\0\2" + mac + ours + frame[22:32])


if __name__ == "__main__":
    main(sys.argv[1])
