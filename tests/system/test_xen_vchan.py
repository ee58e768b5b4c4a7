# SPDX-License-Identifier: ISC
"""HTTP over a vchan: dom0's libxenvchan at one end, or a second guest; ends that go away in the middle."""
import os
import random
import shlex
import time

import pytest

from rig import cpus, params, server, xen

PATH = "data/vchan"
DOM0, PORT = "10.0.0.3", 8080
WITH_VCHAN = {"XEN_VCHAN": "y", "WWW_VCHAN": "y"}
NOTICED = 30  # seconds until a domain's death is noticed: the check is every five, and the machine may be busy
LARGE_BYTES = 1 << 20
CONFIG = "defconfig_www_xen"


def on_each_cpu(app):
    """www's configurations, those of CPUs other than x86-64 for test-all. Other tests save guests, which Xen can do
    only on x86-64."""
    return pytest.mark.parametrize("config", params.guests(app))


@pytest.fixture
def emulated(request, namespace):
    namespace.tap()
    config = request.node.get_closest_marker("config").args[0]
    with xen.running(namespace.enter, cpu=cpus.cpu_of(config).folder) as one:
        yield one


@pytest.fixture(name="large_site", scope="session")
def made_large_site(tmp_path_factory):
    """A file that no ring holds, of lines that a console shows as they are."""
    folder = tmp_path_factory.mktemp("vchan")
    lines = random.Random(1)
    text = "".join(f"{lines.getrandbits(250):063x}\n" for _ in range(LARGE_BYTES // 64))
    (folder / "large.txt").write_text(text)
    (folder / "empty.txt").write_text("")
    (folder / "index.html").write_text("<!doctype html><title>vchan</title>")
    return folder


def www(builder, site=None, config=CONFIG):
    variables = (f"WWW_DIR={site}",) if site else ()
    name = f"{config}_vchan_large" if site else f"{config}_vchan"
    return builder.build(config, *variables, name=name, options=WITH_VCHAN)


def fetch(builder, emulated, config, options):
    """The client's configuration for the CPU of www's."""
    return emulated.create(builder.build(config.replace("www", "fetch")), "memory=8", f'cmdline="{options}"',
                           name="fetch")


def start_server(emulated, out, client=0, *words):
    """Starts a guest, and waits until it has offered its vchan, whose key a waiting client may have removed since."""
    guest = emulated.create(out, f'cmdline="vchan-client={client}"', *words, name="www")
    wait_for_key(emulated, "event-channel" if client else "ring-ref")
    return guest


def home(emulated, name="www"):
    return "/local/domain/" + emulated.run(f"xl domid {name}").strip()


def has_key(emulated, key):
    return emulated.run(f"xenstore-exists {home(emulated)}/{PATH}/{key} && echo yes; true") == "yes\n"


def is_offered(emulated):
    return has_key(emulated, "ring-ref")


def wait_for_key(emulated, key, seconds=xen.SECONDS):
    end = time.monotonic() + seconds
    while not has_key(emulated, key):
        assert time.monotonic() < end, emulated.run("xenstore-ls /local/domain")
        time.sleep(0.3)


def wait_until_offered(emulated, seconds=xen.SECONDS):
    wait_for_key(emulated, "ring-ref", seconds)


def proxy(emulated, name="www"):
    """libxenvchan as a client, its standard input and output at the other end."""
    where = home(emulated, name)
    return f"vchan-socket-proxy {where.rsplit('/', 1)[1]} {where}/{PATH} -"


def request(path):
    return shlex.quote(f"GET {path} HTTP/1.1\\r\\nHost: x\\r\\nConnection: close\\r\\n\\r\\n")


def counted(emulated):
    held = emulated.held()
    return {"channels": held["channels"], "grants": held["grants"]}, held["log"]


def wait_for_count(emulated, expected, seconds=NOTICED):
    end = time.monotonic() + seconds
    while True:
        now, log = counted(emulated)
        if now == expected:
            return
        assert time.monotonic() < end, f"{now}, not {expected}:\n{log}"


def next_domains(emulated, count):
    """The numbers that the next domains get: Xen counts."""
    text = emulated.run("xl list")
    last = max(int(line.split()[1]) for line in text.splitlines()[1:])
    return range(last + 1, last + 1 + count)


@on_each_cpu("www")
def test_a_client_in_dom0(builder, namespace, emulated, large_site, config):
    """curl, by TCP to dom0, and from there over libxenvchan: one client after the other, reused connections, files
    larger than the rings, and nothing left behind."""
    start_server(emulated, www(builder, large_site, config), 0, "memory=8")
    before, _ = counted(emulated)
    emulated.run(f"ip addr add {DOM0}/24 dev xenbr0; "
                 f"nc -ll -p {PORT} -e /xen/{proxy(emulated)} </dev/null >/tmp/nc.log 2>&1 &")
    names = ["large.txt", "empty.txt", "index.html"]
    for _ in range(3):
        for asked in ([name] for name in names), [names]:
            for together in asked:
                urls = [f"http://{DOM0}:{PORT}/{name}" for name in together]
                got = namespace.run(["curl", "--silent", "--show-error", "--fail", "--retry", "20",
                                     "--retry-all-errors", "--retry-delay", "1", "--max-time", "90", *urls],
                                    timeout=200).stdout
                assert got == "".join((large_site / name).read_text() for name in together), together
    wait_until_offered(emulated)
    wait_for_count(emulated, before)


@pytest.mark.long
@on_each_cpu("www")
def test_two_guests(builder, emulated, config):
    """The client starts first, and connects again and again."""
    client_id, server_id = next_domains(emulated, 2)
    client = fetch(builder, emulated, config, f"server={server_id} page=/style.css times=5")
    start_server(emulated, www(builder, config=config), client_id)
    assert client.wait_end() == xen.POWEROFF
    with open(os.path.join(server.HTDOCS, "style.css"), encoding="utf-8") as file:
        page = file.read()
    assert client.console.count("HTTP/1.1 200 OK") == 5
    assert client.console.count(page) == 5, client.console[-3000:]
    wait_until_offered(emulated)


@pytest.mark.long
@on_each_cpu("www")
def test_a_client_that_is_killed_in_the_middle(builder, emulated, large_site, config):
    """Again and again; the next one is served in full, and nothing is left of those before."""
    start_server(emulated, www(builder, large_site, config), 0, "memory=8")
    before, _ = counted(emulated)
    emulated.run("mkfifo /tmp/in /tmp/out")
    for _ in range(10):
        emulated.run(f"exec 8<>/tmp/in 9<>/tmp/out; printf {request('/large.txt')} >/tmp/in; "
                     f"{proxy(emulated)} </tmp/in >/tmp/out 2>/dev/null & "
                     "head -c 20000 /tmp/out >/tmp/some; sleep 0.3; kill -9 $!; wait $!; true")
        assert emulated.run("head -n 1 /tmp/some").startswith("HTTP/1.1 200 OK")
        wait_until_offered(emulated, NOTICED)
    emulated.run(f"exec 8<>/tmp/in; printf {request('/large.txt')} >/tmp/in; {proxy(emulated)} </tmp/in >/tmp/all")
    text = emulated.run("cat /tmp/all")
    assert text.split("\r\n\r\n", 1)[1] == (large_site / "large.txt").read_text()
    wait_until_offered(emulated, NOTICED)
    wait_for_count(emulated, before)


def served(emulated):
    """The large page as dom0's client gets it."""
    emulated.run("rm -f /tmp/in; mkfifo /tmp/in; "
                 f"exec 8<>/tmp/in; printf {request('/large.txt')} >/tmp/in; {proxy(emulated)} </tmp/in >/tmp/all")
    return emulated.run("cat /tmp/all").split("\r\n\r\n", 1)[1]


@pytest.mark.long
@pytest.mark.config(CONFIG)
def test_a_server_that_is_saved_and_restored(builder, emulated, large_site):
    """With a client in the middle, which is told of the end, and without: the next client is served. A checkpoint
    changes nothing."""
    text = (large_site / "large.txt").read_text()
    guest = start_server(emulated, www(builder, large_site), 0, "memory=8")
    emulated.run("mkfifo /tmp/out")
    for times in range(1, 3):
        emulated.run("rm -f /tmp/in; mkfifo /tmp/in; "
                     f"exec 8<>/tmp/in 9<>/tmp/out; printf {request('/large.txt')} >/tmp/in; "
                     f"{proxy(emulated)} </tmp/in >/tmp/out 2>/dev/null & echo $! >/tmp/client; "
                     "head -c 20000 /tmp/out >/tmp/some")
        assert not is_offered(emulated)
        emulated.run("xl save www /guests/saved && xl restore /guests/saved")
        guest.wait_for("suspend: result=0", times=2 * times - 1)
        wait_until_offered(emulated, NOTICED)
        emulated.run("kill -9 $(cat /tmp/client); true")
        assert served(emulated) == text
        wait_until_offered(emulated, NOTICED)
        emulated.run("xl save -c www /guests/saved")
        guest.wait_for("suspend: result=1", times=times)
        assert served(emulated) == text
        wait_until_offered(emulated, NOTICED)
        emulated.run("xl save www /guests/saved && xl restore /guests/saved")
        guest.wait_for("suspend: result=0", times=2 * times)
        wait_until_offered(emulated, NOTICED)
        assert served(emulated) == text
        wait_until_offered(emulated, NOTICED)


@pytest.mark.long
@pytest.mark.config(CONFIG)
def test_a_client_that_is_saved_and_restored(builder, emulated, large_site):
    """In the middle of a page, whose server is paused meanwhile: the client is told of the end of its flow, and the
    server offers its vchan again."""
    paused_in_the_middle(builder, emulated, large_site)
    client = xen.Domain(emulated, "fetch")
    emulated.run("xl pause www; xl unpause fetch; xl save fetch /guests/saved && xl restore /guests/saved")
    client.wait_for("fetch: page=/large.txt error=104$")
    client.wait_end()
    assert "virga: exit status 1" in client.console
    assert sorted(client.reasons()) == [xen.SUSPEND, xen.CRASH]
    emulated.run("xl unpause www")
    wait_until_offered(emulated, NOTICED)


def paused_in_the_middle(builder, emulated, site, config=CONFIG):
    """A client that asks for the same page again and again, paused before it has half of one; and its server."""
    client_id, server_id = next_domains(emulated, 2)
    client = fetch(builder, emulated, config, f"server={server_id} page=/large.txt times=1000")
    start_server(emulated, www(builder, site, config), client_id, "memory=8")
    while True:
        client.wait_for("HTTP/1.1 200 OK")
        emulated.run("xl pause fetch")
        if len(client.console.rpartition("HTTP/1.1 200 OK")[2]) < LARGE_BYTES / 2:
            break
        emulated.run("xl unpause fetch; sleep 0.2")
    assert not is_offered(emulated)


@pytest.mark.long
@on_each_cpu("www")
def test_a_client_that_is_destroyed_in_the_middle(builder, emulated, large_site, config):
    """The server offers its vchan again, and no memory of the client stays in use."""
    start, _ = counted(emulated)
    paused_in_the_middle(builder, emulated, large_site, config)
    emulated.run("xl destroy fetch")
    wait_until_offered(emulated, NOTICED)
    assert emulated.domains() == ["www"]
    emulated.run("xl destroy www")
    wait_for_count(emulated, start)


@pytest.mark.long
@on_each_cpu("www")
def test_a_server_that_is_destroyed_in_the_middle(builder, emulated, large_site, config):
    """The client is told of the end, and unmaps the server's pages: until then the domain remains. It waits for another
    server."""
    start, _ = counted(emulated)
    paused_in_the_middle(builder, emulated, large_site, config)
    emulated.run("xl destroy www")
    assert len(emulated.domains()) == 2, "what it has is nobody's"
    emulated.run("xl unpause fetch")
    end = time.monotonic() + NOTICED
    while emulated.domains() != ["fetch"]:
        assert time.monotonic() < end, emulated.run("xl list")
        time.sleep(0.3)
    emulated.run("xl destroy fetch")
    wait_for_count(emulated, start)


@pytest.mark.long
@on_each_cpu("fetch")
def test_a_server_in_dom0(builder, emulated, large_site, config):
    """libxenvchan's server, whose rings are both in the shared page; it is killed when it has sent all."""
    text = (large_site / "large.txt").read_text()[:100000]
    client = emulated.create(builder.build(config), "memory=8", 'cmdline="server=0 page=/some/page"', name="fetch")
    emulated.dom0.put("/tmp/answer", b"HTTP/1.1 200 OK\r\n\r\n" + text.encode())
    emulated.run("mkfifo /tmp/in; exec 8<>/tmp/in; "
                 f"vchan-socket-proxy -m server $(xl domid fetch) /local/domain/0/{PATH} - "
                 "</tmp/in >/tmp/asked 2>/tmp/proxy.log & cat /tmp/answer >/tmp/in")
    client.wait_for(text[-64:])
    assert text in client.console
    assert emulated.run("head -n 1 /tmp/asked") == "GET /some/page HTTP/1.1\r\n"
    emulated.run("kill -9 $(pidof vchan-socket-proxy)")
    assert client.wait_end() == xen.POWEROFF
