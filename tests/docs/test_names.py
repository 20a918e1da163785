"""Every name in the documentation exists: metrics, options, log events, faults."""

from __future__ import annotations

import argparse
import ast
import re
from collections.abc import Iterator
from functools import cache

import pytest

from exporter.collectors.analytics.known_names import METRICS
from exporter.commands.reference import collectors_table, metrics_reference
from exporter.errors import STATUS_CLASSES
from exporter.option_parser import variable
from exporter.options import build_parser
from exporter.simulator.faults import FaultKind
from tests.docs.pages import PAGES, ROOT, Page
from tests.docs.sources import nodes
from tests.rules.shipped import RECORDED

# Options of other programs.
FOREIGN_OPTIONS = {
    *("--cacert", "--cert", "--key", "--silent"),  # curl
    *("--no-deps", "--require-hashes", "--requirement", "--upgrade"),  # pip
    *("--max-block-duration", "--storage.tsdb.path", "--storage.tsdb.retention.time"),  # prometheus, promtool
    *("--end", "--eval-interval", "--output-dir", "--start", "--url"),  # promtool
    *("--data-urlencode", "--fail", "--upload-file"),  # curl
    *("--address", "--id"),  # mimirtool
    *("--compact.enable-vertical-compaction", "--objstore.config-file", "--path", "--query.replica-label"),  # thanos
    *("--data-dir", "--endpoint", "--prometheus.url", "--query", "--rule-file", "--tsdb.path"),  # thanos
    *("--agent", "--enable-feature", "--storage.agent.path", "--web.enable-remote-write-receiver"),  # prometheus
    *("--config", "--config-file"),  # otelcol, kube-rbac-proxy
    *(
        "--build",
        "--cap-drop",
        "--detach",
        "--env",
        "--env-file",
        "--file",
        "--memory",
        "--name",
        "--publish",
        "--read-only",
    ),  # docker
    *("--restart", "--rm", "--security-opt", "--tag", "--volume"),  # docker
    *("--from-file", "--install", "--set", "--values"),  # kubectl, helm
    *("--now", "--unit"),  # systemctl, journalctl
    "--repo",  # gh
}
_LEVELS = {"debug", "info", "warning", "error", "exception", "log"}
_WRAPPERS = {"_warn"}  # methods that log the event they are given
_RECORDED = re.compile(r"\b\w+:openrouter_\w+:\w+")
_EVENT = re.compile(r"[a-z]+(_[a-z]+)*")

by_page = pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)


@cache
def options() -> frozenset[str]:
    """Return every option of every command."""
    result = set()
    for action in build_parser({})._actions:  # noqa: SLF001 — argparse has no other way
        if isinstance(action, argparse._SubParsersAction):  # noqa: SLF001
            for command in action.choices.values():
                result |= {flag for action in command._actions for flag in action.option_strings}  # noqa: SLF001
    return frozenset(flag for flag in result if flag.startswith("--"))


@cache
def declared_metrics() -> frozenset[str]:
    return frozenset(re.findall(r"`(openrouter_\w+)` \|", metrics_reference()))


@by_page
def test_documented_metrics_exist(page: Page) -> None:
    """Each is a declared or recorded family, the start of one, or a metric of the analytics API."""
    declared = declared_metrics()
    assert len(declared) > 40
    assert set() == set(_RECORDED.findall(page.text)) - set(RECORDED)
    for name, after in re.findall(r"\b(openrouter_[a-z0-9_]+)(\*|…)?", _RECORDED.sub("", page.text)):
        if after:
            assert any(family.startswith(name) for family in declared), name
        else:
            assert name in declared or name in METRICS, name


@by_page
def test_documented_options_exist(page: Page) -> None:
    """Each is an option of the exporter or a known option of another program."""
    used = set(re.findall(r"(?<![\w-])--[a-z][\w.-]*\w", page.text))
    assert set() == used - options() - FOREIGN_OPTIONS


@by_page
def test_documented_environment_variables_exist(page: Page) -> None:
    """Each belongs to an option, or is the image's revision."""
    known = {variable(flag) for flag in options()} | {"OPENROUTER_EXPORTER_REVISION"}
    assert set() == set(re.findall(r"OPENROUTER_EXPORTER_[A-Z_]*[A-Z]", page.text)) - known


def test_every_option_is_documented() -> None:
    """Options that explain themselves are exempt."""
    text = "".join(page.text for page in PAGES)
    undocumented = {flag for flag in options() if f"{flag}`" not in text and not flag.startswith("--no-")}
    assert set() == undocumented


def _calls() -> Iterator[tuple[str, set[str]]]:
    """Yield every event that the code logs, with the keys that are written at the call."""
    for path in sorted((ROOT / "exporter").rglob("*.py")):
        for node in nodes(path):
            if not isinstance(node, ast.Call):
                continue
            logs = isinstance(node.func, ast.Attribute) and node.func.attr in _LEVELS | _WRAPPERS
            if not logs and not (isinstance(node.func, ast.Name) and node.func.id == "report"):
                continue
            name = ast.unparse(node.func)
            if not ("log" in name or isinstance(node.func, ast.Name) or name.split(".")[-1] in _WRAPPERS):
                continue
            keys = {"exception" if key.arg == "exc_info" else key.arg for key in node.keywords if key.arg}
            for argument in node.args:
                for part in ast.walk(argument) if isinstance(argument, ast.IfExp) else (argument,):
                    if isinstance(part, ast.Constant) and isinstance(part.value, str) and _EVENT.fullmatch(part.value):
                        yield part.value, keys


def _rows() -> list[tuple[str, str]]:
    page = next(page for page in PAGES if page.name == "docs/logging.md")
    return re.findall(r"^\| `([a-z_]+)`[^|]*\| (?:debug|info|warning|error)[^|]*\| ([^|]*)\|", page.text, re.MULTILINE)


def test_exactly_the_logged_events_are_documented() -> None:
    logged = {event for event, _ in _calls()}
    assert len(logged) > 20
    assert logged == {event for event, _ in _rows()}


def test_every_key_of_an_event_is_documented() -> None:
    """Each key at a call is in one of the event's rows."""
    for event, keys in _calls():
        documented = " ".join(keys_of for name, keys_of in _rows() if name == event)
        assert set() == {key for key in keys if f"`{key}`" not in documented}, event


def test_every_fault_is_documented() -> None:
    """The description is that of the simulator."""
    text = (ROOT / "docs/simulator.md").read_text(encoding="utf-8")
    assert [] == [
        kind.value for kind in FaultKind if f"| `{kind.value}` |" not in text or f"| {kind.meaning} |" not in text
    ]


def test_every_status_class_is_documented() -> None:
    """The page is the one that explains log events."""
    text = (ROOT / "docs/logging.md").read_text(encoding="utf-8")
    assert [] == [status_class for status_class in STATUS_CLASSES if f"`{status_class}`" not in text]


def test_metrics_reference_is_current() -> None:
    """`make docs` regenerates it."""
    assert metrics_reference() == (ROOT / "docs/metrics.md").read_text(encoding="utf-8")


def test_table_of_collectors_is_current() -> None:
    """`make docs` regenerates it."""
    page = (ROOT / "docs/operating.md").read_text(encoding="utf-8")
    assert f"<!-- collectors -->\n{collectors_table()}<!-- end -->" in page
