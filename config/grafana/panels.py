"""Builders of panels. What every panel must have is a required argument."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from string import ascii_uppercase
from typing import Any, TypeAlias

from grafana_foundation_sdk.builders import bargauge, common, prometheus, stat, statetimeline, table, timeseries
from grafana_foundation_sdk.builders.dashboard import DashboardLink, FieldColor, ThresholdsConfig
from grafana_foundation_sdk.cog.builder import Builder
from grafana_foundation_sdk.cog.variants import Dataquery
from grafana_foundation_sdk.models import common as model
from grafana_foundation_sdk.models.dashboard import (
    DashboardLinkType,
    DashboardSpecialValueMapOptions,
    DataSourceRef,
    DynamicConfigValue,
    FieldColorModeId,
    Panel,
    SpecialValueMap,
    SpecialValueMatch,
    Threshold,
    ThresholdsMode,
    ValueMap,
    ValueMapping,
    ValueMappingResult,
)
from grafana_foundation_sdk.models.prometheus import PromQueryFormat

AnyPanel: TypeAlias = Builder[Panel]
Described: TypeAlias = bargauge.Panel | stat.Panel | statetimeline.Panel | table.Panel | timeseries.Panel

SOURCE = DataSourceRef(type_val="prometheus", uid="${datasource}")
GREEN, YELLOW, RED = "green", "yellow", "red"
UNKNOWN = "gray"
# Without digits grouped or rounded to thousands: a bill reads $4711.35, not $4.71K.
DOLLARS = "prefix:$"
# Widths of legends beside a graph, in pixels: names of models and two numbers, or short names and one number.
LEGEND = 440
NARROW_LEGEND = 280
# Of a figure with its change below it.
TITLE_PIXELS, VALUE_PIXELS = 12, 20

# What a series means has one colour on all panels; other series have the palette's colours in turn: by their names,
# neighbours had colours that look alike.
TOKEN_COLOURS = {"[Pp]rompt": "blue", "[Cc]ompletion": "orange", "[Rr]easoning": "purple", "[Cc]ached": "green"}
STATUS_COLOURS = {"2.*": "green", "4.*": "yellow", "429": "orange", "5.*": "red", "[^0-9]*": "purple"}


@dataclass(frozen=True)
class About:
    """Texts and unit of a panel. `empty` is why it may have no data, `short` what a figure shows then."""

    title: str
    description: str
    unit: str
    empty: str
    short: str = "no data"


@dataclass(frozen=True)
class Query:
    """An expression, and the legend of its series."""

    expression: str
    legend: str = "__auto"


def describe(panel: Described, about: About, size: tuple[int, int], targets: Sequence[Builder[Dataquery]]) -> None:
    """Set what every panel has."""
    panel.title(about.title).description(about.description).unit(about.unit).no_value(about.empty)
    panel.datasource(SOURCE).span(size[0]).height(size[1]).targets(list(targets))


def settings(values: Mapping[str, Any]) -> list[DynamicConfigValue]:
    """Return what overrides the settings of a field."""
    return [DynamicConfigValue(id_val=name, value=value) for name, value in values.items()]


def instant(queries: Sequence[Query], *, table: bool = False) -> list[Builder[Dataquery]]:
    """Return queries of the present."""
    shape = PromQueryFormat.TABLE if table else PromQueryFormat.TIME_SERIES
    return [_query(query, ref).instant().format(shape) for query, ref in zip(queries, ascii_uppercase, strict=False)]


def over_time(queries: Sequence[Query]) -> list[Builder[Dataquery]]:
    """Return queries of the whole time range."""
    return [_query(query, ref).range() for query, ref in zip(queries, ascii_uppercase, strict=False)]


def _query(query: Query, ref: str) -> prometheus.Dataquery:
    return prometheus.Dataquery().datasource(SOURCE).expr(query.expression).legend_format(query.legend).ref_id(ref)


def thresholds(*steps: tuple[float, str], base: str = GREEN) -> ThresholdsConfig:
    """Return colours: the base, then another from each value on."""
    marks = [Threshold(value=None, color=base), *(Threshold(value=value, color=color) for value, color in steps)]
    return ThresholdsConfig().mode(ThresholdsMode.ABSOLUTE).steps(marks)


# Of the used share of a limit.
LIMIT_COLOURS = thresholds((0.8, YELLOW), (1, RED), base="text")


def words(*values: tuple[str, str, str], unknown: str = "no data") -> list[ValueMapping]:
    """Return the text and colour of values, given as (value, text, colour). A missing one is grey, not good or bad."""
    known = ValueMap({value: ValueMappingResult(text=text, color=color) for value, text, color in values})
    return [*([known] if values else []), *_missing(unknown)]


def _missing(text: str) -> list[ValueMapping]:
    result = ValueMappingResult(text=text, color=UNKNOWN)
    options = DashboardSpecialValueMapOptions(match=SpecialValueMatch.NULL_AND_NAN, result=result)
    return [SpecialValueMap(options=options)]


def _shrinking(
    panel: stat.Panel | bargauge.Panel, about: About, queries: Sequence[Query | str], size: tuple[int, int]
) -> None:
    """Describe a panel that shrinks a long text: a short one is in the panel, the reason in the description."""
    reason = f"{about.description}\n\nWithout data: {about.empty}"
    named = [query if isinstance(query, Query) else Query(query, about.title) for query in queries]
    describe(panel, replace(about, description=reason, empty=about.short), size, instant(named))
    panel.mappings(words(unknown=about.short))
    panel.reduce_options(common.ReduceDataOptions().calcs(["lastNotNull"]).values(False).fields(""))


def figure(about: About, *queries: Query | str, width: int = 4, height: int = 4) -> stat.Panel:
    """Return a figure per series, without a colour unless thresholds set one. An expression has the panel's title."""
    panel = stat.Panel().graph_mode(model.BigValueGraphMode.NONE).color_mode(model.BigValueColorMode.VALUE)
    _shrinking(panel, about, queries, (width, height))
    return panel.thresholds(thresholds(base="text")).text_mode(model.BigValueTextMode.AUTO)


def changing(about: About, query: Query, *changes: tuple[str, str]) -> stat.Panel:
    """Return a figure, and below it the first of its changes that is known: (what it is compared with, share)."""
    known = " or on () ".join(f'label_replace({share}, "change", "{text}", "", "")' for text, share in changes)
    panel = figure(about, query, Query(known, "{{change}}")).text_mode(model.BigValueTextMode.VALUE_AND_NAME)
    panel.orientation(model.VizOrientation.HORIZONTAL).wide_layout(False)
    panel.text(common.VizTextDisplayOptions().title_size(TITLE_PIXELS).value_size(VALUE_PIXELS))
    shown = {"unit": "percentunit", "decimals": 0, "mappings": [*_missing("unknown")]}
    return panel.override_by_query("B", settings(shown))


def graph(about: About, *queries: Query, width: int = 12, height: int = 8, aside: int = 0) -> timeseries.Panel:
    """Return lines over time. The legend is below, or beside the lines with the width `aside`, for many series."""
    panel = timeseries.Panel().line_width(1).fill_opacity(0).show_points(model.VisibilityMode.AUTO)
    describe(panel, about, (width, height), over_time(queries))
    panel.color_scheme(FieldColor().mode(FieldColorModeId.PALETTE_CLASSIC))
    colour(panel, {"all others": UNKNOWN})
    panel.override_by_name("all others", settings({"links": []}))  # no details of their own
    return (
        panel.axis_soft_min(0)
        .legend(_legend(["lastNotNull"], aside))
        .tooltip(common.VizTooltipOptions().mode(model.TooltipDisplayMode.MULTI).sort(model.SortOrder.DESCENDING))
        .span_nulls(False)
        .thresholds(thresholds())
    )


def colour(panel: timeseries.Panel, colours: Mapping[str, str]) -> timeseries.Panel:
    """Give the series whose whole names match a pattern a colour."""
    for pattern, name in colours.items():
        panel.override_by_regexp(f"^{pattern}$", settings({"color": {"mode": "fixed", "fixedColor": name}}))
    return panel


def link(title: str, url: str) -> DashboardLink:
    """Return a link of a bar, a line or a figure; `url` may use what is clicked."""
    return DashboardLink(title).type(DashboardLinkType.LINK).url(url)


def stacked(about: About, *queries: Query, width: int = 24, height: int = 9, aside: int = LEGEND) -> timeseries.Panel:
    """Return stacked areas of gauges over time. The legend has their last values: summing samples means nothing."""
    return (
        graph(about, *queries, width=width, height=height, aside=aside)
        .fill_opacity(60)
        .stacking(common.StackingConfig().mode(model.StackingMode.NORMAL).group("A"))
    )


def bars(
    about: About, *queries: Query, width: int = 12, height: int = 8, step: str = "15m", aside: int = NARROW_LEGEND
) -> timeseries.Panel:
    """Return stacked bars, one per step, of what happened in it: the legend has their sum."""
    return (
        graph(about, *queries, width=width, height=height)
        .interval(step)
        .draw_style(model.GraphDrawStyle.BARS)
        .bar_alignment(model.BarAlignment.AFTER)
        .fill_opacity(80)
        .stacking(common.StackingConfig().mode(model.StackingMode.NORMAL).group("A"))
        .legend(_legend(["sum"], aside))
    )


def days(
    about: About, *queries: Query, width: int = 12, height: int = 9, aside: int = NARROW_LEGEND
) -> timeseries.Panel:
    """Return stacked bars, one per UTC day, with their sum and the latest in the legend."""
    panel = bars(about, *queries, width=width, height=height, step="1d")
    return panel.legend(_legend(["sum", "lastNotNull"], aside))


def ranking(about: About, *queries: Query, width: int = 12, height: int = 9) -> bargauge.Panel:
    """Return one horizontal bar per series, of the present."""
    panel = bargauge.Panel().display_mode(model.BarGaugeDisplayMode.BASIC).value_mode(model.BarGaugeValueMode.TEXT)
    _shrinking(panel, about, queries, (width, height))
    return panel.orientation(model.VizOrientation.HORIZONTAL).min(0).thresholds(thresholds(base="blue"))


def states(
    about: About, *queries: Query, meaning: list[ValueMapping], width: int = 12, height: int = 8
) -> statetimeline.Panel:
    """Return one coloured band per series."""
    panel = statetimeline.Panel().merge_values(True).row_height(0.8).fill_opacity(80)
    describe(panel, about, (width, height), over_time(queries))
    return panel.mappings(meaning).legend(common.VizLegendOptions().show_legend(False)).interval("1m")


def _legend(calculations: list[str], aside: int) -> common.VizLegendOptions:
    """Return the legend as a table beside the graph, of this width, or below it, sorted by its first calculation."""
    legend = (
        common.VizLegendOptions()
        .display_mode(model.LegendDisplayMode.TABLE)
        .placement(model.LegendPlacement.RIGHT if aside else model.LegendPlacement.BOTTOM)
        .show_legend(True)
        .calcs(calculations)
        .sort_by({"sum": "Total", "lastNotNull": "Last *"}[calculations[0]])
        .sort_desc(True)
    )
    return legend.width(aside) if aside else legend
