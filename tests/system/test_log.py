# SPDX-License-Identifier: ISC
"""The log's ceiling removes the texts of the levels above it from the image."""
import re

import pytest

from rig import build, cpus, params

# The beginning of a format, in the source as log_<level>("…", which the image holds as it is.
CALL = re.compile(r'\blog_(error|warn|info|debug)\(\s*"([^"\\]{8,})')
LEVELS = ("error", "warn", "info", "debug")
FOLDERS = ("init", "kernel", "net", "drivers", "arch", "posix", "apps/www")


def texts():
    """Each level's texts in the sources of images."""
    found = {level: set() for level in LEVELS}
    for folder in FOLDERS:
        for path in build.sources(folder):
            with open(path, encoding="utf-8") as file:
                for level, text in CALL.findall(file.read()):
                    found[level].add(text.encode())
    # Texts of two levels prove nothing.
    return {level: found[level].difference(*(found[other] for other in LEVELS if other != level)) for level in LEVELS}


def said_by(image, found):
    """How many of each level's texts the image holds."""
    with open(image, "rb") as file:
        data = file.read()
    return {level: sum(text in data for text in found[level]) for level in LEVELS}


@pytest.mark.parametrize("ceiling", ("error", "debug"))
@pytest.mark.parametrize("machine", params.machines("www", "q35", first=True))
def test_a_ceiling_removes_text(tmp_path, machine, ceiling):
    build.make(f"O={tmp_path}", cpus.defconfig("www", machine))
    build.set_options(tmp_path, {f"LOG_UP_TO_{level.upper()}": "y" if level == ceiling else "n" for level in LEVELS})
    build.make(f"O={tmp_path}", "olddefconfig")
    build.make(f"O={tmp_path}")
    counts = said_by(tmp_path / "image", texts())
    for level in LEVELS:
        if LEVELS.index(level) <= LEVELS.index(ceiling):
            assert counts[level] > 0, counts
        else:
            assert counts[level] == 0, counts
