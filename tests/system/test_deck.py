# SPDX-License-Identifier: ISC
"""The deck: its slides in a browser by keyboard, without JavaScript and on paper; its live figures; and the truth of
its statements about Virga."""
import html
import json
import os
import re
import shlex

import pytest

from rig import build, cpus, params
from rig.browser import Browser
from rig.sockets import Sockets

SLIDES = os.path.join(build.TREE, "apps", "deck", "htdocs")
DEFCONFIGS = {"unix-socket": "defconfig_deck_unix_socket",
              **{machine: cpus.defconfig("deck", machine) for machine in ("microvm", *cpus.others("deck", first=True))}}
WAYS = [params.marked(way, name) for way, name in DEFCONFIGS.items()]
COMMON = {"uptime_us", "boot_us", "memory_bytes", "memory_used_bytes", "memory_peak_bytes", "http_requests",
          "http_connections", "tcp_connections", "tcp_accepted"}
ON_THE_WIRE = {"packets_received", "packets_sent", "packets_dropped", "received_bytes", "sent_bytes",
               "tcp_segments_received", "tcp_segments_sent", "tcp_segments_repeated"}


@pytest.fixture
def deck(serve, way):
    return serve(way, defconfig=DEFCONFIGS[way])


@pytest.fixture
def browser(deck, need, tmp_path):
    with Browser(deck.namespace, need("chromium"), tmp_path / "profile") as started:
        yield started


def page():
    with open(os.path.join(SLIDES, "index.html"), encoding="utf-8") as file:
        return file.read()


def slide_count():
    return len(re.findall("<section[ >]", page()))


@pytest.mark.parametrize("way", WAYS)
def test_figures(deck, way):
    first, second = (json.loads(deck.curl(deck.url("figures.json"))) for _ in range(2))
    expected = COMMON | (set() if way == "unix-socket" else ON_THE_WIRE)
    assert expected <= first.keys() == second.keys()
    assert all(type(value) is int and value >= 0 for value in [*first.values(), *second.values()])
    assert second["uptime_us"] > first["uptime_us"] > first["boot_us"] == second["boot_us"]
    assert second["http_requests"] > first["http_requests"]
    assert second["tcp_accepted"] > first["tcp_accepted"]
    assert 0 < second["memory_used_bytes"] <= second["memory_peak_bytes"] <= second["memory_bytes"]
    for name in {"packets_received", "packets_sent", "received_bytes", "sent_bytes", "tcp_segments_sent"} & expected:
        assert second[name] > first[name], name
    head = deck.curl("--head", deck.url("figures.json"))
    assert b"Content-Type: application/json\r\n" in head and b"Cache-Control: no-store\r\n" in head
    assert deck.curl("-o", "/dev/null", "-w", "%{http_code}", "-d", "x", deck.url("figures.json")) == b"405"


@pytest.mark.parametrize("way", WAYS)
def test_figures_a_hundred_times(deck):
    """More often than there are copies: each comes back."""
    answers = deck.curl("-w", "\n", *[deck.url("figures.json")] * 100).decode().splitlines()
    assert len([json.loads(answer) for answer in answers]) == 100


@pytest.mark.parametrize("way", WAYS)
def test_who_does_not_read_stops_nobody(deck, namespace):
    """Clients that do not read hold all copies: others get a 503, and a copy when those have gone."""
    linux = Sockets(namespace)
    linux.do("many = []")
    request = "GET /figures.json HTTP/1.1\\r\\nHost: a\\r\\n\\r\\n"
    for _ in range(24):
        linux.do("many.append(socket.socket())")
        linux.do("many[-1].setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1024)")
        linux.do(f"many[-1].connect(('{deck.host}', {deck.port}))")
        linux.do(f"many[-1].sendall(b'{request}' * 40)")
    statuses = [deck.curl("-o", "/dev/null", "-w", "%{http_code}", deck.url("figures.json")) for _ in range(5)]
    assert set(statuses) <= {b"200", b"503"}
    assert b"<!doctype html>" in deck.curl(deck.url()), "the slides come"
    for i in range(24):
        linux.do(f"many[{i}].setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, bytes((1, 0, 0, 0, 0, 0, 0, 0)))")
        linux.do(f"many[{i}].close()")
    assert json.loads(deck.curl("--retry", "10", "--fail", deck.url("figures.json")))


def expect_slide(browser, n):
    """Only this slide is shown, its number is in the URL, and its heading has the focus, for screen readers."""
    browser.wait_for(f"location.hash === '#{n}'")
    shown = browser.value("[...document.querySelectorAll('main > section')].map((s, i) => "
                          "s.checkVisibility() ? i + 1 : 0).filter(n => n)")
    assert shown == [n]
    assert browser.value("document.querySelector('.turn output').textContent") == f"{n} / {slide_count()}"
    assert browser.value("document.activeElement.matches('main > section:not([hidden]) :is(h1, h2)')")


@pytest.mark.parametrize("way", WAYS)
def test_slides_are_turned_by_keyboard(deck, browser, output, way):
    last = slide_count()
    assert last >= 10
    browser.open(deck.url())
    assert browser.value("document.querySelectorAll('main > section:not([hidden])').length") == 1
    for n in range(2, last + 1):
        browser.press("ArrowRight")
        expect_slide(browser, n)
        browser.screenshot(os.path.join(output, f"deck-{way}-{n:02}.png"))
    browser.press("ArrowRight")
    expect_slide(browser, last)
    browser.press("Home")
    expect_slide(browser, 1)
    browser.press("End")
    expect_slide(browser, last)
    browser.press("ArrowLeft")
    expect_slide(browser, last - 1)
    browser.press("Home")
    expect_slide(browser, 1)
    browser.screenshot(os.path.join(output, f"deck-{way}-01.png"))
    # On a slide that is larger than the window these keys scroll first.
    for key, shift, n in ((" ", False, 2), ("PageDown", False, 3), ("ArrowDown", False, 4), ("ArrowUp", False, 3),
                          (" ", True, 2), ("PageUp", False, 1)):
        for _ in range(50):
            if browser.value("location.hash") == f"#{n}":
                break
            browser.press(key, shift)
        expect_slide(browser, n)
    browser.value("history.back()")
    expect_slide(browser, 2)
    browser.click(1200, 780 - 500)
    expect_slide(browser, 3)
    browser.click(10, 300)
    expect_slide(browser, 2)
    browser.value("location.hash = '#live'")
    browser.wait_for("document.getElementById('live').checkVisibility()")
    browser.open(deck.url("?a-page-of-its-own#5"))
    browser.wait_for("document.querySelectorAll('main > section')[4].checkVisibility()")
    # All requests went to the image, and all that the page refers to has come.
    seen = browser.requests
    assert all(url.startswith(deck.url()) and status in (200, 304) for url, status in seen.items()), seen
    for name in os.listdir(SLIDES):
        assert name == "index.html" or deck.url(name) in seen, (name, seen)


@pytest.mark.parametrize("way", WAYS)
def test_the_live_slide_is_live(deck, browser, output, way):
    cell = "document.querySelector('[data-figure={}]')"
    asked = "performance.getEntriesByType('resource').filter(e => e.name.endsWith('/figures.json')).length"
    browser.open(deck.url())
    assert browser.value(asked) == 0, "no slide that shows them is seen"
    browser.open(deck.url("?live#live"))
    requests = cell.format("http_requests") + ".textContent"
    browser.wait_for(f"/^[0-9,]+$/.test({requests})")
    before = browser.value(requests)
    browser.wait_for(f"{requests} !== '{before}'")
    browser.wait_for(f"{asked} >= 3")
    assert re.fullmatch(r"[\d,.]+ m?s", browser.value(cell.format("boot_us") + ".textContent"))
    assert re.fullmatch(r"[\d,.]+ [kM]B", browser.value(cell.format("memory_used_bytes") + ".textContent"))
    assert browser.value(cell.format("packets_sent") + ".checkVisibility()") == (way != "unix-socket")
    browser.screenshot(os.path.join(output, f"deck-{way}-live.png"))
    browser.press("ArrowRight")
    browser.wait_for("!document.getElementById('live').checkVisibility()")
    then = browser.value(asked)
    browser.value("new Promise(done => setTimeout(done, 3000))")
    assert browser.value(asked) - then <= 1, "asked for while nobody sees them"


@pytest.mark.config("defconfig_deck_unix_socket")
def test_from_a_disk(serve, builder):
    """The same folder, as a FAT disk."""
    disk = os.path.join(builder.path("deck-fat"), "disk.img")
    deck = serve("unix-socket", defconfig="defconfig_deck_unix_socket", name="deck-fat", options_set={"FS_FAT": "y"},
                 options=f"disk={disk},ro")
    for name in os.listdir(SLIDES):
        with open(os.path.join(SLIDES, name), "rb") as file:
            assert deck.curl(deck.url(name)) == file.read(), name
    assert COMMON <= json.loads(deck.curl(deck.url("figures.json"))).keys()


@pytest.mark.parametrize("way", WAYS)
def test_without_javascript_it_is_a_page(deck, browser):
    browser.call("Emulation.setScriptExecutionDisabled", value=True)
    browser.open(deck.url())
    size = browser.call("Page.getLayoutMetrics")["cssContentSize"]
    assert size["height"] > 3000 and size["width"] <= 1280, size


@pytest.mark.parametrize("way", WAYS)
def test_a_slide_is_a_sheet(deck, browser):
    browser.open(deck.url())
    assert len(re.findall(rb"/Type\s*/Page\b", browser.pdf())) == slide_count()


@pytest.mark.config("defconfig_deck_qemu")
def test_what_the_slides_say(tmp_path):
    """The code is the skeleton's, and each command of the chain configures what the slide says."""
    text = html.unescape(page())
    with open(os.path.join(build.TREE, "apps", "skeleton", "README.md"), encoding="utf-8") as file:
        readme = file.read()
    code = re.search(r"<code>(static int answer.*?)</code>", text, re.DOTALL).group(1)
    assert code in readme
    chain = re.findall(r"<strong>[^<]*</strong><br><code>(.*?)</code>", text)
    expected = [{"TARGET_UNIX", "NET_SOCKET", "FS_CRUNCH"}, {"TARGET_UNIX", "NET_DIRECT", "FS_CRUNCH"},
                {"TARGET_QEMU", "NET_DIRECT", "FS_CRUNCH"}, {"TARGET_QEMU", "NET_DIRECT", "FS_FAT"}]
    assert len(chain) == len(expected)
    for command, options in zip(chain, expected):
        words = shlex.split(command.replace("&& make run", "").removesuffix(" run"))
        assert command.endswith(" run") and words.count("make") == 1
        variables, goals = words[:words.index("make")], words[words.index("make") + 1:]
        build.make(f"O={tmp_path}", *goals, environment=dict(word.split("=") for word in variables))
        on = build.configuration(tmp_path)
        assert options | {"APP_DECK"} <= on.keys(), (command, on)
    assert on["WWW_PORT"] == "80"
