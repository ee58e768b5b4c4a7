# SPDX-License-Identifier: ISC
"""pytest's parameters: machines and ways, each marked with its configuration. Those of CPUs other than x86-64 are for
test-all, unless they are in usual."""
import re

import pytest

from rig import build, cpus, server


def marked(value, config, usual=False):
    marks = [pytest.mark.config(config)]
    if not usual and cpus.cpu_of(config) is not cpus.USUAL:
        marks.append(pytest.mark.long)
    return pytest.param(value, marks=marks)


def guests(app=r"\w+"):
    """The configurations for Xen of an application, or of all, on each CPU."""
    return [marked(name, name) for name in build.defconfigs() if re.fullmatch(rf"defconfig_{app}_xen(_\w+)?", name)]


def machines(app, *names, first=False):
    """These machines of x86-64 ("unix" is a process), then those of the other CPUs; first: one of each CPU."""
    return [marked(name, f"defconfig_{app}_unix" if name == "unix" else cpus.defconfig(app, name))
            for name in (*names, *cpus.others(app, first))]


def ways(*names, usual=()):
    """These ways to serve www."""
    return [marked(name, server.WAYS[name][0], name in usual) for name in names]
