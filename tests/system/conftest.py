# SPDX-License-Identifier: ISC
"""System tests: real images, real clients. docs/testing.md says how to run, add and replay them."""
import os
import shutil
import signal
import sys

import pytest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from rig import build, cpus, relay, server  # noqa: E402
from rig.namespace import Namespace  # noqa: E402


# Restores SIGHUP, which nohup makes all processes started here ignore.
signal.signal(signal.SIGHUP, signal.SIG_DFL)

# Tests without a particular configuration belong to this one's share.
HOME_CONFIG = "defconfig_www_qemu"


def pytest_addoption(parser):
    parser.addoption("--all", action="store_true",
                     help="the long tests too, and a skipped test counts as failed; CONFIGS=\"defconfig_x …\" in the "
                     "environment takes the share of those configurations")


def pytest_configure(config):
    config.addinivalue_line("markers", "long: not part of make test; make test-all runs it")
    config.addinivalue_line("markers", "config(name): the defconfig that a test needs; shards are made of these")


def pytest_collection_modifyitems(config, items):
    share = set(os.environ.get("CONFIGS", "").split())

    def wanted(item):
        if item.get_closest_marker("long") and not config.getoption("--all"):
            return False
        names = {name for mark in item.iter_markers("config") for name in mark.args} or {HOME_CONFIG}
        return not share or bool(names & share)
    kept = [item for item in items if wanted(item)]
    config.hook.pytest_deselected(items=[item for item in items if item not in kept])
    items[:] = kept


def pytest_runtest_setup(item):
    for mark in item.iter_markers("config"):
        for reason in filter(None, (cpus.missing(cpus.cpu_of(name)) for name in mark.args)):
            pytest.skip(reason)


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    outcome = yield
    report = outcome.get_result()
    emulated = getattr(item, "funcargs", {}).get("emulated")
    if report.when == "call" and report.failed and emulated:  # fixtures are not told of failures
        report.sections.append(("Xen", emulated.state()))
    if report.skipped and item.config.getoption("--all"):
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else report.longrepr
        report.outcome = "failed"
        report.longrepr = f"skipped, which counts as failed here: {reason}"


@pytest.fixture(scope="session")
def output(tmp_path_factory):
    """The folder of this session's builds, screenshots and captures: $O/system, or a temporary folder. If several
    processes share the tests, each has its own."""
    if os.environ.get("O"):
        folder = os.path.join(build.TREE, os.environ["O"], "system", os.environ.get("PYTEST_XDIST_WORKER", ""))
        os.makedirs(folder, exist_ok=True)
        return folder
    return str(tmp_path_factory.mktemp("virga"))


@pytest.fixture(scope="session")
def builder(output):
    return build.Builder(output)


@pytest.fixture
def namespace():
    with Namespace() as made:
        yield made


@pytest.fixture(scope="session")
def relay_program(output):
    return relay.compile_relay(output)


@pytest.fixture
def serve(builder, namespace):
    """serve("q35", …) starts a www image and waits until it answers; it is stopped after the test."""
    running = []

    def start(way, **how):
        started = server.Server(builder, namespace, way, **how)
        running.append(started)
        started.wait()
        return started
    yield start
    for one in running:
        one.stop()


@pytest.fixture
def need():
    """need("chromium"): the tool's path, or the test is skipped with the reason."""
    def find(tool):
        path = shutil.which(tool, path=os.environ.get("PATH", "") + ":/usr/sbin:/sbin")
        if not path:
            pytest.skip(f"{tool} is not installed: scripts/setup test")
        return path
    return find
