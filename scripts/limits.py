# SPDX-License-Identifier: ISC
"""Reads the tables of docs/limits.md, which scripts/check-limits compares with Kconfig and the code. Scripts that need
the cost of a Kconfig number read it here, so that they use checked values."""
import os

import machines

DOCUMENT = os.path.join(machines.TREE, "docs", "limits.md")


def rows():
    """Gives (name of the option, the other cells) of each row."""
    with open(DOCUMENT, encoding="utf-8") as file:
        for line in file:
            cells = [cell.strip() for cell in line.strip().strip("|").split("|")]
            if line.startswith("| `"):
                yield cells[0].strip("`"), cells[1:]
