"""Names, types and HELP follow Prometheus' rules, as declared and as promtool checks them in a real exposition."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import AsyncIterator

import pytest
from prometheus_client.parser import text_string_to_metric_families

from exporter.collectors.activity.activity_collector import ActivityCollector
from exporter.collectors.activity.activity_settings import ActivitySettings
from exporter.collectors.registry import only
from exporter.config.configuration import Account, Configuration, Retries, Upstream
from exporter.config.secret import EnvironmentSecret
from exporter.daemon.exporter import Exporter
from exporter.exposition.families import Family, LabelSets, MetricFamily, Snapshot
from exporter.simulator.application import Running, running
from exporter.simulator.service import SimulatorSettings
from tests.exposition.helpers import HOSTILE, rendered, text_of
from tests.support import FakeClock

WINDOWS = (*(f"{days}d" for days in range(1, 31)), "month_to_date")
DECLARED = ActivityCollector("default", ActivitySettings(split_by="workspace", windows=WINDOWS)).declarations()
UNITS_IN_FULL = re.compile(r"(^|_)(s|ms|us|ns|sec|b|kb|mb|gb|tb|pb|m|h|d)(_|$)")


@pytest.fixture
def promtool() -> str:
    """Return the path of promtool. It is required in CI and skips tests elsewhere."""
    path = shutil.which("promtool")
    if path is None:
        if os.environ.get("CI") == "true":
            pytest.fail("promtool is missing, and CI must have it: apt install prometheus")
        pytest.skip("promtool isn't installed: apt install prometheus")
    return path


def complaints(promtool: str, text: bytes) -> tuple[int, str]:
    """Return the exit code and the output of `promtool check metrics`."""
    ran = subprocess.run([promtool, "check", "metrics"], input=text, capture_output=True, check=False, timeout=30)
    return ran.returncode, (ran.stdout + ran.stderr).decode()


@pytest.fixture
async def simulator() -> AsyncIterator[Running]:
    """Return a simulated account at noon, and others for keys with a suffix."""
    async with running(SimulatorSettings(), FakeClock()) as simulator:
        yield simulator


@pytest.fixture
async def exporter(simulator: Running) -> AsyncIterator[Exporter]:
    """Return an exporter of two accounts with different settings after one poll."""
    accounts = tuple(
        Account(name=name, key=EnvironmentSecret("KEY", {"KEY": key}), collectors=only(activity))
        for name, key, activity in (
            ("first", "sk-or-v1-demo", ActivitySettings()),
            (
                "second",
                "sk-or-v1-demo-second",
                ActivitySettings(
                    windows=("1d", "30d"), max_endpoints=5, split_by="workspace", drop_labels=("provider",)
                ),
            ),
        )
    )
    upstream = Upstream(base_url=simulator.url, retries=Retries(strategy="none"))
    exporter = Exporter(Configuration(upstream=upstream, accounts=accounts), FakeClock(), revision="unknown")
    assert await exporter.poll_once()
    yield exporter
    await exporter.close()


@pytest.mark.slow
async def test_promtool_accepts_a_real_exposition(exporter: Exporter, promtool: str) -> None:
    """It has the usage of two accounts, health and process metrics."""
    text = exporter.scrape("", "", ()).body
    assert len(text) > 100_000
    assert complaints(promtool, text) == (0, "")


@pytest.mark.slow
def test_promtool_accepts_every_declared_family(promtool: str) -> None:
    """Label values are hostile, and numbers range from the smallest to the largest."""
    families = []
    for declaration in DECLARED:
        sets = LabelSets(declaration.labels, [(value,) * len(declaration.labels) for value in HOSTILE])
        families.append(Family(declaration, sets, [10.0 ** (2 * number - 20) for number in range(len(HOSTILE))]))
    assert complaints(promtool, text_of(rendered(Snapshot(tuple(families))), openmetrics=False)) == (0, "")


@pytest.mark.slow
def test_promtool_rejects_an_invalid_exposition(promtool: str) -> None:
    """It shows that the tests above can fail."""
    code, output = complaints(promtool, b"# TYPE a_total gauge\na_total 1\n")
    assert (code, "no help text" in output) == (3, True)


async def test_real_exposition_has_each_family_and_each_series_once(exporter: Exporter) -> None:
    """Prometheus would refuse duplicates."""
    families = list(text_string_to_metric_families(exporter.scrape("", "", ()).body.decode()))
    series = [(sample.name, *sorted(sample.labels.items())) for family in families for sample in family.samples]
    assert len(series) == len(set(series))
    assert len({family.name for family in families}) == len(families)


async def test_every_declared_family_is_exposed_with_its_help(exporter: Exporter) -> None:
    families = {
        family.name: family for family in text_string_to_metric_families(exporter.scrape("", "", ()).body.decode())
    }
    for declaration in ActivityCollector("first", ActivitySettings()).declarations():
        assert families[declaration.name].documentation == declaration.help
        assert families[declaration.name].type == declaration.type


@pytest.mark.parametrize("declaration", DECLARED, ids=lambda declaration: str(declaration.name))
def test_declared_family_follows_the_naming_rules(declaration: MetricFamily) -> None:
    """Prefix, characters, base units, `_total` only for counters, and HELP with a unit and freshness."""
    name = declaration.name
    assert re.fullmatch(r"openrouter_[a-z0-9_]*[a-z0-9]", name)
    assert "__" not in name
    assert not UNITS_IN_FULL.search(name)
    assert name.endswith("_total") == (declaration.type == "counter")
    assert not name.endswith(("_count", "_sum", "_bucket", "_created"))
    assert re.search(r"US dollars|Requests|[tT]okens|Unix time in seconds|The value is 1", declaration.help)
    assert declaration.help.endswith("Refreshed by polling, not by the scrape.")
    assert "\n" not in declaration.help
    assert declaration.labels[0] == "account"
    assert len(set(declaration.labels)) == len(declaration.labels)
    assert all(re.fullmatch(r"[a-z][a-z_]*[a-z]", label) for label in declaration.labels)


def test_names_are_declared_once() -> None:
    """Names of windows must not collide with each other or with the latest day."""
    assert len({declaration.name for declaration in DECLARED}) == len(DECLARED)


def test_help_of_each_window_describes_its_days() -> None:
    helps = {declaration.name: declaration.help for declaration in DECLARED}
    assert "on the latest completed UTC day" in helps["openrouter_activity_requests"]
    assert "on the latest completed UTC day" in helps["openrouter_activity_1d_requests"]
    assert "over the 7 UTC days that end with the latest completed one" in helps["openrouter_activity_7d_requests"]
    assert "from the first of the month" in helps["openrouter_activity_month_to_date_requests"]
