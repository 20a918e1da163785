"""An analytics query as it is configured, with the limits of the API that are known before any request."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

from exporter.collectors.analytics_names import LONGEST_DAYS, RECENT_DAYS, only_recent
from exporter.config.fields import Conflict, ListOf, Settings
from exporter.config.units import format_duration
from exporter.config.value_types import duration, matching, text, whole_number

MINUTE, HOUR, DAY = 60.0, 3600.0, 86400.0

IDENTIFIER = matching("a name in small letters, such as total_usage", "[a-z][a-z0-9_]{0,62}")
_OF_LISTS = ("in", "not_in")
MOST_DIMENSIONS = 2
OWN_LABELS = ("account", "query")


@dataclass(frozen=True, slots=True, kw_only=True)
class AnalyticsFilter(Settings):
    """One condition on the rows; all of a query's must hold."""

    field: Annotated[str, IDENTIFIER, "The dimension that is compared."]
    operator: Annotated[Literal["eq", "neq", "gt", "gte", "lt", "lte", "in", "not_in"], "How it is compared."] = "eq"
    values: Annotated[
        tuple[str, ...],
        ListOf(item=text(), example='["gpt-4.1"]', at_least=1),
        "With what: one value, or several for in and not_in. Identifiers, not names, where the two differ.",
    ]

    def conflicts(self) -> tuple[Conflict, ...]:
        """Return several values where one is compared."""
        if len(self.values) == 1 or self.operator in _OF_LISTS:
            return ()
        return (Conflict(("values", "operator"), f"operator {self.operator} takes one value, not {len(self.values)}"),)


@dataclass(frozen=True, slots=True, kw_only=True)
class AnalyticsQuery(Settings):
    """A query; the rows of its response become series with the dimensions as labels."""

    name: Annotated[str, IDENTIFIER, "The label `query`; each query of an account has its own."]
    metrics: Annotated[
        tuple[str, ...],
        ListOf(item=IDENTIFIER, example="[total_usage, request_count]", at_least=1, unique=True),
        "What is measured; `openrouter_analytics_…` has one family for each.",
    ]
    dimensions: Annotated[
        tuple[str, ...],
        ListOf(item=IDENTIFIER, example="[model, provider]", unique=True),
        "What it is split by, two at most; they become labels.",
    ] = ()
    filters: Annotated[
        tuple[AnalyticsFilter, ...],
        ListOf(item=AnalyticsFilter, example="[{field: provider, values: [OpenAI]}]"),
        "What is counted; without any, everything.",
    ] = ()
    range: Annotated[
        float, duration(minimum=MINUTE, maximum=LONGEST_DAYS * DAY), "How far back from now, to a whole minute."
    ] = HOUR
    max_series: Annotated[
        int,
        whole_number(minimum=1, maximum=10_000),
        "Most rows of the response. More of them fail the poll: values that can't be summed can't be folded.",
    ] = 1000

    def conflicts(self) -> tuple[Conflict, ...]:
        """Return more dimensions than the API takes, one that is a label of ours, and a range that is too long."""
        found = []
        if len(self.dimensions) > MOST_DIMENSIONS:
            message = f"a query has at most {MOST_DIMENSIONS} dimensions, not {len(self.dimensions)}"
            found.append(Conflict(("dimensions",), message))
        found += [
            Conflict(("dimensions",), f"{name} is already a label") for name in OWN_LABELS if name in self.dimensions
        ]
        asked = (*self.dimensions, *(each.field for each in self.filters))
        recent = only_recent(self.metrics, asked)
        if recent and self.range > RECENT_DAYS * DAY:
            message = f"the API returns {recent[0]} for at most {RECENT_DAYS} days, not {format_duration(self.range)}"
            found.append(Conflict(("range",), message))
        return tuple(found)
