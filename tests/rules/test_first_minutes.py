"""A new Prometheus with a new exporter: no alert fires for a healthy account."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from exporter.commands.demo import demo_configuration
from exporter.daemon.exporter import Exporter
from exporter.simulator.application import running
from exporter.simulator.service import SimulatorSettings
from tests.rules.shipped import ALERTS, RULE_FILES, content, promtool
from tests.rules.variants import written
from tests.support import FakeClock

pytestmark = promtool.needed

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)  # where promtool's time begins
STEP = timedelta(minutes=15)
POLLS = 11  # more than two hours, the longest `for`
# The simulated catalogue retires models as the real one does: these two are right about a healthy account.
RIGHT = {"OpenRouterModelRetiring", "OpenRouterModelDelisted"}

STARTS = {
    "on the first of a month": datetime(2026, 10, 1, 14, 0, tzinfo=UTC),
    "before midnight": datetime(2026, 8, 20, 23, 20, tzinfo=UTC),
    "on a Monday": datetime(2026, 8, 24, 14, 0, tzinfo=UTC),
}
_SAMPLE = re.compile(r"([\w:]+)(?:\{(.*)\})? (\S+)")

ATTACHED = 'job="openrouter",instance="a"'  # by Prometheus

Scrape = dict[str, float]


async def scrapes(start: datetime) -> list[Scrape]:
    """Return the scrapes of a new exporter before its first poll and after each one."""
    clock = FakeClock(start)
    shown = []
    async with running(SimulatorSettings(), clock) as simulator:
        exporter = Exporter(demo_configuration(simulator.url), clock)
        try:
            shown.append(scrape(exporter, start))
            for _ in range(POLLS):
                clock.advance(STEP.total_seconds())
                assert await exporter.poll_once()
                shown.append(scrape(exporter, start))
        finally:
            await exporter.close()
    return shown


def scrape(exporter: Exporter, start: datetime) -> Scrape:
    """Return the samples of a scrape by series, with times relative to promtool's start."""
    moved = (start - EPOCH).total_seconds()
    shown = {f"up{{{ATTACHED}}}": 1.0}
    for line in exporter.scrape("", "", ()).body.decode().splitlines():
        if match := _SAMPLE.fullmatch(line):
            name, labels, text = match.groups()
            value = float(text)
            if name.endswith("_timestamp_seconds") and value:  # 0 is never
                value -= moved
            shown[f"{name}{{{f'{labels},' if labels else ''}{ATTACHED}}}"] = value
    return shown


def moved_rules(start: datetime, folder: Path) -> list[str]:
    """Write the rules for promtool's time, with the weekdays from the start, and return their paths."""
    paths = []
    for path in RULE_FILES:
        text = path.read_text(encoding="utf-8")
        paths.append(folder / path.name)
        moved = text.replace("day_of_week()", f"day_of_week(vector(time() + {(start - EPOCH).total_seconds():.0f}))")
        paths[-1].write_text(moved, encoding="utf-8")
    return [str(path) for path in paths]


def groups() -> list[str]:
    """Return the names of all groups in order of evaluation, because alerts compare recorded series."""
    files = sorted(RULE_FILES, key=lambda path: "alerts" in path.stem)
    return [group["name"] for path in files for group in content(path)["groups"]]


@pytest.mark.parametrize("start", STARTS.values(), ids=STARTS)
async def test_no_alert_fires_after_a_new_start(start: datetime, tmp_path: Path) -> None:
    shown = await scrapes(start)
    series = dict.fromkeys(name for one in shown for name in one)
    case = {
        "interval": "15m",
        "input_series": [
            {
                "series": name,
                "values": written([repr(one[name]) if name in one else "_" for one in shown]),
            }
            for name in series
        ],
        "alert_rule_test": [
            {"alertname": name, "eval_time": f"{15 * number}m", "exp_alerts": []}
            for name in ALERTS
            if name not in RIGHT
            for number in range(len(shown))
        ],
    }
    file = {
        "rule_files": moved_rules(start, tmp_path),
        "evaluation_interval": "15m",
        "group_eval_order": groups(),
        "tests": [case],
    }
    path = tmp_path / "first.json"
    path.write_text(json.dumps(file), encoding="utf-8")  # JSON is YAML
    assert "SUCCESS" in promtool("test", "rules", path)
