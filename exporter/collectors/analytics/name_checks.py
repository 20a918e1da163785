"""The check of queries against the API's metadata, so that a wrong name is reported with what was probably meant."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from exporter.api.analytics_response import Meta, Names
from exporter.collectors.analytics.configured_queries import AnalyticsQuery
from exporter.collectors.analytics.metric_units import Measure
from exporter.config.diagnostics import closest
from exporter.errors import UnknownName


def check_names(query: AnalyticsQuery, meta: Meta, measures: Mapping[str, Measure]) -> None:
    """Raise UnknownName with every name of a query that the API does not know, or that cannot be published."""
    errors = tuple(_errors(query, meta, measures))
    if errors:
        raise UnknownName("; ".join(errors))


def _errors(query: AnalyticsQuery, meta: Meta, measures: Mapping[str, Measure]) -> Iterator[str]:
    yield from _unknown("metric", query.metrics, meta.metrics)
    yield from _unknown("dimension", query.dimensions, meta.dimensions)
    yield from _unknown("filter field", [condition.field for condition in query.filters], meta.dimensions)
    yield from _unknown("operator", [condition.operator for condition in query.filters], meta.operators)
    owners = {measure.family: metric for metric, measure in reversed(list(measures.items()))}
    for metric in query.metrics:
        measure = measures[metric]
        format_ = meta.metrics.formats.get(metric)
        if owners[measure.family] != metric:
            yield f"metrics {owners[measure.family]} and {metric} would have the same family"
        if format_ is not None and not measure.is_known and format_ != measure.unit.display_format:
            yield f"metric {metric} is a {format_}, which the family name {measure.family} does not show"


def _unknown(what: str, names: Sequence[str], offered: Names) -> Iterator[str]:
    """Yield an error for each name that the API does not offer; none if it may offer more than it lists."""
    if not offered.whole:
        return
    for name in dict.fromkeys(names):
        if name not in offered.formats:
            meant = closest(name, offered.formats)
            yield f"the API has no {what} {name}" + (f"; did you mean {meant}?" if meant else "")
