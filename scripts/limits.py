# SPDX-License-Identifier: ISC
"""The tables of docs/limits.md, which scripts/check-limits holds against Kconfig and the code: whoever wants to know
what a number of Kconfig takes reads them by this, so that what is read is what is checked."""
import os

import machines

DOCUMENT = os.path.join(machines.TREE, "docs", "limits.md")


def rows():
    """(name of the option, the other cells) of each."""
    with open(DOCUMENT, encoding="utf-8") as file:
        for line in file:
            cells = [cell.strip() for cell in line.strip().strip("|").split("|")]
            if line.startswith("| `"):
                yield cells[0].strip("`"), cells[1:]
