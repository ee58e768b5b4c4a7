# SPDX-License-Identifier: ISC
"""Ten thousand connections at once, idle, in eight MiB of memory all told; then all of them ask."""
import resource

import pytest

COUNT = 10000
# A server with less than a sixteenth of its places free lets idle clients go.
PLACES = COUNT * 16 // 15 + 1
OPTIONS = {"TCP_CONNECTIONS": PLACES, "HTTP_CONNECTIONS": PLACES, "HTTP_IDLE_SECONDS": 3600, "TAP_RX_BUFFERS": 256}


@pytest.mark.long
@pytest.mark.config("defconfig_www_unix")
def test_ten_thousand_idle_connections(serve):
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard < COUNT + 100:
        pytest.skip("the limit of open files is too low")
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, COUNT + 100), hard))  # the clients inherit it
    www = serve("unix", name="ten-thousand", memory="8M", options_set={k: str(v) for k, v in OPTIONS.items()})
    used = int(www.guest.wait_for(r"used_kib=(\d+) ").group(1))
    result = www.ask("hold", count=COUNT, seconds=300, timeout=900)
    print(f"{used} KiB of memory; {result}")
    assert used < 8192
    assert result["open_at_once"] == COUNT
    assert len(result["answers"]) == 1 and next(iter(result["answers"])).startswith("200 "), result
