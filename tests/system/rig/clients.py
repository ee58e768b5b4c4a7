# SPDX-License-Identifier: ISC
"""HTTP clients that run inside a test's namespace: clients.py NAME '{"argument": …}' prints JSON.

Plain sockets on purpose: these clients see every byte, and no library hides a retry.
"""
import asyncio
import base64
import hashlib
import json
import select
import socket
import sys
import time


def parse_head(head):
    lines = head.decode("latin-1").split("\r\n")
    fields = {}
    for line in lines[1:]:
        name, _, value = line.partition(":")
        fields[name.strip().lower()] = value.strip()
    return int(lines[0].split(" ")[1]), fields


async def read_answer(reader, head_only=False):
    head = await reader.readuntil(b"\r\n\r\n")
    status, fields = parse_head(head[:-4])
    bodiless = head_only or status == 304 or 100 <= status < 200
    body = b"" if bodiless else await reader.readexactly(int(fields.get("content-length", 0)))
    return status, fields, body


async def one_request(host, port, path, seconds, opened=None):
    """One connection, one request. Gives status and SHA-256 of the body, or what went wrong."""
    writer = None
    try:
        reader, writer = await asyncio.wait_for(asyncio.open_connection(host, port), seconds)
        if opened:
            await opened()
        writer.write(f"GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode())
        status, _, body = await asyncio.wait_for(read_answer(reader), seconds)
        rest = await asyncio.wait_for(reader.read(), seconds)
        if rest:
            return f"{len(rest)} bytes after the answer", ""
        return status, hashlib.sha256(body).hexdigest()
    except (OSError, asyncio.TimeoutError, asyncio.IncompleteReadError, ValueError) as error:
        return f"{type(error).__name__}: {error}", ""
    finally:
        if writer:
            writer.close()


def tally(answers):
    counts = {}
    for answer in answers:
        key = f"{answer[0]} {answer[1]}".strip()
        counts[key] = counts.get(key, 0) + 1
    return counts


def turn(host, port=80, path="/", count=1000, seconds=30):
    """count connections one after the other."""
    async def run():
        return [await one_request(host, port, path, seconds) for _ in range(count)]
    start = time.monotonic()
    counts = tally(asyncio.run(run()))
    return {"answers": counts, "seconds": time.monotonic() - start}


def keep_alive(host, port=80, path="/", count=100, seconds=30):
    """count requests on one connection, each sent when the answer before it has come."""
    async def run():
        reader, writer = await asyncio.open_connection(host, port)
        answers = []
        for _ in range(count):
            writer.write(f"GET {path} HTTP/1.1\r\nHost: {host}\r\n\r\n".encode())
            status, _, body = await asyncio.wait_for(read_answer(reader), seconds)
            answers.append((status, hashlib.sha256(body).hexdigest()))
        writer.close()
        return answers
    return {"answers": tally(asyncio.run(run()))}


def ask(host, port=80, seconds=120):
    """One connection: a request for each line of standard input, which is its path. Prints each answer: its status,
    its body's SHA-256, and the server's time."""
    async def body():
        reader, writer = await asyncio.wait_for(asyncio.open_connection(host, port), seconds)
        for line in sys.stdin:
            writer.write(f"GET {line.strip()} HTTP/1.1\r\nHost: {host}\r\n\r\n".encode())
            status, fields, content = await asyncio.wait_for(read_answer(reader), seconds)
            print(json.dumps([status, hashlib.sha256(content).hexdigest(), fields["date"]]), flush=True)
        writer.close()
    asyncio.run(body())


def burst(host, port=80, path="/", count=200, seconds=120):
    """count connections that are all open before the first of them asks."""
    async def run():
        everybody = asyncio.Event()
        arrived = 0

        async def opened():
            nonlocal arrived
            arrived += 1
            if arrived == count:
                everybody.set()
            try:  # refused clients must not hold up the others for ever
                await asyncio.wait_for(everybody.wait(), seconds / 2)
            except asyncio.TimeoutError:
                pass
        answers = await asyncio.gather(*[one_request(host, port, path, seconds, opened) for _ in range(count)])
        return answers, arrived
    start = time.monotonic()
    answers, arrived = asyncio.run(run())
    return {"answers": tally(answers), "open_at_once": arrived, "seconds": time.monotonic() - start}


def hold(host, port=80, path="/", count=200, seconds=60):
    """count connections, each opened once the one before it has been answered; when all are open, and none
    has been closed, all ask again at once."""
    request = f"GET {path} HTTP/1.1\r\nHost: {host}\r\n\r\n".encode()

    async def ask(reader, writer):
        writer.write(request)
        status, _, body = await asyncio.wait_for(read_answer(reader), seconds)
        return status, hashlib.sha256(body).hexdigest()

    async def ask_or_say(reader, writer):
        try:
            return await ask(reader, writer)
        except (OSError, asyncio.TimeoutError, asyncio.IncompleteReadError, ValueError) as error:
            return f"{type(error).__name__}: {error}", ""

    async def run():
        conns = []
        for _ in range(count):
            conns.append(await asyncio.wait_for(asyncio.open_connection(host, port), seconds))
            await ask(*conns[-1])
        opened = sum(not reader.at_eof() for reader, _ in conns)
        answers = await asyncio.gather(*[ask_or_say(*conn) for conn in conns])
        for _, writer in conns:
            writer.close()
        return answers, opened
    start = time.monotonic()
    answers, opened = asyncio.run(run())
    return {"answers": tally(answers), "open_at_once": opened, "seconds": time.monotonic() - start}


def flood(host, port=80, count=2000, seconds=3.0, text=""):
    """Opens count connections at once, sends text on each, keeps them for a while, and closes all."""
    conns = []
    for _ in range(count):
        conn = socket.socket()
        conn.setblocking(False)
        try:
            conn.connect((host, port))
        except BlockingIOError:
            pass
        conns.append(conn)
    end, connected = time.monotonic() + seconds, set()
    while time.monotonic() < end:
        for conn in conns:
            try:
                if conn not in connected and conn.getpeername():
                    connected.add(conn)
                    conn.send(text.encode())
            except OSError:
                pass
        time.sleep(0.05)
    for conn in conns:
        conn.close()
    return {"connected": len(connected)}


def crowd(host, port=80, path="/", count=256, wait=2.0, newcomers=20, seconds=30):
    """count clients ask once and then stay for good, even when the server closes; after a while newcomers come, one
    after the other. Gives the time of the slowest newcomer."""
    conns = []
    for _ in range(count):
        conns.append(socket.create_connection((host, port), seconds))
        conns[-1].sendall(f"HEAD {path} HTTP/1.1\r\nHost: {host}\r\n\r\n".encode())
        answered = conns[-1].recv(12)
        assert answered == b"HTTP/1.1 200", answered
    time.sleep(wait)
    answers, slowest = [], 0.0
    for _ in range(newcomers):
        start = time.monotonic()
        answers.append(asyncio.run(one_request(host, port, path, seconds)))
        slowest = max(slowest, time.monotonic() - start)
    for conn in conns:
        conn.close()
    return {"answers": tally(answers), "slowest": slowest}


def fetch(host, port=80, path="/", seconds=600):
    """Fetches one large answer, hashed as it comes."""
    start = time.monotonic()
    with socket.create_connection((host, port), seconds) as conn:
        conn.settimeout(seconds)
        conn.sendall(f"GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode())
        file = conn.makefile("rb")
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            line = file.readline()
            if not line:
                return {"status": 0, "head": head.decode("latin-1")}
            head += line
        status, fields = parse_head(head[:-4])
        digest, size = hashlib.sha256(), 0
        while True:
            data = file.read1(1 << 16)
            if not data:
                break
            digest.update(data)
            size += len(data)
            if time.monotonic() - start > seconds:
                break
    return {"status": status, "fields": fields, "bytes": size, "sha256": digest.hexdigest(),
            "seconds": time.monotonic() - start}


def raw(host, port=80, parts=(), pause=0.0, idle=3.0, close_write=False):
    """Sends the parts (base64) with a pause after each, then reads until the peer closes or has been silent for idle
    seconds. Gives all bytes (base64) and how the connection ended."""
    with socket.create_connection((host, port), 30) as conn:
        conn.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        received, ended = b"", "idle"
        try:
            for part in parts:
                conn.sendall(base64.b64decode(part))
                time.sleep(pause)
            if close_write:
                conn.shutdown(socket.SHUT_WR)
            conn.settimeout(max(idle, 0.001))
            while True:
                data = conn.recv(65536)
                if not data:
                    ended = "closed"
                    break
                received += data
        except socket.timeout:
            pass
        except ConnectionError:
            ended = "reset"
    return {"data": base64.b64encode(received).decode(), "ended": ended}


class Attempt:
    """One connection with one request. advance() gives True for a whole answer of 200, False for a failure, None while
    the answer may still come."""

    def __init__(self, host, port, request):
        self.conn = socket.socket()
        self.conn.setblocking(False)
        self.to_send, self.received = request, b""
        self.conn.connect_ex((host, port))

    def advance(self):
        try:
            if self.to_send:
                self.to_send = self.to_send[self.conn.send(self.to_send):]
                return None
            data = self.conn.recv(65536)
        except BlockingIOError:
            return None
        except OSError:
            return False
        self.received += data
        head, end, body = self.received.partition(b"\r\n\r\n")
        if end:
            status, fields = parse_head(head)
            if status != 200 or len(body) >= int(fields.get("content-length", 0)):
                return status == 200
        return None if data else False


def wait_for_200(host, port=80, path="/", seconds=60, alive=None, pause=0.005):
    """Opens a fresh connection every pause seconds until an answer of 200 has come whole, and sleeps in between: a
    guest that starts meanwhile has the processor. Gives the clock at that moment (CLOCK_MONOTONIC is the same for all
    processes). Ends early when alive() gives False: there is no server to wait for."""
    request = f"GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode()
    now = time.monotonic()
    deadline, opening = now + seconds, now
    attempts, poll = {}, select.poll()  # oldest first

    def end(descriptor):
        poll.unregister(descriptor)
        attempts.pop(descriptor).conn.close()

    try:
        while now < deadline and (alive is None or alive()):
            if now >= opening:
                opening = now + pause
                attempt = Attempt(host, port, request)
                attempts[attempt.conn.fileno()] = attempt
                poll.register(attempt.conn, select.POLLOUT)
                # A starting guest finds the newest attempts, not thousands of old ones; a slow guest answers the oldest
                # that it has accepted.
                waiting = [at for at, one in attempts.items() if one.to_send]
                taken = [at for at, one in attempts.items() if not one.to_send]
                for descriptor in waiting[:-16] + taken[16:]:
                    end(descriptor)
            for descriptor, _ in poll.poll(1000 * max(0, opening - now)):
                done = attempts[descriptor].advance()
                if done:
                    return {"clock": time.monotonic(), "attempts": len(attempts)}
                if done is False:
                    end(descriptor)
                elif not attempts[descriptor].to_send:
                    poll.modify(descriptor, select.POLLIN)
            now = time.monotonic()
        return {"clock": None}
    finally:
        for descriptor in list(attempts):
            end(descriptor)


def echo(host, sizes, port=0, seconds=30):
    """ICMP echoes with payloads of sizes, fragmented if need be. Gives the sizes that came back."""
    del port
    came = []
    with socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP) as raw_socket:
        raw_socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
        for number, size in enumerate(sizes):
            rest = bytes((0x56, 0x47, 0, number)) + bytes(i * 7 & 255 for i in range(size))
            raw_socket.sendto(b"\x08\0" + internet_checksum(b"\x08\0\0\0" + rest) + rest, (host, 0))
            end = time.monotonic() + seconds
            while time.monotonic() < end:
                raw_socket.settimeout(max(end - time.monotonic(), 0.001))
                try:
                    answer = raw_socket.recv(70000)[20:]
                except TimeoutError:
                    break
                if answer[:2] == b"\0\0" and answer[4:] == rest and internet_checksum(answer) == b"\0\0":
                    came.append(size)
                    break
    return {"came": came}


def internet_checksum(message):
    padded = message + b"\0" * (len(message) % 2)
    total = sum(padded[i] << 8 | padded[i + 1] for i in range(0, len(padded), 2))
    while total >> 16:
        total = (total & 0xffff) + (total >> 16)
    return (~total & 0xffff).to_bytes(2, "big")


if __name__ == "__main__":
    clients = {one.__name__: one
               for one in (turn, keep_alive, ask, burst, hold, flood, crowd, fetch, raw, echo, wait_for_200)}
    print(json.dumps(clients[sys.argv[1]](**json.loads(sys.argv[2]))))
