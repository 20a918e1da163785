"""The reference of all metrics, made from what the code declares: `python -m exporter.reference > docs/metrics.md`."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator

from exporter.api.metrics import ApiMetrics, RequestDuration
from exporter.clock import SystemClock
from exporter.collecting import CollectingMetrics
from exporter.collectors.activity import ActivityCollector
from exporter.config.activity import Activity
from exporter.config.thresholds import Thresholds
from exporter.keycheck import KeyMetrics
from exporter.process import ProcessMetrics
from exporter.snapshot import Declaration
from exporter.telemetry import Telemetry
from exporter.thresholds import ThresholdMetrics

_HEAD = """\
# Metrics

Made by `make docs` from what the code declares; a test says that it is current.

Usage comes from polling, not from the scrape: `openrouter_activity_day_timestamp_seconds` says which day the gauges
describe, `openrouter_collector_last_success_timestamp_seconds` how fresh they are. A number that the API does not
report has no series; 0 is always a 0 that the API meant.
"""


def reference() -> str:
    """Return the page, in Markdown."""
    account, process, thresholds = Telemetry(), Telemetry(), Telemetry()
    collector = ActivityCollector("", Activity())
    CollectingMetrics(account, "", [collector])
    ApiMetrics(account, "", ())
    KeyMetrics(account, "")
    ThresholdMetrics(thresholds, "", Thresholds())
    ProcessMetrics(process, SystemClock(), "")
    RequestDuration(process, ())
    sections = (
        ("Usage: `GET /activity`", collector.declarations(), _USAGE),
        ("How collecting goes, and the API", account.declarations(), ""),
        ("Alert thresholds", thresholds.declarations(), _THRESHOLDS),
        ("The exporter's process", process.declarations(), ""),
    )
    return "\n".join([_HEAD, *(_section(*section) for section in sections)])


_USAGE = """\
Windows are configurable (`collectors.activity.windows`); these are the default's. With `split_by: workspace` each
family but the day's has the label `workspace_id` too; a dropped label (`drop_labels`) is left out.
"""

_THRESHOLDS = """\
What the configuration says under `thresholds`, for the rules to compare with; one that is null has no series.
"""


def _section(title: str, declarations: Iterable[Declaration], text: str) -> str:
    lines = [f"## {title}", ""]
    if text:
        lines.append(text)
    lines += ["| name | type | labels | meaning |", "|---|---|---|---|"]
    lines += list(_rows(declarations))
    return "\n".join(lines) + "\n"


def _rows(declarations: Iterable[Declaration]) -> Iterator[str]:
    for each in declarations:
        labels = ", ".join(f"`{label}`" for label in each.labels)
        meaning = each.help.removesuffix(" Refreshed by polling, not by the scrape.")
        yield f"| `{each.name}` | {each.type} | {labels} | {meaning} |"


if __name__ == "__main__":
    sys.stdout.write(reference())
