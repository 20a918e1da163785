"""A year of spend by model from the analytics API, as the series that the recording rules make.

`GET /activity` has only 30 days, and analytics queries have no endpoints. So older days have recorded sums, but no raw
series.
"""

from __future__ import annotations

import math
from array import array
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from exporter.api import analytics_response
from exporter.api.analytics_response import MOST_ROWS, Row
from exporter.api.field_values import Fields
from exporter.api.rejections import Rejections
from exporter.collectors.activity.activity_collector import THIRTY_DAYS, ReadActivity
from exporter.collectors.activity.activity_families import when
from exporter.collectors.activity.activity_settings import ActivityFilters, ActivitySettings
from exporter.collectors.activity.windows import LATEST_DAY, Window, window
from exporter.collectors.base import Poll
from exporter.collectors.constants import UNKNOWN
from exporter.collectors.daily_spend import METRICS
from exporter.collectors.days import DAY, SECOND, midnight
from exporter.collectors.folding import known_sum
from exporter.errors import ExportError, InvalidResponse
from exporter.exposition.families import Family, LabelSets, MetricFamily
from exporter.history.account_source import AccountSource, refuse_incomplete

REACH = 367 * DAY
LONGEST_WINDOW = 31 * DAY
RECORDED_WINDOWS = ("7d", "30d", "month_to_date")


@dataclass(slots=True)
class PastSpend:
    """Spend in USD by day and model, own provider keys included. The days from `first` to `last` are known whole."""

    first: date
    last: date
    models: dict[str, array[float]] = field(default_factory=dict)
    days_with_rows: set[date] = field(default_factory=set)

    def add(self, day: date, model: str, usd: float) -> None:
        """Add the spend of a model on a day."""
        if model not in self.models:
            self.models[model] = array("d", [UNKNOWN]) * ((self.last - self.first).days + 1)
        number = (day - self.first).days
        self.models[model][number] = known_sum((self.models[model][number], usd))
        self.days_with_rows.add(day)

    def knows(self, window_: Window, day: date) -> bool:
        """Return whether each day of a window is known, and the account was in use by its end."""
        return self.first <= window_.days(day)[0] and min(self.days_with_rows, default=date.max) <= day <= self.last

    def sums(self, window_: Window, day: date) -> dict[str, float]:
        """Return the spend by model over a window, of the models that were used in the 30 days to its end."""
        end = (day - self.first).days + 1
        start, month = end - len(window_.days(day)), max(0, end - len(THIRTY_DAYS.days(day)))
        used = (model for model, spend in self.models.items() if not all(map(math.isnan, spend[month:end])))
        return {model: known_sum(self.models[model][start:end]) for model in sorted(used)}


async def read_past_spend(
    source: AccountSource, settings: ActivitySettings, first: date, last: date, slugs: Mapping[str, str]
) -> PastSpend:
    """Read the days from `first` to `last`, in as many requests as their rows need. Raises PollError, ExportError.

    `slugs` has the models' names by permaslug; a model that is not in it keeps its permaslug.
    """
    spend = PastSpend(first, last)
    waiting = [(first, last)]
    while waiting:
        begin, end = waiting.pop()
        source.progress.show(f"spend by model, {begin} to {end}")
        rows = await _read_rows(source.poll(), settings.filters, begin, end)
        if rows is not None:
            for day, permaslug, usd in rows:
                model = slugs.get(permaslug, permaslug)
                if settings.takes(model):
                    spend.add(day, model, usd)
        elif begin == end:
            raise ExportError(f"{begin} cannot be read completely: the analytics API truncates its rows by model")
        else:
            middle = begin + (end - begin) // 2
            waiting += [(middle + DAY, end), (begin, middle)]
    return spend


async def _read_rows(
    poll: Poll, filters: ActivityFilters, first: date, last: date
) -> list[tuple[date, str, float]] | None:
    """Return day, permaslug and spend of each row, None if the response is cut off."""
    response = await poll.request(
        analytics_response.query(
            metrics=METRICS,
            dimensions=("model",),
            granularity="day",
            start=midnight(first),
            end=midnight(last + DAY) - SECOND,
            filters=_conditions(filters),
            limit=MOST_ROWS,
        )
    )
    rejections = Rejections()
    rows: list[tuple[date, str, float]] = []

    def take(row: Row) -> None:
        day = analytics_response.day_of(row)
        if day is None:
            raise InvalidResponse("a row does not name its day")
        if first <= day <= last:
            fields = Fields(row)
            amounts = [fields.amount(metric) for metric in METRICS]
            if None in amounts:
                raise ExportError(
                    f"{day} cannot be read completely: {METRICS[amounts.index(None)]} is missing from a row"
                )
            rows.append((day, fields.label("model"), math.fsum(amount for amount in amounts if amount is not None)))

    with poll.reading(analytics_response.QUERY):
        summary = await analytics_response.read(poll.pause, response, MOST_ROWS, rejections, take)
        analytics_response.refuse_old(summary, since=midnight(last + DAY), why=f"before {last} had ended")
        if summary.warnings and not summary.rows:
            raise InvalidResponse(f"the API warns: {summary.warnings[0]}")
    refuse_incomplete(rejections)
    return rows if summary.is_whole else None


def _conditions(filters: ActivityFilters) -> list[dict[str, Any]]:
    """Return the filters of `GET /activity` as those of a query."""
    values = {"api_key_id": filters.api_key_hash, "user": filters.user_id, "workspace": filters.workspace_id}
    return [{"field": name, "operator": "in", "value": [value]} for name, value in values.items() if value is not None]


def slugs_of(usage: ReadActivity) -> dict[str, str]:
    """Return the models' names by permaslug, where one is known. Variants (`:free`) share the permaslug."""
    shape = usage.table.shape
    if "model" not in shape.labels:
        return {}
    column = shape.labels.index("model")
    names: dict[str, set[str]] = {}
    for key, index in usage.table.keys.items():
        names.setdefault(usage.table.permaslugs[index][1], set()).add(key[column])
    slugs = {}
    for permaslug, models in names.items():
        without_variant = {model for model in models if ":" not in model} or models
        if len(without_variant) == 1:
            slugs[permaslug] = without_variant.pop()
    return slugs


def recorded_days(
    account: str, settings: ActivitySettings, spend: PastSpend, raw_days: Collection[date], days: Iterable[date]
) -> Iterator[tuple[date, tuple[Family, ...]]]:
    """Yield for each day the series of those recording rules whose windows are not covered by `raw_days`."""
    windows = [LATEST_DAY, *(window(name) for name in settings.windows if name in RECORDED_WINDOWS)]
    for day in days:
        families: list[Family] = []
        for window_ in windows:
            if spend.knows(window_, day) and not set(window_.days(day)) <= set(raw_days):
                models = spend.sums(window_, day)
                total, by_model = _metrics(window_)
                accounts = LabelSets(("account",), [(account,)])
                families.append(Family(total, accounts, array("d", [known_sum(list(models.values()))])))
                if "model" not in settings.drop_labels:
                    label_sets = LabelSets(("account", "model"), [(account, model) for model in models])
                    families.append(Family(by_model, label_sets, array("d", models.values())))
        yield day, tuple(families)


def _metrics(window_: Window) -> tuple[MetricFamily, MetricFamily]:
    """Return the families that the rules record of a window: for the account, and by model."""
    name = f"openrouter_activity_{window_.name}_spend_usd:sum" if window_.name else "openrouter_activity_spend_usd:sum"
    help_ = f"Recorded spend {when(window_)}, own provider keys included, in US dollars."
    return (
        MetricFamily(f"account:{name}", help_, ("account",)),
        MetricFamily(f"account_model:{name}", help_, ("account", "model")),
    )
