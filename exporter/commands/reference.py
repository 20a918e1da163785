"""Print generated parts of the documentation: `python -m exporter.commands.reference metrics`, and so on."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterable, Iterator

from exporter.api.request_metrics import ApiMetrics, RequestDuration
from exporter.clock import SystemClock
from exporter.collectors.allocation import ACCOUNT_INFO, PARTS, allocation_info
from exporter.collectors.registry import CATALOGUE_COLLECTORS, COLLECTORS, SECTION
from exporter.config.schema import schema, table
from exporter.config.shard import WHOLE
from exporter.config.thresholds import Thresholds
from exporter.config.units import format_duration
from exporter.daemon.process_metrics import ProcessMetrics
from exporter.exposition.families import MetricFamily
from exporter.exposition.metrics_registry import MetricsRegistry
from exporter.polling.collector_metrics import CollectorMetrics
from exporter.polling.configured_metrics import publish_thresholds
from exporter.polling.key_check import KeyMetrics

_HEAD = """\
# Metrics

Generated from the code by `make docs`; a test checks that it is current.

Values are refreshed by polling, not by the scrape. `openrouter_activity_day_timestamp_seconds` is the day that the
activity gauges describe, and `openrouter_collector_last_success_timestamp_seconds` shows how fresh they are. A number
that the API does not report has no series, so a 0 is always a real 0.
"""

_THRESHOLDS = """\
The values of `thresholds` in the configuration, which the alerts compare with. A threshold that is `null` has no
series.
"""

_ALLOCATION = """\
With `allocations.labels`, each of its names is one more label; `unallocated` is what neither a rule nor a label of the
account covers. A part of the account has one of the labels `key` (collector `keys`), `workspace_id` or `user_id`
(`collectors.activity.split_by`), `app` or `external_user` (analytics queries with these dimensions, and a rule for apps
or end users). See [allocation](allocation.md).
"""


_HEALTH = """\
The collectors of the public catalogue, `catalogue` and `catalogue_endpoints`, belong to no account: their series have
no label `account`, and `openrouter_up` leaves them out.
"""


def metrics_reference() -> str:
    """Return the reference of all metrics, in Markdown."""
    account, process, thresholds = MetricsRegistry(), MetricsRegistry(), MetricsRegistry()
    CollectorMetrics(account, "", ())
    ApiMetrics(account, "", ())
    KeyMetrics(account, "")
    publish_thresholds(thresholds, "", Thresholds())
    ProcessMetrics(process, SystemClock(), "", WHOLE)
    RequestDuration(process, ())
    sections = (
        *(
            (f"{collector.title}: `{collector.resource}`", collector.documented(), collector.text)
            for collector in (*COLLECTORS, *CATALOGUE_COLLECTORS)
        ),
        ("Allocation", (allocation_info(PARTS, ()), ACCOUNT_INFO), _ALLOCATION),
        ("Polls and API requests", account.declarations(), _HEALTH),
        ("Alert thresholds", thresholds.declarations(), _THRESHOLDS),
        ("The exporter process", process.declarations(), ""),
    )
    return "\n".join([_HEAD, *(_section(*section) for section in sections)])


def collectors_table() -> str:
    """Return a table of the collectors' intervals and requests, in Markdown."""
    lines = ["| collector | polls every | requests per poll | `stale_after` | enabled |", "|---|---|---|---|---|"]
    for collector in (*COLLECTORS, *CATALOGUE_COLLECTORS):
        default = collector.settings_type()
        interval, stale_after = format_duration(default.interval), format_duration(default.stale_after)
        enabled = "by default" if default.enabled else "when configured"
        lines.append(f"| `{collector.name}` | {interval} | {collector.requests} | {stale_after} | {enabled} |")
    return "\n".join(lines) + "\n"


def _section(title: str, declarations: Iterable[MetricFamily], text: str) -> str:
    lines = [f"## {title}", ""]
    if text:
        lines.append(text)
    lines += ["| name | type | labels | meaning |", "|---|---|---|---|"]
    lines += list(_rows(declarations))
    return "\n".join(lines) + "\n"


def _rows(declarations: Iterable[MetricFamily]) -> Iterator[str]:
    for family in declarations:
        labels = ", ".join(f"`{label}`" for label in family.labels)
        meaning = family.help.removesuffix(" Refreshed by polling, not by the scrape.")
        yield f"| `{family.name}` | {family.type} | {labels} | {meaning} |"


_PAGES: dict[str, Callable[[], str]] = {
    "metrics": metrics_reference,
    "collectors": collectors_table,
    "keys": lambda: table(SECTION),
    "schema": lambda: json.dumps(schema(SECTION), indent=2) + "\n",
}

if __name__ == "__main__":
    sys.stdout.write(_PAGES[sys.argv[1]]())
