# SPDX-License-Identifier: ISC
"""The numbers of all parts as one table with ratios, and as one picture."""
import math
from html import escape
from statistics import median

COLOURS = {"virga": "#0b6e99", "linux": "#d9730d", "floor": "#9b9a97", "nginx": "#d9730d", "Linux": "#d9730d"}


def ratio(a, b):
    return f"{a / b:.2f}" if a and b else "-"


def number(value, digits=0):
    return "-" if value is None else f"{value:,.{digits}f}"


def table(title, head, rows):
    """Text columns: the first is aligned to the left, the others to the right."""
    cells = [list(map(str, row)) for row in [head, *rows]]
    widths = [max(len(row[i]) for row in cells) for i in range(len(head))]
    lines = [title]
    for n, row in enumerate(cells):
        lines.append("  " + "  ".join(cell.ljust(width) if i == 0 else cell.rjust(width)
                                      for i, (cell, width) in enumerate(zip(row, widths))).rstrip())
        if n == 0:
            lines.append("  " + "  ".join("-" * width for width in widths))
    return "\n".join(lines) + "\n"


def text_image(result):
    rows = [(name, number(one["bytes"]), number(one["file"])) for name, one in result.items()]
    return table("Image, bytes; the site's content apart", ("configuration", "text+rodata+data", "file"), rows)


def text_memory(result):
    rows = [(name, number(kib), ratio(result.get("Linux and nginx"), kib)) for name, kib in result.items()]
    return table("Smallest memory that serves, KiB", ("machine", "KiB", "Linux / this"), rows)


def text_instructions(result):
    if "error" in result:
        return f"Guest instructions: {result['error']}\n"
    rows = [(f"{machine}, {name.replace('_', ' ')}", number(median(counts)), number(min(counts)), number(max(counts)))
            for machine, one in result.items() for name, counts in one.items()]
    return table("Guest instructions: from entry to the idle after the first answer, per connection, per request",
                 ("", "median", "least", "most"), rows)


def text_boot(title):
    def text(result):
        middle, rows = result["median"], []
        for name in sorted(middle):
            machine = name.split()[1]
            rows.append((name, number(middle[name] and middle[name] * 1000, 1),
                         ratio(middle[name], middle.get(f"floor {machine}")),
                         ratio(middle.get("linux q35"), middle[name])))
        return table(title, ("guest", "ms", "/ floor", "Linux / this"), rows)
    return text


def text_boot_memory(result):
    sizes = sorted({int(kib) for one in result.values() for kib in one})
    rows = [(number(kib), *[number(value and value * 1000, 1) for value in
                            (one.get(kib, one.get(str(kib))) for one in result.values())]) for kib in sizes]
    return table("Exec to first 200 over guest memory, ms", ("KiB", *result), rows)


def text_requests(title, peer):
    def text(result):
        rows = []
        for name, one in result.items():
            rows.append((name, number(one["16"]["rate"]), ratio(one["16"]["rate"], result[peer]["16"]["rate"]),
                         number(one["16"]["p50_us"]), number(one["1"]["rate"]),
                         ratio(one["1"]["rate"], result[peer]["1"]["rate"]), number(one["1"]["p50_us"]),
                         len(one["errors"]) or "none"))
        return table(title, ("server", "c=16 req/s", "/ peer", "p50 us", "c=1 req/s", "/ peer", "p50 us", "errors"),
                     rows)
    return text


def text_bulk(title, peer):
    def text(result):
        rows = []
        for name, one in result.items():
            cells = [cell for way in ("to", "from")
                     for cell in (number(one[way]["rate"] and one[way]["rate"] / 1e6),
                                  ratio(one[way]["rate"], result[peer][way]["rate"]),
                                  number(one[way].get("stall"), 1))]
            rows.append((name, *cells, len(one["errors"]) or "none"))
        return table(title, ("server", "receives Mbit/s", "/ peer", "longest stall s", "sends Mbit/s", "/ peer",
                             "longest stall s", "errors"), rows)
    return text


def text_segments(result):
    if "error" in result:
        return f"Guest instructions per segment: {result['error']}\n"
    rows = [(name, number(median(counts)), number(min(counts)), number(max(counts))) for name, counts in result.items()]
    return table("Guest instructions per full segment of 1448 bytes, acknowledgements included",
                 ("", "median", "least", "most"), rows)


def text_connections(result):
    if "error" in result:
        return f"Guest instructions per request: {result['error']}\n"
    first = next(iter(result.values()))
    rows = [(others, number(cost), ratio(cost, first)) for others, cost in result.items()]
    return table("Guest instructions per request while other connections are open and idle",
                 ("others", "instructions", "/ none"), rows)


def text_disk(result):
    rows = [(name, number(one["rate"] and one["rate"] / 1e6),
             ratio(one["rate"], result[f"device,{name.rpartition(',')[2]}"]["rate"])) for name, one in result.items()]
    return table("A file of 256 MiB on FAT, read from start to end, beside the device", ("", "MB/s", "/ device"), rows)


def text_threads(result):
    return result.get("text") or result.get("error", "") + "\n"


TEXTS = {
    "image": text_image,
    "memory": text_memory,
    "instructions": text_instructions,
    "segments": text_segments,
    "connections": text_connections,
    "boot": text_boot("Exec to first 200 (floor: to the null guest's line), a fresh connection each 5 ms"),
    "boot_cpus": text_boot("The same on other CPUs' machines"),
    "boot_memory": text_boot_memory,
    "boot_xen": text_boot("xl create to first 200 (floor: to the null guest's line), a fresh connection each 20 ms"),
    "requests": text_requests("Requests per second, 1 kB by wrk; peer: nginx on Linux in the same emulation",
                              "linux q35"),
    "requests_unix": text_requests("Requests per second of Unix processes; peer: nginx on the host over veth",
                                   "nginx host"),
    "requests_xen": text_requests("Requests per second of guests of Xen; peer: nginx on Linux as a guest of the same",
                                  "linux xen"),
    "bulk": text_bulk("One flow by iperf3; peer: Linux in the same emulation", "linux q35"),
    "bulk_loss": text_bulk("The same over a wire that loses one segment in a hundred each way", "linux q35"),
    "bulk_unix": text_bulk("One flow by iperf3 of Unix processes; peer: the host's own stack over veth", "host veth"),
    "disk": text_disk,
    "threads": text_threads,
}


# -- picture --

def colour(name):
    return next((value for key, value in COLOURS.items() if name.startswith(key)), "#0b6e99")


def bars(title, values, unit):
    """One panel of horizontal bars; values: [(name, value)]. Gives (height, svg)."""
    values = [(name, value) for name, value in values if value]
    top = max((value for _, value in values), default=1)
    parts = [f'<text x="0" y="18" class="title">{escape(title)}</text>']
    for i, (name, value) in enumerate(values):
        y = 32 + i * 24
        parts.append(f'<text x="190" y="{y + 13}" text-anchor="end">{escape(name)}</text>'
                     f'<rect x="200" y="{y}" width="{max(1, 480 * value / top):.1f}" height="17" '
                     f'fill="{colour(name)}"/>'
                     f'<text x="{206 + 480 * value / top:.1f}" y="{y + 13}">{value:,.6g} {unit}</text>')
    return 32 + len(values) * 24 + 20, "".join(parts)


def lines(title, series):
    """Seconds over memory, both logarithmic. series: {name: {kib: seconds}}."""
    points = [(int(k), v) for one in series.values() for k, v in one.items() if v]
    if not points:
        return 0, ""
    low_x, high_x = math.log2(min(k for k, _ in points)), math.log2(max(k for k, _ in points))
    low_y, high_y = math.log10(min(v for _, v in points)), math.log10(max(v for _, v in points))

    def place(kib, seconds):
        return (70 + 560 * (math.log2(kib) - low_x) / max(high_x - low_x, 1),
                250 - 200 * (math.log10(seconds) - low_y) / max(high_y - low_y, 0.1))
    parts = [f'<text x="0" y="18" class="title">{escape(title)}</text>']
    for kib in (1024, 4096, 16384, 65536, 262144, 1048576, 2097152):
        if low_x <= math.log2(kib) <= high_x:
            x, _ = place(kib, points[0][1])
            label = f"{kib // 1024} MiB" if kib < 1048576 else f"{kib // 1048576} GiB"
            parts.append(f'<line x1="{x:.1f}" y1="40" x2="{x:.1f}" y2="255" class="grid"/>'
                         f'<text x="{x:.1f}" y="270" text-anchor="middle">{label}</text>')
    for seconds in (0.01, 0.03, 0.1, 0.3, 1, 3, 10):
        if low_y <= math.log10(seconds) <= high_y:
            _, y = place(points[0][0], seconds)
            parts.append(f'<line x1="70" y1="{y:.1f}" x2="640" y2="{y:.1f}" class="grid"/>'
                         f'<text x="62" y="{y + 4:.1f}" text-anchor="end">{seconds * 1000:,.0f} ms</text>')
    for name, one in series.items():
        track = sorted((int(k), v) for k, v in one.items() if v)
        if track:
            dash = ' stroke-dasharray="5 4"' if "q35" in name and "linux" not in name else ""
            path = " ".join(f"{x:.1f},{y:.1f}" for x, y in (place(k, v) for k, v in track))
            x, y = place(*track[-1])
            parts.append(f'<polyline points="{path}" fill="none" stroke="{colour(name)}" stroke-width="2"{dash}/>'
                         f'<text x="{x + 6:.1f}" y="{y + 4:.1f}">{escape(name)}</text>')
    return 290, "".join(parts)


def panels(results):
    if "image" in results:
        yield bars("Image: text, read-only data and data", [(name.removeprefix("defconfig_"), one["bytes"])
                                                            for name, one in results["image"].items()], "B")
    if "memory" in results:
        yield bars("Smallest memory that serves", list(results["memory"].items()), "KiB")
    if "boot" in results:
        yield bars("Exec to first 200", [(name, value and round(value * 1000, 1))
                                         for name, value in sorted(results["boot"]["median"].items())], "ms")
    if "boot_memory" in results:
        yield lines("Exec to first 200 over guest memory", results["boot_memory"])
    for part, title in (("requests", "Requests per second, 16 connections"),
                        ("requests_unix", "Unix processes: requests per second, 16 connections"),
                        ("requests_xen", "Guests of Xen: requests per second, 16 connections")):
        if part in results:
            yield bars(title, [(name, one["16"]["rate"] and round(one["16"]["rate"]))
                               for name, one in results[part].items()], "/s")


def picture(results):
    y, body = 10, []
    for height, part in panels(results):
        body.append(f'<g transform="translate(10,{y})">{part}</g>')
        y += height
    return ('<svg xmlns="http://www.w3.org/2000/svg" '
            f'width="860" height="{y}" viewBox="0 0 860 {y}"><style>text{{font:12px sans-serif;fill:#333}}'
            '.title{font-weight:bold;font-size:14px}.grid{stroke:#ddd}</style>'
            f'<rect width="100%" height="100%" fill="#fff"/>{"".join(body)}</svg>\n')


def write(bench):
    """Writes bench.txt and bench.svg; gives the text."""
    results = {part: result for part in TEXTS if (result := bench.load(part)) is not None}
    text = "\n".join(TEXTS[part](result) for part, result in results.items())
    for name, content in (("bench.txt", text), ("bench.svg", picture(results))):
        with open(bench.path(name), "w", encoding="utf-8") as file:
            file.write(content)
    return text
