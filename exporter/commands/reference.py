"""Print the reference of all metrics, made from what the code declares."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from typing import get_args

from exporter.api.request_metrics import ApiMetrics, RequestDuration
from exporter.clock import SystemClock
from exporter.collectors import registry
from exporter.collectors.activity.activity_families import member_info
from exporter.config.activity_settings import ActivitySettings, MemberLabel
from exporter.config.analytics_names import METRICS
from exporter.config.analytics_settings import AnalyticsQuery, AnalyticsSettings
from exporter.config.configuration import CollectorsSettings
from exporter.config.thresholds import Thresholds
from exporter.daemon.process_metrics import ProcessMetrics
from exporter.exposition.families import MetricFamily
from exporter.exposition.metrics_registry import MetricsRegistry
from exporter.polling.collector_metrics import CollectorMetrics
from exporter.polling.key_check import KeyMetrics
from exporter.polling.threshold_metrics import ThresholdMetrics

_HEAD = """\
# Metrics

Made by `make docs` from what the code declares; a test says that it is current.

Usage comes from polling, not from the scrape: `openrouter_activity_day_timestamp_seconds` says which day the gauges
describe, `openrouter_collector_last_success_timestamp_seconds` how fresh they are. A number that the API does not
report has no series; 0 is always a 0 that the API meant.
"""


def reference() -> str:
    """Return the page, in Markdown."""
    account, process, thresholds = MetricsRegistry(), MetricsRegistry(), MetricsRegistry()
    collectors = [collector for collector, _ in registry.every("", _COLLECTED)]
    CollectorMetrics(account, "", collectors)
    ApiMetrics(account, "", ())
    KeyMetrics(account, "")
    ThresholdMetrics(thresholds, "", Thresholds())
    ProcessMetrics(process, SystemClock(), "")
    RequestDuration(process, ())
    members = member_info(ActivitySettings(split_by="member", member_labels=get_args(MemberLabel)))
    sections = (
        *((title, each.declarations(), text) for each in collectors for title, text in [_COLLECTORS[each.name]]),
        ("Members: `GET /organization/members`", members, _MEMBERS),
        ("How collecting goes, and the API", account.declarations(), ""),
        ("Alert thresholds", thresholds.declarations(), _THRESHOLDS),
        ("The exporter's process", process.declarations(), ""),
    )
    return "\n".join([_HEAD, *(_section(*section) for section in sections)])


_ACTIVITY = """\
Windows are configurable (`collectors.activity.windows`); these are the default's. A dropped label (`drop_labels`) is
left out. With `split_by`, the families with a number have one label more:

| `split_by` | label | names are in |
|---|---|---|
| `workspace` | `workspace_id` |  |
| `api_key` | `key`, or `unattributed` | `openrouter_key_info`, on the same `key` |
| `member` | `user_id`, or `unattributed` | `openrouter_member_info` |
"""

_MEMBERS = """Only with `split_by: member`, and only with those labels that `member_labels` names: by default `name`.
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

_TODAY = """\
The same measures as those of `/activity`, up to the minute of the poll: `usage_usd` is what was charged in credits,
`byok_usage_usd` comes on top of it. `model` is the dated name that `/activity` calls `model_permaslug`;
`openrouter_activity_endpoint_info` has both names. At UTC midnight the day begins again: pairs that did
nothing yet on it have no series. While nothing was used at all there is one series of 0 with an empty `model` and
`provider`, so that sums over an account are 0 then, and absent only if nothing is known. Beyond `max_endpoints` the
smallest pairs are summed under `other`. An answer that the API cut off is asked for in parts, or the poll fails.
"""

_ANALYTICS = """\
One family for each metric of the configured queries (`collectors.analytics.queries`), with the queries' dimensions as
further labels; where queries that share a metric differ in these, each has them all, empty where it is not split by it.
Time is in seconds, `…_rate` becomes `…_ratio`, amounts end in `_usd`. These are all metrics that this version knows; a
newer one is published too if its name says its unit. Averages, percentiles, rates and ratios can't be summed or
averaged: ask for each breakdown by a query of its own. The API answers the dimension `user` with display names, and
with e-mail addresses, which are never shown. Two rows with the same names, such as two keys of one name, are
summed where that is right, else left out and counted as `duplicate`.
"""

# Each collector's title and what is to be said before its table.
_COLLECTORS = {
    "activity": ("Usage: `GET /activity`", _ACTIVITY),
    "credits": ("Credits: `GET /credits`", _CREDITS),
    "keys": ("Keys: `GET /keys`", _KEYS),
    "key": ("The calling key: `GET /key`", _KEY),
    "today": ("Today so far: `POST /analytics/query`", _TODAY),
    "analytics": ("Questions of one's own: `POST /analytics/query`", _ANALYTICS),
}

# The default of every collector, and each metric that a query can name.
_COLLECTED = CollectorsSettings(analytics=AnalyticsSettings(queries=(AnalyticsQuery(name="every", metrics=METRICS),)))

_THRESHOLDS = """\
What the configuration says under `thresholds`, for the rules to compare with; one that is null has no series.
"""


def _section(title: str, declarations: Iterable[MetricFamily], text: str) -> str:
    lines = [f"## {title}", ""]
    if text:
        lines.append(text)
    lines += ["| name | type | labels | meaning |", "|---|---|---|---|"]
    lines += list(_rows(declarations))
    return "\n".join(lines) + "\n"


def _rows(declarations: Iterable[MetricFamily]) -> Iterator[str]:
    for each in declarations:
        labels = ", ".join(f"`{label}`" for label in each.labels)
        meaning = each.help.removesuffix(" Refreshed by polling, not by the scrape.")
        yield f"| `{each.name}` | {each.type} | {labels} | {meaning} |"


if __name__ == "__main__":
    sys.stdout.write(reference())
