"""The reference of all metrics, made from what the code declares: `python -m exporter.reference > docs/metrics.md`."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator

from exporter.api.metrics import ApiMetrics, RequestDuration
from exporter.clock import SystemClock
from exporter.collecting import CollectingMetrics
from exporter.collectors import registry
from exporter.config.model import Collectors
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
    collectors = [collector for collector, _ in registry.every("", Collectors())]
    CollectingMetrics(account, "", collectors)
    ApiMetrics(account, "", ())
    KeyMetrics(account, "")
    ThresholdMetrics(thresholds, "", Thresholds())
    ProcessMetrics(process, SystemClock(), "")
    RequestDuration(process, ())
    sections = (
        *((title, each.declarations(), text) for each in collectors for title, text in [_COLLECTORS[each.name]]),
        ("How collecting goes, and the API", account.declarations(), ""),
        ("Alert thresholds", thresholds.declarations(), _THRESHOLDS),
        ("The exporter's process", process.declarations(), ""),
    )
    return "\n".join([_HEAD, *(_section(*section) for section in sections)])


_ACTIVITY = """\
Windows are configurable (`collectors.activity.windows`); these are the default's. With `split_by: workspace` each
family but the day's has the label `workspace_id` too; a dropped label (`drop_labels`) is left out.
"""

_CREDITS = """\
An ordinary key is told zeros: those are no balance, and fail the poll.
"""

_KEYS = """\
`key` is the first 12 digits of the key's hash (all of them where two keys begin alike); what people call it is in
`openrouter_key_info`, so that a new name breaks no series. The limit holds for one reset interval: what is used of it
is limit minus remaining, never the spending since the key was made. With `show_creator` the names include
`creator_user_id`; beyond `max_keys` the spending of the others is summed under `other`.
"""

_KEY = """\
The key that the exporter itself asks with. `scope` says what a budget holds for, `budget_id` is that of the budget or
of the guardrail, where it has one; of two with the same name the one that stops the key first is shown.
"""

# Each collector's title and what is to be said before its table.
_COLLECTORS = {
    "activity": ("Usage: `GET /activity`", _ACTIVITY),
    "credits": ("Credits: `GET /credits`", _CREDITS),
    "keys": ("Keys: `GET /keys`", _KEYS),
    "key": ("The calling key: `GET /key`", _KEY),
}

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
