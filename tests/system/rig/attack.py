# SPDX-License-Identifier: ISC
"""Attacks, inside a test's namespace: attack.py NAME '{"argument": …}' prints JSON at its end.

Floods are frames made beforehand and sent from a packet socket at a steady rate, so that two servers can be
put under the same flood.
"""
import asyncio
import json
import random
import socket
import struct
import sys
import time

SYN, ACK = 2, 16


def checksum(data):
    total = sum(struct.unpack(f">{len(data) // 2}H", data))
    total = (total & 0xFFFF) + (total >> 16)
    return ~(total + (total >> 16)) & 0xFFFF


def forged_frame(dice, mac, target, port, flags):
    """A segment from a forged address, as an Ethernet frame."""
    source = struct.pack(">I", dice.randrange(0x0B000000, 0x7F000000))
    target = socket.inet_aton(target)
    options = bytes([2, 4, 5, 180, 4, 2, 8, 10]) + struct.pack(">II", dice.getrandbits(32), 0) + bytes([1, 3, 3, 7])
    options = options if flags == SYN else b""
    numbers = dice.getrandbits(32), dice.getrandbits(32) if flags & ACK else 0
    tcp = struct.pack(">HHIIBBHHH", dice.randrange(1024, 65536), port, *numbers, (20 + len(options)) << 2, flags,
                      64240, 0, 0) + options
    pseudo = source + target + struct.pack(">HH", 6, len(tcp))
    tcp = tcp[:16] + struct.pack(">H", checksum(pseudo + tcp)) + tcp[18:]
    header = struct.pack(">BBHHHBBH", 0x45, 0, 20 + len(tcp), dice.getrandbits(16), 0x4000, 64, 6, 0) + source + target
    header = header[:10] + struct.pack(">H", checksum(header)) + header[12:]
    return bytes.fromhex(mac.replace(":", "")) + bytes([2, 0, 0, 0, 0, 9]) + b"\x08\x00" + header + tcp


def forge(device, mac, target, port=80, kind="syn", rate=5000, seconds=10.0):
    """A flood of forged SYNs or ACKs. Gives the number sent."""
    dice = random.Random(1)
    flags = {"syn": SYN, "ack": ACK}[kind]
    frames = [forged_frame(dice, mac, target, port, flags) for _ in range(8192)]
    wire = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
    wire.bind((device, 0))
    print("begun", flush=True)
    start, sent = time.monotonic(), 0
    while time.monotonic() - start < seconds:
        for _ in range(int((time.monotonic() - start) * rate) - sent):
            try:
                wire.send(frames[sent % len(frames)])
            except OSError:
                break  # the device's queue is full
            sent += 1
        time.sleep(0.002)
    return {"sent": sent}


def greedy(host, port=80, path="/", count=20, rounds=8, requests=30, seconds=10.0):
    """count clients that send rows of requests, each in its own segment, and read hardly any of the answers: just
    enough for the next row to be accepted."""
    text = f"GET {path} HTTP/1.1\r\nHost: {host}\r\nX: {'x' * 200}\r\n\r\n".encode()
    conns = []
    for _ in range(count):
        conn = socket.socket()
        conn.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1)
        conn.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        conn.connect((host, port))
        conn.setblocking(False)
        conns.append(conn)
    end = time.monotonic() + seconds
    for turn in range(rounds):
        for act in [lambda conn: conn.send(text)] * requests + [lambda conn: conn.recv(4096)]:
            for conn in conns:
                try:
                    act(conn)
                except OSError:
                    pass  # the window is shut, or the connection was refused
            time.sleep(0.003)
        if turn == 1:
            print("begun", flush=True)
    time.sleep(max(0.0, end - time.monotonic()))
    return {"clients": count}


def newcomers(host, port=80, count=50, pause=0.1, seconds=3.0):
    """Clients, one after the other: each connects, asks, and reads the whole answer. Gives how many succeeded within
    the time limit, the slowest time, and whether a connection from before still works."""
    request = f"GET / HTTP/1.1\r\nHost: {host}\r\n\r\n".encode()

    async def ask(reader, writer):
        writer.write(request)
        head = await reader.readuntil(b"\r\n\r\n")
        lines = head.decode("latin-1").lower().split("\r\n")
        await reader.readexactly(next(int(line.split(":")[1]) for line in lines if line.startswith("content-length:")))
        return lines[0].split(" ")[1] == "200"

    async def come():
        reader, writer = await asyncio.open_connection(host, port)
        try:
            return await ask(reader, writer)
        finally:
            writer.close()

    async def run():
        old = await asyncio.open_connection(host, port)
        await ask(*old)
        print("begun", flush=True)
        sys.stdin.readline()  # until the attack has begun
        served, times = 0, []
        for _ in range(count):
            start = time.monotonic()
            try:
                served += await asyncio.wait_for(come(), seconds)
                times.append(time.monotonic() - start)
            except (OSError, asyncio.TimeoutError, asyncio.IncompleteReadError):
                pass
            await asyncio.sleep(pause)
        try:
            stands = await asyncio.wait_for(ask(*old), 10)
        except (OSError, asyncio.TimeoutError, asyncio.IncompleteReadError):
            stands = False
        return {"count": count, "served": served, "slowest": max(times, default=None), "old_stands": stands}
    return asyncio.run(run())


def linux_server(port=80):
    """A server on the host's own stack, for comparison: answers each request with a few bytes, for ever."""
    answer = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"

    async def client(reader, writer):
        try:
            while await reader.readuntil(b"\r\n\r\n"):
                writer.write(answer)
        except (OSError, asyncio.IncompleteReadError):
            writer.close()

    async def run():
        server = await asyncio.start_server(client, "0.0.0.0", port, backlog=256)
        print("begun", flush=True)
        await server.serve_forever()
    asyncio.run(run())


if __name__ == "__main__":
    acts = {one.__name__: one for one in (forge, greedy, newcomers, linux_server)}
    print(json.dumps(acts[sys.argv[1]](**json.loads(sys.argv[2]))))
