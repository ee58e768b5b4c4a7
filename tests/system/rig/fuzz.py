# SPDX-License-Identifier: ISC
"""Sends thousands of frames fuzzed by scapy, from a seed: fuzz.py '{"mac": …, "count": …, "seed": …}' in a test's
namespace. Headers are right enough to be parsed, and wrong somewhere."""
import json
import logging
import random
import sys

logging.getLogger("scapy").setLevel(logging.ERROR)
from scapy.all import ARP, ICMP, IP, TCP, UDP, Ether, Raw, conf, fuzz  # noqa: E402

HOST, GUEST, TAP = "10.0.0.1", "10.0.0.2", "tap0"


def layers(rng):
    port = rng.choice((80, 81, rng.randrange(65536)))
    to = IP(src=HOST, dst=GUEST)
    body = Raw(rng.randbytes(rng.choice((0, 1, 40, 1400))))
    yield to / fuzz(TCP(dport=port, flags=rng.choice(("S", "A", "PA", "F", "R", "SF", "")))) / body
    yield to / TCP(dport=port, flags="S", options=[(rng.randrange(256), rng.randbytes(rng.randrange(20)))])
    yield to / fuzz(UDP(dport=port)) / body
    yield to / fuzz(ICMP()) / body
    yield fuzz(IP(src=HOST, dst=GUEST)) / TCP(dport=port) / body
    yield IP(src=HOST, dst=GUEST, id=rng.randrange(4), flags=rng.choice(("", "MF", "DF")),
             frag=rng.randrange(200), proto=rng.choice((1, 6, 17))) / body
    yield fuzz(ARP(pdst=GUEST))
    yield Raw(rng.randbytes(rng.randrange(1, 1500)))


def frames(mac, count, seed):
    rng = random.Random(seed)
    random.seed(seed)  # scapy's source of randomness
    made = 0
    while made < count:
        for payload in layers(rng):
            data = bytearray(bytes(Ether(dst=mac, src="02:00:00:00:00:01", type=0x0806 if ARP in payload else 0x0800) /
                                   payload)[:1514])
            if rng.random() < 0.2:
                data[rng.randrange(14, len(data))] ^= 1 << rng.randrange(8)
            yield bytes(data)
            made += 1


def main():
    arguments = json.loads(sys.argv[1])
    socket = conf.L2socket(iface=TAP)
    sent = 0
    for frame in frames(arguments["mac"], arguments["count"], arguments["seed"]):
        try:
            socket.send(frame)
            sent += 1
        except OSError:
            pass  # the tap's queue is full, or the frame is too broken to send
    print(json.dumps({"sent": sent}))


if __name__ == "__main__":
    main()
