"""An analytics query as it is configured, with the limits of the API that are known before any request."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Annotated, Any, Literal

from exporter.collectors.analytics.known_names import (
    LONGEST_DAYS,
    RECENT_DAYS,
    ROLLUP_DIMENSIONS,
    ROLLUP_METRICS,
    only_recent,
)
from exporter.collectors.analytics.time_ranges import HOUR, MINUTE
from exporter.collectors.periods import SPANS, CalendarRange
from exporter.config.fields import Conflict, ListOf, Settings
from exporter.config.units import format_duration
from exporter.config.value_types import DAY, duration_or, matching, text, whole_number

IDENTIFIER = matching("a name in small letters, such as total_usage", "[a-z][a-z0-9_]{0,62}")
LABEL = matching("a name that can be a label, such as topic", "[a-zA-Z][a-zA-Z0-9_]{0,62}")
MOST_DIMENSIONS = 2
MOST_FILTERS = 20
MOST_CLASSIFIER_FILTERS = 10
OWN_LABELS = ("account", "query")
_OF_LISTS = ("in", "not_in")
_MAY_BE_UNSET = ("api_key_id", "app", "user")


@dataclass(frozen=True, slots=True, kw_only=True)
class AnalyticsFilter(Settings):
    """One condition on the rows; all of a query's must hold."""

    field: Annotated[str, IDENTIFIER, "Dimension to compare."]
    operator: Annotated[Literal["eq", "neq", "gt", "gte", "lt", "lte", "in", "not_in"], "How to compare."] = "eq"
    values: Annotated[
        tuple[str, ...],
        ListOf(item=text(), example='["gpt-4.1"]', at_least=1),
        "Values to compare with: one, or several for in and not_in. Use identifiers, not names, if the two differ.",
    ]
    include_unset: Annotated[
        bool, "Whether rows without a value also match; only for in and not_in on api_key_id, app and user."
    ] = False

    def conflicts(self) -> tuple[Conflict, ...]:
        """Report several values for an operator that takes one, and include_unset where the API rejects it."""
        conflicts = list(_operator_conflicts(self.operator, self.values))
        if self.include_unset and not (self.operator in _OF_LISTS and self.field in _MAY_BE_UNSET):
            message = f"include_unset is only for in and not_in on {', '.join(_MAY_BE_UNSET)}"
            conflicts.append(Conflict(("include_unset",), message))
        return tuple(conflicts)

    def as_sent(self) -> dict[str, Any]:
        """Return the condition as the API takes it."""
        unset = {"include_unset": True} if self.include_unset else {}
        return _condition(self.field, self.operator, self.values) | unset


@dataclass(frozen=True, slots=True, kw_only=True)
class ClassifierFilter(Settings):
    """One condition on what a classifier found."""

    field: Annotated[str, text(), "Dimension of the classifier to compare."]
    operator: Annotated[Literal["eq", "neq", "in", "not_in"], "How to compare."] = "eq"
    values: Annotated[
        tuple[str, ...],
        ListOf(item=text(), example="[billing]", at_least=1),
        "Values to compare with: one, or several for in and not_in.",
    ]

    def conflicts(self) -> tuple[Conflict, ...]:
        """Report several values for an operator that takes one."""
        return _operator_conflicts(self.operator, self.values)


@dataclass(frozen=True, slots=True, kw_only=True)
class ClassifierDimensions(Settings):
    """Dimensions of one of the account's classifiers that a query is split by, besides its other ones."""

    classifier_id: Annotated[str | None, text(), "Id of the classifier."] = None
    dimension_names: Annotated[
        tuple[str, ...],
        ListOf(item=LABEL, example="[topic]", unique=True),
        "Dimensions of the classifier, at most two; they become labels.",
    ] = ()
    include_nulls: Annotated[bool, "Whether to include requests that are not classified."] = False

    def conflicts(self) -> tuple[Conflict, ...]:
        """Report too many dimensions, and dimensions without a classifier or the reverse."""
        names = self.dimension_names
        conflicts = [Conflict(("dimension_names",), _too_many("classifier dimensions", names))]
        return (
            *(conflicts if len(names) > MOST_DIMENSIONS else ()),
            *_incomplete(self.classifier_id, "dimension_names", names),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class ClassifierFilters(Settings):
    """Conditions on what one of the account's classifiers found; all must hold."""

    classifier_id: Annotated[str | None, text(), "Id of the classifier."] = None
    filters: Annotated[
        tuple[ClassifierFilter, ...],
        ListOf(item=ClassifierFilter, example="[{field: topic, values: [billing]}]"),
        "Conditions, at most ten.",
    ] = ()

    def conflicts(self) -> tuple[Conflict, ...]:
        """Report too many conditions, and conditions without a classifier or the reverse."""
        conflicts = list(_incomplete(self.classifier_id, "filters", self.filters))
        if len(self.filters) > MOST_CLASSIFIER_FILTERS:
            message = f"at most {MOST_CLASSIFIER_FILTERS} classifier filters, not {len(self.filters)}"
            conflicts.append(Conflict(("filters",), message))
        return tuple(conflicts)


@dataclass(frozen=True, slots=True, kw_only=True)
class AnalyticsQuery(Settings):
    """A query; the rows of its response become series with the dimensions as labels."""

    name: Annotated[str, IDENTIFIER, "Value of the label `query`; unique within an account."]
    metrics: Annotated[
        tuple[str, ...],
        ListOf(item=IDENTIFIER, example="[total_usage, request_count]", at_least=1, unique=True),
        "Metrics to request; each becomes a family `openrouter_analytics_…`.",
    ]
    dimensions: Annotated[
        tuple[str, ...],
        ListOf(item=IDENTIFIER, example="[model, provider]", unique=True),
        "Dimensions to split by, at most two; they become labels.",
    ] = ()
    filters: Annotated[
        tuple[AnalyticsFilter, ...],
        ListOf(item=AnalyticsFilter, example="[{field: provider, values: [OpenAI]}]"),
        "Which requests count; empty is all.",
    ] = ()
    classifier_dimensions: ClassifierDimensions = ClassifierDimensions()
    classifier_filters: ClassifierFilters = ClassifierFilters()
    range: Annotated[
        float | CalendarRange,
        duration_or(tuple(SPANS), minimum=MINUTE, maximum=LONGEST_DAYS * DAY),
        "Time covered: a calendar period in UTC, or a duration back from now, which begins with a whole bucket.",
    ] = HOUR
    max_series: Annotated[
        int,
        whole_number(minimum=1, maximum=10_000),
        "Most rows to publish. With more, the largest are published and the rest is summed as `other`.",
    ] = 1000

    @property
    def labels(self) -> tuple[str, ...]:
        """The labels that the rows' series have, besides our own."""
        return (*self.dimensions, *self.classifier_dimensions.dimension_names)

    def classifiers(self, *, split: bool) -> dict[str, Any]:
        """Return the request's fields about classifiers; the dimensions are sent only if the query is `split`."""
        fields: dict[str, Any] = {}
        if split and self.classifier_dimensions.dimension_names:
            fields["classifier_dimensions"] = asdict(self.classifier_dimensions)
        conditions = [
            _condition(given.field, given.operator, given.values) for given in self.classifier_filters.filters
        ]
        if conditions:
            classifier = self.classifier_filters.classifier_id
            fields["classifier_filters"] = {"classifier_id": classifier, "filters": conditions}
        return fields

    def conflicts(self) -> tuple[Conflict, ...]:
        """Report what the API rejects, and labels that are used twice."""
        return tuple(self._conflicts())

    def _conflicts(self) -> Iterator[Conflict]:
        if len(self.dimensions) > MOST_DIMENSIONS:
            yield Conflict(("dimensions",), _too_many("dimensions", self.dimensions))
        if len(self.filters) > MOST_FILTERS:
            yield Conflict(("filters",), f"a query has at most {MOST_FILTERS} filters, not {len(self.filters)}")
        for name in OWN_LABELS:
            if name in self.labels:
                key = "dimensions" if name in self.dimensions else "classifier_dimensions"
                yield Conflict((key,), f"{name} is already a label")
        for name in self.classifier_dimensions.dimension_names:
            if name in self.dimensions:
                yield Conflict(("classifier_dimensions", "dimensions"), f"{name} is already a dimension")
        named = (*self.dimensions, *(condition.field for condition in self.filters))
        rollup = next((name for name in self.metrics if name in ROLLUP_METRICS), None)
        other = next((name for name in named if name not in ROLLUP_DIMENSIONS), None)
        if rollup is not None and other is not None:
            message = f"the API returns {rollup} by {' and '.join(ROLLUP_DIMENSIONS)} only, not by {other}"
            yield Conflict(("metrics", "dimensions" if other in self.dimensions else "filters"), message)
        recent = only_recent(self.metrics, named)
        if self.classifier_dimensions.dimension_names or self.classifier_filters.filters:
            recent.append("classifiers")
        if recent and isinstance(self.range, float | int) and self.range > RECENT_DAYS * DAY:
            message = f"the API returns {recent[0]} for at most {RECENT_DAYS} days, not {format_duration(self.range)}"
            yield Conflict(("range",), message)


def _too_many(what: str, names: tuple[str, ...]) -> str:
    return f"a query has at most {MOST_DIMENSIONS} {what}, not {len(names)}"


def _operator_conflicts(operator: str, values: tuple[str, ...]) -> tuple[Conflict, ...]:
    if len(values) == 1 or operator in _OF_LISTS:
        return ()
    return (Conflict(("values", "operator"), f"operator {operator} takes one value, not {len(values)}"),)


def _incomplete(classifier: str | None, key: str, values: tuple[Any, ...]) -> tuple[Conflict, ...]:
    """Report a classifier without `values`, or `values` without a classifier."""
    if (classifier is None) == (not values):
        return ()
    return (Conflict(("classifier_id", key), f"classifier_id and {key} must be set together"),)


def _condition(field: str, operator: str, values: tuple[str, ...]) -> dict[str, Any]:
    value = list(values) if operator in _OF_LISTS else values[0]
    return {"field": field, "operator": operator, "value": value}
