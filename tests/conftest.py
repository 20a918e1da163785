"""Tests that start processes are marked `slow`; `make test-fast` runs the others, and none of those can start one."""

from __future__ import annotations

import gc
import logging
import os
import sys
from collections.abc import Generator, Iterator
from functools import cache
from pathlib import Path

import pytest
import structlog
from hypothesis import settings

# Every test of these folders runs a server, a daemon or another program.
SLOW_FOLDERS = ("chart", "daemon", "endurance", "image", "package", "rules", "servers", "systemd_units")
FAST = "not slow"  # the marker expression of `make test-fast`
# Their files take longest and mostly wait, so they begin first and the short ones fill the gaps.
LONGEST_FOLDERS = ("servers", "daemon", "package", "endurance", "rules")
# How many of a hundred examples of a property are tried: all only in CI.
FAST_EXAMPLES, EXAMPLES, ALL_EXAMPLES = 20, 50, 100
_STARTS = ("subprocess.Popen", "os.posix_spawn", "os.fork", "os.forkpty", "os.exec", "os.system")

_current: list[str] = []  # the fast test that runs


def pytest_configure(config: pytest.Config) -> None:
    """Try fewer examples of each property outside CI, and fewest in the inner loop."""
    examples = ALL_EXAMPLES if os.environ.get("CI") == "true" else EXAMPLES
    settings.register_profile("tests", max_examples=FAST_EXAMPLES if config.option.markexpr == FAST else examples)
    settings.load_profile("tests")


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Spare the garbage collector thousands of collected tests and their modules, which all stay."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.collect()
        gc.freeze()
        gc.enable()


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Do not import the tests of slow folders if they are not going to run: some import a lot."""
    if config.option.markexpr == FAST and _folder(collection_path, config) in SLOW_FOLDERS:
        return True
    return None


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the tests of slow folders, and begin with those that take longest."""
    for item in items:
        if _folder(item.path, item.config) in SLOW_FOLDERS:
            item.add_marker(pytest.mark.slow)
    items.sort(key=lambda item: _folder(item.path, item.config) not in LONGEST_FOLDERS)


@cache
def _folder(path: Path, config: pytest.Config) -> str:
    """Return the folder below `tests` that a path is in."""
    tests = config.rootpath / "tests"
    return path.relative_to(tests).parts[0] if path != tests and path.is_relative_to(tests) else ""


@pytest.fixture(autouse=True)
def _logging_as_before() -> Iterator[None]:
    """Restore the logging configuration after a command that ran in this process, whose stream is closed by now."""
    root, configuration = logging.getLogger(), structlog.get_config()
    level, handlers = root.level, root.handlers[:]
    yield
    if root.handlers != handlers:
        root.handlers[:] = handlers
        root.setLevel(level)
        structlog.configure(**configuration)


@pytest.fixture(autouse=True)
def _no_process(request: pytest.FixtureRequest) -> Iterator[None]:
    """Fail a test that starts a process without being marked `slow`."""
    if request.node.get_closest_marker("slow") is None:
        _current.append(request.node.nodeid)
    yield
    _current.clear()


def _audit(event: str, arguments: tuple[object, ...]) -> None:
    if _current and event in _STARTS:
        raise RuntimeError(f"{_current[-1]} starts a process ({arguments[0]!r}): mark it with pytest.mark.slow")


sys.addaudithook(_audit)
